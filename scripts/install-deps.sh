#!/bin/sh
# Finds out what this system lacks to build and run halocg, and installs that and nothing else.
#
#   scripts/install-deps.sh                   some MPI library; Open MPI if there is none
#   scripts/install-deps.sh openmpi mpich     these libraries, side by side
#   scripts/install-deps.sh lint              also rustfmt and clippy
#   scripts/install-deps.sh openmpi peers     also what benches/peers compares halocg with: PETSc, METIS
#   scripts/install-deps.sh python            also what the Python package is built and tested in: Python with venv
#   scripts/install-deps.sh openmpi valgrind  also valgrind
#   scripts/install-deps.sh fuzz              also what libFuzzer is built with: a C++ compiler
#   scripts/install-deps.sh openmpi latency   also what benches/latency simulates networks with: SimGrid, network namespaces
#
# Looked for are the things themselves, not package names: a C compiler with the C library's headers
# (METIS is C), libclang with clang's own headers (bindgen reads mpi.h through it), and an MPI that
# can compile and launch. Rust is left to the user.
set -eu
cd "$(dirname "$0")/.."
# rustup's shell setup may not have run, and plain users often have no sbin, where ldconfig lives.
PATH=$PATH:${CARGO_HOME:-${HOME:-}/.cargo}/bin:/usr/sbin:/sbin
cargo=${CARGO:-cargo}

say() { echo "install-deps: $*"; }
fail() { say "$*" >&2; exit 1; }
without_mpi="or build without MPI: cargo build --release --no-default-features (needs a C compiler only; runs on threads)."

check_rust() {
    need=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    # shellcheck disable=SC2086  # CARGO may carry arguments ("cargo +nightly")
    have=$($cargo --version 2>/dev/null | cut -d' ' -f2) || have=
    [ -n "$have" ] || fail "no Rust toolchain found. Get one from https://rustup.rs with
    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh
and run this again."
    oldest=$(printf '%s\n' "$need" "$have" | sort -t. -k1,1n -k2,2n | head -n 1)
    [ "$oldest" = "$need" ] || fail "halocg needs Rust $need, found $have. Run: rustup update
(distribution packages of Rust are often too old; https://rustup.rs has the current one)"
}

has_compiler() { echo '#include <stdlib.h>' | cc -E -x c - >/dev/null 2>&1; }

# The newest versioned libclang (Debian's naming), since that is the one bindgen picks.
libclang_version() { ldconfig -p 2>/dev/null | sed -n 's/.*libclang-\([0-9]*\)\.so.*/\1/p' | sort -n | tail -n 1; }

# clang's own headers are a package apart on Debian; without them bindgen stops at stddef.h.
has_libclang() {
    [ -z "${LIBCLANG_PATH:-}" ] || return 0
    version=$(libclang_version)
    if [ -n "$version" ]; then
        ls "/usr/lib/llvm-$version"/lib/clang/*/include/stddef.h >/dev/null 2>&1
        return
    fi
    ldconfig -p 2>/dev/null | grep -q 'libclang\.so' && return 0
    for lib in /usr/lib/libclang.so* /usr/lib/llvm*/lib/libclang.so* \
        /Library/Developer/CommandLineTools/usr/lib/libclang.dylib /opt/homebrew/opt/llvm/lib/libclang.dylib; do
        [ ! -e "$lib" ] || return 0
    done
    return 1
}

# Compiling proves the headers: Debian packs the wrapper mpicc with the launcher, mpi.h elsewhere.
has_mpi() {
    case $1 in
        openmpi) macro=OPEN_MPI suffixes=".openmpi -" ;;
        mpich) macro=MPICH_VERSION suffixes=".mpich -" ;;
        any) macro=MPI_VERSION suffixes=".openmpi -" ;;
    esac
    for suffix in $suffixes; do
        suffix=${suffix#-}
        command -v "mpirun$suffix" >/dev/null || continue
        printf '#include <mpi.h>\n#ifndef %s\n#error\n#endif\n' "$macro" |
            "mpicc$suffix" -E -x c - >/dev/null 2>&1 && return 0
    done
    return 1
}

# PETSC_DIR names one that was built by hand, perhaps by benches/peers/build-petsc.sh.
has_petsc() {
    command -v pkg-config >/dev/null || return 1
    [ -n "${PETSC_DIR:-}" ] || pkg-config --exists petsc || pkg-config --exists PETSc
}

# An optimised BLAS: PETSc's vector operations are BLAS calls, and the reference BLAS would be a weak opponent.
has_blas() { [ "$(uname)" = Darwin ] || ldconfig -p 2>/dev/null | grep -qE 'openblas|libblis|libmkl_rt'; }

# Debian's Python comes without the part of venv that puts pip into it.
has_venv() { python3 -c 'import ensurepip, venv' 2>/dev/null; }

# Sets `missing` to the words understood by name_of and package_of.
look() {
    missing=
    has_compiler || missing="$missing compiler"
    has_libclang || missing="$missing libclang"
    for mpi in $mpis; do has_mpi "$mpi" || missing="$missing $mpi"; done
    if [ -n "$peers" ]; then
        has_petsc || missing="$missing petsc"
        has_blas || missing="$missing blas"
        command -v gpmetis >/dev/null || missing="$missing gpmetis"
        has_venv || missing="$missing venv"
    fi
    if [ -n "$python" ]; then
        has_venv || missing="$missing venv"
    fi
    if [ -n "$valgrind" ]; then
        command -v valgrind >/dev/null || missing="$missing valgrind"
    fi
    if [ -n "$fuzz" ]; then
        c++ --version >/dev/null 2>&1 || missing="$missing c++"
    fi
    if [ -n "$latency" ]; then
        command -v smpicc >/dev/null || missing="$missing simgrid"
        [ "$(uname)" != Linux ] || command -v ip >/dev/null || missing="$missing ip"
        command -v python3 >/dev/null || missing="$missing python"
    fi
    missing=${missing# }
}

name_of() {
    case $1 in
        compiler) echo "a C compiler with the C library's headers" ;;
        libclang) echo "libclang with its headers" ;;
        openmpi | any) echo "Open MPI with mpicc and mpirun" ;;
        mpich) echo "MPICH with mpicc and mpirun" ;;
        petsc) echo "PETSc with its headers and pkg-config" ;;
        blas) echo "an optimised BLAS" ;;
        gpmetis) echo "METIS' program gpmetis" ;;
        venv) echo "Python 3 with venv" ;;
        simgrid) echo "SimGrid with smpicc" ;;
        ip) echo "the program ip" ;;
        python) echo "Python 3" ;;
        valgrind) echo "valgrind" ;;
        c++) echo "a C++ compiler" ;;
    esac
}

package_of() {
    case $manager-$1 in
        apt-compiler) echo gcc libc6-dev ;;
        apt-libclang)
            # Not libclang-dev: with its C++ side it is several times the size. It does name the default version.
            version=$(libclang_version)
            : "${version:=$(apt-cache depends libclang-dev 2>/dev/null | sed -n 's/.*Depends: libclang-\([0-9]*\)-dev/\1/p')}"
            if [ -n "$version" ]; then echo "libclang1-$version" "libclang-common-$version-dev"; else echo libclang-dev; fi ;;
        apt-openmpi | apt-any) echo libopenmpi-dev openmpi-bin ;;
        apt-mpich) echo libmpich-dev mpich ;;
        apt-petsc) echo petsc-dev pkg-config ;;
        apt-blas) echo libopenblas0-serial ;;
        apt-gpmetis) echo metis ;;
        apt-venv) echo python3 python3-venv ;;
        apt-simgrid) echo libsimgrid-dev ;;
        apt-ip) echo iproute2 ;;
        apt-python) echo python3 ;;
        apt-valgrind) echo valgrind libc6-dbg ;;
        apt-c++) echo g++ ;;
        dnf-compiler) echo gcc glibc-devel ;;
        dnf-libclang) echo clang-devel ;;
        dnf-openmpi | dnf-any) echo openmpi-devel ;;
        dnf-mpich) echo mpich-devel ;;
        dnf-petsc) echo petsc-openmpi-devel pkgconf-pkg-config ;;
        dnf-blas) echo openblas-serial ;;
        dnf-gpmetis) echo metis ;;
        dnf-venv | dnf-python) echo python3 ;;
        dnf-simgrid) echo simgrid-devel ;;
        dnf-ip) echo iproute ;;
        dnf-valgrind) echo valgrind ;;
        dnf-c++) echo gcc-c++ ;;
        brew-libclang) echo llvm ;;
        brew-openmpi | brew-any) echo open-mpi ;;
        brew-mpich) echo mpich ;;
        brew-petsc) echo petsc pkgconf ;;
        brew-gpmetis) echo metis ;;
        brew-venv | brew-python) echo python ;;
        brew-simgrid) echo simgrid ;;
    esac
}

each() { for item in $missing; do "$1" "$item"; done; }
names() { each name_of | paste -sd, - | sed 's/,/, /g'; }
packages() { each package_of | paste -sd' ' -; }

mpis=
lint=
peers=
latency=
python=
valgrind=
fuzz=
for arg in "$@"; do
    case $arg in
        openmpi | mpich) mpis="$mpis $arg" ;;
        lint) lint=yes ;;
        peers) peers=yes ;;
        latency) latency=yes ;;
        python) python=yes ;;
        valgrind) valgrind=yes ;;
        fuzz) fuzz=yes ;;
        *) fail "unknown argument '$arg'; known are openmpi, mpich, lint, peers, latency, python, valgrind and fuzz" ;;
    esac
done
# The demo and the Makefile take the first of these compilers; its library has to be complete.
if [ -z "$mpis" ]; then
    if command -v mpicc.openmpi >/dev/null; then mpis=openmpi
    elif command -v mpicc.mpich >/dev/null; then mpis=mpich
    else mpis=any; fi
fi

check_rust
if [ -n "$lint" ]; then
    for component in rustfmt clippy; do
        # shellcheck disable=SC2086
        $cargo "$(echo $component | sed s/rustfmt/fmt/)" --version >/dev/null 2>&1 ||
            rustup component add $component ||
            fail "$component is missing; with rustup: rustup component add $component"
    done
fi

look
[ -n "$missing" ] || exit 0

manager=
for candidate in apt-get dnf brew; do
    if command -v $candidate >/dev/null; then manager=${candidate%-get} && break; fi
done
[ -n "$manager" ] || fail "install these with your package manager, then run this again: $(names)"

root=
if [ "$manager" != brew ] && [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null && root=sudo
    [ -n "$root" ] || fail "missing: $(names).
There is neither root nor sudo here. Ask the administrator for the packages
    $(packages)
$without_mpi"
fi

say "missing: $(names)"
case $manager in
    apt)
        # A broken third-party source must not stop us: the install below is the judge.
        $root apt-get update -qq || say "apt-get update had errors; trying to install all the same"
        list=$(packages)
        say "installing with apt-get, this can take a minute or two: $list"
        # shellcheck disable=SC2086  # a list of names
        $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 $list >/dev/null || failed=yes ;;
    dnf)
        list=$(packages)
        say "installing with dnf (never tested there): $list"
        # shellcheck disable=SC2086
        $root dnf install -y -q $list || failed=yes ;;
    brew)
        list=$(packages)
        say "installing with brew (never tested there): $list"
        # shellcheck disable=SC2086
        brew install $list || failed=yes ;;
esac

look
if [ -n "$missing" ]; then
    say "still missing: $(names)" >&2
    [ "$manager" != dnf ] || say "where MPI comes as a module, run 'module load mpi/openmpi-$(uname -m)' first" >&2
    [ -z "${failed:-}" ] || fail "$manager could not install them. Ask the administrator for the packages
    $list
$without_mpi"
    exit 1
fi
say "everything is there"
