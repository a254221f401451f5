#!/bin/bash
# Stands in for the entrypoint of the image postgres, as far as docker-compose.yml uses it: makes the database the first
# time, then serves it over TCP to whoever has the password.
set -euo pipefail

as_postgres() { setpriv --reuid postgres --regid postgres --init-groups "$@"; }

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    install -d -o postgres -g postgres -m 700 "$PGDATA"
    as_postgres initdb --pgdata "$PGDATA" --username "$POSTGRES_USER" --encoding UTF8 --locale C.UTF-8 \
        --auth-local trust --auth-host scram-sha-256 --pwfile "$POSTGRES_PASSWORD_FILE"
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
    as_postgres postgres --single -D "$PGDATA" template1 <<<"CREATE DATABASE \"$POSTGRES_DB\""
fi
install -d -o postgres -g postgres /var/run/postgresql
exec setpriv --reuid postgres --regid postgres --init-groups postgres -D "$PGDATA" -c 'listen_addresses=*'
