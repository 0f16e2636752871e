//! Systems of huge and of tiny numbers take the iterations of the ordinary system that they are multiples of.

use crate::Body;
use crate::support::{Random, SerialMatrix, distribute, grid, pick, random_owners, random_spd};
use halocg::comm::Comm;
use halocg::exponent::times_power_of_two;
use halocg::krylov::{self, Begin, Outcome, Reason, Saved, Settings, Snapshot, Spectrum, StopOn, Turn, Watch};
use halocg::operator::Operator;
use halocg::preconditioner;

pub const BODIES: &[Body] = &[
    ("systems times powers of two have the same bits", same_bits),
    ("systems times powers of ten take the same iterations", same_iterations),
    ("a solution beyond the numbers is no success", beyond),
    ("residuals whose squares vanish are believed for what they are", vanishing),
    ("a scaled solve goes on from where it was saved", goes_on),
    ("norms of huge and of tiny vectors", norms),
];

type Pairing = (&'static krylov::Kind, &'static preconditioner::Kind);

fn pairings() -> impl Iterator<Item = Pairing> {
    krylov::TABLE.iter().flat_map(|method| preconditioner::TABLE.iter().map(move |pc| (method, pc)))
}

struct Case<'a> {
    matrix: &'a SerialMatrix,
    owners: &'a [u32],
    b: &'a [f64],
    x0: Option<&'a [f64]>,
    settings: Settings,
}

impl Case<'_> {
    /// Times these two factors. What is observed must be the outcome's, and x what it is of.
    fn solve(&self, comm: &Comm, (method, pc): Pairing, times: impl Fn(f64) -> f64, b: impl Fn(f64) -> f64) -> Outcome {
        let matrix = self.matrix.map(|&entry| times(entry));
        let mut a = distribute(comm, &matrix, self.owners);
        let mut m = pc.build(&a).expect("the preconditioner can be built");
        let rows = a.layout().rows().to_vec();
        let b: Vec<f64> = pick(self.b, &rows).into_iter().map(b).collect();
        let x0 = self.x0.map(|x0| pick(x0, &rows));
        let mut seen = Vec::new();
        let outcome = krylov::solve(&mut a, m.as_mut(), &b, x0.as_deref(), method, &self.settings, |snapshot| {
            let r = krylov::residual(snapshot.a, &b, snapshot.x);
            let truth = krylov::norm(snapshot.a, &r);
            seen.truncate(snapshot.iteration as usize);
            seen.push((snapshot.record.residual, truth));
        });
        let first = seen[0];
        assert!((first.0 - first.1).abs() <= 1e-10 * first.1, "{} {}: {first:?}", method.name, pc.name);
        assert!(seen.iter().zip(&outcome.history).all(|(seen, record)| seen.0 == record.residual));
        if outcome.reason.is_converged() {
            let (last, truth) = (seen[seen.len() - 1].1, outcome.true_residual);
            assert!((last - truth).abs() <= 1e-3 * truth, "{} {}: {last:e} {truth:e}", method.name, pc.name);
        }
        assert!(outcome.seconds > 0.0);
        outcome
    }
}

fn same_bits(comm: &Comm) {
    let mut random = Random::new(61);
    let matrix = random_spd(&mut random, 70, 3, true);
    let owners = random_owners(&mut random, 70, comm.size());
    let (b, guess) = (random.vector(70), random.vector(70));
    // In reproducible sums, bins are 32 bits apart.
    for (comm, steps) in [(comm.clone(), 4), (comm.reproducible(), 32)] {
        for (method, pc) in pairings() {
            for stop_on in [StopOn::Residual, StopOn::ErrorA] {
                if stop_on == StopOn::ErrorA && method.name != "pipe-pr-cg" {
                    continue;
                }
                let lambda_min = Some(1e-3);
                let settings = Settings { rtol: 1e-9, stop_on, lambda_min, ..Settings::default() };
                let case = Case { matrix: &matrix, owners: &owners, b: &b, x0: None, settings };
                let plain = case.solve(&comm, (method, pc), |a| a, |b| b);
                assert!(plain.reason.is_converged());
                for (of_a, of_b) in [(125, 125), (0, -125), (-225, 3), (230, 0)] {
                    let [of_a, of_b] = [of_a, of_b].map(|quarter| 4 * quarter / steps * steps);
                    let name = format!("{} {} A 2^{of_a} b 2^{of_b}", method.name, pc.name);
                    let identity = pc.name == "none";
                    let lambda_min = if identity { Some(times_power_of_two(1e-3, of_a)) } else { lambda_min };
                    let case = Case { settings: Settings { lambda_min, ..settings }, ..case };
                    let by = |exponent| move |number| times_power_of_two(number, exponent);
                    let scaled = case.solve(&comm, (method, pc), by(of_a), by(of_b));
                    assert_eq!((scaled.reason, scaled.iterations), (plain.reason, plain.iterations), "{name}");
                    let size = times_power_of_two(scaled.true_residual, -of_b);
                    assert_eq!(size, plain.true_residual, "{name}");
                    let size = times_power_of_two(scaled.recurrence_residual, -of_b);
                    assert_eq!(size, plain.recurrence_residual, "{name}");
                    assert!(
                        scaled.x.iter().zip(&plain.x).all(|(s, p)| *s == times_power_of_two(*p, of_b - of_a)),
                        "{name}: x"
                    );
                    for (s, p) in scaled.history.iter().zip(&plain.history) {
                        let (of_alpha, of_nu) = if identity { (-of_a, 2 * of_b) } else { (0, 2 * of_b - of_a) };
                        let same = |s: f64, p: f64| s == p || s.is_nan() && p.is_nan();
                        assert_eq!(s.residual, times_power_of_two(p.residual, of_b), "{name}");
                        assert!(same(s.beta, p.beta) && same(s.nu_gap, p.nu_gap), "{name}");
                        assert!(same(s.alpha, times_power_of_two(p.alpha, of_alpha)), "{name}");
                        assert!(same(s.nu, times_power_of_two(p.nu, of_nu)), "{name}");
                    }
                    let [s, p] = [&scaled, &plain].map(|outcome| Spectrum::of(&outcome.history).unwrap().condition());
                    assert!((s - p).abs() <= 1e-9 * p, "{name}: {s} {p}");
                }
            }
            // b = 0: the size of A alone counts.
            let zero = vec![0.0; 70];
            let case =
                Case { matrix: &matrix, owners: &owners, b: &zero, x0: Some(&guess), settings: Settings::default() };
            let [plain, scaled] =
                [0, 512].map(|exponent| case.solve(&comm, (method, pc), |a| times_power_of_two(a, exponent), |b| b));
            assert_eq!(
                (scaled.reason, scaled.iterations),
                (plain.reason, plain.iterations),
                "{} {}",
                method.name,
                pc.name
            );
            assert!(scaled.reason.is_converged());
        }
    }
}

fn same_iterations(comm: &Comm) {
    let matrix = grid(13, 9);
    let mut random = Random::new(62);
    let owners = random_owners(&mut random, 117, comm.size());
    let b = random.vector(117);
    let case = Case { matrix: &matrix, owners: &owners, b: &b, x0: None, settings: Settings::default() };
    for pairing in pairings() {
        let plain = case.solve(comm, pairing, |a| a, |b| b);
        for (of_a, of_b) in
            [(1e150, 1e150), (1e-150, 1e-150), (1.0, 1e150), (1.0, 1e-150), (1e300, 1.0), (1e-300, 1e-300)]
        {
            let name = format!("{} {} A {of_a:e} b {of_b:e}", pairing.0.name, pairing.1.name);
            let scaled = case.solve(comm, pairing, |a| of_a * a, |b| of_b * b);
            assert_eq!(scaled.reason, Reason::ConvergedRelative, "{name}");
            assert!(scaled.iterations.abs_diff(plain.iterations) <= 1, "{name}: {}", scaled.iterations);
            let relative = scaled.true_residual / scaled.reference_norm;
            assert!(relative <= 1.1e-8, "{name}: {relative:e}");
        }
    }
}

fn beyond(comm: &Comm) {
    let matrix = grid(5, 4);
    let owners = random_owners(&mut Random::new(63), 20, comm.size());
    let case = Case { matrix: &matrix, owners: &owners, b: &[1.0; 20], x0: None, settings: Settings::default() };
    for pairing in pairings() {
        // x of 1e320, and of 1e-320, which has three digits.
        for (of_a, of_b) in [(1e-200, 1e120), (1e200, 1e-120)] {
            let outcome = case.solve(comm, pairing, |a| of_a * a, |b| of_b * b);
            assert_eq!(outcome.reason, Reason::NotFinite, "{} {}", pairing.0.name, pairing.1.name);
        }
    }
    // The one step to x = 1/3 leaves nothing; in 16 bits that x is near enough.
    let settings = Settings { rtol: 1e-3, ..Settings::default() };
    let case = Case { matrix: &grid(1, 1).map(|_| 3.0), owners: &[0], b: &[1.0], x0: None, settings };
    for pairing in pairings() {
        let outcome = case.solve(comm, pairing, |a| a, |b| times_power_of_two(b, -1057));
        assert_eq!(outcome.reason, Reason::ConvergedRelative, "{} {}", pairing.0.name, pairing.1.name);
        let share = outcome.true_residual / outcome.reference_norm;
        assert!((1e-6..1e-3).contains(&share), "{share:e}");
    }
}

/// r is not zero, but ⟨r, r⟩ is.
fn vanishing(comm: &Comm) {
    let matrix = grid(5, 4);
    let owners = random_owners(&mut Random::new(66), 20, comm.size());
    let mut a = distribute(comm, &matrix, &owners);
    let rows = a.layout().rows().to_vec();
    // The first column of A, and in the last row, where that is zero, a little more.
    let column: Vec<f64> = (0..20).map(|row| matrix.get(row, 0).copied().unwrap_or(0.0)).collect();
    let near: Vec<f64> = (0..20).map(|row| if row == 19 { 1e-200 } else { column[row] }).collect();
    let unit: Vec<f64> = (0..20).map(|row| if row == 0 { 1.0 } else { 0.0 }).collect();
    for (method, pc) in pairings() {
        let name = format!("{} {}", method.name, pc.name);
        let mut solve = |b: &[f64], x0: &[f64], atol: f64| {
            let mut m = pc.build(&a).expect("the preconditioner can be built");
            let settings = Settings { atol, ..Settings::default() };
            let (b, x0) = (pick(b, &rows), pick(x0, &rows));
            krylov::solve(&mut a, m.as_mut(), &b, Some(&x0), method, &settings, |_| ())
        };
        let outcome = solve(&near, &unit, 0.0);
        assert_eq!((outcome.reason, outcome.iterations), (Reason::ConvergedRelative, 0), "{name}");
        assert_eq!(outcome.true_residual, 1e-200, "{name}");
        // With b = 0 the first residual says how small is small, unless atol does.
        let (zero, tiny) = (vec![0.0; 20], vec![1e-200; 20]);
        assert_eq!(solve(&zero, &tiny, 1e-190).reason, Reason::ConvergedAbsolute, "{name}");
        let outcome = solve(&zero, &tiny, 0.0);
        assert_eq!(outcome.reason, Reason::ConvergedRelative, "{name}");
        assert!(outcome.true_residual <= 1.1e-8 * outcome.reference_norm && outcome.reference_norm < 1e-199, "{name}");
    }
}

/// Saves once.
struct Saving(u64, Option<Saved>);

impl Watch for Saving {
    fn observe(&mut self, _: Snapshot) {}

    fn turn(&mut self, iteration: u64, settings: &Settings) -> Turn {
        assert_eq!(settings.atol, 1e-140, "settings are those of the user");
        Turn { save: iteration == self.0, end: None }
    }

    fn save(&mut self, _: &halocg::distributed::Layout, saved: Saved) {
        self.1 = Some(saved);
    }
}

fn goes_on(comm: &Comm) {
    let matrix = grid(13, 9).map(|entry| 1e150 * entry);
    let owners = random_owners(&mut Random::new(64), 117, comm.size());
    let mut a = distribute(comm, &matrix, &owners);
    let b = vec![1e-130; a.layout().len()];
    let settings = Settings { atol: 1e-140, rtol: 0.0, ..Settings::default() };
    for (method, pc) in pairings() {
        let mut solve = |begin: Begin, at: u64| {
            let mut m = pc.build(&a).expect("the preconditioner can be built");
            let mut watch = Saving(at, None);
            let outcome = krylov::solve_watched(&mut a, m.as_mut(), &b, begin, method, &settings, &mut watch);
            (outcome.expect("a state of this method"), watch.1)
        };
        let (whole, saved) = solve(Begin::At(None), 4);
        assert_eq!(whole.reason, Reason::ConvergedAbsolute, "{} {}", method.name, pc.name);
        assert!(whole.true_residual <= 1.1e-140 && whole.true_residual > 1e-160);
        let (resumed, _) = solve(Begin::From(saved.unwrap()), 0);
        assert_eq!((resumed.iterations, &resumed.x), (whole.iterations, &whole.x), "{} {}", method.name, pc.name);
        let (at_the_end, _) = solve(Begin::At(Some(&whole.x)), 0);
        assert!(at_the_end.iterations <= 1 && whole.iterations > 4, "{} {}", method.name, pc.name);
        let residuals = |outcome: &Outcome| outcome.history.iter().map(|record| record.residual).collect::<Vec<_>>();
        assert_eq!(residuals(&resumed), residuals(&whole), "{} {}", method.name, pc.name);
    }
}

fn norms(comm: &Comm) {
    let mut random = Random::new(65);
    let owners = random_owners(&mut random, 20, comm.size());
    let a = distribute(comm, &grid(5, 4), &owners);
    let x = pick(&random.vector(20), a.layout().rows());
    let plain = krylov::norm(&a, &x);
    for exponent in [-1000, -600, 0, 600, 1000] {
        let scaled: Vec<f64> = x.iter().map(|&x| times_power_of_two(x, exponent)).collect();
        let found = times_power_of_two(krylov::norm(&a, &scaled), -exponent);
        assert!((found - plain).abs() <= 1e-14 * plain, "2^{exponent}: {found} {plain}");
    }
    let all = |value: f64| krylov::norm(&a, &vec![value; x.len()]);
    assert!(all(0.0) == 0.0 && all(f64::INFINITY) == f64::INFINITY && all(f64::NAN).is_nan());
}
