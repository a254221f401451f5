#!/usr/bin/env bash
# The Python environment from the lock file; pip is used as this machine has it configured.
set -euo pipefail
venv=$1

python=$(command -v python3.11 || command -v python3)
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "packtrain needs Python 3.11 or newer; $python is older" >&2
  exit 1
}
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  echo "installing python3-venv"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')" >/dev/null
fi
start=$SECONDS
echo "installing the Python environment into $venv"
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/pip" install -qq --disable-pip-version-check --require-hashes -r requirements.lock
"$venv/bin/pip" install -qq --disable-pip-version-check --no-deps --editable .
echo "  done in $((SECONDS - start)) s"
