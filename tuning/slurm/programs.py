"""The small programs that are run on a login node. Constant texts: every value comes as an argument or on stdin.

Each answer begins behind a line with a random boundary, so that a login banner (printed by some sites before every
command) is never taken for an answer, and a file's content never for the next part. POSIX tools, GNU coreutils, bash.
"""

import shlex

OLDEST_BASH = (4, 4)
"""Before it, `wait` did not know the processes of `>(...)` (bash's CHANGES): an sbatch's exit code would be lost."""

PREPARE = r"""
umask 077
mkdir -p "$2/incoming" "$2/jobs" "$2/datasets" || exit
find "$2/incoming" -mindepth 1 -mtime +1 -delete  # uploads that nobody finished
printf '\n%s done\n' "$1"
"""

# The archive of all files comes on stdin; nothing is submitted before the last of them, $3, is there. Behind $4 come
# folder, name and comment of each submission. sbatch takes as long to start as tar to unpack: the first starts before
# it and waits for its script, and one that gets none submits nothing. (Of a script cut short nothing would run: all
# of job.sh is in functions, which its last line calls.) `SECONDS` is bash's own clock, set back since the shell may
# have waited for its command: past the limit no script is given to Slurm, so that after limit + sbatch's own time-out
# no submission can still be under way.
# A claim means that somebody has given this attempt up (ABANDON): it is left alone. Few processes and few files: each
# costs the login node a millisecond, and whoever submitted waits for it.
SUBMIT = r"""
SECONDS=0
umask 077
boundary=$1 last=$3 limit=$4 number=0
cd "$2" || exit 74
shift 4
main() {
  require_bash
  prepare "$1" "$2" "$3"
  tell sbatch
  exec {script}> >(exec "${submit[@]}" 2>&1)
  unpack
  if is_late "$1"; then
    outcome=late
  else
    outcome=exit
    trap '' PIPE  # an sbatch that has ended already says why
    printf '%s\n' "$(<"$1/job.sh")" >&"$script"
    trap - PIPE
  fi
  exec {script}>&-
  wait "$!"
  tell "$outcome" "$?"
  while shift 3 && [ $# -gt 0 ]; do
    number=$((number + 1))
    if is_late "$1"; then
      tell late
    else
      prepare "$1" "$2" "$3"
      tell sbatch
      "${submit[@]}" "$1/job.sh" 2>&1 </dev/null
      tell exit "$?"
    fi
  done
  printf '\n%s done\n' "$boundary"
}
prepare() {
  submit=(sbatch --parsable --job-name="$2" --comment="$3" --dependency=singleton --chdir="$1")
  submit+=(--output="$1/stdout.log" --error="$1/stderr.log")
}
unpack() {
  names=$(tar -xvf -) || give_up failed
  [ "${names##*$'\n'}" = "$last" ] || give_up damaged
}
is_late() { [ "$SECONDS" -ge "$limit" ] || [ -L "$1/claim" ]; }
tell() { printf '\n%s %s %s %s\n' "$boundary" "$1" "$number" "${2-}"; }
give_up() {
  tell "$1"
  exit 1
}
"""
SUBMIT += f"""
require_bash() {{
  if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < {OLDEST_BASH[0] * 100 + OLDEST_BASH[1]})); then
    echo "bash {OLDEST_BASH[0]}.{OLDEST_BASH[1]} or newer is needed on the login node, this is $BASH_VERSION" >&2
    give_up failed
  fi
}}
main "$@"
"""

# Scripts of #SBATCH lines alone: sbatch says when Slurm would start such a job, or why it never would.
TRY_OUT = r"""
number=0
printf '\n%s clock %(%s)T\n' "$1" -1
while IFS= read -r -d '' script; do
  said=$(SLURM_TIME_FORMAT=%s sbatch --test-only <<<"$script" 2>&1)
  printf '\n%s answer %s %s\n%s\n' "$1" "$number" "$?" "$said"
  number=$((number + 1))
done
printf '\n%s done\n' "$1"
"""

LOOK_UP = r"""
printf '\n%s queue\n' "$1"
squeue -h -r -t all -u "$2" -o $'%i\x1f%k'
printf '\n%s queue-end %s\n' "$1" "$?"
if [ -n "$3" ]; then
  printf '\n%s accounting\n' "$1"
  sacct -X -D -P -n -S "$4" --name="$3" -o JobIDRaw,JobName
  printf '\n%s accounting-end %s\n' "$1" "$?"
fi
"""

# The same link as the batch script's claim: whoever makes it first owns the attempt for good.
ABANDON = r"""
umask 077
while IFS= read -r directory; do
  mkdir -p "$directory" && ln -sT abandoned "$directory/claim" 2>/dev/null
  printf '\n%s claim %s\n%s\n' "$1" "$(readlink "$directory/claim")" "$directory"
done
"""

# The first $3 paths on stdin are opened before the look: on NFS the answers of `stat` may be a minute old, also that
# there is no such file, but opening a file or a folder asks the server. Nothing else is opened: a pipe would hold us
# up. bash reads them byte by byte, xargs all that follow in one go.
OBSERVE = r"""
printf '\n%s clock %(%s)T\n' "$1" -1
printf '\n%s queue\n' "$1"
SLURM_TIME_FORMAT=%s squeue -h -r -t all -u "$2" -o $'%i\x1f%T\x1f%r\x1f%S\x1f%N\x1f%j\x1f%k' </dev/null
printf '\n%s queue-end %s\n' "$1" "$?"
printf '\n%s files\n' "$1"
number=0
while [ "$number" -lt "$3" ] && IFS= read -r -d '' path; do
  if [ -f "$path" ] || [ -d "$path" ]; then
    : <"$path"
  fi
  number=$((number + 1))
done 2>/dev/null
xargs -0 -r stat --printf='%i %s %Y %n\0' -- 2>/dev/null
printf '\n%s done\n' "$1"
"""

# Only regular files: a pipe that a run put there would never end. One process for all of them where there is perl, as
# on every Debian and SUSE and wherever git is; elsewhere one for each.
READ = r"""
perl=$(command -v perl) && exec "$perl" -e '
  use strict;
  use Fcntl;
  my ($boundary) = @ARGV;
  my ($number, $file, $block) = (0);
  while (defined(my $line = <STDIN>)) {
    chomp $line;
    my ($offset, $left, $path) = split / /, $line, 3;
    if (sysopen($file, $path, O_RDONLY | O_NONBLOCK) && -f $file) {
      printf "\n%s part %d\n", $boundary, $number;
      sysseek $file, $offset, 0;
      while ($left > 0 && (my $got = sysread $file, $block, $left < 65536 ? $left : 65536)) {
        print $block;
        $left -= $got;
      }
    }
    $number++;
  }
  printf "\n%s done\n", $boundary;
' "$1"
number=0
while IFS=' ' read -r offset length path; do
  if [ -f "$path" ] && [ -r "$path" ]; then
    printf '\n%s part %s\n' "$1" "$number"
    dd if="$path" iflag=skip_bytes,count_bytes skip="$offset" count="$length" bs=65536 status=none 2>/dev/null
  fi
  number=$((number + 1))
done
printf '\n%s done\n' "$1"
"""

ACCOUNT = r"""
printf '\n%s accounting\n' "$1"
SLURM_TIME_FORMAT=%s sacct -X -D -P -n -S "$2" -j "$3" -o JobIDRaw,JobName,Submit,State,ExitCode,Start,End,NodeList
printf '\n%s accounting-end %s\n' "$1" "$?"
"""

# Numbers are used again (a controller that lost its state begins anew): only a job that has its number and its name,
# one `ID NAME` a line on stdin, is signalled. The arguments behind the account are scancel's.
SIGNAL = r"""
boundary=$1 account=$2
shift 2
if queue=$(squeue -h -r -u "$account" -o '%i %j'); then
  mapfile -t found < <(grep -Fxf - <(printf '%s\n' "$queue"))
  [ "${#found[@]}" -eq 0 ] || scancel "$@" "${found[@]%% *}"
  printf '\n%s done %s\n' "$boundary" "${found[*]#* }"
fi
"""

# What the first node of a job says of it. Each part may fail: no accounting, no srun into it, no GPU.
INSPECT = r"""
printf '\n%s node\n' "$1"
sstat -a -n -P -j "$2" -o JobID,AveCPU,MaxRSS,NTasks 2>&1 | head -n 8
timeout 20 srun --jobid="$2" --overlap --immediate=10 --nodes=1 --ntasks=1 --input=none sh -c '
  echo "load $(cat /proc/loadavg)"
  ps -u "$(id -u)" -o pid,stat,wchan:24,pcpu,rss,comm --sort=-pcpu | head -n 10
  nvidia-smi --query-gpu=index,utilization.gpu,memory.used,memory.total --format=csv,noheader 2>/dev/null | head -n 16
' 2>&1 | head -n 40
printf '\n%s done\n' "$1"
"""

# Only what lies beneath our folder and has the name of something that may go: checked here once more,
# since nothing brings a folder back. A folder that is not there is gone already.
REMOVE = r"""
root=$2
while IFS= read -r path; do
  case $path in
    *..* | *//*) continue ;;
    "$root"/jobs/job_*/output/checkpoint-[0-9]* | "$root"/jobs/job_*/[0-9]*/secrets) ;;
    "$root"/datasets/[0-9a-f][0-9a-f][0-9a-f][0-9a-f]*.json*) ;;
    *) continue ;;
  esac
  rm -rf -- "$path" && printf '\n%s gone\n%s\n' "$1" "$path"
done
printf '\n%s done\n' "$1"
"""

FACTS = r"""
boundary=$1 root=$2 image=$3 register=$4 number=0
part() { printf '\n%s %s\n' "$boundary" "$1"; }
part version; sinfo --version
part nodes; sinfo -h -N -o $'%P\x1f%a\x1f%l\x1f%N\x1f%T\x1f%c\x1f%m\x1f%G'
part nodes-end; echo "$?"
part used; sinfo -h -N -O NodeHost:128,GresUsed:256
part image; [ -r "$image" ] && stat -L -c '%s %Y' "$image"
part image-head; [ -r "$image" ] && head -c 32768 "$image" | sha256sum
part space; df -PB1 "$root" | tail -n 1
part writable; [ -w "$root" ] && echo yes
part register; [ -z "$register" ] || head -c 4194304 "$register"
shift 4
for model; do
  part "model-$((number++))"
  head -c 65536 "$model/config.json" 2>/dev/null
done
part done
"""

# The content lies under a temporary name; it gets its own only when it is whole.
SETTLE_FILE = r"""
if ! printf '%s  %s\n' "$2" "$3" | sha256sum --check --status; then
  rm -f "$3"
  printf '\n%s damaged\n' "$1"
elif mv -T "$3" "$4"; then
  printf '\n%s done\n' "$1"
fi
"""

HAS_FILE = r"""
printf '\n%s size %s\n' "$1" "$(stat -L -c %s "$2" 2>/dev/null)"
"""


_PLAIN_SLURM = "unset ${!SBATCH_@} ${!SQUEUE_@} ${!SACCT_@} ${!SINFO_@} ${!SCANCEL_@}\n"
"""Variables of the account would change what Slurm's commands do and print (sbatch(1), INPUT ENVIRONMENT VARIABLES)."""


def command_line(program: str, *arguments: str) -> str:
    """The command line that runs a program with these arguments as its $1, $2, ..."""
    return f"set -- {shlex.join(arguments)}\n{_PLAIN_SLURM}{program}"
