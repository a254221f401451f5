#!/bin/bash
# Starts the cluster's daemons and stays; the init above it (tini) ends them all. Used as a Docker image's entry point and
# in namespaces alike.
#   start.sh              everything, then wait
#   start.sh NAME...      only these again (munged mariadbd slurmdbd slurmctld n1 n2 sshd), after a test has killed them
#   start.sh render FILE  print one configuration file, filled in
#
# LAB_PORT            sshd's port; the other daemons take the four after it            (2200)
# LAB_BIND            where sshd listens                                               (0.0.0.0)
# LAB_AUTHORIZED_KEY  the public key that may log in as packtrain
# LAB_CPUS            processors that each node claims                                 (8)
# LAB_GPUS            GPUs of each node                                                (4)
# LAB_LIFELINE        wait on stdin for a word once all is up; without it, end: nothing outlives a caller that died
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
run=/run/lab
log=/var/log/slurm
[ ! -r $run/environment ] || . $run/environment
profile=${LAB_PROFILE:-$(cat "$here/profile" 2>/dev/null || echo trixie)}
port=${LAB_PORT:-2200}
gpus=${LAB_GPUS:-4}

say() { echo "lab: $*"; }
fail() { say "$*" >&2; exit 1; }
has_accounting() { [ "$profile" = trixie ]; }

accounting() {
    if has_accounting; then
        # Enforced, so that a wrong account and a full QOS are refused as they are on a strict site; the other profile is
        # a lax one, where a job over its partition's limit waits for ever.
        printf '%s\\n' EnforcePartLimits=ALL AccountingStorageType=accounting_storage/slurmdbd AccountingStorageHost=127.0.0.1 \
            "AccountingStoragePort=$((port + 4))" AccountingStorageEnforce=associations,limits,qos \
            AccountingStorageTRES=gres/gpu AccountingStoreFlags=job_comment \
            JobAcctGatherType=jobacct_gather/linux JobAcctGatherFrequency=5
    else
        printf 'AccountingStorageType=accounting_storage/none\\nJobAcctGatherType=jobacct_gather/none'
    fi
}

# Several labs may share a machine's loopback, and nobody else is to reach them. (A container has its own network.)
communication() {
    case ${LAB_BIND:-} in 127.*) printf 'CommunicationParameters=NoCtldInAddrAny,NoInAddrAny' ;; esac
}

render() {
    sed -e "s|@HOST@|$(hostname)|g" -e "s|@PORT@|$port|g" -e "s|@BIND@|${LAB_BIND:-0.0.0.0}|g" \
        -e "s|@PORT_CTLD@|$((port + 1))|g" -e "s|@PORT_N1@|$((port + 2))|g" -e "s|@PORT_N2@|$((port + 3))|g" \
        -e "s|@PORT_DBD@|$((port + 4))|g" -e "s|@FIRST_JOB@|$((10001 + port % 10000))|g" -e "s|@CPUS@|${LAB_CPUS:-8}|g" \
        -e "s|@GPUS@|$gpus|g" -e "s|@LAST_GPU@|$((gpus - 1))|g" \
        -e "s|@ACCOUNTING@|$(accounting)|g" -e "s|@COMMUNICATION@|$(communication)|g" "$here/etc/$1"
}

# Waits until a command succeeds: wait_for SECONDS WHAT COMMAND...
wait_for() {
    local left=$(($1 * 10)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        left=$((left - 1))
        [ $left -gt 0 ] || fail "$what did not come up; see $log and the output above"
        sleep 0.1
    done
}

prepare() {
    install -d -m 755 $run /run/sshd
    install -d -o munge -g munge -m 755 /run/munge
    install -d -o munge -g munge -m 700 /etc/munge /var/log/munge /var/lib/munge
    install -d -o slurm -g slurm -m 755 $log /var/spool/slurmctld /run/slurm
    install -d -m 755 /var/spool/slurmd-n1 /var/spool/slurmd-n2
    for name in LAB_PORT LAB_BIND LAB_CPUS LAB_GPUS; do [ -z "${!name:-}" ] || echo "$name=${!name}"; done >$run/environment
    for node in n1 n2; do
        for ((gpu = 0; gpu < gpus; gpu++)); do [ -e /dev/fakegpu-$node-$gpu ] || mknod -m 666 /dev/fakegpu-$node-$gpu c 1 3; done
    done
    [ ! -e /dev/fuse ] || chmod 666 /dev/fuse  # Apptainer, as an ordinary user, mounts images with it
    [ -s /etc/munge/munge.key ] || (umask 077 && head -c 1024 /dev/urandom >/etc/munge/munge.key)
    chown munge: /etc/munge/munge.key
    [ -s /etc/ssh/ssh_host_ed25519_key ] || ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
    if [ -n "${LAB_AUTHORIZED_KEY:-}" ]; then
        echo "$LAB_AUTHORIZED_KEY" >/home/packtrain/.ssh/authorized_keys
        chown packtrain: /home/packtrain/.ssh/authorized_keys
    fi
    render slurm.conf >/etc/slurm/slurm.conf
    render gres.conf >/etc/slurm/gres.conf
    render sshd_config >/etc/ssh/sshd_config
    if has_accounting; then
        echo CgroupPlugin=disabled >/etc/slurm/cgroup.conf  # 22.05 does not know the word, nor need it
        install -m 600 -o slurm -g slurm /dev/null /etc/slurm/slurmdbd.conf
        render slurmdbd.conf >/etc/slurm/slurmdbd.conf
        install -d -o mysql -g mysql /run/mysqld
    fi
}

sql() { mariadb --socket=/run/mysqld/mysqld.sock --batch --execute "$1"; }

as() { setpriv --reuid "$1" --regid "$1" --init-groups "${@:2}"; }

start_munged() { as munge munged --force >>$log/munged.log 2>&1; }

start_mariadbd() {
    # Only a socket; and it need not survive a power cut.
    mariadbd --no-defaults --user=mysql --datadir=/var/lib/mysql --socket=/run/mysqld/mysqld.sock --skip-networking \
        --innodb-flush-log-at-trx-commit=0 --innodb-flush-method=nosync --innodb-buffer-pool-size=64M \
        --innodb-lock-wait-timeout=900 >>$log/mariadbd.log 2>&1 </dev/null &
    wait_for 30 mariadbd sql 'select 1'
    # The database too: slurmdbd would make it, but only after a connect that fails, and with libmariadb 11.8.9 a handle
    # whose first connect failed refuses every result.
    sql "CREATE DATABASE IF NOT EXISTS slurm_acct_db;
         CREATE USER IF NOT EXISTS slurm@localhost IDENTIFIED VIA unix_socket;
         GRANT ALL ON slurm_acct_db.* TO slurm@localhost"
}

start_slurmdbd() {
    as slurm slurmdbd
    wait_for 30 slurmdbd sacctmgr -n list cluster
}

# The cluster, the account, and a QOS with a small limit for those who want to be refused.
add_associations() {
    sacctmgr -i -Q add cluster lab >/dev/null || true
    sacctmgr -i -Q add qos limited set MaxSubmitJobsPerUser=2 >/dev/null || true
    sacctmgr -i -Q add account lab Description=lab Organization=lab >/dev/null || true
    sacctmgr -i -Q add user packtrain account=lab qos=normal,limited defaultqos=normal >/dev/null || true
    [ -n "$(sacctmgr -n list association user=packtrain)" ] || fail "no association for packtrain"
}

start_slurmctld() { as slurm slurmctld; }
start_n1() { slurmd -N n1; }
start_n2() { slurmd -N n2; }
start_sshd() { /usr/sbin/sshd -E $log/sshd.log; }

nodes_idle() { [ "$(sinfo -h -N -p gpu -o '%N %T')" = $'n1 idle\nn2 idle' ]; }
sshd_answers() { read -r -t 2 banner <"/dev/tcp/127.0.0.1/$port" && [[ $banner == SSH-* ]]; }

start_all() {
    prepare
    start_munged
    if has_accounting; then
        start_mariadbd
        start_slurmdbd
        add_associations
    fi
    start_slurmctld
    start_n1
    start_n2
    start_sshd
    wait_for 60 "both nodes" nodes_idle
    wait_for 10 sshd sshd_answers
}

if [ "${1:-}" = render ]; then
    render "$2"
elif [ $# -gt 0 ]; then
    for name in "$@"; do "start_$name"; done
else
    trap 'tail -n 8 $log/*.log' EXIT  # the tree and its logs go when the start fails
    start_all
    trap - EXIT
    touch $run/ready
    say "ready: two nodes idle, sshd on port $port (${SECONDS} s)"
    if [ -n "${LAB_LIFELINE:-}" ]; then
        read -r _ || fail "the caller went away: ending"
    fi
    exec sleep infinity </dev/null
fi
