# Kafka in KRaft mode: every broker is a controller too. With three, topics of three replicas live through a lost one.
# shellcheck shell=bash

# Small logs of its own topics, short sessions, and no topic that nobody made: what tests ask for.
prepare_kafka() {
    local name=$1 of_three=$(($(<"$folder/brokers") >= 3)) copies in_sync
    copies=$((of_three ? 3 : 1)) in_sync=$((of_three ? 2 : 1))
    kafka_ports
    cat >"$folder/$name/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=${name#kafka-}
controller.quorum.voters=$(kafka_voters)
listeners=PLAINTEXT://127.0.0.1:$(<"$folder/$name/port"),CONTROLLER://127.0.0.1:$(<"$folder/$name/controller-port")
advertised.listeners=PLAINTEXT://127.0.0.1:$(<"$folder/$name/port")
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=$folder/$name/data
auto.create.topics.enable=false
num.partitions=1
default.replication.factor=$copies
min.insync.replicas=$in_sync
offsets.topic.num.partitions=4
offsets.topic.replication.factor=$copies
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=$copies
transaction.state.log.min.isr=$in_sync
share.coordinator.state.topic.num.partitions=4
share.coordinator.state.topic.replication.factor=$copies
share.coordinator.state.topic.min.isr=$in_sync
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
group.consumer.min.session.timeout.ms=1000
group.consumer.min.heartbeat.interval.ms=100
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
log.cleaner.dedupe.buffer.size=8388608
PROPERTIES
    local users=()
    if is_secured; then
        kafka_secured "$name"
        users=(--add-scram 'SCRAM-SHA-512=[name=refmill,password=refmill]')
    fi
    kafka_logging "$name"
    kafka_java "$name" kafka.tools.StorageTool format --ignore-formatted "--cluster-id=$(<"$folder/kafka-cluster")" \
        -c "$folder/$name/server.properties" "${users[@]}" >>"$folder/$name/log" 2>&1 || fail_with_log "$name"
}

# Clients come by TLS and with a password; brokers among themselves, and who looks whether one is ready, by a door of their own.
# The last word on a setting counts.
kafka_secured() {
    local name=$1 host=127.0.0.1
    free_port >"$folder/$name/inner-port"
    cat >>"$folder/$name/server.properties" <<PROPERTIES
listeners=SASL_SSL://$host:$(<"$folder/$name/port"),INNER://$host:$(<"$folder/$name/inner-port"),CONTROLLER://$host:$(<"$folder/$name/controller-port")
advertised.listeners=SASL_SSL://$host:$(<"$folder/$name/port"),INNER://$host:$(<"$folder/$name/inner-port")
listener.security.protocol.map=CONTROLLER:PLAINTEXT,INNER:PLAINTEXT,SASL_SSL:SASL_SSL
inter.broker.listener.name=INNER
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.location=$(both_file)
PROPERTIES
}

# All brokers' ports, once: each names the others.
kafka_ports() {
    local name
    [[ -e $folder/kafka-cluster ]] && return
    for name in $(expand kafka); do
        mkdir -p "$folder/$name"
        free_port >"$folder/$name/port"
        free_port >"$folder/$name/controller-port"
    done
    head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n' >"$folder/kafka-cluster"
}

kafka_voters() {
    local name voters=()
    for name in $(expand kafka); do
        voters+=("${name#kafka-}@127.0.0.1:$(<"$folder/$name/controller-port")")
    done
    local IFS=,
    echo "${voters[*]}"
}

kafka_logging() {
    cat >"$folder/$1/log4j2.properties" <<'PROPERTIES'
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %p %m (%c)%n
PROPERTIES
}

fail_with_log() {
    tail -n 30 "$folder/$1/log" >&2
    fail "$1 could not be prepared"
}

# kafka_command NAME MAIN…: sets `command`. Java expands the star of the class path, not the shell.
kafka_command() {
    local name=$1 memory=512m
    shift
    (($(<"$folder/brokers") == 1)) || memory=320m
    command=(java "-Xmx$memory" -XX:+UseSerialGC -Djava.awt.headless=true
        "-Dlog4j2.configurationFile=$folder/$name/log4j2.properties" -cp "$kafka_jars/lib/*" "$@")
}

kafka_java() {
    local command
    kafka_command "$@"
    "${command[@]}" </dev/null
}

launch_kafka() {
    local command
    kafka_command "$1" kafka.Kafka "$folder/$1/server.properties"
    launch "$1" "${command[@]}"
}

# Ready once the cluster's controller counts this broker in.
is_ready_kafka() {
    local door=port
    ! is_secured || door=inner-port
    kcat -b "127.0.0.1:$(<"$folder/$1/$door")" -L -m 2 2>/dev/null |
        grep "^  broker ${1#kafka-} at 127.0.0.1:$(<"$folder/$1/$door")" >/dev/null
}

stop_signal_kafka() { echo TERM; }

url_kafka() {
    local name addresses=()
    for name in $(expand kafka); do addresses+=("127.0.0.1:$(<"$folder/$name/port")"); done
    local IFS=,
    if is_secured; then
        echo "kafka://refmill:refmill@${addresses[*]}?tls=true&ca=$(authority_file)&mechanism=SCRAM-SHA-512"
    else
        echo "${addresses[*]}"
    fi
}
