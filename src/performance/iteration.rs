//! Time per iteration from the times of its parts: the algebra of the methods, without a machine.

use crate::krylov::{Kind, Preconditioning};

/// What an iteration is put together from: seconds, of the slowest rank.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Parts {
    /// A global sum that is waited for.
    pub sum: f64,
    /// One that other work may hide, which may travel in another way.
    pub hidden_sum: f64,
    /// What a hidden sum costs all the same: starting it, asking after it, collecting it.
    pub sum_overhead: f64,
    /// The exchange of a pair of vectors on its own.
    pub exchange: f64,
    /// One product, and a pair of them in one pass: exchange included, as far as the product does not hide it.
    pub product: [f64; 2],
    /// A pair of products and all updates in one pass, its exchange not included.
    pub sweep: f64,
    /// Reading or writing one vector in a pass of its own.
    pub vector: f64,
    /// M⁻¹ applied to one vector, and to a pair; not used unless M is [`Preconditioning::General`].
    pub preconditioner: [f64; 2],
}

/// How an iteration is to be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Product, then vectors.
    Passes,
    /// Both in one pass, for the methods that can ([`Kind::sweeps`]) with a diagonal M; others ignore it.
    OneSweep,
}

impl Cut {
    /// True if `kind` with this M runs in one sweep.
    pub fn sweeps(self, kind: &Kind, m: Preconditioning) -> bool {
        self == Cut::OneSweep && kind.sweeps && m != Preconditioning::General
    }
}

impl Parts {
    /// Seconds per iteration of `kind`. With G a sum (waited for, or hidden), H the exchange, S the product with its exchange and the
    /// applications of M⁻¹, V the passes over vectors, o the overhead of a hidden sum, and S' the sweep:
    ///
    /// * sums waited for: (number of sums) G + S + V;
    /// * a hidden sum: max(G, S + o) + V;
    /// * one sweep: max(G, H + o) + S'.
    pub fn iteration(&self, kind: &Kind, m: Preconditioning, cut: Cut) -> f64 {
        let cost = &kind.cost;
        if cut.sweeps(kind, m) {
            return self.hidden_sum.max(self.exchange + self.sum_overhead) + self.sweep;
        }
        let k = cost.products as usize - 1;
        let preconditioner = if m == Preconditioning::General { self.preconditioner[k] } else { 0.0 };
        let product = self.product[k] + preconditioner;
        let vectors = f64::from(cost.vector_words(m)) * self.vector;
        if cost.hides {
            self.hidden_sum.max(product + self.sum_overhead) + vectors
        } else {
            f64::from(cost.sums) * self.sum + product + vectors
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::krylov::TABLE;

    const MS: [Preconditioning; 3] = [Preconditioning::None, Preconditioning::Diagonal, Preconditioning::General];

    fn kind(name: &str) -> &'static Kind {
        Kind::named(name).expect("in the table")
    }

    /// Seconds of a plausible rank, without sums.
    fn parts() -> Parts {
        Parts {
            sum: 0.0,
            hidden_sum: 0.0,
            sum_overhead: 1e-6,
            exchange: 2e-6,
            product: [10e-6, 11e-6],
            sweep: 16e-6,
            vector: 1e-6,
            preconditioner: [5e-6, 9e-6],
        }
    }

    #[test]
    fn when_sums_are_all_there_is_their_number_decides() {
        let parts = Parts { sum: 1.0, hidden_sum: 1.0, ..parts() };
        for m in MS {
            for cut in [Cut::Passes, Cut::OneSweep] {
                let classic = parts.iteration(kind("hs-cg"), m, cut);
                for method in TABLE.iter().filter(|method| method.name != "hs-cg") {
                    let ratio = classic / parts.iteration(method, m, cut);
                    assert!((ratio - 2.0).abs() < 1e-3, "{} {m:?}: {ratio}", method.name);
                }
            }
        }
    }

    #[test]
    fn a_sum_as_long_as_the_product_is_hidden_whole() {
        // Pair as cheap as one product, nothing else to do: 2 G + S against max(G, S).
        let parts = Parts { sum: 1.0, hidden_sum: 1.0, product: [1.0, 1.0], ..Parts::default() };
        let classic = parts.iteration(kind("hs-cg"), Preconditioning::None, Cut::Passes);
        assert_eq!(classic / parts.iteration(kind("pipe-pr-cg"), Preconditioning::None, Cut::Passes), 3.0);
        assert_eq!(classic / parts.iteration(kind("cg-cg"), Preconditioning::None, Cut::Passes), 1.5);
    }

    #[test]
    fn in_hops_the_bound_is_that_of_the_literature() {
        // A halo of one hop, a sum of log2 P, no work.
        for (hops, bound) in [(1.0, 3.0), (2.0, 2.5), (3.0, 7.0 / 3.0), (4.0, 2.25)] {
            let parts = Parts { sum: hops, hidden_sum: hops, exchange: 1.0, product: [1.0, 1.0], ..Parts::default() };
            for cut in [Cut::Passes, Cut::OneSweep] {
                let [classic, pipelined] =
                    ["hs-cg", "pipe-pr-cg"].map(|name| parts.iteration(kind(name), Preconditioning::None, cut));
                assert!((classic / pipelined - bound).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn without_sums_the_work_is_added_up() {
        let time = |name, m, cut| parts().iteration(kind(name), m, cut) * 1e6;
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} {b}");
        near(time("hs-cg", Preconditioning::None, Cut::Passes), 10.0 + 9.0);
        near(time("hs-cg", Preconditioning::General, Cut::Passes), 10.0 + 5.0 + 11.0);
        near(time("pipe-pr-cg", Preconditioning::None, Cut::Passes), 11.0 + 1.0 + 10.0);
        near(time("pipe-pr-cg", Preconditioning::General, Cut::OneSweep), 11.0 + 9.0 + 1.0 + 16.0);
        near(time("pipe-pr-cg", Preconditioning::Diagonal, Cut::OneSweep), 2.0 + 1.0 + 16.0);
        // Nothing but pipe-pr-cg and its like can sweep.
        near(time("gv-cg", Preconditioning::None, Cut::OneSweep), time("gv-cg", Preconditioning::None, Cut::Passes));
    }
}
