//! Layouts, halo plans, and vectors between the original order and the owners.

use crate::Body;
use crate::support::{Random, distribute, pick, random_owners, random_spd};
use halocg::comm::{Comm, Op};
use halocg::operator::Operator;
use halocg::problem::EvenSplit;

pub const BODIES: &[Body] = &[("layout and plan", plans), ("vectors to their owners and back", vectors)];

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
