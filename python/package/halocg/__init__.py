"""Conjugate gradients for sparse symmetric positive definite systems, on threads or on the ranks of an MPI communicator.

`solve` is all there is to call; `SOLVERS` and `PRECONDITIONERS` list, with a line each, what it can be told to use.
"""

import dataclasses
import re

import numpy as np
import scipy.sparse

from . import _core
from ._core import SOLVERS, Error, __version__

__all__ = ["PRECONDITIONERS", "SOLVERS", "Error", "Result", "__version__", "solve"]


@dataclasses.dataclass(frozen=True, eq=False)
class Result:
    """What came of a solve.

    Attributes
    ----------
    x : numpy.ndarray
        The solution, in the shape of `b`; with `comm`, on this rank's rows. After a failure, the iterate with the smallest
        true residual known.
    converged : bool
        True if the true residual, computed afresh at the end, meets the tolerance.
    reason : str
        Why the solve ended, under the name that PETSc gives it (``CONVERGED_RTOL``, ``DIVERGED_ITS``, ...).
    message : str
        The same as a sentence.
    iterations : int
        Iterations taken.
    history : numpy.ndarray
        2-norm of the residual of the recurrence for iterates 0, 1, ..., `iterations`.
    true_residual : float
        2-norm of b - A x.
    reference_norm : float
        What `rtol` is measured against: the 2-norm of b, or of the initial residual if b is zero.
    seconds : float
        The time of the solve, without the preparation of matrix and preconditioner.
    """

    x: np.ndarray
    converged: bool
    reason: str
    message: str
    iterations: int
    history: np.ndarray
    true_residual: float
    reference_norm: float
    seconds: float

    @property
    def relative_residual(self):
        """`true_residual` in units of `reference_norm`."""
        return self.true_residual / self.reference_norm if self.reference_norm else self.true_residual

    def __repr__(self):
        return (
            f"<halocg.Result: {self.reason}, {self.iterations} iterations, "
            f"relative residual {self.relative_residual:.3e}, x of shape {self.x.shape}>"
        )


def solve(
    A,
    b,
    *,
    x0=None,
    solver="pipe-pr-cg",
    pc="none",
    sub_pc="ic0",
    chebyshev_degree=4,
    rtol=1e-8,
    atol=0.0,
    max_iterations=10_000,
    threads=1,
    comm=None,
    partition=None,
    reproducible=False,
    assume_symmetric=False,
    callback=None,
):
    """Solve A x = b for a symmetric positive definite A.

    Parameters
    ----------
    A : scipy sparse array or matrix, or array_like
        Both triangles, in any format; real. With `comm`, this rank's rows, with all their columns: the blocks of the ranks,
        stacked in rank order, are the matrix. Copied once, into the form that products are fast in.
    b : array_like
        Right-hand side, of shape (n,) or (n, 1); with `comm`, on this rank's rows.
    x0 : array_like, optional
        Initial guess, in the shape of `b`. Zero by default.
    solver : str
        One of `SOLVERS`, or PETSc's name for it.
    pc : str
        One of `PRECONDITIONERS`.
    sub_pc : {"ic0", "ssor", "cholesky"}
        How ``pc="bjacobi"`` solves with the blocks of the ranks.
    chebyshev_degree : int
        Degree of the polynomial of ``pc="chebyshev"``, up to 100; of degree 0 it is the diagonal, scaled.
    rtol, atol : float
        Converged when the 2-norm of b - A x is at most ``max(rtol * norm(b), atol)``, or
        within 1.1 times that while the residual of the recurrence is.
    max_iterations : int
        Limit of iterations.
    threads : int
        Ranks as threads of this process, up to 1024, without `comm`.
    comm : mpi4py.MPI.Comm, optional
        Intra-communicator whose ranks solve together. Every one of them calls, with the same options. The package
        must have been built with MPI, for the library that mpi4py uses.
    partition : {"metis", "blocks", "given"}, optional
        Who works on which rows: parts of the matrix graph with few connections, as METIS finds them; consecutive rows,
        balanced by nonzeros; or rows as they were given. By default "metis" on threads and "given" with `comm`.
    reproducible : bool
        The same bits whatever the number of ranks and the partition.
    assume_symmetric : bool
        Take A as it is: do not compare its two triangles.
    callback : callable, optional
        Called as ``callback(iteration, residual_norm)`` with every iterate; with `comm`, on every rank that passes one. It
        runs on another thread than the caller's unless `comm` is given. An exception in it ends the solve, and is raised.

    Returns
    -------
    Result
        Also where the method has not converged: see `Result.converged` and `Result.reason`.

    Raises
    ------
    ValueError, TypeError
        Arguments that make no sense, or a matrix that cannot be symmetric positive definite. Rows and columns are counted
        from 1 in what it says of entries, A(1,1) being the first.
    Error
        Anything else that kept halocg from solving. With `comm`, on ranks where nothing is wrong, whatever went wrong on
        another one.

    Notes
    -----
    Python's other threads run during the solve. KeyboardInterrupt ends it, within a twentieth of a second or an iteration.

    Examples
    --------
    >>> import numpy as np, scipy.sparse as sp, halocg
    >>> A = sp.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(100, 100))
    >>> result = halocg.solve(A, np.ones(100), pc="jacobi", rtol=1e-10)
    >>> result.converged
    True
    >>> bool(np.linalg.norm(A @ result.x - 1.0) < 1e-8)
    True
    """
    shape, prepared = None, None
    try:
        ranks = _whole_number("threads", threads, 1, 1024)
        if callback is not None and not callable(callback):
            raise TypeError("callback must be callable")
        if comm is not None and ranks != 1:
            raise ValueError("threads is for one process; with comm the ranks are those of the communicator")
        options = {
            "solver": str(solver),
            "pc": str(pc),
            "sub_pc": str(sub_pc),
            "chebyshev_degree": _whole_number("chebyshev_degree", chebyshev_degree, 0, 100),
            "rtol": float(rtol),
            "atol": float(atol),
            "max_iterations": _whole_number("max_iterations", max_iterations, 0),
            "partition": str(partition or ("metis" if comm is None else "given")),
            "reproducible": bool(reproducible),
            "assume_symmetric": bool(assume_symmetric),
        }
        prepared, shape = _arrays(A, b, x0)
        if comm is None and prepared["columns"] != len(prepared["b"]):
            raise ValueError(f"A has {len(prepared['b'])} rows and {prepared['columns']} columns: it must be square")
        failure = None
    except Exception as error:  # noqa: BLE001  # raised again, on all ranks
        if comm is None:
            raise
        options, failure = None, error
    if comm is not None:
        number = _communicator(comm, options, prepared, failure)
    raised = []

    def watched(iteration, residual_norm):
        try:
            callback(iteration, residual_norm)
        except BaseException as error:
            raised.append(error)
            raise

    options["callback"] = None if callback is None else watched
    try:
        if comm is None:
            found = _core.solve(prepared, ranks, options)
        else:
            found = _core.solve_over(prepared, number, options)
    except (ValueError, Error) as error:
        # What the callback says is its own affair.
        if any(error is of_callback for of_callback in raised):
            raise
        raise type(error)(_in_python(str(error))) from None
    found["x"] = found["x"].reshape(shape)
    found["message"] = _in_python(found["message"])
    return Result(**found)


def _whole_number(name, value, least, most=None):
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    if value < least:
        raise ValueError(f"{name} = {value}: at least {least} is needed")
    if most is not None and value > most:
        raise ValueError(f"{name} = {value}: at most {most} is possible")
    return int(value)


def _arrays(A, b, x0):
    """The arrays that the half in Rust reads, and the shape of b."""
    if not scipy.sparse.issparse(A):
        A = np.asarray(A)
    if A.ndim != 2:
        raise ValueError(f"A must have two dimensions, not {A.ndim}")
    rows, columns = A.shape
    A = scipy.sparse.csr_array(A, dtype=_real("A", A.dtype))
    if not A.has_canonical_format:
        A = A.copy()
        A.sum_duplicates()
    b, shape = _vector("b", b, rows)
    index = np.int32 if A.indices.dtype == np.int32 else np.int64
    return {
        "indptr": np.ascontiguousarray(A.indptr, dtype=np.int64),
        "indices": np.ascontiguousarray(A.indices, dtype=index),
        "data": np.ascontiguousarray(A.data),
        "b": b,
        "x0": None if x0 is None else _vector("x0", x0, rows)[0],
        "columns": columns,
    }, shape


def _vector(name, values, rows):
    values = np.asarray(values)
    if values.shape not in ((rows,), (rows, 1)):
        raise ValueError(f"{name} has shape {values.shape}, but A has {rows} rows: ({rows},) is needed")
    flat = np.ascontiguousarray(values, dtype=_real(name, values.dtype)).reshape(rows)
    bad = np.flatnonzero(~np.isfinite(flat))
    if bad.size:
        raise ValueError(f"{name}[{bad[0]}] = {flat[bad[0]]} is not a finite number")
    return flat, values.shape


def _real(name, dtype):
    if dtype.kind not in "fiub":
        raise TypeError(f"{name} holds {dtype}, but halocg computes with real numbers, in double precision")
    return np.float64


def _communicator(comm, options, prepared, failure):
    """The number of a communicator all of whose ranks have passed what makes sense together. Collective over it."""
    from mpi4py import MPI

    # What keeps one rank from going on keeps all of them: nobody waits for it.
    library = MPI.Get_library_version()
    if failure is None:
        if comm.Is_inter():
            failure = ValueError("comm is an inter-communicator; halocg works on intra-communicators")
        elif not hasattr(_core, "solve_over"):
            failure = ValueError(
                "this halocg was built without MPI: install it again with MATURIN_PEP517_ARGS='--features mpi' in the "
                "environment, and MPICC naming the compiler of the MPI library that mpi4py uses"
            )
        elif not _is_same_library(library, _core.mpi_library()):
            failure = ValueError(
                f"mpi4py uses {library.split(',')[0].strip()}, but this halocg was built for {_core.mpi_library()}: "
                "build one of them again, with the MPICC of the other"
            )
    mine = (failure and f"{failure}", prepared and (len(prepared["b"]), prepared["columns"]), options)
    x0 = prepared is not None and prepared["x0"] is not None
    ranks = comm.allgather((*mine, x0))
    for rank, (message, *_) in enumerate(ranks):
        if message is not None:
            raise failure or Error(f"rank {rank}: {message}")
    rows = sum(shape[0] for _, shape, *_ in ranks)
    for rank, (_, (_, columns), of_rank, has_x0) in enumerate(ranks):
        if columns != rows:
            raise ValueError(f"the ranks have {rows} rows together, but on rank {rank} these have {columns} columns")
        if of_rank != ranks[0][2]:
            raise ValueError(f"the options of rank {rank} are not those of rank 0")
        if has_x0 != ranks[0][3]:
            raise ValueError(f"x0 is given on some ranks, but not on all: ranks 0 and {rank} differ")
    return comm.py2f()


def _is_same_library(theirs, ours):
    """True if what MPI_Get_library_version says in mpi4py is of the library that the half in Rust names."""

    def words(text):
        line = re.split(r"[\n,\0]", text)[0].replace("Version:", "v")
        return " ".join(line.split()).replace("v ", "v")

    return words(theirs) == ours


def _in_python(message):
    """A message of halocg's, whose options have two dashes there."""
    message = message.replace("--max-it)", "max_iterations)")
    return re.sub(r"--([a-z][a-z-]*)", lambda option: option[1].replace("-", "_"), message)


PRECONDITIONERS = {name: _in_python(about) for name, about in _core.PRECONDITIONERS.items()}
