"""Program for a login node that hands jobs to Slurm: a constant text, as in tuning.slurm.programs.remote_scripts."""

OLDEST_BASH = (4, 4)
"""Before it, `wait` did not know the processes of `>(...)` (bash's CHANGES): an sbatch's exit code would be lost."""

# The archive of all files comes on stdin; nothing is submitted before the last of them, $3, is there, nor when a copy
# of data, $5, is gone: their names hold no blanks. Behind them come
# folder, name and comment of each submission. sbatch takes as long to start as tar to unpack: the first starts before
# it and waits for its script, and one that gets none submits nothing. (Of a script cut short nothing would run: all
# of job.sh is in functions, which its last line calls.) `SECONDS` is bash's own clock, set back since the shell may
# have waited for its command: past the limit no script is given to Slurm, so that after limit + sbatch's own time-out
# no submission can still be under way.
# A folder that is there already was submitted before: by a site limit's leave, or in a time that the database no longer
# knows (restored, or a replica that lacked the last seconds). Who has its claim is told, and what Slurm has of the same
# job and attempt by any token; then nothing of the batch is unpacked or submitted. Else the folders are made anew, and
# what lies on the way to one and is no folder goes: tar would unpack through a link that a run put there.
# Few processes and few files: each costs the login node a millisecond, and whoever submitted waits for it.
SUBMIT = r"""
SECONDS=0
umask 077
boundary=$1 root=$2 last=$3 limit=$4 data=$5 number=0
cd -P -- "$root" || {
  printf '\n%s away\n' "$boundary"
  exit 74
}
shift 5
main() {
  require_bash
  find_earlier "$@"
  look_for_data
  clear_all "$@"
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
clear_all() {
  if [ -L jobs ]; then
    echo "$root/jobs is a link" >&2
    give_up failed
  fi
  while [ $# -gt 0 ]; do
    clear_way "${1%/*}" "$1"
    shift 3
  done
}
clear_way() {
  for folder in "$1" "$1/output"; do
    if [ -L "$folder" ] || { [ -e "$folder" ] && [ ! -d "$folder" ]; }; then
      rm -f -- "$folder"
    fi
  done
  if [ -L "$2" ] || { [ -e "$2" ] && [ ! -L "$2/claim" ]; }; then
    rm -rf -- "$2"
  fi
}
find_earlier() {
  local is_asked= is_found= folder id
  declare -A queued
  while [ $# -gt 0 ]; do
    folder=${1%/*}
    if [ -L "$1/claim" ]; then
      is_found=yes
      tell claimed "$(readlink "$1/claim")"
    elif [ -e "$1/job.sh" ]; then
      [ -n "$is_asked" ] || ask_queue
      is_asked=yes
      for id in ${queued[${folder##*/}-${1##*/}]-}; do
        is_found=yes
        tell queued "$id"
      done
    fi
    number=$((number + 1))
    shift 3
  done
  number=0
  [ -n "$is_found" ] || return 0
  cat >/dev/null  # whoever sends the archive would take an end before it for a broken connection
  printf '\n%s done\n' "$boundary"
  exit
}
ask_queue() {
  local queue id name comment rest
  queue=$(squeue -a -h -r -t all -u "$(id -un)" -o $'%i\x1f%j\x1f%k') || give_up unasked
  while IFS=$'\x1f' read -r id name comment; do
    rest=${name#*-}
    [[ $name != job_*-*-* ]] || queued[${name%%-*}-${rest%%-*}]+=" $id"
    if [[ $comment == packtrain:job_*:*:* ]]; then
      comment=${comment#packtrain:}
      rest=${comment#*:}
      queued[${comment%%:*}-${rest%%:*}]+=" $id"
    fi
  done <<<"$queue"
}
unpack() {
  names=$(tar -xvf -) || give_up failed
  [ "${names##*$'\n'}" = "$last" ] || give_up damaged
}
look_for_data() {
  local name lost=
  for name in $data; do
    [ -f "$name" ] && [ ! -L "$name" ] || {
      tell gone "$name"
      lost=yes
    }
  done
  [ -z "$lost" ] || exit 1
}
is_late() { [ "$SECONDS" -ge "$limit" ] || [ -L "$1/claim" ]; }
tell() { printf '\n%s %s %s %s\n' "$boundary" "$1" "$number" "${2-}"; }
give_up() {
  [ -d jobs ] && [ -w jobs ] && writable=writable
  tell "$1" "${writable-}"
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
