#!/bin/sh
# Builds the Python package and tests it, in an environment of its own (in python/ of the target folder), with the MPI that
# MPICC names. Where no package index can be reached it says that nothing was tested; everything else that fails is a failure.
set -eu
cd "$(dirname "$0")/.."
folder=$PWD/${CARGO_TARGET_DIR:-target}/python
bin=$folder/venv/bin

# pip with these words. Whether an index can be reached is asked with a package of a few kilobytes.
pip_or_not_tested() {
    "$bin/pip" "$@" && return
    if "$bin/pip" download --quiet --no-deps --no-cache-dir --dest "$folder/probe" iniconfig >/dev/null 2>&1; then
        echo "pip $* failed, see above; a package index can be reached" >&2
        exit 1
    fi
    echo "NOT TESTED: the Python package: pip $* failed, and no package index can be reached" >&2
    exit 0
}

[ -x "$bin/python" ] || python3 -m venv "$folder/venv"
pip_or_not_tested install --quiet mpi4py numpy pytest scipy
# Without the exact Cholesky factorisation, which is half of the time that a build takes.
export CARGO_TARGET_DIR="$folder/build" MATURIN_PEP517_ARGS="--no-default-features --features mpi"
pip_or_not_tested install --quiet ./python

# mpi4py's wheel takes the MPI library that it finds, if it finds one. It must be ours ("Open" or "MPICH"); otherwise it is built
# with MPICC.
# (pip's cache does not know for which library it was built.)
library_of() { "$bin/python" -c "$1" 2>/dev/null || echo none; }
ours=$(library_of 'from halocg import _core; print(_core.mpi_library().split()[0])')
theirs=$(library_of 'from mpi4py import MPI; print(MPI.Get_library_version().split()[0])')
[ "$ours" = "$theirs" ] ||
    pip_or_not_tested install --quiet --force-reinstall --no-deps --no-cache-dir --no-binary mpi4py mpi4py

"$bin/python" -m pytest --quiet python/tests
