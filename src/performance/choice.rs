//! Which method to take: `--solver auto`.

use super::iteration::{Cut, Parts};
use crate::comm::measure::{SUM_WORDS, SumTimes, median, timed};
use crate::krylov::{Kind, Preconditioning, TABLE};
use crate::operator::Operator;
use crate::preconditioner::Preconditioner;
use crate::vector::Partial;

/// A plainer method is taken for as much as it is not slower than this share: measured times vary as much,
/// and the plainer the recurrence, the smaller its rounding errors.
const NOT_WORTH_IT: f64 = 0.05;

/// Measurements of which the median counts, after one that does not.
const ROUNDS: usize = 3;
/// Sums in one of them.
const SUMS: usize = 2;

/// What was taken, and why.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The method.
    pub kind: &'static Kind,
    /// The candidates, from the plainest on, and their seconds per iteration by the model.
    pub candidates: Vec<(&'static Kind, f64)>,
    /// What they were put together from.
    pub parts: Parts,
}

/// The plainest candidate ([`Kind::is_candidate`]) that is not more than 5 % slower than the fastest one, by the model.
/// The same parts give the same choice.
pub fn choose(parts: &Parts, m: Preconditioning, cut: Cut) -> Choice {
    // The table ends with classic CG.
    let candidates: Vec<_> =
        TABLE.iter().rev().filter(|kind| kind.is_candidate).map(|kind| (kind, parts.iteration(kind, m, cut))).collect();
    let least = candidates.iter().map(|(_, seconds)| *seconds).fold(f64::INFINITY, f64::min);
    let good_enough = |(_, seconds): &&(_, f64)| *seconds <= (1.0 + NOT_WORTH_IT) * least;
    let (kind, _) = *candidates.iter().find(good_enough).unwrap_or(&candidates[0]);
    Choice { kind, candidates, parts: *parts }
}

/// What kind of M this is to the methods.
pub fn preconditioning(m: &dyn Preconditioner) -> Preconditioning {
    match (m.is_identity(), m.diagonal()) {
        (true, _) => Preconditioning::None,
        (false, Some(_)) => Preconditioning::Diagonal,
        (false, None) => Preconditioning::General,
    }
}

/// Measures the parts of an iteration with this operator and this preconditioner: about fifty sums, four single products,
/// four pairs and what goes with them. Collective; the same result on every rank, that of the slowest.
pub fn measure_parts(a: &mut dyn Operator, m: &mut dyn Preconditioner) -> Parts {
    let comm = a.layout().comm().clone();
    let len = a.layout().len();
    let with = preconditioning(m);
    let sums = SumTimes::measured(&comm, ROUNDS, SUMS);
    let (x, mut y) = (vec![1.0; len], vec![1.0; len]);
    let (pairs, mut products) = (vec![[1.0; 2]; len], vec![[1.0; 2]; len]);
    let mut seconds = [const { Vec::new() }; 6];
    for _ in 0..=ROUNDS {
        let mut time = |k: usize, work: &mut dyn FnMut()| seconds[k].push(timed(&comm, work));
        time(0, &mut || a.apply(&x, &mut y));
        // What the product left in the cache is what an iteration finds there.
        time(1, &mut || crate::vector::axpy(&mut y, 0.5, &x));
        time(2, &mut || a.apply_pair(&pairs, &mut products));
        if with == Preconditioning::General {
            time(3, &mut || m.apply(&x, &mut y));
            time(4, &mut || m.apply_pair(&pairs, &mut products));
        }
        if let Some(a) = a.one_sweep() {
            time(5, &mut || a.exchange_summing(&pairs, &mut [Partial::Plain(0.0); SUM_WORDS]));
        }
    }
    let [single, update, pair, apply, apply_pair, exchange] =
        seconds.map(|seconds| if seconds.is_empty() { 0.0 } else { median(&seconds[1..]) });
    let vector = update / 3.0;
    // It was measured with a sum, which it is never without.
    let exchange = (exchange - sums.hidden).max(0.0);
    // The pass over A with the other vectors' traffic. Its exchange is taken out: a sweep has it beforehand. Where many rows
    // hide it, that is too much by a little; where there are few rows, it is most of the pair's time.
    let sweep_words = TABLE.iter().find(|kind| kind.sweeps).map_or(0, |kind| {
        kind.cost.words_per_row(if with == Preconditioning::General { Preconditioning::None } else { with }, true)
            - 2 * kind.cost.products
    });
    Parts {
        sum: sums.blocking,
        hidden_sum: sums.nonblocking,
        sum_overhead: sums.hidden,
        exchange,
        product: [single, pair],
        sweep: (pair - exchange).max(0.0) + f64::from(sweep_words) * vector,
        vector,
        preconditioner: [apply, apply_pair],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: [Preconditioning; 3] = [Preconditioning::None, Preconditioning::Diagonal, Preconditioning::General];

    /// A rank with much to do; a pair costs somewhat more than one product.
    fn parts(sum: f64) -> Parts {
        Parts {
            sum,
            hidden_sum: sum,
            sum_overhead: 1e-7,
            exchange: 1e-6,
            product: [100e-6, 120e-6],
            sweep: 160e-6,
            vector: 5e-6,
            preconditioner: [80e-6, 150e-6],
        }
    }

    #[test]
    fn free_sums_leave_the_classic_method_and_slow_ones_the_pipelined() {
        for m in MS {
            assert_eq!(choose(&parts(0.0), m, Cut::Passes).kind.name, "hs-cg", "{m:?}");
            assert_eq!(choose(&parts(2e-4), m, Cut::Passes).kind.name, "pipe-pr-cg", "{m:?}");
            // Beside a sum that is much longer than all work, it no longer matters what hides behind it.
            assert_eq!(choose(&parts(1.0), m, Cut::Passes).kind.name, "pr-cg", "{m:?}");
        }
    }

    #[test]
    fn a_sweep_that_saves_memory_traffic_needs_no_sums_to_be_chosen() {
        let parts = Parts { sweep: 110e-6, ..parts(0.0) };
        assert_eq!(choose(&parts, Preconditioning::None, Cut::OneSweep).kind.name, "pipe-pr-cg");
        assert_eq!(choose(&parts, Preconditioning::None, Cut::Passes).kind.name, "hs-cg");
        assert_eq!(choose(&parts, Preconditioning::General, Cut::OneSweep).kind.name, "hs-cg");
    }

    #[test]
    fn where_one_sum_less_is_enough_it_is_waited_for() {
        // A second product that costs as much as the first one is not worth hiding a short sum.
        let parts = Parts { product: [100e-6, 200e-6], ..parts(40e-6) };
        assert_eq!(choose(&parts, Preconditioning::None, Cut::Passes).kind.name, "pr-cg");
    }

    #[test]
    fn a_preconditioner_that_is_slow_on_pairs_is_worth_no_short_sum() {
        let parts = Parts { preconditioner: [3e-3, 9e-3], ..parts(1e-4) };
        assert_eq!(choose(&parts, Preconditioning::General, Cut::Passes).kind.name, "hs-cg");
    }

    #[test]
    fn a_few_percent_are_not_worth_another_method() {
        // hs-cg 220 us and 2 G, pipe-pr-cg 230 us.
        let with = |sum| Parts { product: [110e-6, 120e-6], vector: 10e-6, ..parts(sum) };
        let name = |sum| {
            let choice = choose(&with(sum), Preconditioning::Diagonal, Cut::Passes);
            let seconds = |name| choice.candidates.iter().find(|(kind, _)| kind.name == name).expect("a candidate").1;
            assert!(seconds("pipe-pr-cg") < seconds("hs-cg"));
            choice.kind.name
        };
        assert_eq!((name(8e-6), name(13e-6)), ("hs-cg", "pipe-pr-cg"));
    }

    #[test]
    fn candidates_are_the_accurate_ones_from_the_plainest_on() {
        let names: Vec<_> = choose(&parts(0.0), Preconditioning::None, Cut::Passes)
            .candidates
            .iter()
            .map(|(kind, _)| kind.name)
            .collect();
        assert_eq!(names, ["hs-cg", "pr-cg", "pipe-pr-cg"]);
    }
}
