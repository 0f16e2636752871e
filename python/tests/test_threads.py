"""`halocg.solve` on threads, against scipy."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as linalg
from systems import grid, random_spd

import halocg


def relative_residual(A, x, b):
    return np.linalg.norm(b - A @ x) / np.linalg.norm(b)


@pytest.mark.parametrize("threads", [1, 2, 3, 4])
@pytest.mark.parametrize("pc", list(halocg.PRECONDITIONERS))
@pytest.mark.parametrize("solver", list(halocg.SOLVERS))
def test_every_method_finds_what_spsolve_finds(solver, pc, threads):
    A = random_spd(300, 1)
    b = np.random.default_rng(2).normal(size=300)
    result = halocg.solve(A, b, solver=solver, pc=pc, threads=threads, rtol=1e-9)
    assert result.converged and result.reason == "CONVERGED_RTOL"
    assert relative_residual(A, result.x, b) <= 1.1e-9
    assert result.true_residual == pytest.approx(np.linalg.norm(b - A @ result.x), rel=1e-3)
    np.testing.assert_allclose(result.x, linalg.spsolve(A.tocsc(), b), rtol=0, atol=1e-7)


@pytest.mark.parametrize("sub_pc, most", [("ic0", 40), ("ssor", 60), ("cholesky", 2)])
def test_block_jacobi_solves_the_blocks_as_asked(sub_pc, most):
    try:
        result = halocg.solve(grid(30, 20), np.ones(600), pc="bjacobi", sub_pc=sub_pc)
    except ValueError as error:
        if sub_pc == "cholesky" and "is not known" in str(error):
            pytest.skip("this halocg was built without cholesky")
        raise
    assert result.converged and result.iterations <= most


def test_classic_cg_takes_the_iterations_of_scipys():
    A, b = grid(40, 30), np.ones(1200)
    seen = []
    x, info = linalg.cg(A, b, rtol=1e-8, callback=lambda x: seen.append(np.linalg.norm(b - A @ x)))
    result = halocg.solve(A, b, solver="hs-cg", rtol=1e-8)
    assert info == 0 and abs(result.iterations - len(seen)) <= 1
    np.testing.assert_allclose(result.history[1:40], seen[:39], rtol=1e-6)
    np.testing.assert_allclose(result.x, x, rtol=1e-5)


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "bsr", "dia", "lil"])
@pytest.mark.parametrize("container", [sp.csr_array, sp.csr_matrix])
def test_every_format_of_scipy_is_the_same_matrix(container, kind):
    A, b = grid(12, 10), np.arange(120.0)
    expected = halocg.solve(A, b).x
    np.testing.assert_array_equal(halocg.solve(container(A).asformat(kind), b).x, expected)


def test_duplicates_disorder_wide_indices_and_other_numbers():
    A = grid(9, 9)
    b = np.ones(81)
    expected = halocg.solve(A, b).x
    coo = A.tocoo()
    order = np.random.default_rng(3).permutation(2 * coo.nnz)
    rows, columns, values = (np.concatenate([array, array])[order] for array in (coo.row, coo.col, coo.data / 2))
    np.testing.assert_array_equal(halocg.solve(sp.coo_array((values, (rows, columns)), A.shape), b).x, expected)
    unsorted = A.copy()
    for row in range(81):
        ends = slice(*unsorted.indptr[row : row + 2])
        unsorted.indices[ends], unsorted.data[ends] = unsorted.indices[ends][::-1].copy(), unsorted.data[ends][::-1].copy()
    unsorted.has_sorted_indices = unsorted.has_canonical_format = False
    before = unsorted.indices.copy()
    np.testing.assert_array_equal(halocg.solve(unsorted, b).x, expected)
    np.testing.assert_array_equal(unsorted.indices, before, "the user's matrix is not touched")
    wide = A.copy()
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    np.testing.assert_array_equal(halocg.solve(wide, b).x, expected)
    np.testing.assert_array_equal(halocg.solve(A.astype(np.int32), b.astype(np.float32)).x, expected)
    np.testing.assert_array_equal(halocg.solve(A.toarray(), list(b)).x, expected)


def test_shapes_and_initial_guess():
    A = grid(10, 8)
    b = np.random.default_rng(4).normal(size=(80, 1))
    result = halocg.solve(A, b, rtol=1e-10)
    assert result.x.shape == (80, 1)
    again = halocg.solve(A, b[:, 0], x0=result.x, rtol=1e-8)
    assert again.iterations == 0 and again.x.shape == (80,)
    strided = np.repeat(b[:, 0], 2)[::2]
    np.testing.assert_array_equal(halocg.solve(A, strided, rtol=1e-10).x, result.x[:, 0])
    nothing = halocg.solve(A, np.zeros(80))
    assert nothing.converged and not nothing.x.any()


def test_reproducible_solves_have_the_same_bits():
    A, b = random_spd(500, 5), np.random.default_rng(6).normal(size=500)
    solve = lambda threads, partition: halocg.solve(
        A, b, pc="jacobi", threads=threads, partition=partition, reproducible=True
    )
    first = solve(1, None)
    for threads, partition in [(2, "metis"), (3, "blocks"), (4, "given")]:
        other = solve(threads, partition)
        np.testing.assert_array_equal(other.x, first.x)
        np.testing.assert_array_equal(other.history, first.history)


def test_a_solve_that_does_not_converge_says_so():
    A, b = grid(30, 30), np.ones(900)
    result = halocg.solve(A, b, max_iterations=5)
    assert not result.converged and result.reason == "DIVERGED_ITS" and result.iterations == 5
    assert len(result.history) == 6 and "max_iterations" in result.message
    indefinite = sp.csr_array(A - 4 * sp.eye_array(900))
    indefinite.setdiag(0.5)
    assert halocg.solve(indefinite, b).reason == "DIVERGED_INDEFINITE_MAT"


@pytest.mark.parametrize(
    "change, error, words",
    [
        (dict(solver="gmres"), ValueError, r"solver = 'gmres' is not known; there are\n  pipe-pr-cg +pipelined"),
        (dict(pc="ilu"), ValueError, r"pc = 'ilu' is not known; there are\n  none(.|\n)*\n  bjacobi +.*incomplete Cholesky"),
        (dict(pc="bjacobi", sub_pc="lu"), ValueError, "sub_pc = 'lu' is not known"),
        (dict(partition="boxes"), ValueError, "partition = 'boxes' is not known"),
        (dict(rtol=-1.0), ValueError, "rtol = -1: a number that is not negative"),
        (dict(atol=float("nan")), ValueError, "atol = NaN"),
        (dict(rtol="small"), ValueError, "could not convert"),
        (dict(threads=0), ValueError, "threads = 0: at least 1"),
        (dict(threads=1025), ValueError, "threads = 1025: at most 1024"),
        (dict(chebyshev_degree=101), ValueError, "chebyshev_degree = 101: at most 100"),
        (dict(max_iterations=1.5), TypeError, "max_iterations must be an int"),
        (dict(callback=3), TypeError, "callback must be callable"),
        (dict(b=np.ones(19)), ValueError, r"b has shape \(19,\), but A has 20 rows"),
        (dict(x0=np.ones(21)), ValueError, r"x0 has shape \(21,\)"),
        (dict(b=np.full(20, np.inf)), ValueError, r"b\[0\] = inf is not a finite number"),
        (dict(b=np.ones(20) * 1j), TypeError, "b holds complex128"),
        (dict(A=np.ones(20)), ValueError, "two dimensions"),
        (dict(A=grid(5, 4)[:, :19]), ValueError, "20 rows and 19 columns"),
        (dict(A=sp.triu(grid(5, 4))), ValueError, r"A\(2,1\) is missing: one triangle is missing"),
        (dict(A=-grid(5, 4)), ValueError, r"A\(1,1\) = -4: a positive definite matrix"),
        (dict(A=grid(5, 4) * np.nan), ValueError, "not a finite number"),
        (dict(A=grid(5, 4) + sp.eye_array(20, k=1)), ValueError, r"not symmetric.*\(assume_symmetric takes"),
    ],
)
def test_arguments_that_make_no_sense(change, error, words):
    arguments = dict(A=grid(5, 4), b=np.ones(20)) | change
    with pytest.raises(error, match=words):
        halocg.solve(**arguments)


@pytest.mark.parametrize("threads", [1, 3])
def test_the_callback_sees_every_iterate_and_may_end_the_solve(threads):
    A, b = grid(20, 20), np.ones(400)
    seen = []
    result = halocg.solve(A, b, threads=threads, callback=lambda *iterate: seen.append(iterate))
    assert [iteration for iteration, _ in seen] == list(range(result.iterations + 1))
    np.testing.assert_array_equal([residual for _, residual in seen], result.history)

    class Enough(Exception):
        pass

    def stop(iteration, _):
        calls.append(iteration)
        if iteration == 7:
            raise Enough

    calls = []
    with pytest.raises(Enough):
        halocg.solve(A, b, threads=threads, callback=stop)
    assert calls == list(range(8))


@pytest.mark.parametrize("kind", [ValueError, halocg.Error, KeyError])
def test_an_exception_of_the_callback_is_passed_on_as_it_is(kind):
    def stop(iteration, _):
        if iteration == 3:
            raise thrown

    thrown = kind("stop --now-x")
    with pytest.raises(kind) as caught:
        halocg.solve(grid(20, 20), np.ones(400), callback=stop)
    assert caught.value is thrown and thrown.args == ("stop --now-x",)
    assert "stop" in [entry.name for entry in caught.traceback]


def test_a_polynomial_may_be_a_constant():
    A, b = grid(20, 20), np.ones(400)
    constant, jacobi = halocg.solve(A, b, pc="chebyshev", chebyshev_degree=0), halocg.solve(A, b, pc="jacobi")
    assert constant.converged and abs(constant.iterations - jacobi.iterations) <= 1


def test_other_threads_run_during_a_solve():
    A, b = grid(300, 300), np.ones(90_000)
    done, counts = threading.Event(), [0]

    def count():
        while not done.wait(0.001):
            counts[0] += 1

    counter = threading.Thread(target=count)
    counter.start()
    before = counts[0]
    result = halocg.solve(A, b, solver="hs-cg", rtol=1e-12)
    during = counts[0] - before
    done.set()
    counter.join()
    # A counter that had to wait for the solve would count once or twice.
    assert result.seconds > 0.02 and during > 4


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize("threads", [1, 2])
def test_an_interrupt_ends_a_solve(threads):
    program = f"""if True:
        import sys
        sys.path[:0] = {sys.path!r}
        import numpy as np, halocg, signal
        from systems import grid
        # A shell starts what it puts into the background with this signal ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        say = lambda iteration, _: print("runs", flush=True) if iteration == 3 else None
        try:
            halocg.solve(grid(700, 700), np.ones(490_000), rtol=0, max_iterations=10**9, threads={threads}, callback=say)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
    """
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "runs\n"
            start = time.monotonic()
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=60)[0] == "interrupted\n"
            assert process.returncode == 0 and time.monotonic() - start < 60
        finally:
            process.kill()


def test_the_examples_of_the_documentation():
    import doctest

    failed, tried = doctest.testmod(halocg)
    assert tried >= 4 and failed == 0
