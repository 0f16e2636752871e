//! The vectors a solve starts from: the right-hand side, and files of values.

use super::Job;
use crate::comm::Op;
use crate::distributed::Layout;
use crate::error::{Error, ExitCode, Result};
use crate::operator::Operator;
use crate::problem::mesh::Load;
use crate::problem::{self, Conditions, MeshFacts, Problem, Source};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::path::{Path, PathBuf};

/// The right-hand side b.
#[derive(Clone, Debug, PartialEq)]
pub enum RightHandSide {
    /// bᵢ = 1.
    Ones,
    /// bᵢ uniform in [−1, 1), from a seed; row i's value does not depend on the ranks.
    Random(u64),
    /// b = A·(1, …, 1)/√n, so that the solution is known.
    A1,
    /// The one that belongs to the problem: the load on a mesh, that of the manufactured solution on a grid, and A·(1, …,
    /// 1)/√n for any other matrix.
    Own,
    /// A vector file.
    File(PathBuf),
}

impl RightHandSide {
    pub(super) fn describe(&self, problem: &Problem) -> String {
        match (self, problem) {
            (RightHandSide::Ones, _) => "b = ones".into(),
            (RightHandSide::Random(seed), _) => format!("b random (seed {seed})"),
            (RightHandSide::Own, Problem::Stencil(_)) => "b of a manufactured solution".into(),
            (RightHandSide::Own, Problem::Mesh(_)) => "b of linear finite elements".into(),
            (RightHandSide::A1 | RightHandSide::Own, _) => "b = A ones/sqrt(n)".into(),
            (RightHandSide::File(path), _) => format!("b from {}", path.display()),
        }
    }

    /// What is worth knowing of the mesh, if the problem is one on a mesh, with what this makes of its conditions.
    pub(super) fn mesh_facts(&self, source: &Source, problem: &Problem) -> Option<MeshFacts> {
        let load = match self {
            RightHandSide::Own => Load::Own,
            RightHandSide::A1 => Load::OfOnes,
            RightHandSide::Ones | RightHandSide::Random(_) | RightHandSide::File(_) => Load::Other,
        };
        let conditions = match source {
            Source::Mesh(_, conditions) => conditions.words(load),
            _ => Conditions::default().words(load),
        };
        problem.mesh_facts().map(|facts| MeshFacts { conditions, ..facts.clone() })
    }
}

/// What the solution is called, and the solution.
pub(super) type KnownSolution = (&'static str, Vec<f64>);

/// b on owned rows, and the solution if it is known. Collective.
pub(super) fn right_hand_side(
    rhs: &RightHandSide,
    problem: &Problem,
    a: &mut dyn Operator,
) -> Result<(Vec<f64>, Option<KnownSolution>)> {
    let layout = a.layout().clone();
    let rows = layout.rows();
    let (mut b, solution) = match (rhs, problem) {
        (RightHandSide::Ones, _) => (vec![1.0; rows.len()], None),
        (RightHandSide::Random(seed), _) => {
            let mut generator = ChaCha8Rng::seed_from_u64(*seed);
            let mut value = |row: u64| {
                // Two 32-bit words of the stream per row.
                generator.set_word_pos(2 * u128::from(row));
                (generator.next_u64() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
            };
            (rows.iter().map(|&row| value(row)).collect(), None)
        }
        // The model problem's own right-hand side: exact up to the tiny off-diagonal entries.
        (RightHandSide::A1 | RightHandSide::Own, Problem::Dense(spectrum)) => {
            let x = 1.0 / (spectrum.n as f64).sqrt();
            (
                rows.iter().map(|&row| spectrum.eigenvalue(row) * x).collect(),
                Some(("ones/sqrt(n)", vec![x; rows.len()])),
            )
        }
        (RightHandSide::Own, Problem::Mesh(mesh)) => (layout.from_even(&mesh.load), None),
        (RightHandSide::Own, Problem::Stencil(stencil)) => {
            let x = rows.iter().map(|&row| stencil.manufactured_solution(row)).collect();
            let b = rows.iter().map(|&row| stencil.manufactured_rhs(row)).collect();
            (b, Some(("the solution of the differential equation", x)))
        }
        (RightHandSide::A1 | RightHandSide::Own, _) => {
            let x = vec![1.0 / (layout.n() as f64).sqrt(); rows.len()];
            let mut b = vec![0.0; rows.len()];
            a.apply(&x, &mut b);
            (b, Some(("ones/sqrt(n)", x)))
        }
        (RightHandSide::File(path), _) => (read_vector(path, &layout).map_err(explain_rhs)?, None),
    };
    // What takes the place of the load does not take that of the values which the conditions hold.
    if let (RightHandSide::Ones | RightHandSide::Random(_) | RightHandSide::File(_), Problem::Mesh(mesh)) =
        (rhs, problem)
    {
        let own = |(value, is_held): (&f64, &bool)| if *is_held { *value } else { f64::NAN };
        let held: Vec<f64> = mesh.load.iter().zip(&mesh.is_held).map(own).collect();
        for (b, held) in b.iter_mut().zip(layout.from_even(&held)).filter(|(_, held)| !held.is_nan()) {
            *b = held;
        }
    }
    Ok((b, solution))
}

/// Refuses b = A·(1, …, 1)/√n where it is nothing but rounding: the matrix is singular then, and there is nothing to solve
/// for. Collective.
///
/// # Errors
/// When it is; the same on every rank.
pub(super) fn refuse_singular(a: &dyn Operator, b: &[f64], name: impl FnOnce() -> String) -> Result<()> {
    match is_rounding(a, b) {
        true => Err(Error::not_spd(format!("{}: {SINGULAR}", name()))),
        false => Ok(()),
    }
}

/// Why a matrix is singular.
pub(super) const SINGULAR: &str = "the sum of every row is 0 but for rounding: the matrix is singular";

/// Whether A·(1, …, 1)/√n is what rounding leaves of 0. Collective.
pub(super) fn is_rounding(a: &dyn Operator, b: &[f64]) -> bool {
    /// What the sum of a row may be off by, in units of the greatest entry of the diagonal.
    const ROUNDING: f64 = 64.0 * f64::EPSILON;
    let largest = |values: &[f64]| values.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
    let mut largest = [largest(b), largest(&a.diagonal())];
    a.layout().comm().reduce_f64(Op::Max, &mut largest);
    let [b, diagonal] = largest;
    b * (a.layout().n() as f64).sqrt() <= ROUNDING * diagonal
}

/// Where the solve begins: at the values of a file, or where the conditions on a mesh give them; else at zero. Collective.
pub(super) fn initial_guess(job: &Job, problem: &Problem, layout: &Layout) -> Result<Option<Vec<f64>>> {
    Ok(match (&job.x0, problem) {
        (Some(path), _) => Some(read_vector(path, layout)?),
        (None, Problem::Mesh(mesh)) if job.rhs != RightHandSide::A1 => Some(layout.from_even(&mesh.held)),
        (None, _) => None,
    })
}

/// A right-hand side that is no file may be a misspelt word.
fn explain_rhs(error: Error) -> Error {
    if error.exit_code() != ExitCode::Internal {
        return error; // the file is there, and says something
    }
    Error::new(error.exit_code(), format!("{error} (--rhs takes ones, random, random:SEED, A1 or a vector file)"))
}

/// A vector file, on its owners. Collective.
fn read_vector(path: &Path, layout: &Layout) -> Result<Vec<f64>> {
    Ok(layout.from_even(&problem::read_vector(layout.comm(), path, layout.n())?))
}
