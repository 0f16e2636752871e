//! Recursive coordinate bisection: boxes of points are halved along their longest edge until every part has one.
//!
//! No rank holds more than its own points. All boxes of a level are halved together: each rank sorts its points once a
//! level, and the places of the cuts are found by bisection, with one reduction of a number per box for each bit. The
//! weights are whole numbers, so the parts do not depend on the number of ranks.

use crate::comm::{Comm, Op};

/// A point with a weight: a row of the matrix, placed where its coordinates say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Its number, which no other point has: it decides between points with equal coordinates.
    pub number: u64,
    /// Where it is. Not NaN.
    pub at: [f64; 3],
    /// What a part that holds it has to do for it.
    pub weight: u64,
}

/// Points with these parts in common, not yet told apart.
#[derive(Clone, Copy)]
struct Piece {
    first_part: u32,
    parts: u32,
}

/// The part, 0 ... `parts` − 1, of each of this rank's points, so that all parts weigh nearly the same. Collective.
///
/// The weights of all points together stay below 2⁶⁴.
pub fn bisect(comm: &Comm, points: &[Point], parts: usize) -> Vec<u32> {
    let mut boxes = vec![Piece { first_part: 0, parts: parts as u32 }];
    let mut box_of = vec![0u32; points.len()];
    while boxes.iter().any(|one| one.parts > 1) {
        let axes = longest_edges(comm, points, &box_of, boxes.len());
        // This rank's points box by box, along the axis of the box.
        let mut line: Vec<(u32, u128, u64)> = points
            .iter()
            .zip(&box_of)
            .map(|(point, &which)| (which, key(point, axes[which as usize]), point.weight))
            .collect();
        line.sort_unstable();
        let cuts = cuts(comm, &line, &boxes);
        for (point, which) in points.iter().zip(&mut box_of) {
            let (place, axis) = (*which as usize, axes[*which as usize]);
            let is_right = boxes[place].parts > 1 && key(point, axis) >= cuts[place];
            *which = 2 * *which + u32::from(is_right);
        }
        let halves = |one: &Piece| {
            let left = if one.parts > 1 { one.parts / 2 } else { one.parts };
            [Piece { parts: left, ..*one }, Piece { first_part: one.first_part + left, parts: one.parts - left }]
        };
        boxes = boxes.iter().flat_map(halves).collect();
    }
    box_of.into_iter().map(|which| boxes[which as usize].first_part).collect()
}

/// The order of points along an axis: by their coordinate, then by their number.
fn key(point: &Point, axis: usize) -> u128 {
    // The bits of a float in an order that is that of its values; both zeros are the same.
    let bits = (point.at[axis] + 0.0).to_bits();
    let ordered = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
    u128::from(ordered) << 64 | u128::from(point.number)
}

/// The axis along which each box is longest; the last of several, along which grids are contiguous least. Collective.
fn longest_edges(comm: &Comm, points: &[Point], box_of: &[u32], boxes: usize) -> Vec<usize> {
    // Upper ends, and lower ends with the sign turned: one reduction.
    let mut ends = vec![[f64::NEG_INFINITY; 6]; boxes];
    for (point, &which) in points.iter().zip(box_of) {
        for (axis, &at) in point.at.iter().enumerate() {
            let ends = &mut ends[which as usize];
            (ends[axis], ends[3 + axis]) = (ends[axis].max(at), ends[3 + axis].max(-at));
        }
    }
    comm.reduce_f64(Op::Max, ends.as_flattened_mut());
    let longest = |ends: &[f64; 6]| {
        let length = |axis: &usize| ends[*axis] + ends[3 + *axis];
        (0..3).max_by(|a, b| length(a).total_cmp(&length(b))).expect("there are three axes")
    };
    ends.iter().map(longest).collect()
}

/// For each box the least key that goes to the right. `line` is this rank's points in order. Collective.
fn cuts(comm: &Comm, line: &[(u32, u128, u64)], boxes: &[Piece]) -> Vec<u128> {
    let mut before = vec![0u64];
    before.extend(line.iter().scan(0, |sum, point| {
        *sum += point.2;
        Some(*sum)
    }));
    let place = |which: usize, key: u128| line.partition_point(|point| (point.0, point.1) < (which as u32, key));
    let lighter = |which: usize, key: u128| before[place(which, key)] - before[place(which, 0)];
    let mut totals: Vec<u64> =
        (0..boxes.len()).map(|which| before[place(which + 1, 0)] - before[place(which, 0)]).collect();
    comm.reduce_u64(Op::Sum, &mut totals);
    // What the left half should weigh, times the parts of the box.
    let wanted = |which: usize| u128::from(totals[which]) * u128::from(boxes[which].parts / 2);
    let weighs = |which: usize, weight: u64| u128::from(weight) * u128::from(boxes[which].parts);

    // Points before `low` weigh less than wanted, or there are none; those before `high` do not weigh less.
    let mut low = vec![(0u128, 0u64); boxes.len()];
    let mut high: Vec<(u128, u64)> = totals.iter().map(|&total| (u128::MAX, total)).collect();
    loop {
        let middles: Vec<(usize, u128)> = (0..boxes.len())
            .map(|which| (which, low[which].0 + (high[which].0 - low[which].0) / 2))
            .filter(|&(which, middle)| boxes[which].parts > 1 && middle > low[which].0)
            .collect();
        if middles.is_empty() {
            break;
        }
        let mut weights: Vec<u64> = middles.iter().map(|&(which, middle)| lighter(which, middle)).collect();
        comm.reduce_u64(Op::Sum, &mut weights);
        for ((which, middle), weight) in middles.into_iter().zip(weights) {
            let end = if weighs(which, weight) < wanted(which) { &mut low } else { &mut high };
            end[which] = (middle, weight);
        }
    }
    // At most one point lies between the two: it goes where the weight comes nearer to what is wanted.
    let nearer = |which: usize| {
        let (below, above) = (weighs(which, low[which].1), weighs(which, high[which].1));
        let left_out = wanted(which).saturating_sub(below) < above.saturating_sub(wanted(which));
        if left_out { low[which].0 } else { high[which].0 }
    };
    (0..boxes.len()).map(nearer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::EvenSplit;

    /// Of a 9 x 7 x 5 grid with some negative coordinates; the weights of a few points are large.
    fn points() -> Vec<Point> {
        let point = |number: u64| {
            let at = [(number % 9) as f64 - 4.0, (number / 9 % 7) as f64 * 0.5, -((number / 63) as f64)];
            Point { number, at, weight: if number.is_multiple_of(50) { 20 } else { 1 + number % 3 } }
        };
        (0..315).map(point).collect()
    }

    /// The parts by sorting all points, one box at a time.
    fn slow(mut points: Vec<Point>, first_part: u32, parts: u64, found: &mut Vec<(u64, u32)>) {
        if parts == 1 || points.is_empty() {
            found.extend(points.iter().map(|point| (point.number, first_part)));
            return;
        }
        let along = |axis: usize| points.iter().map(move |point| point.at[axis]);
        let length = |axis| along(axis).fold(f64::MIN, f64::max) - along(axis).fold(f64::MAX, f64::min);
        let axis = (0..3).fold(0, |best, axis| if length(axis) >= length(best) { axis } else { best });
        points.sort_by(|a, b| a.at[axis].total_cmp(&b.at[axis]).then(a.number.cmp(&b.number)));
        let total: u64 = points.iter().map(|point| point.weight).sum();
        let wanted = (total * (parts / 2)) as f64 / parts as f64;
        let weight = |count: usize| points[..count].iter().map(|point| point.weight).sum::<u64>() as f64;
        let off = |count: usize| (weight(count) - wanted).abs();
        let cut = (0..=points.len()).fold(0, |best, count| if off(count) <= off(best) { count } else { best });
        let right = points.split_off(cut);
        slow(points, first_part, parts / 2, found);
        slow(right, first_part + (parts / 2) as u32, parts - parts / 2, found);
    }

    #[test]
    fn the_parts_are_those_of_sorting_whatever_the_number_of_ranks() {
        for parts in [1, 2, 3, 5, 8, 13, 64, 400] {
            let mut wanted = Vec::new();
            slow(points(), 0, parts as u64, &mut wanted);
            wanted.sort_unstable();
            for ranks in [1, 2, 3, 7] {
                let found = Comm::threads(ranks, |comm| {
                    // The last rank has no points.
                    let split = EvenSplit { n: 315, ranks: (ranks - 1).max(1) };
                    let share = if comm.rank() < split.ranks { split.share(comm.rank()) } else { 0..0 };
                    bisect(comm, &points()[share.start as usize..share.end as usize], parts)
                });
                assert!(
                    found.concat().iter().zip(&wanted).all(|(part, (_, wanted))| part == wanted),
                    "{parts} {ranks}"
                );
            }
        }
    }

    #[test]
    fn points_in_one_place_and_no_points_at_all() {
        let same = |number| Point { number, at: [-0.0, 0.0, 1e300], weight: 1 };
        let parts = bisect(&Comm::alone(), &(0..10).map(same).collect::<Vec<_>>(), 3);
        assert_eq!((0..3).map(|part| parts.iter().filter(|&&of| of == part).count()).collect::<Vec<_>>(), [3, 4, 3]);
        assert!(Comm::threads(3, |comm| bisect(comm, &[], 4)).concat().is_empty());
    }
}
