#!/usr/bin/env bash
# Benchmarks a revision and this tree in turn, so that both meet the same machine, and prints the ratios of the medians.
# Usage: scripts/bench-compare.sh REVISION [options of the benchmark]
set -euo pipefail
cd "$(dirname "$0")/.."
turns=3
base=${1:?"name a revision to compare with: make bench-compare BASE=main"}
shift
folder=$PWD/target/bench
rm -rf "$folder/base"
git worktree prune
git worktree add --detach --force "$folder/base" "$base" >/dev/null
trap 'git worktree remove --force "$folder/base"' EXIT

# Prints the path of the benchmark built in a folder.
build() {
    (cd "$1" && CARGO_TARGET_DIR=$2 "${CARGO:-cargo}" bench --no-run --bench bench --message-format=json) |
        sed -n 's/.*"executable":"\([^"]*\/bench-[^"]*\)".*/\1/p' | tail -1
}
old=$(build "$folder/base" "$folder/base-target")
new=$(build . "${CARGO_TARGET_DIR:-target}")
before=() after=()
for turn in $(seq $turns); do
    "$old" --rounds 3 "$@" --json "$folder/old-$turn.json" >/dev/null
    "$new" --rounds 3 "$@" --json "$folder/new-$turn.json" >/dev/null
    before+=("$folder/old-$turn.json") after+=("$folder/new-$turn.json")
done
"$new" --ratios "${before[@]}" -- "${after[@]}"
