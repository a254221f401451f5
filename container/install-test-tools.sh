#!/usr/bin/env bash
# What the tests start by themselves: a PostgreSQL server, an sshd beside the lab's, curl,
# systemd-analyze, Prometheus, Caddy, node, and a browser.
set -euo pipefail

missing=()
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
[ -x /usr/sbin/sshd ] || missing+=(openssh-server)
command -v ssh >/dev/null || missing+=(openssh-client)
command -v curl >/dev/null || missing+=(curl ca-certificates) # the guides' examples
command -v systemd-analyze >/dev/null || missing+=(systemd) # judges ops/systemd
command -v promtool >/dev/null || missing+=(prometheus) # judges ops/monitoring
command -v caddy >/dev/null || missing+=(caddy)         # runs ops/caddy
command -v npm >/dev/null || missing+=(nodejs npm)      # builds the pages, and runs a provider to sign in by
command -v chromium >/dev/null || missing+=(chromium fonts-noto-cjk) # looks at the pages, in Japanese and Chinese too
[ ${#missing[@]} -gt 0 ] || exit 0

echo "installing ${missing[*]}"
# The packages' own servers are not wanted: the tests start theirs on free ports.
mkdir -p /etc/postgresql-common
[ -e /etc/postgresql-common/createcluster.conf ] || echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
apt-get update -qq
DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
