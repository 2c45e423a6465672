# ClickHouse's engine behind a front that speaks its HTTP.
# shellcheck shell=bash

prepare_clickhouse() { free_port >"$folder/clickhouse/port"; }

launch_clickhouse() {
    launch clickhouse env "PYTHONPATH=$(chdb_folder)" PYTHONDONTWRITEBYTECODE=1 python3 "$here/clickhouse/front.py" \
        --folder "$folder/clickhouse/data" --port "$(<"$folder/clickhouse/port")" \
        --user refmill --password refmill --readonly-user refmill_reader --readonly-password refmill
}

is_ready_clickhouse() { [[ $(curl -sS -m 2 "$(url_clickhouse)/ping" 2>/dev/null) == Ok. ]]; }

stop_signal_clickhouse() { echo TERM; }

url_clickhouse() { echo "http://127.0.0.1:$(<"$folder/clickhouse/port")"; }
