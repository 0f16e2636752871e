#!/bin/sh
# Races and undefined behaviour: ThreadSanitizer over all tests of ranks as threads, and Miri over what it can run of the unit
# tests and of the communication between threads (it knows no METIS, which is C, and would take days for a solve).
#
# SEEDS=8 says in how many orders of the threads Miri runs the latter.
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

# Isolation is off for files and clocks.
miri() {
    MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-seed=$seed" CARGO_TARGET_DIR=target/miri $cargo +nightly miri test -q \
        --no-default-features "$@"
}
echo "sanitize: Miri"
seed=0
miri --lib -- vector:: tridiagonal:: ordering::
while [ $seed -lt "${SEEDS:-8}" ]; do
    for body in " sums" reductions "sparse exchange" "persistent exchange" agreement; do
        miri --test ranks -- "${body# } threads 3"
    done
    seed=$((seed + 1))
done
