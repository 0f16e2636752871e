#!/bin/sh
# Reads the program's files for ParaView with meshio and VTK, which come from PyPI into a venv under target/. Without
# Python or PyPI it says so and leaves it at that:
#
#   scripts/vtu.sh target/release/halocg
set -eu
cd "$(dirname "$0")/.."
venv=target/vtu/venv

skip() { echo "vtu: not run: $*"; exit 0; }
python3 -c 'import venv, ensurepip' 2>/dev/null || skip "python3 with venv is not installed (Debian: apt-get install python3-venv)"
[ -x $venv/bin/python ] || python3 -m venv $venv
$venv/bin/python -c 'import meshio' 2>/dev/null || $venv/bin/pip install --quiet meshio numpy ||
    skip "meshio could not be installed from PyPI"
# There is not a VTK for every Python.
$venv/bin/python -c 'import vtk' 2>/dev/null || $venv/bin/pip install --quiet vtk || echo "vtu: VTK could not be installed from PyPI"
$venv/bin/python scripts/vtu.py "$1"
