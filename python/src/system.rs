//! From a block of rows per rank to x, by the way of every solve: problem → partition → distribute → solve.

use crate::options::Choice;
use halocg::comm::Comm;
use halocg::distributed::{Layout, rows_to_even, rows_to_owners};
use halocg::error::{Error, Result};
use halocg::krylov::{self, Begin, Outcome, Watch};
use halocg::operator::{DistMatrix, Operator};
use halocg::partition::{self, Owners};
use halocg::problem::{self, EvenSplit, Rows};
use halocg::vector::MOST_TERMS;

/// Columns of either width. Negative ones lie outside every matrix.
#[derive(Clone, Copy)]
pub enum Columns<'a> {
    Narrow(&'a [i32]),
    Wide(&'a [i64]),
}

/// Consecutive rows of a matrix, with global columns, and their part of the vectors.
#[derive(Clone, Copy)]
pub struct Block<'a> {
    /// Where each row starts in `columns` and `values`; one more entry than rows.
    pub starts: &'a [i64],
    pub columns: Columns<'a>,
    pub values: &'a [f64],
    pub b: &'a [f64],
    pub x0: Option<&'a [f64]>,
}

impl<'a> Block<'a> {
    /// Of a block that is the whole system, the rows of this rank's even share.
    pub fn even_share(&self, comm: &Comm) -> Block<'a> {
        let share = EvenSplit { n: self.b.len() as u64, ranks: comm.size() }.share(comm.rank());
        let (from, to) = (share.start as usize, share.end as usize);
        Block { starts: &self.starts[from..=to], b: &self.b[from..to], x0: self.x0.map(|x0| &x0[from..to]), ..*self }
    }

    /// The rows, of which `first` is the number of the first.
    fn rows(&self, first: u64) -> Rows {
        let mut rows = Rows::new();
        for (number, ends) in (first..).zip(self.starts.windows(2)) {
            let entries = ends[0] as usize..ends[1] as usize;
            let values = self.values[entries.clone()].iter().copied();
            match self.columns {
                Columns::Narrow(columns) => {
                    rows.push(number, columns[entries].iter().map(|&column| i64::from(column) as u64).zip(values));
                }
                Columns::Wide(columns) => {
                    rows.push(number, columns[entries].iter().map(|&column| column as u64).zip(values));
                }
            }
        }
        rows
    }
}

/// What came of it.
pub struct Solved {
    /// The solution on the rows of the block.
    pub x: Vec<f64>,
    pub outcome: Outcome,
}

/// Solves the system of which every rank has a block of rows, in the order of the ranks. Collective.
///
/// # Errors
/// Whatever is wrong with the matrix; the same on every rank.
pub fn solve_block(comm: &Comm, block: &Block, choice: &Choice, mut watch: impl Watch) -> Result<Solved> {
    let comm = &if choice.reproducible { comm.reproducible() } else { comm.clone() };
    let (first, n) = comm.sum_before(block.b.len() as u64);
    let numbers = first..first + block.b.len() as u64;
    if choice.reproducible && n > MOST_TERMS {
        return Err(Error::usage(format!("reproducible serves up to {MOST_TERMS} rows, not {n}")));
    }
    let given = Layout::contiguous(comm, n, numbers.clone());
    let rows = rows_to_even(comm, n, block.rows(first));
    let problem = problem::of_rows(comm, n, rows, choice.assume_symmetric)?;
    let owners = match &choice.partition {
        Some(partition) => partition::assign(comm, &problem, partition)?,
        None => Owners::contiguous(comm, n, numbers),
    };
    let owned = rows_to_owners(comm, &problem, &owners);
    drop(problem);
    let mut a = DistMatrix::new(comm, n, owned, &owners);
    let mut m = choice.preconditioner.build_with(&a, &choice.preconditioning)?;
    let to_owners = |vector: &[f64]| a.layout().from_even(&given.to_even(vector));
    let (b, x0) = (to_owners(block.b), block.x0.map(to_owners));
    let begin = Begin::At(x0.as_deref());
    let mut outcome = krylov::solve_watched(&mut a, m.as_mut(), &b, begin, choice.solver, &choice.settings, &mut watch)
        .expect("an initial guess fits");
    let x = given.from_even(&a.layout().to_even(&std::mem::take(&mut outcome.x)));
    Ok(Solved { x, outcome })
}
