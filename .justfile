# Short names for what README and CI do. `just` alone lists them.

export CARGO_TARGET_DIR := env("CARGO_TARGET_DIR", env("HOME") / ".cache/playhouse/target")

_list:
    @just --list --unsorted

# Build everything
build:
    cargo build --workspace

# Start a server on 127.0.0.1:8008
serve *options:
    cargo run --release -p playhouse-gateway --bin playhouse -- serve {{options}}

# Run all the tests, or the parts named: lint unit board clients peers crash cql complement
test *parts:
    ./tests/run {{parts}}

# Format, and check what CI checks
lint:
    cargo fmt --all
    cargo clippy --workspace --all-targets -- -D warnings

# Kill -9 the server again and again under load
crash *options:
    cargo build -p playhouse-gateway
    cargo run -p playhouse-tests --bin crash -- {{options}}

# Measure a release build, with the machine's own limits beside it
bench *options:
    cargo build --release -p playhouse-gateway -p playhouse-bench
    $CARGO_TARGET_DIR/release/playhouse-bench --spawn $CARGO_TARGET_DIR/release/playhouse {{options}}

# Licences, advisories, bans and sources of the dependencies
deny:
    cargo deny check
