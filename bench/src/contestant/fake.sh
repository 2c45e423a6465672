#!/bin/sh
# A contestant that does what the folder it is called from is named for.
name=$(basename "$(dirname "$0")")
if [ "$1" = about ]; then
    case $name in
        silent) sleep 60 ;;
        mute) exit 7 ;;
        babbling) echo '{"name": 5}' ;;
        *) echo "{\"name\": \"$name\", \"product\": \"Fake\", \"version\": \"1\", \"acknowledges\": \"when_queued\", \"needs\": [\"kafka-3\"], \"events\": \"POST /\"}" ;;
    esac
    exit
fi
if [ "$1" = install ]; then
    [ "$name" != uninstallable ]
    exit
fi
ready() {
    echo "process rival $$"
    echo "code $BENCH_KAFKA/$BENCH_PARTITIONS"
    echo "ready http://127.0.0.1:1"
}
case $name in
    good) ready && exec sleep 60 ;;
    talking) ready && while echo more; do :; done ;;
    late) exec sleep 60 ;;
    broken) echo "no port is free" >&2 && exit 3 ;;
    chatting) echo "Listening on port 80" && exec sleep 60 ;;
    deaf) trap '' TERM && ready && while :; do sleep 1; done ;;
    short) ready ;;
    leaving)
        sleep 60 >/dev/null &
        echo "server left $!"
        ready
        ;;
    mistaken) echo "process other 999999999" && ready && exec sleep 60 ;;
esac
