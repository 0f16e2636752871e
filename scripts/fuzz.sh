#!/bin/sh
# Runs every fuzz target, or those that are named, for so many seconds (60):
#
#   scripts/fuzz.sh 600 matrix_market options
#
# A run starts from fuzz/seeds and from what earlier runs found (fuzz/corpus, not kept in git). It fails if a target
# crashes, takes longer than 10 seconds for an input, or allocates out of proportion to it; the input is then in fuzz/artifacts.
# Without a sanitizer: the readers hold no unsafe code, and the program runs several times faster.
set -u
cd "$(dirname "$0")/.."
seconds=${1:-60}
[ $# -eq 0 ] || shift
cargo=${CARGO:-cargo}

fail() { echo "fuzz: $*" >&2; exit 1; }
$cargo +nightly --version >/dev/null 2>&1 || rustup toolchain install nightly --profile minimal ||
    fail "a nightly toolchain is needed: rustup toolchain install nightly"
scripts/install-deps.sh fuzz
if ! $cargo fuzz --version >/dev/null 2>&1; then
    echo "fuzz: installing cargo-fuzz"
    $cargo install --locked cargo-fuzz || fail "cargo-fuzz could not be installed"
fi

failed=
table=
[ $# -gt 0 ] || set -- $(sed -n 's/^name = "\(.*\)"/\1/p' fuzz/Cargo.toml | grep -v halocg)
for target in "$@"; do
    mkdir -p "fuzz/corpus/$target"
    log=fuzz/corpus/$target.log
    $cargo +nightly fuzz run --sanitizer none --debug-assertions "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 >"$log" 2>&1 || failed="$failed $target"
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
    line=$(printf '%-16s %12s executions %8s per second' "$target" "${runs:-?}" "${rate:-?}")
    echo "$line"
    table="$table$line
"
done
for target in $failed; do
    echo "fuzz: $target failed:" >&2
    tail -n 40 "fuzz/corpus/$target.log" >&2
done
[ -z "$failed" ]
