//! A box of the structured grid per rank, by formula: nobody needs a list of owners.

use crate::problem::{EvenSplit, Stencil};
use std::ops::Range;

/// The grid cut into layers along z, each layer into rows along y, each row into boxes along x.
///
/// A layer, a row or a box is as thick as its share of the ranks. Where the number of ranks has the right divisors
/// all boxes are alike; where it has not (it is prime, say) some layers and rows hold one rank more than others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Boxes {
    stencil: Stencil,
    ranks: usize,
    layers: usize,
    /// Rows of a layer that has the smaller number of ranks, and of one that has one more.
    rows: [usize; 2],
}

/// What a rank exchanges with a neighbour, in rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BoxNeighbour {
    /// The neighbour.
    pub rank: usize,
    /// Its rows that are ghosts here.
    pub receive: u64,
    /// Rows of this rank that are ghosts there.
    pub send: u64,
}

/// Grid points along x, y, z.
type Region = [Range<u64>; 3];

/// Groups of about equally many ranks along an axis. A group's share of the points is that of its ranks.
struct Axis {
    points: u64,
    ranks: usize,
    groups: usize,
}

impl Axis {
    fn ranks_of(&self, group: usize) -> Range<usize> {
        let share = EvenSplit { n: self.ranks as u64, ranks: self.groups }.share(group);
        share.start as usize..share.end as usize
    }

    fn points_of(&self, group: usize) -> Range<u64> {
        let (ranks, split) = (self.ranks_of(group), EvenSplit { n: self.points, ranks: self.ranks });
        split.share(ranks.start).start..split.share(ranks.end - 1).end
    }

    fn group_at(&self, point: u64) -> usize {
        let rank = EvenSplit { n: self.points, ranks: self.ranks }.holder(point);
        EvenSplit { n: self.ranks as u64, ranks: self.groups }.holder(rank as u64)
    }

    fn group_of(&self, rank: usize) -> usize {
        EvenSplit { n: self.ranks as u64, ranks: self.groups }.holder(rank as u64)
    }
}

impl Boxes {
    /// Of all such cuts the one where the rank with the most rows and ghosts has the fewest (a ghost is packed, sent and
    /// read: it costs about what a row does); at a tie the one with long rows along x, which are contiguous in memory.
    pub fn new(stencil: &Stencil, ranks: usize) -> Boxes {
        let (even, uneven) = (Search::run(stencil, ranks, true), Search::run(stencil, ranks, false));
        // Boxes that are not alike have more neighbours: beyond the equal share of the rows, which nobody can go below,
        // they must promise a tenth less.
        let excess = |found: &Search| found.cost.saturating_sub(average(stencil, ranks));
        let is_better = (uneven.idle, 10 * excess(&uneven)) < (even.idle, 9 * excess(&even));
        let best = if is_better { uneven } else { even };
        Boxes { stencil: *stencil, ranks, layers: best.layers, rows: best.rows }
    }

    fn along_z(&self) -> Axis {
        Axis { points: self.stencil.points[2], ranks: self.ranks, groups: self.layers }
    }

    fn along_y(&self, ranks: usize) -> Axis {
        let more = usize::from(ranks > self.ranks / self.layers);
        Axis { points: self.stencil.points[1], ranks, groups: self.rows[more] }
    }

    fn along_x(&self, ranks: usize) -> Axis {
        Axis { points: self.stencil.points[0], ranks, groups: ranks }
    }

    /// The owner of row `row`.
    pub fn owner(&self, row: u64) -> usize {
        let [x, y, z] = self.stencil.point(row);
        let layers = self.along_z();
        let layer = layers.ranks_of(layers.group_at(z));
        let rows = self.along_y(layer.len());
        let row = rows.ranks_of(rows.group_at(y));
        layer.start + row.start + self.along_x(row.len()).group_at(x)
    }

    /// The grid points of `rank`'s box along x, y, z.
    pub fn extent(&self, rank: usize) -> [Range<u64>; 3] {
        let layers = self.along_z();
        let z = layers.group_of(rank);
        let layer = layers.ranks_of(z);
        let rows = self.along_y(layer.len());
        let y = rows.group_of(rank - layer.start);
        let row = rows.ranks_of(y);
        let x = rank - layer.start - row.start;
        [self.along_x(row.len()).points_of(x), rows.points_of(y), layers.points_of(z)]
    }

    /// The rows of `rank`'s box, increasing.
    pub fn rows_of(&self, rank: usize) -> Vec<u64> {
        let [x, y, z] = self.extent(rank);
        let along_x = |y, z| x.clone().map(move |x| [x, y, z]);
        z.flat_map(|z| y.clone().flat_map(move |y| along_x(y, z)).collect::<Vec<_>>())
            .map(|at| self.stencil.row_of(at))
            .collect()
    }

    /// The exact halo of any rank, by formula: its neighbours, increasing, and the rows that go either way. Not
    /// collective, and nothing of the size of a box is held.
    pub fn halo(&self, rank: usize) -> Vec<BoxNeighbour> {
        let mine = self.extent(rank);
        let mut received: Vec<(usize, u64)> = Vec::new();
        for region in self.ghost_regions(&mine) {
            self.overlaps(&region, |owner, points| received.push((owner, points)));
        }
        received.retain(|&(owner, _)| owner != rank);
        received.sort_unstable();
        received
            .chunk_by(|a, b| a.0 == b.0)
            .map(|parts| {
                let there = self.ghost_regions(&self.extent(parts[0].0));
                BoxNeighbour {
                    rank: parts[0].0,
                    receive: parts.iter().map(|(_, points)| points).sum(),
                    send: there.iter().map(|region| volume(&common(region, &mine))).sum(),
                }
            })
            .collect()
    }

    /// Regions that hold the ghosts of a box, each of them once; for a full stencil the box itself as well.
    fn ghost_regions(&self, of: &Region) -> Vec<Region> {
        let points = self.stencil.points;
        let wider = |axis: usize| {
            let Range { start, end } = of[axis];
            if axis < self.stencil.dim { start.saturating_sub(1)..(end + 1).min(points[axis]) } else { start..end }
        };
        if volume(of) == 0 {
            return Vec::new();
        }
        if self.stencil.full {
            return vec![[0, 1, 2].map(wider)];
        }
        let sides = |axis: usize| {
            let (own, wide) = (of[axis].clone(), wider(axis));
            [wide.start..own.start, own.end..wide.end].map(|side| {
                let mut region = of.clone();
                region[axis] = side;
                region
            })
        };
        (0..3).flat_map(sides).filter(|region| volume(region) > 0).collect()
    }

    /// Tells the owners of the points of a region that is not empty, and how many each of them has.
    fn overlaps(&self, region: &Region, mut found: impl FnMut(usize, u64)) {
        let groups = |axis: &Axis, points: &Range<u64>| axis.group_at(points.start)..=axis.group_at(points.end - 1);
        let [across_x, across_y, across_z] = region;
        let layers = self.along_z();
        for z in groups(&layers, across_z) {
            let layer = layers.ranks_of(z);
            let rows = self.along_y(layer.len());
            for y in groups(&rows, across_y) {
                let row = rows.ranks_of(y);
                let boxes = self.along_x(row.len());
                for x in groups(&boxes, across_x) {
                    let points = volume(&common(region, &[boxes.points_of(x), rows.points_of(y), layers.points_of(z)]));
                    if points > 0 {
                        found(layer.start + row.start + x, points);
                    }
                }
            }
        }
    }
}

fn common(a: &Region, b: &Region) -> Region {
    [0, 1, 2].map(|axis| a[axis].start.max(b[axis].start)..a[axis].end.min(b[axis].end))
}

fn volume(region: &Region) -> u64 {
    region.iter().map(|range| range.end.saturating_sub(range.start)).product()
}

/// The best cut of one kind.
struct Search {
    /// A cut finer than the grid leaves ranks without rows; only when nothing else is left.
    idle: bool,
    cost: u128,
    layers: usize,
    rows: [usize; 2],
}

impl Search {
    /// Tries all numbers of layers and rows; `even`: those only that make all boxes alike.
    fn run(stencil: &Stencil, ranks: usize, even: bool) -> Search {
        let [nx, ny, nz] = stencil.points;
        let mut best: Option<Search> = None;
        for layers in 1..=ranks.min(nz as usize).max(1) {
            let (fewer, rest) = (ranks / layers, ranks % layers);
            if even && rest > 0 {
                continue;
            }
            // More layers are thinner, so their faces weigh more: no better cut can follow.
            let most = fewer + usize::from(rest > 0);
            let faces = sides(layers) * u128::from(nx * ny) / most as u128;
            if best.as_ref().is_some_and(|best| !best.idle && faces + average(stencil, ranks) > best.cost) {
                break;
            }
            let layer = |ranks_in_it: usize| {
                let thickness = share(nz, ranks_in_it, ranks);
                Search::rows(stencil, ranks_in_it, thickness, layers, even)
            };
            let (small, large) = (layer(fewer), layer(most));
            let found = Search {
                idle: small.idle || large.idle || (fewer as u128) * u128::from(nz) < ranks as u128,
                cost: small.cost.max(large.cost),
                layers,
                rows: [small.rows[0], large.rows[0]],
            };
            if best.as_ref().is_none_or(|best| (found.idle, found.cost) <= (best.idle, best.cost)) {
                best = Some(found);
            }
        }
        best.expect("one layer is always possible")
    }

    /// The best number of rows for a layer of so many ranks and points.
    fn rows(stencil: &Stencil, ranks: usize, thickness: u64, layers: usize, even: bool) -> Search {
        let [nx, ny, _] = stencil.points;
        let mut best: Option<Search> = None;
        for rows in 1..=ranks.min(ny as usize) {
            let (fewer, rest) = (ranks / rows, ranks % rows);
            if even && rest > 0 {
                continue;
            }
            let widest = nx.div_ceil(fewer as u64);
            let least = thickness as u128 * (sides(rows) * u128::from(widest) + u128::from(nx * ny) / ranks as u128);
            if best.as_ref().is_some_and(|best| !best.idle && least > best.cost) {
                break;
            }
            let cost = |boxes: usize| {
                let [x, y, z] = [nx.div_ceil(boxes as u64), share(ny, boxes, ranks), thickness].map(u128::from);
                x * y * z + sides(boxes) * y * z + sides(rows) * x * z + sides(layers) * x * y
            };
            let most = fewer + usize::from(rest > 0);
            let found = Search {
                idle: most as u64 > nx || (fewer as u128) * u128::from(ny) < ranks as u128,
                cost: cost(fewer).max(cost(most)),
                layers,
                rows: [rows; 2],
            };
            if best.as_ref().is_none_or(|best| (found.idle, found.cost) <= (best.idle, best.cost)) {
                best = Some(found);
            }
        }
        best.expect("one row is always possible")
    }
}

/// Rows of a rank on average.
fn average(stencil: &Stencil, ranks: usize) -> u128 {
    u128::from(stencil.n()) / ranks as u128
}

/// How many of its two sides along an axis a box shares with others, at most.
fn sides(boxes: usize) -> u128 {
    boxes.saturating_sub(1).min(2) as u128
}

/// The most points that `some` of `all` ranks get.
fn share(points: u64, some: usize, all: usize) -> u64 {
    (u128::from(points) * some as u128).div_ceil(all as u128) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn stencils(points: [u64; 3]) -> [Stencil; 4] {
        let [x, y, _] = points;
        let grid = |points, dim, size| Stencil::new(points, dim, size).unwrap();
        [grid([x, y, 1], 2, 5), grid([x, y, 1], 2, 9), grid(points, 3, 7), grid(points, 3, 27)]
    }

    const SMALL: [[u64; 3]; 5] = [[7, 5, 4], [4, 6, 5], [2, 1, 1], [1, 1, 9], [8, 8, 8]];

    #[test]
    fn every_row_lies_in_the_box_of_its_owner_and_in_no_other() {
        for stencil in SMALL.into_iter().flat_map(stencils) {
            for ranks in 1..=40 {
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
    fn the_halo_by_formula_is_that_of_every_entry_looked_at() {
        for stencil in SMALL.into_iter().flat_map(stencils) {
            for ranks in (1..=16).chain([23, 37]) {
                let boxes = Boxes::new(&stencil, ranks);
                // (owner of the ghost, who reads it) → its rows.
                let mut read: BTreeMap<(usize, usize), Vec<u64>> = BTreeMap::new();
                for row in 0..stencil.n() {
                    let reader = boxes.owner(row);
                    for (column, _) in stencil.entries(row).filter(|&(column, _)| boxes.owner(column) != reader) {
                        read.entry((boxes.owner(column), reader)).or_default().push(column);
                    }
                }
                read.values_mut().for_each(|rows| {
                    rows.sort_unstable();
                    rows.dedup();
                });
                let rows = |from, to| read.get(&(from, to)).map_or(0, Vec::len) as u64;
                for rank in 0..ranks {
                    let slow: Vec<BoxNeighbour> = (0..ranks)
                        .map(|other| BoxNeighbour { rank: other, receive: rows(other, rank), send: rows(rank, other) })
                        .filter(|neighbour| neighbour.receive + neighbour.send > 0)
                        .collect();
                    assert_eq!(boxes.halo(rank), slow, "{stencil:?}, rank {rank} of {ranks}");
                }
            }
        }
    }

    /// Edges of every box, sorted.
    fn shapes(points: [u64; 3], ranks: usize) -> Vec<[u64; 3]> {
        let boxes = Boxes::new(&stencils(points)[2], ranks);
        (0..ranks).map(|rank| boxes.extent(rank).map(|range| range.end - range.start)).collect()
    }

    #[test]
    fn a_cube_is_cut_into_cubes() {
        for (ranks, edges) in [(1, [64, 64, 64]), (2, [64, 64, 32]), (4, [64, 32, 32]), (8, [32; 3]), (64, [16; 3])] {
            assert_eq!(shapes([64; 3], ranks), vec![edges; ranks]);
        }
    }

    #[test]
    fn ranks_without_rows_are_the_last_resort() {
        for (points, ranks) in [([6, 5, 4], 60), ([10, 10, 10], 100), ([100, 3, 2], 97), ([2, 2, 50], 50)] {
            for ranks in 1..=ranks {
                let idle = shapes(points, ranks).iter().filter(|edges| edges.contains(&0)).count();
                assert_eq!(idle, 0, "{points:?} on {ranks}");
            }
        }
    }

    /// The ghosts of a rank and its rows beyond an equal share, the most of either, as multiples of a cube's ghosts.
    fn excess(points: u64, ranks: usize, sample: usize) -> f64 {
        let stencil = stencils([points; 3])[2];
        let boxes = Boxes::new(&stencil, ranks);
        let [mut rows, mut ghosts] = [0u64; 2];
        for rank in (0..ranks).step_by(sample) {
            rows = rows.max(volume(&boxes.extent(rank)));
            ghosts = ghosts.max(boxes.halo(rank).iter().map(|neighbour| neighbour.receive).sum());
        }
        let cube = stencil.n() as f64 / ranks as f64;
        (rows as f64 - cube + ghosts as f64) / (6.0 * cube.powf(2.0 / 3.0))
    }

    #[test]
    fn any_number_of_ranks_gets_boxes_that_are_nearly_cubes() {
        let mut worst = (0.0, 0);
        for ranks in 27..=400 {
            let excess = excess(500, ranks, 1);
            if excess > worst.0 {
                worst = (excess, ranks);
            }
        }
        assert!(worst.0 < 1.5, "{worst:?}");
        for ranks in [1009, 4096, 65_537, 99_991, 999_983, 1_000_000] {
            let excess = excess(5000, ranks, 1 + ranks / 5000);
            assert!(excess < 1.3, "{ranks} ranks: {excess}");
        }
    }

    /// On paper only: no rank of these exists.
    #[test]
    fn a_million_ranks_send_what_they_receive() {
        let [_, _, seven, twenty_seven] = stencils([1000; 3]);
        for (stencil, ranks, most) in [(seven, 1_000_000, 6), (seven, 999_983, 14), (twenty_seven, 100_003, 60)] {
            let boxes = Boxes::new(&stencil, ranks);
            let (mut rows, mut received, mut sent) = (0, 0, 0);
            for rank in 0..ranks {
                let halo = boxes.halo(rank);
                assert!((1..=most).contains(&halo.len()), "rank {rank} of {ranks}: {} neighbours", halo.len());
                rows += volume(&boxes.extent(rank));
                received += halo.iter().map(|neighbour| neighbour.receive).sum::<u64>();
                sent += halo.iter().map(|neighbour| neighbour.send).sum::<u64>();
            }
            assert_eq!((rows, received), (stencil.n(), sent));
            if ranks == 1_000_000 {
                // Boxes of 10³: two sides of 1000² points at each of 99 cuts along each axis.
                assert_eq!(received, 2 * 3 * 99 * 1_000_000);
            }
        }
    }
}
