#!/bin/sh
# Starts one Playhouse for Complement, in the foreground; README.md has the contract. Used by `run` and by the Dockerfile.
set -eu

data=${DATA_DIR:-/data}
complement=${COMPLEMENT_DIR:-/complement}
ip=${BIND_IP:-0.0.0.0}
certificate=$data/$SERVER_NAME.crt
key=$data/$SERVER_NAME.key

# The suite brings a new authority with each run, so the certificate is made at each start.
sign_certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
        -CA "$complement/ca/ca.crt" -CAkey "$complement/ca/ca.key" -subj "/CN=$SERVER_NAME" \
        -addext "subjectAltName=DNS:$SERVER_NAME" -addext basicConstraints=critical,CA:FALSE \
        -keyout "$key" -out "$certificate" 2>"$data/openssl.log" || { cat "$data/openssl.log" >&2; exit 1; }
}

write_configuration() {
    cat >"$data/playhouse.toml" <<EOF
server_name = "$SERVER_NAME"
data_dir = "$data/store"
# Many of the suite's tests send power levels that name the creator, which version 12 refuses.
default_room_version = "10"

[registration]
open = true
# In a container the server listens on every address, and whoever reaches it is the suite.
open_to_everyone = true
shared_secret = "complement"

[rate_limits]
enabled = false

[passwords]
cost = "test"

[metrics]
address = ""

[log]
level = "${PLAYHOUSE_LOG__LEVEL:-warn}"
format = "text"

[[listener]]
address = "$ip:8008"
parts = ["client", "admin", "health"]

[[listener]]
address = "$ip:8448"
parts = ["federation"]
tls_certificate = "$certificate"
tls_key = "$key"
EOF
}

sign_certificate
write_configuration
exec "${PLAYHOUSE_BIN:-playhouse}" serve --config "$data/playhouse.toml"
