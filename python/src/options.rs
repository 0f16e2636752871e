//! Options as Python passes them, and what they come to.

use halocg::krylov::{self, Settings};
use halocg::partition::Partition;
use halocg::preconditioner::{self, SUB_TABLE};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// By keyword.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Options {
    solver: String,
    pc: String,
    sub_pc: String,
    chebyshev_degree: u32,
    rtol: f64,
    atol: f64,
    max_iterations: u64,
    partition: String,
    reproducible: bool,
    assume_symmetric: bool,
    pub callback: Option<Py<PyAny>>,
}

/// Options that make sense.
pub struct Choice {
    pub solver: &'static krylov::Kind,
    pub preconditioner: &'static preconditioner::Kind,
    pub preconditioning: preconditioner::Options,
    pub settings: Settings,
    /// None: as the rows were given.
    pub partition: Option<Partition>,
    pub reproducible: bool,
    pub assume_symmetric: bool,
}

impl Options {
    pub fn choice(&self) -> PyResult<Choice> {
        let solvers = || krylov::TABLE.iter().map(|kind| (kind.name, kind.about));
        let preconditioners = || preconditioner::TABLE.iter().map(|kind| (kind.name, kind.about));
        let sub_preconditioners = || SUB_TABLE.iter().map(|kind| (kind.name, kind.about));
        for (name, value) in [("rtol", self.rtol), ("atol", self.atol)] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(PyValueError::new_err(format!(
                    "{name} = {value}: a number that is not negative is needed"
                )));
            }
        }
        Ok(Choice {
            solver: krylov::Kind::named(&self.solver).ok_or_else(|| unknown("solver", &self.solver, solvers()))?,
            preconditioner: preconditioner::Kind::named(&self.pc)
                .ok_or_else(|| unknown("pc", &self.pc, preconditioners()))?,
            preconditioning: preconditioner::Options {
                sub_pc: SUB_TABLE
                    .iter()
                    .find(|kind| kind.name == self.sub_pc || kind.aliases.contains(&self.sub_pc.as_str()))
                    .ok_or_else(|| unknown("sub_pc", &self.sub_pc, sub_preconditioners()))?,
                chebyshev_degree: self.chebyshev_degree,
            },
            settings: Settings {
                rtol: self.rtol,
                atol: self.atol,
                max_iterations: self.max_iterations,
                ..Settings::default()
            },
            partition: match self.partition.as_str() {
                "given" => None,
                "metis" => Some(Partition::Metis),
                "blocks" => Some(Partition::Blocks),
                other => {
                    let known = [
                        ("given", "each rank keeps the rows that it was given"),
                        ("metis", "by the graph of the matrix"),
                        ("blocks", "in the order of the rows, as many for each rank"),
                    ];
                    return Err(unknown("partition", other, known.into_iter()));
                }
            },
            reproducible: self.reproducible,
            assume_symmetric: self.assume_symmetric,
        })
    }
}

/// The known ones with a line each.
fn unknown(what: &str, value: &str, known: impl Iterator<Item = (&'static str, &'static str)>) -> PyErr {
    let lines: String = known.map(|(name, about)| format!("\n  {name:<12} {about}")).collect();
    PyValueError::new_err(format!("{what} = '{value}' is not known; there are{lines}"))
}
