"""Programs for a login node that ask witnesses: of a job's end, of an attempt's owner, of a root's.

As in tuning.slurm.programs.remote_scripts: constant texts, framed answers.
"""

from tuning.ssh.checked_paths import BASH_ENTER, BASH_ROOT

# Accounting, where $4 names jobs; and for each line on stdin (`take|look ATTEMPT OUTPUT`) who has the claim, when it
# started by the clock of the file system, and what its output holds. `take`: Slurm does not know the job; the claim is
# made here if it has none (as in ABANDON). Nothing is said of the claim where nobody can tell: the folder is away, or
# closed to us.
EXAMINE = (
    r"""
boundary=$1 root=$2 number=0
if [ -n "$4" ]; then
  printf '\n%s accounting\n' "$boundary"
  SLURM_TIME_FORMAT=%s sacct -X -D -P -n -S "$3" -j "$4" \
    -o JobIDRaw,JobName,Submit,State,ExitCode,Start,End,NodeList </dev/null
  printf '\n%s accounting-end %s\n' "$boundary" "$?"
fi
umask 077
"""
    + BASH_ROOT
    + BASH_ENTER
    + r"""
take() {
  cd -P -- "$real_root" && [ -d jobs ] && [ ! -L jobs ] || return
  for folder in "${1%/*}" "$1"; do
    if [ -L "$folder" ] || { [ -e "$folder" ] && [ ! -d "$folder" ]; }; then
      rm -f -- "$folder"
    fi
  done
  mkdir -p -- "$1" && enter "$1" && ln -sT abandoned claim
} 2>/dev/null
while IFS=' ' read -r wish attempt output; do
  started=
  [ "$wish" != take ] || take "$attempt"
  if enter "$attempt"; then
    printf '\n%s claim %s %s\n' "$boundary" "$number" "$(readlink claim)"
    started=$(stat -c %Y started 2>/dev/null)
  fi
  printf '\n%s output %s %s\n' "$boundary" "$number" "$started"
  if enter "$output"; then
    timeout 10 find . -xdev -type f -printf '%s %T@ %P\0' 2>/dev/null </dev/null | head -c 4194304
  fi
  number=$((number + 1))
done
printf '\n%s done\n' "$boundary"
"""
)

# Whose root it is (docs/decisions/0007-whose-root.md): ours where it has no owner yet, or our own with one of the signs
# $4 and $5; or where it has the sign $7, of an owner that has gone. Then it gets the sign $5, and INVENTORY follows
# in the same command.
OWN = r"""
known=$(head -c 1000 "$2/owner" 2>/dev/null)
printf '\n%s owner\n%s\n' "$1" "$known"
case $known in
  '' | "installation=$3"$'\n'"sign=$4"$'\n'* | "installation=$3"$'\n'"sign=$5"$'\n'* | *$'\n'"sign=$7"$'\n'*) ;;
  *) exit ;;
esac
printf '\n%s ours\n' "$1"
umask 077
printf 'installation=%s\nsign=%s\nby=%s\n' "$3" "$5" "$6" 2>/dev/null >"$2/owner.part" &&
  mv -fT "$2/owner.part" "$2/owner" 2>/dev/null && printf '\n%s signed\n' "$1"
set -- "$1" "$2" "${@:8}"
"""
