# ClickHouse's engine behind a front that speaks its HTTP.
# shellcheck shell=bash

prepare_clickhouse() { free_port >"$folder/clickhouse/port"; }

launch_clickhouse() {
    local access=()
    ! is_secured || access=(--certificate "$(certificate_file)" --key "$(key_file)" --default-user-password refmill)
    launch clickhouse env "PYTHONPATH=$(chdb_folder)" PYTHONDONTWRITEBYTECODE=1 python3 "$here/clickhouse/front.py" \
        --folder "$folder/clickhouse/data" --port "$(<"$folder/clickhouse/port")" \
        --user refmill --password refmill --readonly-user refmill_reader --readonly-password refmill "${access[@]}"
}

is_ready_clickhouse() {
    local place=http access=()
    ! is_secured || place=https access=(--cacert "$(authority_file)")
    place=$place://127.0.0.1:$(<"$folder/clickhouse/port")
    [[ $(curl -sS -m 2 "${access[@]}" "$place/ping" 2>/dev/null) == Ok. ]]
}

stop_signal_clickhouse() { echo TERM; }

url_clickhouse() {
    local place
    place=127.0.0.1:$(<"$folder/clickhouse/port")
    if is_secured; then echo "https://refmill:refmill@$place/?ca=$(authority_file)"; else echo "http://$place"; fi
}
