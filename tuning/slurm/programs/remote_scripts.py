"""The small programs that are run on a login node. Constant texts: every value comes as an argument or on stdin.

Each answer begins behind a line with a random boundary, so that a login banner (printed by some sites before every
command) is never taken for an answer, and a file's content never for the next part. POSIX tools, GNU coreutils, bash.
"""

import shlex

from tuning.ssh.checked_paths import BASH_ENTER, BASH_ROOT, with_perl

PREPARE = r"""
umask 077
cd -P -- "$2" 2>/dev/null || mkdir -p -- "$2" && cd -P -- "$2" || exit
for folder in incoming jobs datasets; do
  if [ -L "$folder" ]; then
    echo "$2/$folder is a link: make it a folder, or let the root itself lead there" >&2
    exit 1
  fi
  mkdir -p "$folder" || exit
done
find incoming -mindepth 1 -mtime +1 -delete  # uploads that nobody finished
printf '\n%s done\n' "$1"
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
squeue -a -h -r -t all -u "$2" -o $'%i\x1f%k'
printf '\n%s queue-end %s\n' "$1" "$?"
if [ -n "$3" ]; then
  printf '\n%s accounting\n' "$1"
  sacct -X -D -P -n -S "$4" --name="$3" -o JobIDRaw,JobName
  printf '\n%s accounting-end %s\n' "$1" "$?"
fi
"""

# The same link as the batch script's claim: whoever makes it first owns the attempt for good. What lies on the way and
# is no folder goes, as in SUBMIT: the script looks for its claim by the same path.
ABANDON = (
    r"""
umask 077
boundary=$1 root=$2
"""
    + BASH_ROOT
    + BASH_ENTER
    + r"""
while IFS= read -r directory; do
  cd -P -- "$real_root" || exit
  for folder in "${directory%/*}" "$directory"; do
    if [ -L "$folder" ] || { [ -e "$folder" ] && [ ! -d "$folder" ]; }; then
      rm -f -- "$folder"
    fi
  done
  if mkdir -p -- "$directory" && enter "$directory"; then
    ln -sT abandoned claim 2>/dev/null
    printf '\n%s claim %s\n%s\n' "$boundary" "$(readlink claim)" "$directory"
  fi
done
printf '\n%s done\n' "$boundary"
"""
)

# The first $4 paths on stdin are opened before the look: on NFS the answers of `stat` may be a minute old, also that
# there is no such file, but opening a file or a folder asks the server. The others are not opened: that costs. squeue
# runs while perl starts; no file is looked at before its answer: once Slurm has let go of a job, its record is there.
OBSERVE = r"""
queue() {
  printf '\n%s clock %(%s)T\n' "$1" -1
  [ ! -x "$2/jobs" ] || printf '\n%s root\n' "$1"
  printf '\n%s queue\n' "$1"
  SLURM_TIME_FORMAT=%s squeue -a -h -r -t all -u "$3" -o $'%i\x1f%T\x1f%r\x1f%S\x1f%N\x1f%j\x1f%k'
  printf '\n%s queue-end %s\n' "$1" "$?"
  printf '\n%s files\n' "$1"
}
exec 3< <(queue "$@" </dev/null)
cd -- "$2" || { cat <&3; exit 74; }
""" + with_perl(
    r"""
  my ($opened, @refused) = ($ARGV[3]);
  open my $queue, "<&=3" or die "the answer of squeue: $!\n";
  local $/;
  print <$queue>;
  local $/ = "\0";
  while (defined(my $path = <STDIN>)) {
    chomp $path;
    if ($opened > 0) {
      $opened--;
      sysopen $file, $path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
      next;
    }
    my $is_ours = open_checked($path, $O_PATH);
    print "$seen[1] $seen[7] $seen[9] $path\0" if $is_ours > 0;
    push @refused, $path if $is_ours < 0;
  }
  print "\n$boundary refused\n", map({"$_\0"} @refused), "\n$boundary done\n";
""",
    r"""
cat <&3
opened=$4 refused=()
mapfile -d '' -t paths
for path in "${paths[@]:0:opened}"; do
  dd if="$path" iflag=nofollow,nonblock count=0 status=none 2>/dev/null
done
for ((start = opened; start < ${#paths[@]}; start += 200)); do
  batch=("${paths[@]:start:200}")
  look "${batch[@]}"
  for number in "${!batch[@]}"; do
    case ${states[number]} in
      -) ;;
      '!') refused+=("${batch[number]}") ;;
      *) printf '%s %s\0' "${states[number]}" "${batch[number]}" ;;
    esac
  done
done
printf '\n%s refused\n' "$boundary"
[ "${#refused[@]}" -eq 0 ] || printf '%s\0' "${refused[@]}"
printf '\n%s done\n' "$boundary"
""",
)

# One process for all files where there is perl; elsewhere one for each.
READ = with_perl(
    r"""
  my $number = 0;
  while (defined(my $line = <STDIN>)) {
    chomp $line;
    my ($offset, $length, $path) = split / /, $line, 3;
    my $is_ours = open_checked($path, O_RDONLY);
    if ($is_ours > 0) {
      print "\n$boundary part $number\n";
      send_range($offset, $length);
    } elsif ($is_ours < 0) {
      print "\n$boundary refused $number\n";
    }
    $number++;
  }
  print "\n$boundary done\n";
""",
    r"""
mapfile -t lines
for ((start = 0; start < ${#lines[@]}; start += 200)); do
  batch=("${lines[@]:start:200}")
  look "${batch[@]#* * }"
  for number in "${!batch[@]}"; do
    case ${states[number]} in
      -) continue ;;
      '!') printf '\n%s refused %s\n' "$boundary" "$((start + number))" && continue ;;
    esac
    printf '\n%s part %s\n' "$boundary" "$((start + number))"
    rest=${batch[number]#* }
    send_range "${places[number]}" "${batch[number]%% *}" "${rest%% *}"
  done
done
printf '\n%s done\n' "$boundary"
""",
)

# What the first node of a job says of it. Each part may fail: no accounting, no srun into it, no GPU. Of the processes
# only those that Slurm counts as the job's: other people's run there under the same account.
INSPECT = r"""
printf '\n%s node\n' "$1"
sstat -a -n -P -j "$2" -o JobID,AveCPU,MaxRSS,NTasks 2>&1 | head -n 8
timeout 20 srun --jobid="$2" --overlap --immediate=10 --nodes=1 --ntasks=1 --input=none sh -c '
  echo "load $(cat /proc/loadavg)"
  pids=$(scontrol listpids "$SLURM_JOB_ID" 2>/dev/null | while read -r pid _; do
    case $pid in "" | *[!0-9]*) ;; *) printf "%s," "$pid" ;; esac
  done)
  [ -z "$pids" ] || ps -p "${pids%,}" -o pid,stat,wchan:24,pcpu,rss,comm --sort=-pcpu | head -n 10
  nvidia-smi --query-gpu=index,utilization.gpu,memory.used,memory.total --format=csv,noheader 2>/dev/null | head -n 16
' 2>&1 | head -n 40
printf '\n%s done\n' "$1"
"""

# Only what lies beneath our folder and has the name of something that may go: checked here once more, since nothing
# brings a folder back. Nothing is removed through a link. What is not there, in our own folders, is gone already.
REMOVE = (
    r"""
boundary=$1 root=$2
"""
    + BASH_ROOT
    + BASH_ENTER
    + r"""
while IFS= read -r path; do
  case $path in
    *..* | *//* | "$root"/jobs/*/*/output) continue ;;
    "$root"/jobs/job_*/output) ;;
    "$root"/jobs/job_*/output/checkpoint-[0-9]* | "$root"/jobs/job_*/[0-9]*/secrets) ;;
    "$root"/datasets/[0-9a-f][0-9a-f][0-9a-f][0-9a-f]*.json*) ;;
    "$root"/datasets/[0-9a-f][0-9a-f][0-9a-f][0-9a-f]*.tar) ;;
    *) continue ;;
  esac
  kind=${path#"$root"/}
  [ -d "$real_root/${kind%%/*}" ] || continue  # where nothing at all is there, a disk is away
  enter "${path%/*}"
  case $? in
    0) rm -rf -- "./${path##*/}" || continue ;;
    2) continue ;;
  esac
  printf '\n%s gone\n%s\n' "$boundary" "$path"
done
printf '\n%s done\n' "$boundary"
"""
)

INVENTORY = r"""
boundary=$1 root=$2 image=$3 register=$4 number=0
part() { printf '\n%s %s\n' "$boundary" "$1"; }
first() { dd if="$2" iflag=count_bytes,nonblock count="$1" bs=65536 status=none; }  # waits for no pipe
part version; sinfo --version
part nodes; sinfo -a -h -N -o $'%P\x1f%a\x1f%l\x1f%N\x1f%T\x1f%c\x1f%m\x1f%G'
ended=$?; part nodes-end; echo "$ended"
part used; sinfo -a -h -N -O NodeHost:128,GresUsed:256
part image; [ -r "$image" ] && stat -L -c '%s %Y' "$image"
part image-head; [ -r "$image" ] && head -c 32768 "$image" | sha256sum
part space; df -PB1 "$root" | tail -n 1
part writable; [ -w "$root" ] && echo yes
part copies; find -P "$root/datasets" -maxdepth 1 -type f -printf '%s %i %T@ %f\n' 2>/dev/null
ended=$?; part copies-end; echo "$ended"
part register; [ -z "$register" ] || first 4194304 "$register"
shift 4
for model; do
  part "model-$number"
  first 65536 "$model/config.json" 2>/dev/null
  part "stamp-$((number++))"
  stat -L -c '%s %Y %n' -- "$model"/*.{json,jinja,safetensors} 2>/dev/null
done
part done
"""

# The content lies under a temporary name, $4; it gets its own, $5, only when it is whole.
SETTLE_FILE = r"""
cd -P -- "$2" || exit 74
if [ -L incoming ] || [ -L datasets ] || [ -L "$4" ] || [ ! -f "$4" ]; then
  echo "$2/incoming and $2/datasets must be folders, not links" >&2
elif ! printf '%s  %s\n' "$3" "$4" | sha256sum --check --status; then
  rm -f -- "$4"
  printf '\n%s damaged\n' "$1"
elif mv -T -- "$4" "$5"; then
  printf '\n%s done\n' "$1"
fi
"""

# An upload through a link would land elsewhere, so the folders are looked at before it. What is there is known by its
# content, not by its size alone: somebody may have written there.
HAS_CONTENT = r"""
cd -P -- "$2" || exit 74
if [ -L incoming ] || [ -L datasets ]; then
  echo "$2/incoming and $2/datasets must be folders, not links" >&2
  printf '\n%s refused\n' "$1"
elif [ -f "$3" ] && [ ! -L "$3" ] && [ "$(stat -c %s -- "$3" 2>/dev/null)" = "$4" ] &&
  printf '%s  %s\n' "$5" "$3" | sha256sum --check --status; then
  printf '\n%s there\n' "$1"
fi
"""


_PLAIN_SLURM = (
    "unset ${!SBATCH_@} ${!SQUEUE_@} ${!SACCT_@} ${!SINFO_@} ${!SCANCEL_@} ${!SRUN_@} ${!SLURM_MEM_@} SLURM_HINT\n"
)
"""Variables of the account would change what Slurm's commands do and print (sbatch(1), INPUT ENVIRONMENT VARIABLES). A
job inherits the login's: srun ends at once where SLURM_MEM_PER_CPU and SLURM_MEM_PER_NODE are both set."""


def command_line(program: str, *arguments: str) -> str:
    """The command line that runs a program with these arguments as its $1, $2, ..."""
    return f"set -- {shlex.join(arguments)}\n{_PLAIN_SLURM}{program}"
