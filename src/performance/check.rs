//! The model against the machine that it was fitted on.

use super::kernels::iteration;
use super::{Cut, Effort, Machine, Share};
use crate::comm::measure::median;
use crate::comm::{Comm, Op};
use crate::distributed::rows_to_owners;
use crate::error::Result;
use crate::krylov::{Kind, Preconditioning};
use crate::operator::{DistMatrix, FORMATS, MatrixOptions, Operator, Schedule};
use crate::partition::{self, Partition};
use crate::preconditioner;
use crate::problem::{Problem, Stencil};
use serde::Serialize;

/// An iteration measured and predicted.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What was multiplied with.
    pub problem: String,
    /// Global number of rows.
    pub rows: u64,
    /// Name of the format.
    pub format: &'static str,
    /// Name of the method.
    pub solver: &'static str,
    /// Name of the preconditioner.
    pub preconditioner: &'static str,
    /// `one-sweep` or `overlap` where the method leaves the choice.
    pub schedule: Option<&'static str>,
    /// Microseconds per iteration.
    pub measured_us: f64,
    /// The same by the model.
    pub predicted_us: f64,
}

impl Check {
    /// max(predicted / measured, measured / predicted) − 1: twice as long and half as long are both off by 1.
    pub fn error(&self) -> f64 {
        (self.predicted_us / self.measured_us).max(self.measured_us / self.predicted_us) - 1.0
    }
}

/// Grids other than those that the formats were measured on, in and out of cache.
fn problems() -> [(&'static str, Stencil); 5] {
    let grid = |points, dim, size| Stencil::new(points, dim, size).expect("a grid");
    [
        ("2D 5-point, 32 x 32", grid([32, 32, 1], 2, 5)),
        ("2D 5-point, 128 x 128", grid([128, 128, 1], 2, 5)),
        ("2D 9-point, 512 x 512", grid([512, 512, 1], 2, 9)),
        ("3D 7-point, 100 x 100 x 100", grid([100, 100, 100], 3, 7)),
        ("3D 27-point, 40 x 40 x 40", grid([40, 40, 40], 3, 27)),
    ]
}

const METHODS: &[&str] = &["hs-cg", "cg-cg", "pr-cg", "gv-cg", "pipe-p-cg", "pipe-pr-cg"];

/// Runs several methods on several grids for some iterations, and asks `machine` how long they take. Collective; the
/// same result on every rank. `tell` hears which grid is on.
///
/// # Errors
/// None that a grid can cause; those of the partition.
pub fn check(comm: &Comm, machine: &Machine, effort: Effort, mut tell: impl FnMut(&str)) -> Result<Vec<Check>> {
    let mut checks = Vec::new();
    for (name, grid) in problems().into_iter().filter(|(_, grid)| grid.n() <= effort.rows) {
        tell(name);
        let problem = Problem::Stencil(grid);
        let owners = partition::assign(comm, &problem, &Partition::Boxes)?;
        for format in FORMATS {
            for schedule in [Schedule::Overlap, Schedule::OneSweep] {
                let options = MatrixOptions { format: Some(format), schedule, ..MatrixOptions::default() };
                let rows = rows_to_owners(comm, &problem, &owners);
                let mut a = DistMatrix::with_options(comm, grid.n(), rows, &owners, &options)?;
                for (pc, method) in ["none", "jacobi"].iter().flat_map(|pc| METHODS.iter().map(move |m| (*pc, *m))) {
                    let kind = Kind::named(method).expect("in the table");
                    if schedule == Schedule::OneSweep && !kind.sweeps {
                        continue;
                    }
                    let at = Case { problem: name, format: format.name, kind, pc, schedule };
                    checks.push(at.check(comm, machine, &mut a)?);
                }
            }
        }
    }
    Ok(checks)
}

struct Case {
    problem: &'static str,
    format: &'static str,
    kind: &'static Kind,
    pc: &'static str,
    schedule: Schedule,
}

impl Case {
    fn check(&self, comm: &Comm, machine: &Machine, a: &mut DistMatrix) -> Result<Check> {
        let Case { problem, format, kind, pc, schedule } = *self;
        let mut m = preconditioner::Kind::named(pc).expect("in the table").build(a)?;
        // About as many iterations as rows make a few milliseconds; alike on all ranks.
        let iterations = (400_000 * comm.size() as u64 / a.layout().n()).clamp(6, 60);
        let measured = median(&[0; 3].map(|_| iteration(a, m.as_mut(), kind, iterations)));
        let with = if m.is_identity() { Preconditioning::None } else { Preconditioning::Diagonal };
        let cut = if schedule == Schedule::OneSweep { Cut::OneSweep } else { Cut::Passes };
        let mut predicted = [machine.iteration(&Share::of(a), kind, with, cut)];
        comm.reduce_f64(Op::Max, &mut predicted);
        Ok(Check {
            problem: problem.into(),
            rows: a.layout().n(),
            format,
            solver: kind.name,
            preconditioner: pc,
            schedule: kind.sweeps.then_some(if cut == Cut::OneSweep { "one-sweep" } else { "overlap" }),
            measured_us: 1e6 * measured,
            predicted_us: 1e6 * predicted[0],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_the_same_on_either_side() {
        let check = |measured_us, predicted_us| Check {
            problem: String::new(),
            rows: 1,
            format: "csr",
            solver: "hs-cg",
            preconditioner: "none",
            schedule: None,
            measured_us,
            predicted_us,
        };
        assert_eq!(check(2.0, 2.0).error(), 0.0);
        assert_eq!(check(2.0, 4.0).error(), 1.0);
        assert_eq!(check(4.0, 2.0).error(), 1.0);
    }
}
