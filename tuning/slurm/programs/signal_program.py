"""Program for a login node that signals jobs: a constant text, as in tuning.slurm.programs.remote_scripts."""

# Numbers are used again (a controller that lost its state begins anew): only a job that has its number, and the job
# and attempt in its name or in its comment, is signalled. (Anybody of the account may rename a job, and after a
# restored database its token is another.) One `ID NAME` a line on stdin, JOB-ATTEMPT-TOKEN; the names of those that
# Slurm has are told again. The arguments behind the account are scancel's.
SIGNAL = r"""
boundary=$1 account=$2 found=() names=()
shift 2
declare -A wanted
while IFS=' ' read -r id name; do
  wanted[$id]=$name
done
if queue=$(squeue -a -h -r -u "$account" -o $'%i\x1f%j\x1f%k'); then
  while IFS=$'\x1f' read -r id name comment; do
    own=${wanted[${id:-none}]-}
    [ -n "$own" ] || continue
    job=${own%%-*} attempt=${own#*-} attempt=${attempt%%-*}
    case $name/$comment in
      "$job-$attempt-"*/* | */"packtrain:$job:$attempt:"*) found+=("$id") names+=("$own") ;;
    esac
  done <<<"$queue"
  [ "${#found[@]}" -eq 0 ] || scancel "$@" "${found[@]}"
  printf '\n%s done %s\n' "$boundary" "${names[*]-}"
fi
"""
