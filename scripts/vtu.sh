#!/bin/sh
# Reads the program's files for ParaView with meshio and VTK, which come from PyPI into a venv under target/. Where
# no package index can be reached it says that nothing was tested; everything else that fails is a failure:
#
#   scripts/vtu.sh target/release/halocg
set -eu
cd "$(dirname "$0")/.."
venv=target/vtu/venv

[ -x $venv/bin/python ] || python3 -m venv $venv
if ! $venv/bin/pip install --quiet meshio numpy; then
    # Whether an index can be reached is asked with a package of a few kilobytes.
    if $venv/bin/pip download --quiet --no-deps --no-cache-dir --dest $venv/probe iniconfig >/dev/null 2>&1; then
        echo "vtu: pip install failed, see above; a package index can be reached" >&2
        exit 1
    fi
    echo "NOT TESTED: the files for ParaView: no package index can be reached" >&2
    exit 0
fi
# There is not a VTK for every Python.
$venv/bin/pip install --quiet --only-binary :all: vtk || echo "NOT TESTED: reading by VTK: it could not be installed"
$venv/bin/python scripts/vtu.py "$1"
