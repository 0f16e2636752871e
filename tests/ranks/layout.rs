//! Layouts, halo plans, and vectors between the original order and the owners.

use crate::Body;
use crate::support::{Random, SerialMatrix, deal, distribute, pick, random_owners, random_spd};
use halocg::comm::{Comm, Op};
use halocg::distributed::{Layout, rows_to_even};
use halocg::operator::Operator;
use halocg::partition::Owners;
use halocg::problem::{self, EvenSplit, Problem, Rows};
use std::ops::Range;

pub const BODIES: &[Body] = &[
    ("layout and plan", plans),
    ("vectors to their owners and back", vectors),
    ("rows as a host program dealt them", blocks),
    ("rows from memory are looked at like those of a file", looks),
];

fn plans(comm: &Comm) {
    let mut random = Random::new(4);
    for _ in 0..15 {
        let n = 1 + random.below(90);
        let per_row = random.below(5);
        let matrix = random_spd(&mut random, n, per_row, false);
        let owners = random_owners(&mut random, n, comm.size());
        let a = distribute(comm, &matrix, &owners);
        let (layout, plan) = (a.layout(), a.plan());
        assert_eq!(comm.reduced(Op::Sum, layout.len() as u64), n as u64);
        for local in 0..layout.len() {
            let touches_ghost = a.entries(local).any(|(column, _)| column as usize >= layout.len());
            assert_eq!(touches_ghost, local >= layout.interior(), "interior rows first");
        }
        // Ghosts are exactly the foreign rows that own rows are coupled to, by owner.
        let coupled = |row: &u64| matrix.outer_view(*row as usize).unwrap().indices().to_vec();
        let mut ghosts: Vec<(u32, usize)> =
            layout.rows().iter().flat_map(coupled).map(|row| (owners[row], row)).collect();
        ghosts.retain(|(owner, _)| *owner as usize != comm.rank());
        ghosts.sort_unstable();
        ghosts.dedup();
        assert_eq!(plan.ghosts(), ghosts.len());
        for (neighbour, count) in &plan.receive {
            assert!(*count > 0, "a neighbour has something to say");
            assert_eq!(ghosts.iter().filter(|(owner, _)| *owner as usize == *neighbour).count(), *count);
        }
        assert!(plan.receive.is_sorted() && plan.receive.iter().all(|(neighbour, _)| *neighbour != comm.rank()));
        assert_eq!(comm.reduced(Op::Sum, plan.sent_rows() as u64), comm.reduced(Op::Sum, plan.ghosts() as u64));
    }
}

fn vectors(comm: &Comm) {
    let mut random = Random::new(5);
    for _ in 0..10 {
        let n = 1 + random.below(60);
        let matrix = random_spd(&mut random, n, 2, false);
        let owners = random_owners(&mut random, n, comm.size());
        let a = distribute(comm, &matrix, &owners);
        let layout = a.layout();
        let whole = random.vector(n);
        let mine = pick(&whole, layout.rows());
        let share = EvenSplit { n: n as u64, ranks: comm.size() }.share(comm.rank());
        let even = &whole[share.start as usize..share.end as usize];
        assert_eq!(layout.from_even(even), mine);
        assert_eq!(layout.to_even(&mine), even);
        assert_eq!(layout.from_root(comm.is_root().then_some(&whole[..])), mine);
        assert_eq!(layout.to_root(&mine), if comm.is_root() { whole } else { Vec::new() });
    }
}

/// Cuts 0 ... n − 1 into a block per rank, some of them empty; this rank's.
fn random_block(random: &mut Random, n: usize, comm: &Comm) -> Range<u64> {
    let mut cuts: Vec<u64> = (1..comm.size()).map(|_| random.below(n + 1) as u64).collect();
    cuts.extend([0, n as u64]);
    cuts.sort_unstable();
    cuts[comm.rank()]..cuts[comm.rank() + 1]
}

fn rows_of(matrix: &SerialMatrix, numbers: Range<u64>) -> Rows {
    let mut rows = Rows::new();
    for row in numbers {
        let of_row = matrix.outer_view(row as usize).expect("a row of the matrix");
        rows.push(row, of_row.iter().map(|(column, value)| (column as u64, *value)));
    }
    rows
}

fn blocks(comm: &Comm) {
    let mut random = Random::new(6);
    for _ in 0..10 {
        let n = 1 + random.below(60);
        let matrix = random_spd(&mut random, n, 2, false);
        let block = random_block(&mut random, n, comm);
        let Problem::Matrix(_, dealt) = deal(comm, &matrix) else { panic!("a matrix") };
        let even = rows_to_even(comm, n as u64, rows_of(&matrix, block.clone()));
        assert_eq!(even, dealt);
        assert_eq!(rows_to_even(comm, n as u64, even), dealt, "nothing to do");

        let whole = random.vector(n);
        let layout = Layout::contiguous(comm, n as u64, block.clone());
        let mine = &whole[block.start as usize..block.end as usize];
        let share = layout.to_even(mine);
        assert_eq!(share, pick(&whole, &dealt.numbers));
        assert_eq!(layout.from_even(&share), mine);

        let owners = Owners::contiguous(comm, n as u64, block.clone());
        let firsts = comm.gather(0, &[block.start, block.end]).concat();
        let firsts = comm.broadcast(0, &firsts);
        let all: Vec<u64> = (0..n as u64).collect();
        for (row, owner) in all.iter().zip(owners.of(comm, &all)) {
            assert!((firsts[2 * owner]..firsts[2 * owner + 1]).contains(row), "row {row} of rank {owner}");
        }
    }
}

fn looks(comm: &Comm) {
    let tridiagonal = |change: fn(u64, u64, f64) -> Option<(u64, f64)>| {
        let n = 9;
        let mut rows = Rows::new();
        for row in (EvenSplit { n, ranks: comm.size() }).share(comm.rank()) {
            let near = (row.max(1) - 1)..(row + 2).min(n);
            rows.push(row, near.filter_map(|column| change(row, column, if column == row { 2.0 } else { -1.0 })));
        }
        problem::of_rows(comm, n, rows, false).map(|problem| problem.n()).map_err(|error| error.to_string())
    };
    assert_eq!(tridiagonal(|_, column, value| Some((column, value))), Ok(9));
    for (change, words) in [
        (
            (|row, column, value| Some((if (row, column) == (4, 5) { 9 } else { column }, value))) as fn(_, _, _) -> _,
            "row 5 has column 10, which is outside 1 ... 9",
        ),
        (
            |row, column, value| Some((if (row, column) == (7, 8) { 7 } else { column }, value)),
            "row 8 has column 8 twice",
        ),
        (
            |row, column, value| Some((column, if (row, column) == (2, 2) { f64::NAN } else { value })),
            "A(3,3) = NaN is not a finite number",
        ),
        (
            |row, column, value| Some((column, if (row, column) == (6, 5) { -3.0 } else { value })),
            "the matrix is not symmetric: A(6,7) = -1 but A(7,6) is -3",
        ),
        (
            |row, column, value| (row <= column).then_some((column, value)),
            "A(2,1) is missing: one triangle is missing; both are needed",
        ),
        (
            // Each pair once, in turn above and below the diagonal.
            |row, column, value| {
                (column == row || (row < column) == (row.min(column) % 2 == 0)).then_some((column, value))
            },
            "A(1,2) = -1 but A(2,1) is missing: halocg solves symmetric",
        ),
        (
            |row, column, value| Some((column, if row == column && row == 8 { -1.0 } else { value })),
            "A(9,9) = -1: a positive definite matrix has a positive diagonal",
        ),
    ] {
        let message = tridiagonal(change).expect_err(words);
        assert!(message.contains(words), "{message}");
    }
}
