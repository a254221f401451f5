"""Program text for a login node that reaches what lies beneath our root, and follows no link there.

A run can put links, pipes and second names (hard links) of foreign files into its folders, and swap them at any moment:
a look before an opening proves nothing. So what was opened is looked at: the kernel tells where it lies
(/proc/self/fd, /proc/self/cwd), and that must be the real path of the root with the very rest that was asked for, for
the whole path. The root itself, and what leads to it, is the operator's: links there are followed.

A file with a second name is refused, too: within one file system it may be anybody's. (A container cannot make one to
what lies outside its output, which is a mount of its own; runs of earlier versions could.)
"""

PERL = r"""
  use strict;
  use Fcntl;
  my ($boundary, $root) = @ARGV;
  chdir $root or die "$root: $!\n";
  my $real_root = readlink "/proc/self/cwd";
  my ($file, @seen);
  my $O_PATH = 0x200000;  # opens the place alone: no pipe is waited for, no device is started, no server is asked
  # Sets $file and @seen. 0 where there is nothing, -1 for what is no file of ours.
  sub open_checked {
    my ($path, $flags) = @_;
    if (!sysopen $file, $path, $flags | O_NOFOLLOW | O_NONBLOCK) {
      return lstat $path && (-l _ || -S _) ? -1 : 0;
    }
    @seen = stat $file;
    return -1 unless -f _ && $seen[3] == 1;
    my $place = readlink "/proc/self/fd/" . fileno $file;
    return $place eq $real_root . substr($path, length $root) ? 1 : -1;
  }
  # What is missing of a range in the end.
  sub send_range {
    my ($offset, $left) = @_;
    sysseek $file, $offset, 0;
    while ($left > 0 && (my $got = sysread $file, my $block, $left < 65536 ? $left : 65536)) {
      print $block;
      $left -= $got;
    }
    return $left;
  }
"""
"""For `perl -e '...' BOUNDARY ROOT`; holds no apostrophe."""

BASH_ROOT = r"""
cd -P -- "$root" || exit 74
real_root=$(readlink /proc/self/cwd) || exit 74
"""
"""Goes to `$root`. Those below need it."""

BASH_ENTER = r"""
# enter FOLDER: goes to a folder beneath the root, where it is what its path says. 1 where there is no such folder of
# ours, 2 where that cannot be told.
enter() {
  local said
  cd -P -- "$real_root" || return 2
  if ! cd -P -- "$1" 2>/dev/null; then
    said=$(cd -P -- "$1" 2>&1)
    [[ $said = *': No such file or directory' || $said = *': Not a directory' ]] && return 1
    return 2
  fi
  [ "$(readlink /proc/self/cwd)" = "$real_root${1#"$root"}" ]
}
"""
"""The current folder cannot be swapped: what was checked is what `./NAME` acts on."""

BASH_LOOK = r"""
folders=()
# look PATH...: sets `places`, by which each can be opened, and `states`: inode, size and time, or `-` where there is
# nothing, `!` for what is no file of ours. Two processes for all.
look() {
  local -A of=() found=()
  local -a names=() links=() real=()
  local path name fd number mode count inode size time
  for fd in ${folders[@]+"${folders[@]}"}; do exec {fd}<&-; done
  places=() states=() folders=()
  for path; do
    name=${path%/*}
    [ -z "${of["$name"]-}" ] || continue
    of["$name"]=/proc/self/fd/-
    if { exec {fd}<"$name/."; } 2>/dev/null; then  # the dot: nothing but a folder is opened
      folders+=("$fd") names+=("$name") links+=("/proc/self/fd/$fd")
    fi
  done
  [ "${#links[@]}" -eq 0 ] || mapfile -d '' -t real < <(readlink -z -- "${links[@]}")
  for number in "${!links[@]}"; do
    name=${names[number]}
    of["$name"]=/proc/self/fd/!
    [ "${real[number]-}" != "$real_root${name#"$root"}" ] || of["$name"]=${links[number]}
  done
  for path; do places+=("${of["${path%/*}"]}/${path##*/}"); done
  while IFS=' ' read -r -d '' mode count inode size time name; do
    [[ $mode$count = 8???1 ]] && found["${name%/}"]="$inode $size $time" || found["${name%/}"]='!'
  done < <(stat --printf='%f %h %i %s %Y %n/\0' -- "${places[@]}" 2>/dev/null)
  for name in "${places[@]}"; do
    [[ $name = /proc/self/fd/!/* ]] && states+=('!') || states+=("${found["$name"]--}")
  done
}
# send_range PLACE OFFSET LENGTH. Neither waits for a pipe nor follows a link that was put there since.
send_range() {
  dd if="$1" iflag=skip_bytes,count_bytes,nofollow,nonblock skip="$2" count="$3" bs=65536 status=none 2>/dev/null
}
"""
"""Where there is no perl. A folder that was opened cannot be swapped; the files are looked at in it."""


def with_perl(program: str, fallback: str) -> str:
    """A bash program that is `perl` where there is perl, as on every Debian and SUSE and wherever git is."""
    return f"""
boundary=$1 root=$2
perl=$(command -v perl) && exec "$perl" -e '{PERL}{program}' "$@"
{BASH_ROOT}{BASH_LOOK}{fallback}"""
