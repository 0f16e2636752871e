//! An operator that is nothing but a function: a matrix given by its product.

use crate::Body;
use crate::support::{Random, SerialMatrix, direct_solution, pick, random_spd};
use halocg::comm::Comm;
use halocg::error::{ExitCode, Result};
use halocg::krylov::{self, Settings};
use halocg::operator::{Function, Operator};
use halocg::preconditioner;
use halocg::vector::Partial;
use std::ops::Range;

pub const BODIES: &[Body] = &[
    ("a function multiplies and solves as its matrix does", as_the_matrix),
    ("a function of wrong sizes is refused by all ranks", wrong_sizes),
];

/// Consecutive rows of random length per rank, some of them none.
fn random_blocks(random: &mut Random, n: usize, ranks: usize) -> Vec<Range<u64>> {
    let mut ends: Vec<u64> = (1..ranks).map(|_| random.below(n + 1) as u64).collect();
    ends.push(n as u64);
    ends.sort_unstable();
    let starts = [0].into_iter().chain(ends.clone());
    starts.zip(ends.clone()).map(|(start, end)| start..end).collect()
}

/// This rank's part of a matrix that every rank knows, as a function of owned entries and ghosts.
fn of_matrix(comm: &Comm, matrix: &SerialMatrix, rows: Range<u64>) -> Result<Function> {
    let entries: Vec<Vec<(u64, f64)>> = rows
        .clone()
        .map(|row| {
            let of_row = matrix.outer_view(row as usize).expect("a row of the matrix");
            of_row.iter().map(|(column, value)| (column as u64, *value)).collect()
        })
        .collect();
    let mut ghosts: Vec<u64> = entries.iter().flatten().map(|entry| entry.0).filter(|c| !rows.contains(c)).collect();
    ghosts.sort_unstable();
    ghosts.dedup();
    let diagonal = rows.clone().map(|row| *matrix.get(row as usize, row as usize).expect("a diagonal")).collect();
    let (numbers, start) = (ghosts.clone(), rows.start);
    let product = move |x: &[f64], ghosts: &[f64], y: &mut [f64]| {
        for (y, entries) in y.iter_mut().zip(&entries) {
            let at = |column: u64| match numbers.binary_search(&column) {
                Ok(place) => ghosts[place],
                Err(_) => x[(column - start) as usize],
            };
            *y = entries.iter().map(|&(column, value)| value * at(column)).sum();
        }
    };
    Function::new(comm, matrix.rows() as u64, rows, &ghosts, diagonal, product)
}

fn as_the_matrix(comm: &Comm) {
    let mut random = Random::new(41);
    for (n, per_row) in [(1, 0), (2, 1), (5, 2), (40, 3), (120, 5), (60, 0)] {
        let matrix = random_spd(&mut random, n, per_row, n == 40);
        let rows = random_blocks(&mut random, n, comm.size()).swap_remove(comm.rank());
        let mut a = of_matrix(comm, &matrix, rows.clone()).expect("the sizes are right");
        assert!(a.layout().rows().iter().copied().eq(rows));
        let mine = a.layout().rows().to_vec();
        let mut shared = a.share().expect("a function can be shared");

        let [x, z] = [random.vector(n), random.vector(n)];
        let expected = [&x, &z].map(|x| {
            let row = |i| matrix.outer_iterator().nth(i).expect("a row").iter().map(|(j, a)| a * x[j]).sum();
            pick(&(0..n).map(row).collect::<Vec<f64>>(), &mine)
        });
        let close = |got: &[f64], k: usize| got.iter().zip(&expected[k]).all(|(a, b)| (a - b).abs() <= 1e-13);
        let pair: Vec<[f64; 2]> = mine.iter().map(|&row| [x[row as usize], z[row as usize]]).collect();
        let of_pair = |y: &[[f64; 2]], k: usize| close(&y.iter().map(|y| y[k]).collect::<Vec<f64>>(), k);
        for a in [&mut a as &mut dyn Operator, shared.as_mut()] {
            let mut y = vec![f64::NAN; mine.len()];
            a.apply(&pick(&x, &mine), &mut y);
            assert!(close(&y, 0));

            let ranks = comm.size() as f64;
            let summed = [ranks, ranks * (ranks - 1.0) / 2.0].map(Partial::Plain);
            let mut sums = [1.0, comm.rank() as f64].map(Partial::Plain);
            let (mut both, mut seen) = (vec![[f64::NAN; 2]; mine.len()], None);
            a.apply_pair_summing(&pair, &mut both, &mut sums, &mut |y| seen = Some(y.to_vec()));
            assert!(of_pair(&both, 0) && of_pair(&both, 1));
            assert_eq!((seen.as_ref(), sums), (Some(&both), summed));

            let mut sums = [1.0, comm.rank() as f64].map(Partial::Plain);
            let (mut prepared, mut y) = (vec![f64::NAN; mine.len()], vec![f64::NAN; mine.len()]);
            let fill = &mut |to: &mut [f64]| to.copy_from_slice(&pick(&z, &mine));
            a.apply_summing(fill, &mut prepared, &mut y, &mut sums, &mut |y| seen = Some(vec![[y.len() as f64; 2]]));
            assert!(close(&y, 1));
            assert_eq!((seen, sums), (Some(vec![[mine.len() as f64; 2]]), summed));
        }

        let b = random.vector(n);
        let exact = direct_solution(&matrix, &b);
        let settings = Settings { rtol: 1e-12, ..Settings::default() };
        for method in krylov::TABLE.iter().filter(|method| method.is_candidate) {
            for pc in ["none", "jacobi", "chebyshev", "bjacobi"] {
                let mut m = preconditioner::Kind::named(pc).expect("it is in the table").build(&a).expect("it builds");
                let outcome = krylov::solve(&mut a, m.as_mut(), &pick(&b, &mine), None, method, &settings, |_| ());
                assert!(outcome.reason.is_converged(), "{} {pc}: {:?}", method.name, outcome.reason);
                let (x, exact) = (outcome.x, pick(&exact, &mine));
                assert!(x.iter().zip(&exact).all(|(x, exact)| (x - exact).abs() < 1e-9), "{} {pc}", method.name);
            }
        }
    }
}

fn wrong_sizes(comm: &Comm) {
    let n = 3 * comm.size() as u64;
    let last = comm.size() - 1;
    let block = |rank: usize| 3 * rank as u64..3 * rank as u64 + 3;
    // What one rank does wrong, who it is, and the message that every rank gets.
    type Part = (Range<u64>, Vec<u64>, usize);
    type Case = (usize, &'static str, fn(Part) -> Part);
    let cases: [Case; 6] = [
        (last, "2 entries of the diagonal for 3 owned rows", |(rows, ghosts, _)| (rows, ghosts, 2)),
        (last, "the numbers of its ghosts do not increase", |(rows, _, d)| (rows, vec![7, 7], d)),
        (last, "cannot be a ghost here: it is no row of", |(rows, _, d)| (rows, vec![1000], d)),
        (last, "cannot be a ghost here: it is its own", |(rows, _, d)| (rows.clone(), vec![rows.start + 1], d)),
        (last, "its rows begin at", |(rows, ghosts, d)| (rows.start + 1..rows.end + 1, ghosts, d)),
        // The first rank to notice is rank 0, whoever owns too little.
        (0, "rows together, the matrix has", |(rows, ghosts, d)| (rows.start..rows.end - 1, ghosts, d - 1)),
    ];
    for (named, message, spoil) in cases {
        let mut part: Part = (block(comm.rank()), Vec::new(), 3);
        if comm.rank() == last {
            part = spoil(part);
        }
        let (rows, ghosts, diagonal) = part;
        let product = |_: &[f64], _: &[f64], _: &mut [f64]| unreachable!("nothing is multiplied");
        let made = Function::new(comm, n, rows, &ghosts, vec![1.0; diagonal], product);
        let error = made.err().expect("it is refused");
        assert_eq!(error.exit_code(), ExitCode::Usage);
        let text = error.to_string();
        assert!(text.starts_with(&format!("rank {named}: ")) && text.contains(message), "{text}");
    }
}
