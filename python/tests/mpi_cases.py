"""What the ranks of an mpirun do together: `python mpi_cases.py CASE` under mpirun; test_mpi.py starts them."""

import importlib.util
import sys

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as linalg
from systems import grid, random_spd

import halocg

HAS_MPI4PY = importlib.util.find_spec("mpi4py") is not None


def block(n, comm):
    """Uneven shares, the last one empty where there are many ranks."""
    cuts = [0] + [n * (rank + 1) ** 2 // comm.size**2 for rank in range(comm.size)]
    if comm.size > 3:
        cuts[-2] = n
    return slice(*cuts[comm.rank : comm.rank + 2])


def refusal(comm, error, words, **arguments):
    """Every rank is refused, nobody waits; the message is `words` on one of them at least."""
    try:
        halocg.solve(comm=comm, **arguments)
        said = None
    except (error, halocg.Error) as exception:
        said = str(exception)
    everyone = comm.allgather(said)
    assert all(everyone) and any(words in said for said in everyone), everyone


def blocks(comm):
    A = random_spd(400, 7)
    b = np.random.default_rng(8).normal(size=400)
    expected = linalg.spsolve(A.tocsc(), b)
    mine = block(400, comm)
    for solver, pc, partition in [
        ("pipe-pr-cg", "none", None),
        ("pipe-pr-cg", "bjacobi", "metis"),
        ("hs-cg", "jacobi", "blocks"),
        ("pr-cg", "chebyshev", "given"),
    ]:
        result = halocg.solve(A[mine], b[mine], comm=comm, solver=solver, pc=pc, partition=partition, rtol=1e-10)
        assert result.converged, result
        np.testing.assert_allclose(result.x, expected[mine], rtol=0, atol=1e-8)
        again = halocg.solve(A[mine], b[mine], comm=comm, x0=result.x)
        assert again.iterations == 0
    assert len(set(comm.allgather((result.iterations, result.true_residual)))) == 1


def same_bits(comm):
    A, b = grid(20, 15), np.arange(300.0)
    alone = halocg.solve(A, b, pc="jacobi", reproducible=True)
    mine = block(300, comm)
    result = halocg.solve(A[mine], b[mine], comm=comm, pc="jacobi", reproducible=True)
    np.testing.assert_array_equal(result.x, alone.x[mine])
    np.testing.assert_array_equal(result.history, alone.history)


def halves(comm):
    """A communicator of some of the ranks; the others talk about something else meanwhile."""
    half = comm.Split(comm.rank % 2)
    if comm.rank % 2 == 0:
        A, mine = grid(12, 12), block(144, half)
        result = halocg.solve(A[mine], np.ones(144)[mine], comm=half)
        assert result.converged
        assert np.abs(A @ np.concatenate(half.allgather(result.x)) - 1.0).max() < 1e-6
    else:
        assert half.allreduce(1) == half.size
    half.Free()
    assert comm.allreduce(1) == comm.size


def many(comm):
    """Communicators are given back: MPICH has about two thousand."""
    A, b, mine = grid(3, 3), np.ones(9), block(9, comm)
    A, b = A[mine], b[mine]
    for _ in range(2500):
        assert halocg.solve(A, b, comm=comm, solver="hs-cg").converged


def refusals(comm):
    A, b = grid(6, 5), np.ones(30)
    mine = block(30, comm)
    A, b = A[mine], b[mine]
    last = comm.rank == comm.size - 1
    refusal(comm, ValueError, "solver = 'gmres' is not known", A=A, b=b, solver="gmres")
    refusal(comm, ValueError, "threads is for one process", A=A, b=b, threads=2)
    refusal(comm, ValueError, "b has shape", A=A, b=np.ones(A.shape[0] + 1) if last else b)
    refusal(comm, TypeError, "complex128", A=A * 1j if last else A, b=b)
    refusal(comm, ValueError, "the ranks have", A=A[:, :-1] if last else A, b=b)
    refusal(comm, ValueError, "one triangle is missing", A=sp.csr_array(sp.triu(grid(6, 5)))[mine], b=b)
    if comm.size > 1:
        refusal(comm, ValueError, "x0 is given on some ranks", A=A, b=b, x0=b if last else None)
        refusal(comm, ValueError, "the options of rank", A=A, b=b, rtol=1e-3 if last else 1e-4)


def callbacks(comm):
    A, b = grid(20, 20), np.ones(400)
    mine = block(400, comm)
    seen = []
    result = halocg.solve(A[mine], b[mine], comm=comm, callback=lambda iteration, _: seen.append(iteration))
    assert seen == list(range(result.iterations + 1))

    for when in [5, result.iterations]:

        def stop(iteration, _):
            if iteration == when:
                raise ZeroDivisionError

        # One rank has had enough; the others learn of it, even if it is too late to spare them anything.
        try:
            halocg.solve(A[mine], b[mine], comm=comm, callback=stop if comm.rank == 0 else None)
            ended = None
        except (ZeroDivisionError, halocg.Error) as exception:
            ended = exception
        assert isinstance(ended, ZeroDivisionError if comm.rank == 0 else halocg.Error), ended
    assert halocg.solve(A[mine], b[mine], comm=comm).converged


CASES = {case.__name__: case for case in [blocks, same_bits, halves, many, refusals, callbacks]}

if __name__ == "__main__":
    from mpi4py import MPI

    name = sys.argv[1]
    try:
        CASES[name](MPI.COMM_WORLD)
    except BaseException:
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
        MPI.COMM_WORLD.Abort(1)
    print(f"{name}: passed", flush=True)
