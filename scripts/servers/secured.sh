# Servers behind TLS that ask for a password: an authority of this folder's own signs one certificate for all of them.
# shellcheck shell=bash

is_secured() { [[ -e $folder/secured && $(<"$folder/secured") == yes ]]; }

# What a client trusts, and what a server shows. Kafka wants the key and the certificate in one file.
authority_file() { echo "$folder/tls/authority.pem"; }
certificate_file() { echo "$folder/tls/server.pem"; }
key_file() { echo "$folder/tls/server.key"; }
both_file() { echo "$folder/tls/both.pem"; }

make_certificates() {
    [[ -e $(both_file) ]] && return
    mkdir -p "$folder/tls"
    (
        cd "$folder/tls"
        make_key authority.key
        openssl req -x509 -new -key authority.key -days 30 -subj "/CN=tests' authority" -out authority.pem \
            -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
        make_key server.key
        openssl req -new -key server.key -subj /CN=localhost -out server.csr
        printf '%s\n' subjectAltName=IP:127.0.0.1,DNS:localhost basicConstraints=critical,CA:FALSE \
            extendedKeyUsage=serverAuth >extensions
        openssl x509 -req -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 30 \
            -extfile extensions -out server.pem
        cat server.key server.pem >both.pem
    ) >>"$folder/tls.log" 2>&1 || fail "no certificates could be made: see $folder/tls.log"
}

make_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out "$1"; }
