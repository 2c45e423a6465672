# Installs Debian packages where the commands they bring are missing. Sourced by scripts that need some.
# shellcheck shell=bash

# What building needs: Kafka's client and the TLS in it are built from their sources.
BUILD_COMMANDS=(cc=gcc c++=g++ make=make perl=perl)

# install_missing COMMAND=PACKAGE…
install_missing() {
    local pair missing=()
    for pair in "$@"; do
        command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
    done
    # A compiler without the C library's headers builds nothing.
    if ! printf '#include <stdio.h>\nint main(void) { return 0; }\n' | cc -xc - -fsyntax-only 2>/dev/null; then
        missing+=(libc6-dev)
    fi
    # Debian's smallest perl cannot configure a TLS library.
    if ! perl -MFindBin -MIPC::Cmd -e 1 2>/dev/null; then
        missing+=(perl)
    fi
    ((${#missing[@]})) || return 0
    if ! command -v apt-get >/dev/null; then
        echo "$0 needs these and can install them only with apt-get: ${missing[*]}" >&2
        exit 1
    fi
    local as_root=()
    ((EUID == 0)) || as_root=(sudo)
    echo "installing ${missing[*]}" >&2
    "${as_root[@]}" apt-get update -q </dev/null >&2
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}" </dev/null >&2
}

need_cargo() {
    if ! command -v cargo >/dev/null; then
        echo "$0 needs Rust 1.95 or newer: no cargo was found" >&2
        exit 1
    fi
}
