#!/bin/sh
# Starts one Playhouse for Complement, in the foreground; README.md has the contract. Used by `run` and by the Dockerfile.
# With PLAYHOUSE_TEST_WORLD=cql its store is a keyspace of its own on the CQL server that $PLAYHOUSE_TEST_CQL names.
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
$store
# Many of the suite's tests send power levels that name the creator, which version 12 refuses.
default_room_version = "10"

[registration]
open = true
# In a container the server listens on every address, and whoever reaches it is the suite.
open_to_everyone = true
shared_secret = "complement"

[federation]
share_device_names = true
share_public_rooms = true
ca_file = "$complement/ca/ca.crt"
# The suite's servers are on a loopback or in a network of containers.
allowed_networks = ["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]

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
parts = ["client", "admin", "federation", "health"]

[[listener]]
address = "$ip:8448"
parts = ["federation"]
tls_certificate = "$certificate"
tls_key = "$key"
EOF
}

# A container made from the data of another one gets a copy of its keyspace: the other may still be there.
choose_keyspace() {
    mine=complement_$(echo "${SERVER_NAME}_$ip" | tr -c 'a-z0-9\n' _)
    known=$(cat "$data/keyspace" 2>/dev/null || echo "$mine")
    if [ "$known" != "$mine" ]; then
        env -u PLAYHOUSE_TEST_WORLD -u PLAYHOUSE_TEST_CQL "$playhouse" store copy \
            --from "scylla:$PLAYHOUSE_TEST_CQL/$known" --to "scylla:$PLAYHOUSE_TEST_CQL/$mine"
    fi
    echo "$mine" >"$data/keyspace"
}

playhouse=${PLAYHOUSE_BIN:-playhouse}
store='store = "fjall"'
if [ "${PLAYHOUSE_TEST_WORLD:-}" = cql ]; then
    export PLAYHOUSE_SCYLLA__REPLICATION_FACTOR=1
    choose_keyspace
    export PLAYHOUSE_SCYLLA__CONTACT_POINTS="[\"$PLAYHOUSE_TEST_CQL\"]" PLAYHOUSE_SCYLLA__KEYSPACE="$mine"
    store='store = "scylla"'
fi
sign_certificate
write_configuration
# The server knows every variable of its prefix, and refuses these.
unset PLAYHOUSE_TEST_WORLD PLAYHOUSE_TEST_CQL
exec "$playhouse" serve --config "$data/playhouse.toml"
