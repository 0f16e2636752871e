#!/bin/sh
# A small solve on two ranks under valgrind's memcheck, from each kind of file, with each engine's copies and halos.
#
# Fails on any read of what was not written, any access outside of a block, and any block lost for good, except in
# what valgrind.supp and Open MPI's own list name. The program is $1 (target/release/halocg).
set -eu
cd "$(dirname "$0")/.."
program=${1:-target/release/halocg}
mpirun=$(command -v mpirun.openmpi || command -v mpirun)

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
check() {
    echo "valgrind: halocg $*"
    # Without huge pages or wide vectors this is the same program: valgrind knows AVX2 but no AVX-512, and says so to it.
    status=0
    "$mpirun" --allow-run-as-root --oversubscribe --bind-to none -n 2 valgrind --quiet --error-exitcode=99 \
        --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite --child-silent-after-fork=yes \
        --suppressions=scripts/valgrind.supp $openmpi --log-file="$folder/log.%p" "$program" "$@" \
        >"$folder/out" 2>&1 || status=$?
    if [ $status -ne 0 ] || [ -n "$(cat "$folder"/log.*)" ]; then
        cat "$folder/out" "$folder"/log.*
        echo "valgrind: exit code $status" >&2
        exit 1
    fi
    rm "$folder"/log.*
}
# The list comes with Open MPI.
openmpi=
for list in /usr/share/openmpi/openmpi-valgrind.supp; do
    [ ! -e "$list" ] || openmpi="--suppressions=$list"
done

check poisson -n 12 --dim 2 --write "$folder/a.mtx" --output "$folder/x.mtx" --json "$folder/run.json"
check convert "$folder/a.mtx" "$folder/a.hcg"
check solve "$folder/a.mtx" --pc jacobi --history "$folder/history.csv"
check solve "$folder/a.hcg" --pc bjacobi --partition blocks --schedule overlap --checkpoint "$folder/checkpoint" --checkpoint-every 5it
check solve "$folder/a.hcg" --pc bjacobi --partition blocks --schedule overlap --restart "$folder/checkpoint"
check solve "$folder/a.mtx" --pc bjacobi --sub-pc cholesky --solver hs-cg
check solve "$folder/a.mtx" --pc chebyshev --solver gv-cg
check compare "$folder/a.mtx" --solvers all
echo "valgrind: no error"
