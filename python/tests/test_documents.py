"""The Python code of the documents runs, and does what they say."""

import pathlib
import re

import mpi_cases
import numpy as np
import pytest
import scipy.sparse as sp
from systems import random_spd

import halocg

ROOT = pathlib.Path(__file__).resolve().parents[2]


def blocks(path):
    return re.findall(r"^```python\n(.*?)^```", (ROOT / path).read_text(encoding="utf-8"), re.M | re.S)


def test_the_readme(capsys):
    names = {}
    exec(blocks("python/README.md")[0], names)
    assert names["result"].converged and names["x"].shape == (100,)
    assert capsys.readouterr().out.startswith("True ")


def test_from_the_tutorial(capsys):
    names = {}
    for block in blocks("docs/from-the-tutorial.md"):
        if "mpi4py import" not in block:
            exec(block, names)
    printed = capsys.readouterr().out.strip()
    assert f"```text\n{printed}\n```" in (ROOT / "docs/from-the-tutorial.md").read_text(encoding="utf-8")
    np.testing.assert_allclose(names["model_problem"](48)[[0, -1]], [1e-6, 1.0])
    # The loop in the document is the method of the package.
    A, b = random_spd(200, 9), np.random.default_rng(10).normal(size=200)
    result = halocg.solve(A, b, rtol=1e-6)
    x, norms = names["pipe_pr_cg"](A, b, result.iterations)
    np.testing.assert_allclose(norms, result.history[:-1], rtol=1e-4)
    np.testing.assert_allclose(x, result.x, rtol=0, atol=1e-5)


def test_the_box_of_the_tutorial_does_not_converge():
    """What the document says of it."""
    i, n = np.arange(48), 48
    diagonal = 1e-3 + i / (n - 1) * (1 - 1e-3) * 0.8 ** (n - 1.0 - i)
    A, b = sp.diags_array(diagonal), diagonal / np.sqrt(n)
    x, r = np.zeros(n), b.copy()
    p, s = r.copy(), A @ r
    w = s.copy()
    with np.errstate(all="ignore"):
        for _ in range(200):
            mu, delta, gamma, nu = p @ s, s @ s, r @ r, r @ s
            products, u = A @ r, A @ s
            alpha = nu / mu
            old_r, old_w = r.copy(), w.copy()
            x, r, w = x + alpha * p, r - alpha * s, products - alpha * u
            beta = (nu - 2 * alpha * delta + alpha**2 * gamma) / nu
            p, s = old_r + beta * p, old_w + beta * s
    error = np.linalg.norm(np.sqrt(diagonal) * (x - 1 / np.sqrt(n))) / np.linalg.norm(np.sqrt(diagonal) / np.sqrt(n))
    assert not error < 1e-2
    assert halocg.solve(A, b).converged


def on_ranks(test):
    test = pytest.mark.skipif(halocg._core.mpi_library() is None, reason="this halocg was built without MPI")(test)
    return pytest.mark.skipif(not mpi_cases.HAS_MPI4PY, reason="mpi4py is not installed")(test)


@on_ranks
@pytest.mark.parametrize("ranks", [1, 3])
def test_from_the_tutorial_under_mpirun(tmp_path, ranks):
    from test_mpi import mpirun

    [block] = [block for block in blocks("docs/from-the-tutorial.md") if "mpi4py import" in block]
    program = tmp_path / "tutorial.py"
    program.write_text(block)
    run = mpirun(ranks, program)
    assert run.returncode == 0, run.stdout + run.stderr
    document = (ROOT / "docs/from-the-tutorial.md").read_text(encoding="utf-8")
    assert f"```text\n{run.stdout.strip()}\n```" in document, run.stdout


@on_ranks
def test_the_readme_under_mpirun(tmp_path):
    from test_mpi import mpirun

    program = tmp_path / "program.py"
    program.write_text(blocks("python/README.md")[1])
    run = mpirun(2, program)
    assert run.returncode == 0 and "CONVERGED_RTOL" in run.stdout, run.stdout + run.stderr
