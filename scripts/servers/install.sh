# Fetches the servers: Debian's packages with apt-get, Kafka's jars with Maven, ClickHouse's engine with pip, each from
# where this machine is set up to fetch from.
# shellcheck shell=bash

KAFKA_VERSION=4.3.0
LOG4J_VERSION=2.25.3
CHDB_VERSION=26.9.0
LZ4_VERSION=4.4.5
CITYHASH_VERSION=1.0.2.6
GRPCIO_TOOLS_VERSION=1.85.1
PROTOBUF_VERSION=7.36.2

# Some producers speak requests that Kafka 4 has dropped: what is measured with them names an older one.
KAFKA_VERSION=${REFMILL_SERVICES_KAFKA_VERSION:-$KAFKA_VERSION}

cache=${REFMILL_SERVICES_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/refmill-services}
kafka_jars=$cache/kafka-$KAFKA_VERSION-log4j-$LOG4J_VERSION

# A module with C inside belongs to one version of Python.
chdb_folder() {
    echo "$cache/chdb-$CHDB_VERSION-lz4-$LZ4_VERSION-$(python3 -c 'import sys; print(sys.implementation.cache_tag)')"
}

# With what a consumer in Python reads the log by its .proto alone.
protobuf_folder() {
    echo "$cache/grpcio-tools-$GRPCIO_TOOLS_VERSION-protobuf-$PROTOBUF_VERSION-$(python3 -c 'import sys; print(sys.implementation.cache_tag)')"
}

# install_for NAME…: what these servers need and is not there. One at a time does it; the others wait and find it done.
install_for() {
    local install_lock
    mkdir -p "$cache"
    exec {install_lock}>"$cache/lock"
    flock "$install_lock"
    # What a killed install left; nobody else fetches while the lock is held.
    rm -rf "$cache"/fetching.*
    install_packages "$@"
    [[ " $* " != *" kafka"* || -d $kafka_jars ]] || install_kafka
    [[ " $* " != *" kafka"* || -d $(protobuf_folder) ]] || fetched_into "$(protobuf_folder)" fetch_protobuf
    [[ " $* " != *" clickhouse "* || -d $(chdb_folder) ]] || install_chdb
    exec {install_lock}>&-
}

postgres_programs() {
    local folder
    folder=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
    [[ -x $folder/postgres && -x $folder/initdb ]] && echo "$folder"
}

install_packages() {
    local missing=() name
    command -v python3 >/dev/null || missing+=(python3)
    for name in "$@"; do
        case $name in
            kafka*)
                command -v java >/dev/null || missing+=(default-jre-headless)
                command -v kcat >/dev/null || missing+=(kcat)
                python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)
                [[ -d $kafka_jars ]] || command -v mvn >/dev/null || missing+=(maven)
                ;;
            postgres) postgres_programs >/dev/null || missing+=(postgresql) ;;
            redis) command -v redis-server >/dev/null || missing+=(redis-server) ;;
            clickhouse)
                command -v curl >/dev/null || missing+=(curl)
                python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)
                ;;
        esac
    done
    ((${#missing[@]} == 0)) || apt_install "${missing[@]}"
}

apt_install() {
    local as_root=()
    command -v apt-get >/dev/null || fail "these are missing, and only apt-get can be asked for them: $*"
    ((EUID == 0)) || as_root=(sudo)
    say "installing $*"
    "${as_root[@]}" apt-get update -q </dev/null >&2
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@" </dev/null >&2
}

# fetched_into TARGET COMMAND…: runs the command with a new folder as its last argument, and names the folder TARGET only
# after that went well.
fetched_into() {
    local target=$1 scratch
    shift
    scratch=$(mktemp -d "$cache/fetching.XXXXXX")
    if ! "$@" "$scratch" </dev/null >&2; then
        rm -rf "$scratch"
        fail "could not fetch ${target##*/}"
    fi
    chmod 755 "$scratch"
    mv -T "$scratch" "$target"
}

install_kafka() {
    say "fetching Kafka $KAFKA_VERSION"
    fetched_into "$kafka_jars" fetch_kafka
}

fetch_kafka() {
    cat >"$1/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>refmill</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>$KAFKA_VERSION</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-slf4j-impl</artifactId>
      <version>$LOG4J_VERSION</version>
    </dependency>
  </dependencies>
</project>
POM
    mvn -q -B -f "$1/pom.xml" dependency:copy-dependencies -DoutputDirectory="$1/lib" -DincludeScope=runtime &&
        [[ -e $1/lib/kafka_2.13-$KAFKA_VERSION.jar ]]
}

install_chdb() {
    say "fetching ClickHouse's engine (chdb $CHDB_VERSION, 540 MB unpacked)"
    fetched_into "$(chdb_folder)" fetch_chdb
}

fetch_protobuf() {
    python3 -m pip install -q --no-deps --no-compile --root-user-action ignore --target "$1" \
        "grpcio-tools==$GRPCIO_TOOLS_VERSION" "protobuf==$PROTOBUF_VERSION"
}

# What chdb depends on is for data frames, which nothing here makes: 340 MB less.
fetch_chdb() {
    python3 -m pip install -q --no-deps --no-compile --root-user-action ignore --target "$1" \
        "chdb-core==$CHDB_VERSION" "lz4==$LZ4_VERSION" "clickhouse-cityhash==$CITYHASH_VERSION" &&
        PYTHONPATH=$1 PYTHONDONTWRITEBYTECODE=1 python3 -c 'import chdb, lz4.block, clickhouse_cityhash.cityhash'
}
