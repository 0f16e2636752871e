//! The Python package's half in Rust: numpy arrays and options in, the flow of `system`, a dictionary out.
//!
//! What a user sees is in `package/halocg/__init__.py`, which has looked at the arrays before they come here.

#![deny(unsafe_code)]

mod attendant;
mod options;
mod system;

use attendant::Bell;
use halocg::comm::Comm;
use halocg::error::{self, ExitCode};
use halocg::{krylov, preconditioner};
use numpy::{IntoPyArray, PyReadonlyArray1};
use options::Options;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;
use system::{Block, Columns, Solved, solve_block};

pyo3::create_exception!(
    halocg,
    Error,
    PyRuntimeError,
    "What kept halocg from solving, when the matrix and the options are not to blame."
);

/// How often Python is asked whether a signal has come.
const SIGNALS: Duration = Duration::from_millis(50);

/// A matrix in compressed rows and its vectors, as numpy arrays.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Arrays<'py> {
    indptr: PyReadonlyArray1<'py, i64>,
    indices: Indices<'py>,
    data: PyReadonlyArray1<'py, f64>,
    b: PyReadonlyArray1<'py, f64>,
    x0: Option<PyReadonlyArray1<'py, f64>>,
}

/// Columns, as scipy keeps them: 32 bits wide where that is enough.
#[derive(FromPyObject)]
enum Indices<'py> {
    Narrow(PyReadonlyArray1<'py, i32>),
    Wide(PyReadonlyArray1<'py, i64>),
}

impl Arrays<'_> {
    fn block(&self) -> PyResult<Block<'_>> {
        Ok(Block {
            starts: self.indptr.as_slice()?,
            columns: match &self.indices {
                Indices::Narrow(columns) => Columns::Narrow(columns.as_slice()?),
                Indices::Wide(columns) => Columns::Wide(columns.as_slice()?),
            },
            values: self.data.as_slice()?,
            b: self.b.as_slice()?,
            x0: self.x0.as_ref().map(|x0| x0.as_slice()).transpose()?,
        })
    }
}

/// Solves a system that this process holds, on threads.
#[pyfunction]
fn solve(py: Python<'_>, arrays: Arrays<'_>, threads: usize, options: Options) -> PyResult<Py<PyDict>> {
    let block = arrays.block()?;
    let choice = options.choice()?;
    let bell = Bell::new(options.callback);
    let by_rank = py.detach(|| {
        // Python hands signals to its main thread only, which is perhaps this one: the ranks run elsewhere.
        std::thread::scope(|scope| {
            let (done, is_done) = channel::<()>();
            let body = |comm: &Comm| {
                let block = block.even_share(comm);
                solve_block(comm, &block, &choice, bell.attendant(comm, comm.is_root(), None))
            };
            let team = scope.spawn(move || {
                let _done = done;
                if threads == 1 { vec![body(&Comm::alone())] } else { Comm::threads(threads, body) }
            });
            while is_done.recv_timeout(SIGNALS) == Err(RecvTimeoutError::Timeout) {
                bell.look_for_signals();
            }
            team.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    });
    bell.answer()?;
    let solved: Vec<Solved> = by_rank.into_iter().collect::<error::Result<_>>().map_err(exception)?;
    let mut solved = solved.into_iter();
    let mut first = solved.next().expect("there is at least one rank");
    first.x.extend(solved.flat_map(|solved| solved.x));
    dictionary(py, first)
}

/// Solves a system of which each rank of an MPI communicator holds a block of rows. Collective.
///
/// `communicator` is the number that MPI_Comm_c2f gives it.
#[cfg(feature = "mpi")]
#[pyfunction]
fn solve_over(py: Python<'_>, arrays: Arrays<'_>, communicator: i32, options: Options) -> PyResult<Py<PyDict>> {
    let block = arrays.block()?;
    let choice = options.choice()?;
    let bell = Bell::new(options.callback);
    let solved = py.detach(|| {
        // SAFETY: `package/halocg/__init__.py` takes the number from a live intra-communicator of mpi4py; whether it is this
        // MPI's is asked before it is looked at, see `Comm::over_fortran`, and `library_version` is compared there.
        #[allow(unsafe_code)]
        let comm = unsafe { Comm::over_fortran(communicator) }?;
        let solved = solve_block(&comm, &block, &choice, bell.attendant(&comm, true, Some(SIGNALS)))?;
        bell.close(&comm);
        Ok(solved)
    });
    bell.answer()?;
    dictionary(py, solved.map_err(exception)?)
}

/// The MPI library that this was built for, in the words of MPI_Get_library_version; None without.
#[pyfunction]
fn mpi_library() -> Option<String> {
    #[cfg(feature = "mpi")]
    return Some(halocg::comm::library_version());
    #[cfg(not(feature = "mpi"))]
    None
}

fn dictionary(py: Python<'_>, solved: Solved) -> PyResult<Py<PyDict>> {
    let Solved { x, outcome } = solved;
    let dictionary = PyDict::new(py);
    dictionary.set_item("x", x.into_pyarray(py))?;
    dictionary.set_item("converged", outcome.reason.is_converged())?;
    dictionary.set_item("reason", outcome.reason.petsc_name())?;
    dictionary.set_item("message", outcome.reason.words())?;
    dictionary.set_item("iterations", outcome.iterations)?;
    let history: Vec<f64> = outcome.history.iter().map(|record| record.residual).collect();
    dictionary.set_item("history", history.into_pyarray(py))?;
    dictionary.set_item("true_residual", outcome.true_residual)?;
    dictionary.set_item("reference_norm", outcome.reference_norm)?;
    dictionary.set_item("seconds", outcome.seconds)?;
    Ok(dictionary.unbind())
}

/// Errors of the input are ValueErrors, the others this package's own.
fn exception(error: error::Error) -> PyErr {
    let message = error.to_string();
    match error.exit_code() {
        ExitCode::Usage | ExitCode::Input | ExitCode::NotSpd | ExitCode::Preconditioner => {
            PyValueError::new_err(message)
        }
        _ => Error::new_err(message),
    }
}

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let (solvers, preconditioners) = (PyDict::new(py), PyDict::new(py));
    for kind in krylov::TABLE {
        solvers.set_item(kind.name, kind.about)?;
    }
    for kind in preconditioner::TABLE {
        preconditioners.set_item(kind.name, kind.about)?;
    }
    module.add("SOLVERS", solvers)?;
    module.add("PRECONDITIONERS", preconditioners)?;
    module.add("Error", py.get_type::<Error>())?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_function(wrap_pyfunction!(mpi_library, module)?)?;
    #[cfg(feature = "mpi")]
    module.add_function(wrap_pyfunction!(solve_over, module)?)?;
    module.add_function(wrap_pyfunction!(solve, module)?)
}
