//! A box of the structured grid per rank, by formula: nobody needs a list of owners.

use crate::problem::{EvenSplit, Stencil};
use std::ops::Range;

/// The grid cut into boxes of nearly equal size, as many along each axis as `ranks` says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Boxes {
    stencil: Stencil,
    /// Boxes along x, y, z.
    pub ranks: [usize; 3],
}

impl Boxes {
    /// Of all ways to write `ranks` as a product of three, the one that cuts the fewest grid points;
    /// at a tie the one with long rows along x, which are contiguous in memory.
    pub fn new(stencil: &Stencil, ranks: usize) -> Boxes {
        let surface = |cuts: [usize; 3]| -> u128 {
            let n = u128::from(stencil.n());
            (0..3).map(|axis| (cuts[axis] as u128 - 1) * n / u128::from(stencil.points[axis])).sum()
        };
        // A cut finer than the grid leaves ranks without rows; only when nothing else is left.
        let idle = |cuts: [usize; 3]| (0..3).any(|axis| cuts[axis] as u64 > stencil.points[axis]);
        let divisors = |number: usize| (1..=number).filter(move |divisor| number.is_multiple_of(*divisor));
        let cuts = divisors(ranks)
            .flat_map(|z| divisors(ranks / z).map(move |y| [ranks / z / y, y, z]))
            .min_by_key(|&cuts| (idle(cuts), surface(cuts), cuts[0], cuts[1]))
            .expect("a number of ranks has divisors");
        Boxes { stencil: *stencil, ranks: cuts }
    }

    fn split(&self, axis: usize) -> EvenSplit {
        EvenSplit { n: self.stencil.points[axis], ranks: self.ranks[axis] }
    }

    /// The owner of row `row`.
    pub fn owner(&self, row: u64) -> usize {
        let at = self.stencil.point(row);
        let place = |axis| self.split(axis).holder(at[axis]);
        place(0) + self.ranks[0] * (place(1) + self.ranks[1] * place(2))
    }

    /// The grid points of `rank`'s box along x, y, z.
    pub fn extent(&self, rank: usize) -> [Range<u64>; 3] {
        let [px, py, _] = self.ranks;
        let place = [rank % px, rank / px % py, rank / px / py];
        [0, 1, 2].map(|axis| self.split(axis).share(place[axis]))
    }

    /// The rows of `rank`'s box, increasing.
    pub fn rows_of(&self, rank: usize) -> Vec<u64> {
        let [x, y, z] = self.extent(rank);
        let along_x = |y, z| x.clone().map(move |x| [x, y, z]);
        z.flat_map(|z| y.clone().flat_map(move |y| along_x(y, z)).collect::<Vec<_>>())
            .map(|at| self.stencil.row_of(at))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_lies_in_the_box_of_its_owner_and_in_no_other() {
        for (points, dim, size) in [([7, 5, 1], 2, 5), ([4, 6, 5], 3, 7), ([2, 1, 1], 2, 5)] {
            let stencil = Stencil::new(points, dim, size).unwrap();
            for ranks in 1..=12 {
                let boxes = Boxes::new(&stencil, ranks);
                let mut seen = 0;
                for rank in 0..ranks {
                    let rows = boxes.rows_of(rank);
                    assert!(rows.is_sorted());
                    assert!(rows.iter().all(|&row| boxes.owner(row) == rank));
                    seen += rows.len() as u64;
                }
                assert_eq!(seen, stencil.n());
            }
        }
    }

    #[test]
    fn a_cube_is_cut_into_cubes() {
        let stencil = Stencil::new([64, 64, 64], 3, 7).unwrap();
        assert_eq!(Boxes::new(&stencil, 8).ranks, [2, 2, 2]);
        assert_eq!(Boxes::new(&stencil, 2).ranks, [1, 1, 2]);
        assert_eq!(Boxes::new(&stencil, 64).ranks, [4, 4, 4]);
    }
}
