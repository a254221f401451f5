#!/bin/bash
# Makes a tree the root of fresh namespaces and becomes its init. Run it as root by
#   unshare --mount --pid --ipc --uts --fork --kill-child enter.sh STATE TREE COMMAND...
# A chroot would not do: the kernel refuses user namespaces, and so Apptainer, to a process that is in one.
# STATE (upper/, work/, root/, init.pid) takes what changes; TREE stays as it is. LAB_MOUNTS holds lines `source target [ro]`.
set -euo pipefail

state=$1 tree=$2
shift 2

# /proc is still the host's, so this is the pid by which the host knows this init; the start time makes it certain.
read -r -a stat </proc/self/stat
echo "${stat[0]} ${stat[21]}" >"$state/init.pid.new"
mv "$state/init.pid.new" "$state/init.pid"

mount --make-rprivate /
cd "$state"
mkdir -p upper work root
# Where the state folder's file system cannot carry an overlay, a copy serves as well and takes a little longer.
mount -t overlay lab -o "lowerdir=$tree,upperdir=upper,workdir=work" root 2>/dev/null || {
    [ -e root/etc ] || cp -a "$tree/." root/
    mount --bind root root
}
cd root
mkdir -p proc sys dev run tmp .old
mount -t proc proc proc
mount --rbind /sys sys
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp

# A /dev of its own: nothing that is made here shows on the host.
mount -t tmpfs -o mode=755 tmpfs dev
device() { mknod -m 666 "dev/$1" c "$2" "$3"; }
device null 1 3; device zero 1 5; device full 1 7; device random 1 8; device urandom 1 9; device tty 5 0; device fuse 10 229
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for n in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${n%:*}" "dev/${n#*:}"; done

while read -r source target mode; do
    [ -n "$source" ] || continue
    if [ -d "$source" ]; then mkdir -p ".$target"; else mkdir -p ".$(dirname "$target")"; touch ".$target"; fi
    mount --bind "$source" ".$target"
    [ "${mode:-}" != ro ] || mount -o remount,bind,ro ".$target"
done <<<"${LAB_MOUNTS:-}"

hostname lab
printf '127.0.0.1 localhost lab\n' >etc/hosts
[ ! -r /etc/resolv.conf ] || cp -L /etc/resolv.conf etc/resolv.conf

pivot_root . .old
cd /
umount -l /.old
rmdir /.old 2>/dev/null || true
unset LAB_MOUNTS
exec env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin tini -g -- "$@"
