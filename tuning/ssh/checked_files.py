"""Looks at files beneath the root of a cluster, and reads them, by what was opened and not by what a path says."""

import secrets
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tuning.errors import RemoteFileError
from tuning.ssh.checked_paths import with_perl
from tuning.ssh.transport import Transport

_MOST_BANNER_BYTES = 256 * 1024
_MISSING, _REFUSED = "-", "!"

# For each path on stdin its size and time, `-` where there is nothing, `!` for what is no file of ours.
_LOOK = with_perl(
    r"""
  local $/ = "\0";
  print "\n$boundary\n";
  while (defined(my $path = <STDIN>)) {
    chomp $path;
    my $is_ours = open_checked($path, $O_PATH);
    print $is_ours > 0 ? "$seen[7] $seen[9]" : $is_ours < 0 ? "!" : "-", "\0";
  }
""",
    r"""
printf '\n%s\n' "$boundary"
mapfile -d '' -t paths
for ((start = 0; start < ${#paths[@]}; start += 200)); do
  look "${paths[@]:start:200}"
  printf '%s\0' "${states[@]#* }"
done
""",
)

# The ranges on stdin, one behind the other, each whole.
_SEND = with_perl(
    r"""
  local $/ = "\0";
  my @wanted = <STDIN>;
  print "\n$boundary\n";
  for (@wanted) {
    chomp;
    my ($offset, $length, $path) = split / /, $_, 3;
    open_checked($path, O_RDONLY) > 0 or die "$path is no longer a file of the job\n";
    send_range($offset, $length) == 0 or die "$path became shorter while it was read\n";
  }
""",
    r"""
mapfile -d '' -t wanted
printf '\n%s\n' "$boundary"
for line in "${wanted[@]}"; do
  rest=${line#* }
  path=${rest#* }
  look "$path"
  if [[ ${states[0]} = [-!] ]] || ! send_range "${places[0]}" "${line%% *}" "${rest%% *}"; then
    printf '%s is no longer a file of the job\n' "$path" >&2
    exit 1
  fi
done
""",
)


@dataclass(frozen=True)
class FileLook:
    """A file beneath the root. Neither size nor time: `is_refused`, no plain file of ours lies there."""

    size_bytes: int = 0
    modified_epoch: int = 0
    is_refused: bool = False


@dataclass(frozen=True)
class FileRange:
    """Bytes of a file."""

    path: str
    offset: int
    length: int


def look_at_files(transport: Transport, root: str, paths: Sequence[str]) -> list[FileLook | None]:
    """Look at the file at each of these absolute paths beneath the root; None where nothing lies. One command."""
    boundary = secrets.token_hex(16)
    listed = b"".join(path.encode() + b"\0" for path in paths)
    done = transport.run(_command(_LOOK, boundary, root), stdin=listed)
    if done.exit_status != 0:
        raise RemoteFileError(f"cannot look into {root}: {done.stderr.decode(errors='replace').strip()}")
    answers = done.stdout.partition(f"\n{boundary}\n".encode())[2].decode("utf-8", "replace").split("\0")[:-1]
    if len(answers) != len(paths):
        raise RemoteFileError(f"cannot look into {root}: the cluster's answer is cut short")
    return [_look(answer) for answer in answers]


def send_files(transport: Transport, root: str, ranges: Sequence[FileRange]) -> Iterator[bytes]:
    """These ranges, one behind the other, in chunks of any length. One command, which begins with the first chunk.

    Raises RemoteFileError where a file is gone, is no plain file of ours any more, or has become shorter.
    """
    boundary = secrets.token_hex(16)
    listed = b"".join(f"{each.offset} {each.length} {each.path}".encode() + b"\0" for each in ranges)
    chunks = transport.stream(_command(_SEND, boundary, root), stdin=listed)
    return _behind(f"\n{boundary}\n".encode(), chunks)


def _command(program: str, boundary: str, root: str) -> str:
    return f"set -- {shlex.join((boundary, root))}\n{program}"


def _look(answer: str) -> FileLook | None:
    if answer == _MISSING:
        return None
    if answer == _REFUSED:
        return FileLook(is_refused=True)
    size, _, modified = answer.partition(" ")
    return FileLook(int(size), int(modified))


def _behind(boundary: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """What follows the boundary: a login banner may stand before it."""
    head = b""
    for chunk in chunks:
        head += chunk
        if boundary in head:
            if rest := head.partition(boundary)[2]:
                yield rest
            break
        if len(head) > _MOST_BANNER_BYTES:
            raise RemoteFileError("the login node prints more than it should before its answer")
    yield from chunks
