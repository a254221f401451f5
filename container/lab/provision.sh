#!/bin/bash
# Makes a small cluster of a bare Debian tree: packages, one ordinary user, configuration. Run inside the tree.
#   provision.sh trixie      Slurm 24.11 with accounting
#   provision.sh bookworm    Slurm 22.05 without: many sites are like that
# No daemon is started here: start.sh does that, and the same two scripts serve a Docker image and a tree in namespaces.
set -euo pipefail

profile=${1:?usage: provision.sh trixie|bookworm}
here=$(cd "$(dirname "$0")" && pwd)
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

# The tree's own mirror, so that this file names none. apt tells it once it has lists.
find_mirror() {
    apt-get update -qq
    mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | head -n 1)
    [ -n "$mirror" ]
}

lean_dpkg() {
    printf '%s\n' force-unsafe-io 'path-exclude=/usr/share/man/*' 'path-exclude=/usr/share/doc/*' \
        'path-exclude=/usr/share/locale/*' >/etc/dpkg/dpkg.cfg.d/lab
    # Packages start their daemons as they are installed; there is nobody here to stop them again.
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod +x /usr/sbin/policy-rc.d
}

# Apptainer is in Debian's sid alone. Pinned low, so that nothing else comes from there unasked; and sid's Release
# file may be past its date on a mirror that is a snapshot.
add_suite() {
    echo "deb [check-valid-until=no] $mirror $1 main" >"/etc/apt/sources.list.d/lab-$1.list"
    printf 'Package: *\nPin: release n=%s\nPin-Priority: %s\n' "$1" "$2" >"/etc/apt/preferences.d/lab-$1"
}

install_packages() {
    add_suite sid 100
    if [ "$profile" = bookworm ]; then add_suite trixie 90; fi
    apt-get update -qq
    local slurm=(slurmctld slurmd slurm-client munge)
    # For tests: a wrong clock, and a file system that shows late what others wrote.
    if [ "$profile" = trixie ]; then slurm+=(slurmdbd mariadb-server-core mariadb-client-core libfaketime mergerfs); fi
    apt-get install -y -qq --no-install-recommends "${slurm[@]}" openssh-server openssh-sftp-server tini uidmap \
        iproute2 procps ca-certificates python3 rsync
    # sid's Apptainer wants a newer libc than bookworm has; libc alone comes from trixie.
    if [ "$profile" = bookworm ]; then apt-get install -y -qq --no-install-recommends -t trixie libc6; fi
    # Without squashfuse an image is unpacked to /tmp at each run.
    apt-get install -y -qq --no-install-recommends apptainer squashfuse fuse-overlayfs fuse3
    apt-get clean
    rm -rf /var/lib/apt/lists/*
}

# The service account: an ordinary user. The range of subordinate ids lets it build images.
add_user() {
    useradd --create-home --shell /bin/bash --uid 2000 packtrain
    usermod --password '*' packtrain  # not locked: without PAM sshd refuses locked accounts, key or no key
    grep -q '^packtrain:' /etc/subuid || usermod --add-subuids 200000-265535 --add-subgids 200000-265535 packtrain
    install -d -o packtrain -g packtrain -m 700 /home/packtrain/.ssh
}

# /srv/LLaMA-Factory is what the lab's people know as their checkout: data/ with registered sets, and room for saves/.
add_files() {
    install -d -o packtrain -g packtrain /srv/LLaMA-Factory /srv/LLaMA-Factory/saves /srv/LLaMA-Factory/logs
    cp -r "$here/data" "$here/examples" /srv/LLaMA-Factory/
    chown -R packtrain:packtrain /srv/LLaMA-Factory
    install -d /srv/models /opt/packtrain /opt/lab /etc/slurm
    install -m 755 "$here/start.sh" /opt/lab/start.sh
    cp -r "$here/etc" /opt/lab/etc
    echo "$profile" >/opt/lab/profile
}

# An empty database, made now so that no start of the lab waits for it.
prepare_database() {
    [ "$profile" = trixie ] || return 0
    useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin mysql  # mariadb-server would do more than is needed
    install -d -o mysql -g mysql /var/lib/mysql
    mariadb-install-db --user=mysql --datadir=/var/lib/mysql --skip-test-db >/dev/null
}

find_mirror
lean_dpkg
install_packages
add_user
add_files
prepare_database
rm -f /etc/ssh/ssh_host_* /etc/munge/munge.key /etc/machine-id  # every lab makes its own
