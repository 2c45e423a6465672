# Postgres with a superuser `refmill` who needs no password, so that every test may make a database of its own.
# shellcheck shell=bash

# It refuses to run as root.
as_postgres() {
    if ((EUID == 0)); then
        setpriv --reuid postgres --regid postgres --init-groups "$@"
    else
        "$@"
    fi
}

prepare_postgres() {
    local data=$folder/postgres/data programs
    programs=$(postgres_programs)
    rm -rf "$data"
    mkdir "$data"
    ((EUID != 0)) || chown postgres: "$data"
    as_postgres test -x "$data" || fail "the user postgres can't get to $data: choose another folder with --folder"
    local access=(-A trust)
    if is_secured; then
        echo refmill >"$folder/postgres/password"
        access=(--auth=scram-sha-256 "--pwfile=$folder/postgres/password")
    fi
    (cd "$data" && as_postgres "$programs/initdb" -D "$data" -U refmill "${access[@]}" -E UTF8 --locale=C.UTF-8 --no-sync) \
        >>"$folder/postgres/log" 2>&1 || fail_with_log postgres
    ! is_secured || postgres_secured "$data"
    free_port >"$folder/postgres/port"
}

# It takes a key only where nobody else can read it.
postgres_secured() {
    cp "$(certificate_file)" "$(key_file)" "$1"
    chmod 600 "$1/server.key"
    ((EUID != 0)) || chown postgres: "$1/server.key" "$1/server.pem"
    echo 'hostssl all all 127.0.0.1/32 scram-sha-256' >"$1/pg_hba.conf"
    printf '%s\n' 'ssl = on' "ssl_cert_file = 'server.pem'" "ssl_key_file = 'server.key'" >>"$1/postgresql.conf"
}

launch_postgres() {
    local data=$folder/postgres/data as_other=() settings=(max_connections=400 listen_addresses=127.0.0.1
        unix_socket_directories= "port=$(<"$folder/postgres/port")" timezone=UTC log_timezone=UTC)
    ((EUID != 0)) || as_other=(setpriv --reuid postgres --regid postgres --init-groups)
    # What a crash of the machine leaves behind matters to no test; a killed server loses nothing by this.
    [[ $(<"$folder/durable") == yes ]] || settings+=(fsync=off full_page_writes=off)
    launch postgres env -C "$data" "${as_other[@]}" "$(postgres_programs)/postgres" -D "$data" "${settings[@]/#/--}"
}

postgres_psql() { PGPASSWORD=refmill psql -X -q -h 127.0.0.1 -p "$(<"$folder/postgres/port")" -U refmill "$@" </dev/null; }

is_ready_postgres() {
    postgres_psql -d postgres -c 'SELECT 1' >/dev/null 2>&1 || return 1
    [[ -n $(postgres_psql -d postgres -At -c "SELECT 1 FROM pg_database WHERE datname = 'refmill'") ]] ||
        postgres_psql -d postgres -c 'CREATE DATABASE refmill'
}

# Its "fast" end: open transactions are rolled back and nobody is waited for.
stop_signal_postgres() { echo INT; }

url_postgres() {
    local place
    place=127.0.0.1:$(<"$folder/postgres/port")/refmill
    if is_secured; then
        echo "postgres://refmill:refmill@$place?sslmode=require&sslrootcert=$(authority_file)"
    else
        echo "postgres://refmill@$place"
    fi
}
