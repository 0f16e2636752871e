//! Numbers that tell one system from another, whoever holds which rows.

use super::{EvenSplit, Problem};
use crate::comm::{Comm, Op};

/// A hash of what went before and of `word`: every bit of it depends on every bit of both.
fn mix(hash: u64, word: u64) -> u64 {
    // The last steps of the generator splitmix64.
    let mut z = (hash ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The sum over all ranks of a hash of each of their rows' words: the same in whatever order and on whatever ranks
/// the rows are. Collective.
pub fn fingerprint<R: IntoIterator<Item = u64>>(comm: &Comm, rows: impl Iterator<Item = R>) -> u64 {
    let own = rows.fold(0u64, |sum, row| sum.wrapping_add(row.into_iter().fold(0, mix)));
    // Halves: a reduction of whole words might overflow.
    let mut halves = [own & 0xffff_ffff, own >> 32];
    comm.reduce_u64(Op::Sum, &mut halves);
    halves[0].wrapping_add(halves[1] << 32)
}

impl Problem {
    /// Of the matrix: its rows with their numbers, columns and values. Collective.
    pub fn fingerprint(&self, comm: &Comm) -> u64 {
        let share = EvenSplit { n: self.n(), ranks: comm.size() }.share(comm.rank());
        let words = |(column, value): (u64, f64)| [column, value.to_bits()];
        match self {
            Problem::Matrix(..) | Problem::Mesh(_) => {
                let rows = self.even_share(comm);
                fingerprint(
                    comm,
                    (0..rows.len()).map(|k| {
                        let (columns, values) = rows.row(k);
                        let entries = columns.iter().copied().zip(values.iter().copied());
                        [rows.numbers[k]].into_iter().chain(entries.flat_map(words))
                    }),
                )
            }
            Problem::Stencil(stencil) => {
                fingerprint(comm, share.map(|row| [row].into_iter().chain(stencil.entries(row).flat_map(words))))
            }
            Problem::Dense(spectrum) => {
                fingerprint(comm, share.map(|row| [row, u64::MAX, spectrum.eigenvalue(row).to_bits()]))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::{Rows, Source, Stencil, load};

    #[test]
    fn a_fingerprint_knows_the_rows_and_not_the_ranks() {
        let of = |source: &Source, ranks| {
            let all = Comm::threads(ranks, |comm| load(comm, source).unwrap().fingerprint(comm));
            assert!(all.iter().all(|one| *one == all[0]));
            all[0]
        };
        let grid = |points| Source::Poisson(Stencil::new(points, 2, 5).unwrap());
        let print = of(&grid([7, 5, 1]), 1);
        for ranks in [2, 3, 7] {
            assert_eq!(of(&grid([7, 5, 1]), ranks), print);
        }
        assert_ne!(of(&grid([5, 7, 1]), 1), print);
        assert_eq!(of(&Source::PoissonMatrixFree(Stencil::new([7, 5, 1], 2, 5).unwrap()), 2), print);
    }

    #[test]
    fn any_change_of_an_entry_changes_it() {
        let comm = Comm::alone();
        let of = |entries: [(u64, f64); 2], number| {
            let mut rows = Rows::new();
            rows.push(number, entries);
            Problem::Matrix(9, rows).fingerprint(&comm)
        };
        let print = of([(0, 1.0), (3, 2.0)], 3);
        let next = f64::from_bits(2.0f64.to_bits() + 1);
        for other in [of([(0, 1.0), (3, next)], 3), of([(1, 1.0), (3, 2.0)], 3), of([(0, 1.0), (3, 2.0)], 4)] {
            assert_ne!(other, print);
        }
    }
}
