"""The build of this package: maturin's, with MPI where there is all that it takes.

MATURIN_PEP517_ARGS overrides that: "--features mpi" insists on MPI, "--no-default-features" is the smallest build.
"""

import ctypes.util
import glob
import os
import shutil
import subprocess


def has_mpi():
    """Whether MPICC, or mpicc, compiles for MPI, and libclang, which reads its header, is there.

    An MPICC that is named and does not serve is an error.
    """
    compiler = os.environ.get("MPICC", "mpicc")
    found = shutil.which(compiler) is not None and compiles(compiler) and has_libclang()
    if not found and "MPICC" in os.environ:
        raise RuntimeError(f"MPICC={compiler} does not compile for MPI, or libclang is missing with its headers")
    return found


def compiles(compiler):
    """Whether it knows the header of MPI."""
    probe = subprocess.run([compiler, "-E", "-x", "c", "-"], input=b"#include <mpi.h>\n", capture_output=True)
    return probe.returncode == 0


def has_libclang():
    """With clang's own headers, which Debian packs apart."""
    if "LIBCLANG_PATH" in os.environ:
        return os.path.exists(os.environ["LIBCLANG_PATH"])
    debian = glob.glob("/usr/lib/llvm-*/lib/libclang*.so*")
    if debian:
        return bool(glob.glob("/usr/lib/llvm-*/lib/clang/*/include/stddef.h"))
    return ctypes.util.find_library("clang") is not None


def __getattr__(hook):
    """What pip calls is maturin's."""
    if not hook.startswith(("build_", "get_requires_", "prepare_metadata_")):
        raise AttributeError(hook)
    import maturin

    if "MATURIN_PEP517_ARGS" not in os.environ and has_mpi():
        os.environ["MATURIN_PEP517_ARGS"] = "--features mpi"
    return getattr(maturin, hook)
