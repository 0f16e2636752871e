#!/usr/bin/env bash
# Builds PETSc for this very machine, the strongest opponent for bars.py: -O3 -march=native instead of
# a distribution's -O2 for any machine of its kind. Nothing is installed; all of it is in one folder.
#
#   benches/peers/build-petsc.sh [FOLDER]           default: target/peers/petsc-opt
#
# The source comes from PyPI, where PETSc's authors publish it. Open MPI, an optimised BLAS and Python
# must be there (scripts/install-deps.sh openmpi peers). It takes 10 to 60 minutes and 1 GB.
#
#   PETSC_VERSION   which one (3.26.1)
#   JOBS            compilers at a time (1)
#   CFLAGS          optimisation (-O3 -march=native)
#   BLAS            a library with BLAS and LAPACK; found by itself where there is OpenBLAS
#   MPICC           compiler wrapper (mpicc.openmpi or mpicc)
set -euo pipefail
cd "$(dirname "$0")/../.."

version=${PETSC_VERSION:-3.26.1}
jobs=${JOBS:-1}
flags=${CFLAGS:--O3 -march=native}
folder=${1:-target/peers/petsc-opt}
mkdir -p "$folder"
folder=$(realpath "$folder")

fail() { echo "build-petsc: $*" >&2; exit 1; }

mpicc=${MPICC:-$(command -v mpicc.openmpi || command -v mpicc || true)}
[ -n "$mpicc" ] || fail "there is no mpicc: scripts/install-deps.sh openmpi"

# Debian's alternative for libblas may be any BLAS, so its serial OpenBLAS is asked for by name first.
# Several threads per rank would be more than there are cores; bars.py switches them off as well.
blas=${BLAS:-}
for candidate in /usr/lib/*/openblas-serial/libopenblas.so.0 /usr/lib*/libopenblas.so.0 /usr/lib/*/libopenblas.so.0; do
    [ -n "$blas" ] || [ ! -e "$candidate" ] || blas=$candidate
done
[ -n "$blas" ] || fail "no OpenBLAS found: scripts/install-deps.sh openmpi peers, or name a library with BLAS=PATH"

source=$folder/petsc-$version
if [ ! -e "$source/configure" ]; then
    echo "Getting the source of PETSc $version"
    # A virtual environment, since Debian's own Python takes no packages. Only PETSc as source: with
    # its build tools as source too, pip would begin by compiling CMake.
    python3 -m venv "$folder/venv"
    "$folder/venv/bin/pip" download --quiet --no-deps --no-binary petsc --dest "$folder" "petsc==$version"
    tar -xf "$folder/petsc-$version.tar.gz" -C "$folder"
fi

cd "$source"
unset PETSC_OPTIONS
export PETSC_DIR=$source PETSC_ARCH=native
log=$folder/log
echo "Configuring with $flags, BLAS from $blas (log in $log.configure)"
./configure --with-cc="$mpicc" --with-cxx=0 --with-fc=0 --with-debugging=0 COPTFLAGS="$flags" \
    --with-blaslapack-lib="$blas" --with-x=0 --with-fortran-bindings=0 --with-petsc4py=0 \
    >"$log.configure" 2>&1 || { tail -n 30 "$log.configure" >&2; fail "PETSc's configure failed"; }
echo "Compiling, $jobs at a time (log in $log.make)"
make -j"$jobs" all >"$log.make" 2>&1 || { tail -n 30 "$log.make" >&2; fail "PETSc does not compile"; }

cat <<END
PETSc $version is ready. Use it with

  PETSC_DIR=$PETSC_DIR PETSC_ARCH=$PETSC_ARCH make bench-peers
END
