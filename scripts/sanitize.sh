#!/bin/sh
# Races and undefined behaviour: ThreadSanitizer over all tests of ranks as threads, and Miri over those unit tests that it
# can run (it knows no METIS, which is C, and would take days for a solve).
set -eu
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}
host=$($cargo +nightly -vV 2>/dev/null | sed -n 's/^host: //p')
[ -n "$host" ] || { echo "sanitize: a nightly toolchain is needed: rustup toolchain install nightly" >&2; exit 1; }
rustup component add --toolchain nightly rust-src miri

echo "sanitize: ThreadSanitizer"
# The standard library is built anew, for its locks and threads to be seen.
RUSTFLAGS=-Zsanitizer=thread CARGO_TARGET_DIR=target/tsan $cargo +nightly test -Zbuild-std --target "$host" --release \
    --no-default-features --test ranks -- threads

echo "sanitize: Miri"
# Isolation is off for files and clocks. Each seed is another order of the threads.
MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-many-seeds=0..${SEEDS:-8}" CARGO_TARGET_DIR=target/miri $cargo +nightly miri test \
    --no-default-features --lib -- comm:: vector:: distributed:: tridiagonal::
