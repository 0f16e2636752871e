#!/bin/sh
# Builds the Python package and tests it, in an environment of its own (in python/ of the target folder), with MPI. Where no
# package index can be reached it says so, and that nothing was tested.
set -eu
cd "$(dirname "$0")/.."
folder=$PWD/${CARGO_TARGET_DIR:-target}/python
bin=$folder/venv/bin
not_tested() { echo "NOT TESTED: the Python package: $*" >&2; exit 0; }

[ -x "$bin/python" ] || python3 -m venv "$folder/venv"
"$bin/pip" install --quiet mpi4py numpy pytest scipy ||
    not_tested "pip could not install what its tests need, see above"
# mpi4py's wheel finds the usual MPI libraries by itself, but not Debian's MPICH.
"$bin/python" -c 'from mpi4py import MPI' 2>/dev/null ||
    "$bin/pip" install --quiet --force-reinstall --no-deps --no-binary mpi4py mpi4py ||
    not_tested "mpi4py could not be built, see above"
# Without the exact Cholesky factorisation, which is half of the time that a build takes.
CARGO_TARGET_DIR=$folder/build MATURIN_PEP517_ARGS="--no-default-features --features mpi" \
    "$bin/pip" install --quiet ./python
"$bin/python" -m pytest --quiet python/tests
