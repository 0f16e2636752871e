//! Solves: against a direct solution, against one rank, and where there is nothing good to find.

use crate::Body;
use crate::support::{Random, SerialMatrix, direct_solution, distribute, grid, pick, random_owners, random_spd};
use halocg::comm::Comm;
use halocg::krylov::{self, Outcome, Reason, Settings};
use halocg::operator::Operator;
use halocg::preconditioner;
use sprs::TriMat;

pub const BODIES: &[Body] = &[
    ("every method and preconditioner finds the direct solution", direct),
    ("histories do not depend on the ranks", histories),
    ("the history holds the true residuals", true_residuals),
    ("easy systems end at once", easy),
    ("indefinite and broken systems end with their reason", broken),
    ("unreachable tolerances end as stagnated", stagnation),
    ("a drifted recurrence is replaced", drift),
];

/// Every method with every preconditioner.
fn for_each_pairing(mut body: impl FnMut(&'static krylov::Kind, &'static preconditioner::Kind)) {
    for method in krylov::TABLE {
        for pc in preconditioner::TABLE {
            body(method, pc);
        }
    }
}

struct Case<'a> {
    matrix: &'a SerialMatrix,
    owners: &'a [u32],
    b: &'a [f64],
    x0: Option<&'a [f64]>,
    settings: Settings,
}

impl Case<'_> {
    /// The outcome, and x in original order on rank 0.
    fn solve(&self, comm: &Comm, method: &krylov::Kind, pc: &preconditioner::Kind) -> (Outcome, Vec<f64>) {
        let mut a = distribute(comm, self.matrix, self.owners);
        let mut m = pc.build(&a).expect("the preconditioner can be built");
        let rows = a.layout().rows().to_vec();
        let (b, x0) = (pick(self.b, &rows), self.x0.map(|x0| pick(x0, &rows)));
        let outcome = krylov::solve(&mut a, m.as_mut(), &b, x0.as_deref(), method, &self.settings, |_| ());
        let x = a.layout().to_root(&outcome.x);
        (outcome, x)
    }
}

fn distance(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt()
}

fn direct(comm: &Comm) {
    let mut random = Random::new(21);
    for round in 0..4 {
        let n = 1 + random.below(80);
        let matrix = random_spd(&mut random, n, 3, round % 2 == 0);
        let owners = random_owners(&mut random, n, comm.size());
        let (b, guess) = (random.vector(n), random.vector(n));
        let solution = direct_solution(&matrix, &b);
        for_each_pairing(|method, pc| {
            for x0 in [None, Some(&guess[..])] {
                let settings = Settings { rtol: 1e-12, ..Settings::default() };
                let case = Case { matrix: &matrix, owners: &owners, b: &b, x0, settings };
                let (outcome, x) = case.solve(comm, method, pc);
                assert_eq!(outcome.reason, Reason::ConvergedRelative, "{} {}", method.name, pc.name);
                assert!(outcome.true_residual <= 1.1e-12 * outcome.reference_norm);
                if comm.is_root() {
                    let error = distance(&x, &solution) / distance(&solution, &vec![0.0; n]);
                    assert!(error < 1e-9, "{} {}: {error:e}", method.name, pc.name);
                }
            }
        });
    }
}

fn histories(comm: &Comm) {
    let matrix = grid(23, 19);
    let n = matrix.rows();
    let mut random = Random::new(22);
    let b = random.vector(n);
    let owners = random_owners(&mut random, n, comm.size());
    for_each_pairing(|method, pc| {
        if !pc.independent_of_partition {
            return;
        }
        let case = |owners| Case { matrix: &matrix, owners, b: &b, x0: None, settings: Settings::default() };
        let (here, _) = case(&owners).solve(comm, method, pc);
        let (alone, _) = case(&vec![0; n]).solve(&Comm::alone(), method, pc);
        assert!(
            here.iterations.abs_diff(alone.iterations) <= 1,
            "{} {}: {} and {}",
            method.name,
            pc.name,
            here.iterations,
            alone.iterations
        );
        // Rounding is of the size of the first residual: it shows as the later ones get small.
        let large = |record: &krylov::Record| record.residual > 1e-6 * alone.history[0].residual;
        for (here, alone) in here.history.iter().zip(&alone.history).take(40).take_while(|(_, alone)| large(alone)) {
            let difference = (here.residual - alone.residual).abs() / alone.residual;
            assert!(difference < 1e-9, "{} {} iteration {}: {difference:e}", method.name, pc.name, here.iteration);
        }
    });
}

/// Before rounding has piled up, ‖r_k‖ of the recurrence is ‖b − A x_k‖, and ν_k is ⟨M⁻¹ r_k, r_k⟩.
fn true_residuals(comm: &Comm) {
    let mut random = Random::new(26);
    let n = 150;
    let matrix = random_spd(&mut random, n, 4, true);
    let owners = random_owners(&mut random, n, comm.size());
    let b = random.vector(n);
    for_each_pairing(|method, pc| {
        let mut a = distribute(comm, &matrix, &owners);
        let mut m = pc.build(&a).expect("the preconditioner can be built");
        let mut again = pc.build(&a).expect("the preconditioner can be built");
        let b = pick(&b, a.layout().rows());
        krylov::solve(
            &mut a,
            m.as_mut(),
            &b,
            None,
            method,
            &Settings { rtol: 1e-3, ..Settings::default() },
            |snapshot| {
                let r = krylov::residual(snapshot.a, &b, snapshot.x);
                let mut z = vec![0.0; r.len()];
                again.apply(&r, &mut z);
                let mut sums = [r.iter().map(|r| r * r).sum(), r.iter().zip(&z).map(|(r, z)| r * z).sum()];
                snapshot.a.layout().comm().sum(&mut sums);
                let close = |got: f64, truth: f64| (got - truth).abs() <= 1e-6 * truth;
                let record = snapshot.record;
                assert!(close(record.residual, sums[0].sqrt()), "{} {}: {record:?}, {sums:?}", method.name, pc.name);
                assert!(close(record.nu, sums[1]), "{} {}: {record:?}, {sums:?}", method.name, pc.name);
            },
        );
    });
}

fn easy(comm: &Comm) {
    let mut random = Random::new(23);
    let n = 40;
    let matrix = random_spd(&mut random, n, 2, false);
    let owners = random_owners(&mut random, n, comm.size());
    let b = random.vector(n);
    let solution = direct_solution(&matrix, &b);
    let zero = vec![0.0; n];
    let settings = Settings::default();
    for_each_pairing(|method, pc| {
        let case = Case { matrix: &matrix, owners: &owners, b: &zero, x0: None, settings };
        let (outcome, x) = case.solve(comm, method, pc);
        assert!(outcome.reason.is_converged() && outcome.iterations == 0, "zero right-hand side: {:?}", outcome.reason);
        assert!(x.iter().all(|&x| x == 0.0));

        let (outcome, _) = Case { b: &b, x0: Some(&solution), ..case }.solve(comm, method, pc);
        assert!(outcome.reason.is_converged() && outcome.iterations == 0, "exact initial guess: {:?}", outcome.reason);

        // A zero right-hand side from a wrong guess: the solution is zero, up to the residual's size.
        let case = Case { matrix: &matrix, owners: &owners, b: &zero, x0: Some(&b), settings };
        assert!(case.solve(comm, method, pc).0.reason.is_converged());

        // One row, most ranks empty; the identity needs one iteration.
        let one = Case { matrix: &grid(1, 1), owners: &[0], b: &[8.0], x0: None, settings };
        let (outcome, x) = one.solve(comm, method, pc);
        assert_eq!((outcome.reason, outcome.iterations), (Reason::ConvergedRelative, 1));
        assert!(!comm.is_root() || x == [2.0]);
    });
}

fn broken(comm: &Comm) {
    let symmetric = |entries: &[(usize, usize, f64)]| -> SerialMatrix {
        let mut triplets = TriMat::new((4, 4));
        for &(i, j, value) in entries {
            triplets.add_triplet(i, j, value);
            if i != j {
                triplets.add_triplet(j, i, value);
            }
        }
        triplets.to_csr()
    };
    let diagonal = [(0, 0, 1.0), (1, 1, 1.0), (2, 2, 1.0), (3, 3, 1.0)];
    let indefinite = symmetric(&[&diagonal[..], &[(1, 0, 3.0), (3, 2, 3.0)]].concat());
    let owners: Vec<u32> = (0..4).map(|row| row % comm.size() as u32).collect();
    let settings = Settings::default();
    for_each_pairing(|method, pc| {
        let b = [1.0, -1.0, 1.0, -1.0];
        let case = Case { matrix: &indefinite, owners: &owners, b: &b, x0: None, settings };
        let (outcome, x) = case.solve(comm, method, pc);
        assert_eq!(outcome.reason, Reason::IndefiniteMatrix, "{} {}", method.name, pc.name);
        assert!(x.iter().all(|x| x.is_finite()));

        let nan = Case { b: &[1.0, f64::NAN, 0.0, 0.0], matrix: &symmetric(&diagonal), ..case };
        assert_eq!(nan.solve(comm, method, pc).0.reason, Reason::NotFinite, "{} {}", method.name, pc.name);

        let settings = Settings { max_iterations: 3, ..settings };
        let matrix = grid(9, 9);
        let owners: Vec<u32> = (0..81).map(|row| row % comm.size() as u32).collect();
        let limited = Case { matrix: &matrix, owners: &owners, b: &vec![1.0; 81], x0: None, settings };
        let (outcome, _) = limited.solve(comm, method, pc);
        assert_eq!((outcome.reason, outcome.iterations), (Reason::IterationLimit, 3));
    });
}

/// A matrix whose condition leaves only some digits of the residual.
fn graded(n: usize, ratio: f64) -> SerialMatrix {
    let mut triplets = TriMat::new((n, n));
    let scale = |row: usize| ratio.powf(row as f64 / (n - 1) as f64);
    for row in 0..n {
        triplets.add_triplet(row, row, 2.0 * scale(row) * scale(row));
        if row > 0 {
            let value = -scale(row) * scale(row - 1);
            triplets.add_triplet(row, row - 1, value);
            triplets.add_triplet(row - 1, row, value);
        }
    }
    triplets.to_csr()
}

fn stagnation(comm: &Comm) {
    let matrix = graded(30, 1e3);
    let owners: Vec<u32> = (0..30).map(|row| row % comm.size() as u32).collect();
    let settings = Settings { rtol: 1e-17, max_iterations: 5000, ..Settings::default() };
    let b = Random::new(24).vector(30);
    for_each_pairing(|method, pc| {
        let case = Case { matrix: &matrix, owners: &owners, b: &b, x0: None, settings };
        let (outcome, _) = case.solve(comm, method, pc);
        assert_eq!(outcome.reason, Reason::Stagnated, "{} {}", method.name, pc.name);
        assert!(outcome.replacements >= 1);
        assert!(outcome.true_residual > 1.1e-17 * outcome.reference_norm, "else it would have converged");
        assert!(outcome.true_residual < 1e-10 * outcome.reference_norm, "{:e}", outcome.true_residual);
    });
}

/// From a huge initial guess the recurrence's residual loses touch with the true one: ‖A x₀‖ is
/// 10¹⁰ ‖b‖, and rounding at that size stays in x. Replacing the residual heals it.
fn drift(comm: &Comm) {
    let matrix = grid(12, 12);
    let owners: Vec<u32> = (0..144).map(|row| row % comm.size() as u32).collect();
    let mut random = Random::new(25);
    let b = random.vector(144);
    let guess: Vec<f64> = random.vector(144).iter().map(|x| 1e10 * x).collect();
    let settings = Settings { rtol: 1e-9, divtol: f64::INFINITY, ..Settings::default() };
    for_each_pairing(|method, pc| {
        let case = Case { matrix: &matrix, owners: &owners, b: &b, x0: Some(&guess), settings };
        let (outcome, x) = case.solve(comm, method, pc);
        assert_eq!(outcome.reason, Reason::ConvergedRelative, "{} {}", method.name, pc.name);
        assert!(outcome.replacements >= 1, "{} {}", method.name, pc.name);
        if comm.is_root() {
            let solution = direct_solution(&matrix, &b);
            assert!(distance(&x, &solution) < 1e-7 * distance(&solution, &[0.0; 144]));
        }
    });
}
