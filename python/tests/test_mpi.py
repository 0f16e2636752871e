"""Distributed rows under mpirun: each case of mpi_cases.py on 1, 2, 3 and 4 ranks."""

import os
import shutil
import subprocess
import sys
import tempfile

import mpi_cases
import pytest

from halocg import _core

pytestmark = [
    pytest.mark.skipif(_core.mpi_library() is None, reason="this halocg was built without MPI"),
    pytest.mark.skipif(not mpi_cases.HAS_MPI4PY, reason="mpi4py is not installed"),
]


def mpirun(ranks, *arguments):
    """Python under mpirun of the MPI library that the package was built for; more ranks than processors are meant."""
    is_open = _core.mpi_library().startswith("Open MPI")
    program = shutil.which("mpirun.openmpi" if is_open else "mpirun.mpich") or "mpirun"
    flags = ["--allow-run-as-root", "--oversubscribe"] if is_open else []
    # Jobs that start at the same time trip over a folder that each creates and removes.
    with tempfile.TemporaryDirectory(prefix="halocg-") as folder:
        return subprocess.run(
            [program, *flags, "-n", str(ranks), sys.executable, *map(str, arguments)],
            env={**os.environ, "OMPI_MCA_orte_tmpdir_base": folder, "OMPI_MCA_hwloc_base_binding_policy": "none"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )


@pytest.mark.parametrize(
    "name, ranks", [(name, ranks) for name in mpi_cases.CASES for ranks in ([1] if name == "many" else [1, 2, 3, 4])]
)
def test_case(name, ranks):
    run = mpirun(ranks, mpi_cases.__file__, name)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count(f"{name}: passed") == ranks, run.stdout
