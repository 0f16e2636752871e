#!/bin/sh
# Tests under the tools that come with a nightly Rust:
#
#   scripts/nightly.sh tsan    ThreadSanitizer: whatever several ranks do, on four threads. The standard library is built
#                              with it; METIS, which is C, is not
#   scripts/nightly.sh miri    Miri: the kernels with unsafe code, sums, vectors, and the engine of threads; small problems
set -eu
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}
fail() { echo "nightly: $*" >&2; exit 1; }
$cargo +nightly --version >/dev/null 2>&1 || rustup toolchain install nightly --profile minimal ||
    fail "a nightly toolchain is needed: rustup toolchain install nightly"

need() {
    rustup +nightly component list --installed | grep -q "^$1" || rustup component add --toolchain nightly "$1" ||
        fail "the component $1 of the nightly toolchain is needed"
}

need rust-src
case ${1:-} in
    tsan)
        host=$($cargo +nightly -vV | sed -n 's/^host: //p')
        RUSTFLAGS=-Zsanitizer=thread CARGO_TARGET_DIR=target/tsan $cargo +nightly test -Zbuild-std --target "$host" \
            --release --no-default-features --test ranks -- --test-threads 1 "threads 4"
        ;;
    miri)
        need miri
        # Files are read from disk, and sleeping ranks need a clock. Threads of the test harness outlive it.
        export MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-ignore-leaks" CARGO_TARGET_DIR=target/miri
        $cargo +nightly miri test --no-default-features --lib -- binned:: exponent:: vector:: simd:: tridiagonal:: krylov:: \
            operator::storage::tests::every_format operator::storage::csr::
        $cargo +nightly miri test --no-default-features --test ranks -- --test-threads 1 "threads 3"
        ;;
    *) fail "tsan or miri?" ;;
esac
