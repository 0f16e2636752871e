//! PIPE-PR-CG: pipelined predict-and-recompute conjugate gradients.
//!
//! Chen & Carson, "Predict-and-recompute conjugate gradient variants", SIAM J. Sci. Comput. 42(5),
//! 2020, A3084–A3108 (arXiv:1905.01549). r̃ = M⁻¹ r, s̃ = M⁻¹ s, w̃ = M⁻¹ w, ũ = M⁻¹ u.
//!
//! ```text
//! μ_k = ⟨p_k, s_k⟩   δ_k = ⟨r̃_k, s_k⟩   γ_k = ⟨s̃_k, s_k⟩   ν_k = ⟨r̃_k, r_k⟩    one sum, in flight during
//! w_k = A r̃_k        u_k = A s̃_k        w̃_k = M⁻¹ w_k      ũ_k = M⁻¹ u_k        one pass over A, recompute
//! α_k     = ν_k / μ_k
//! x_{k+1} = x_k + α_k p_k     r_{k+1} = r_k − α_k s_k     r̃_{k+1} = r̃_k − α_k s̃_k
//! w'_{k+1} = w_k − α_k u_k                               w̃'_{k+1} = w̃_k − α_k ũ_k       predict A r̃_{k+1}
//! ν'_{k+1} = ν_k − 2 α_k δ_k + α_k² γ_k                                                predict ν_{k+1}
//! β_{k+1} = ν'_{k+1} / ν_k
//! p_{k+1} = r̃_{k+1} + β_{k+1} p_k
//! s_{k+1} = w'_{k+1} + β_{k+1} s_k                        s̃_{k+1} = w̃'_{k+1} + β_{k+1} s̃_k
//! ```
//!
//! ν_k is recomputed in every sum; its prediction serves β only. ⟨r_k, r_k⟩ rides in the same sum
//! (it is ν_k when M = I), so the stopping test is free.
//!
//! Per iteration: 1 sum of 4 words (5 with M), hidden behind 2 products in one pass and 2
//! applications of M⁻¹; one sweep over the vectors, which also forms the next partial inner products.
//! Where the operator is to be swept ([`OneSweep`](crate::operator::OneSweep)), sum and exchange run
//! together instead, and products and updates in one pass. [`pipe_pr_m_cg`](super::pipe_pr_m_cg)
//! shares this file's code.
//!
//! Vectors: x, p, r̃, s̃, and unless the operator is swept w, u. With a diagonal M, r = M r̃ and
//! s = M s̃ are formed where they are needed, and one sweep does for M as well; with any other M they
//! are kept, and w̃, ũ too. Those multiplied together lie side by side: `rs_tilde[i] = [r̃, s̃]`,
//! `wu[i] = [w, u]`.

use super::method::{Column, Method, Prediction, Scalars, State, Step, confirm, step_length};
use crate::comm::{Comm, Phase};
use crate::operator::Operator;
use crate::preconditioner::Preconditioner;
use crate::simd::Simd;
use crate::vector::{Dots, Lanes, Partial, Sums, for_strips, summed};
use std::ops::Range;

type Pairs = Vec<[f64; 2]>;

pub(super) struct PipePrCg {
    comm: Comm,
    prediction: Prediction,
    x: Vec<f64>,
    p: Vec<f64>,
    rs_tilde: Pairs,
    /// Empty when the operator is swept.
    wu: Pairs,
    /// [r, s] and [w̃, ũ]; None when M is diagonal.
    general: Option<(Pairs, Pairs)>,
    /// This rank's part of μ, γ, ν, δ, ⟨r, r⟩.
    partial: [Partial; 5],
    /// Their sums over all ranks.
    scalars: [f64; 5],
    /// ν'_k, NaN when nothing predicted it.
    nu_predicted: f64,
    /// β_k, with which p_k was formed.
    beta: f64,
}

impl PipePrCg {
    pub(super) fn start(a: &mut dyn Operator, m: &mut dyn Preconditioner, x: Vec<f64>, r: Vec<f64>) -> Box<dyn Method> {
        PipePrCg::start_with(Prediction::Full, a, m, x, r)
    }

    pub(super) fn start_with(
        prediction: Prediction,
        a: &mut dyn Operator,
        m: &mut dyn Preconditioner,
        x: Vec<f64>,
        r: Vec<f64>,
    ) -> Box<dyn Method> {
        let n = r.len();
        let pairs = || vec![[0.0; 2]; n];
        let mut p = r.clone();
        if !m.is_identity() {
            m.apply(&r, &mut p); // p_0 = r̃_0
        }
        let is_diagonal = m.is_identity() || m.diagonal().is_some();
        let mut method = PipePrCg {
            comm: a.layout().comm().clone(),
            prediction,
            x,
            p,
            rs_tilde: pairs(),
            wu: if is_diagonal && a.one_sweep().is_some() { Vec::new() } else { pairs() },
            general: (!is_diagonal).then(|| (pairs(), pairs())),
            partial: a.layout().comm().dots().partials(),
            scalars: [0.0; 5],
            nu_predicted: f64::NAN,
            beta: 0.0,
        };
        method.renew(a, m, &r);
        Box::new(method)
    }

    /// r, s and what follows from them, from this r and the p at hand.
    fn renew(&mut self, a: &mut dyn Operator, m: &mut dyn Preconditioner, r: &[f64]) {
        self.nu_predicted = f64::NAN;
        let mut s = vec![0.0; r.len()];
        a.apply(&self.p, &mut s);
        let rs: Pairs = r.iter().zip(&s).map(|(&r, &s)| [r, s]).collect();
        if m.is_identity() {
            self.rs_tilde.copy_from_slice(&rs);
        } else {
            m.apply_pair(&rs, &mut self.rs_tilde);
        }
        if let Some((kept, _)) = &mut self.general {
            *kept = rs;
        }
        self.partial = self.partial_sums(a, m);
    }

    /// This rank's part of μ, γ, ν, δ, ⟨r, r⟩, added up in the order of the updates.
    fn partial_sums(&self, a: &dyn Operator, m: &dyn Preconditioner) -> [Partial; 5] {
        let PipePrCg { comm, p, rs_tilde, general, .. } = self;
        let mut dots = comm.dots();
        let mut add = |rows: Range<usize>| {
            let (p, rs_tilde) = (&p[rows.clone()], &rs_tilde[rows.clone()]);
            let rs = general.as_ref().map(|(rs, _)| &rs[rows.clone()]);
            let m = m.diagonal().map(|m| &m[rows]);
            summed!(simd, sums in &mut dots => for_strips!(i in p.len(), {
                let (p, [r_tilde, s_tilde]) = (Lanes::load(simd, p, i), Lanes::load_pair(simd, rs_tilde, i));
                let [r, s] = match (rs, m) {
                    (Some(rs), _) => Lanes::load_pair(simd, rs, i),
                    (None, Some(m)) => [r_tilde, s_tilde].map(|v| Lanes::load_divisor(simd, m, i) * v),
                    (None, None) => [r_tilde, s_tilde],
                };
                sums.add([p * s, s_tilde * s, r_tilde * r, r_tilde * s, r * r]);
            }));
        };
        match general {
            Some(_) => add(0..p.len()),
            None => a.each_block(&mut add),
        }
        dots.partials()
    }
}

impl Method for PipePrCg {
    fn measure(&mut self, a: &mut dyn Operator, m: &mut dyn Preconditioner) -> Scalars {
        let PipePrCg { prediction, rs_tilde, wu, general, partial, .. } = self;
        self.scalars = prediction.reduce(*partial, !m.is_identity(), |sums| match (general, a.one_sweep()) {
            (None, Some(a)) => a.exchange_summing(rs_tilde, sums),
            (None, None) => a.apply_pair_summing(rs_tilde, wu, sums, &mut |_| ()),
            (Some((_, wu_tilde)), _) => {
                a.apply_pair_summing(rs_tilde, wu, sums, &mut |wu| m.apply_pair(wu, wu_tilde));
            }
        });
        prediction.scalars(self.scalars, self.nu_predicted, self.general.is_some())
    }

    fn advance(&mut self, a: &mut dyn Operator, m: &mut dyn Preconditioner) -> Step {
        let [mu, gamma, nu, delta, _] = self.scalars;
        let alpha = match step_length(nu, mu) {
            Ok(alpha) => alpha,
            Err(stop) => return confirm(stop, a, &self.p),
        };
        self.nu_predicted = self.prediction.nu(nu, alpha, delta, gamma);
        let beta_next = self.nu_predicted / nu;
        let PipePrCg { comm, x, p, rs_tilde, wu, general, .. } = self;
        self.partial = if let Some((rs, wu_tilde)) = general {
            let mut dots = comm.dots();
            comm.timed(Phase::Vectors, || {
                summed!(simd, sums in &mut dots => {
                    update_general(simd, alpha, beta_next, x, p, rs_tilde, wu, rs, wu_tilde, &mut sums)
                });
            });
            dots.partials()
        } else {
            if !m.is_identity() {
                // M⁻¹ (w − α u) is both applications at once.
                comm.profile().count(|counts| counts.preconditioned += 2);
            }
            let mut update = Update { alpha, beta: beta_next, x, p, m: m.diagonal(), dots: comm.dots() };
            if let Some(a) = a.one_sweep() {
                a.sweep(rs_tilde, &mut |rows, rs_tilde, wu| update.rows(rows, rs_tilde, wu));
            } else {
                comm.timed(Phase::Vectors, || {
                    a.each_block(&mut |rows| update.rows(rows.clone(), &mut rs_tilde[rows.clone()], &wu[rows]));
                });
            }
            update.dots.partials()
        };
        let beta = std::mem::replace(&mut self.beta, beta_next);
        Step::Taken { alpha, beta }
    }

    fn solution(&self) -> &[f64] {
        &self.x
    }

    fn replace(&mut self, a: &mut dyn Operator, m: &mut dyn Preconditioner, r: &[f64]) {
        let mut r_tilde = r.to_vec();
        if !m.is_identity() {
            m.apply(r, &mut r_tilde);
        }
        for ((p, r_tilde), [old, _]) in self.p.iter_mut().zip(r_tilde).zip(&self.rs_tilde) {
            *p += r_tilde - old; // p_k = r̃_k + β_k p_{k−1}
        }
        self.renew(a, m, r);
    }

    fn state(&mut self) -> State<'_> {
        let PipePrCg { x, p, rs_tilde, general, nu_predicted, beta, .. } = self;
        let mut vectors = vec![Column::One("x", x), Column::One("p", p), Column::Pair(["r~", "s~"], rs_tilde)];
        vectors.extend(general.as_mut().map(|(rs, _)| Column::Pair(["r", "s"], rs)));
        State { vectors, scalars: vec![nu_predicted, beta] }
    }

    fn resume(&mut self, a: &mut dyn Operator, m: &mut dyn Preconditioner) {
        self.partial = self.partial_sums(a, m);
    }
}

/// The updates and the next inner products, block of rows by block of rows; M diagonal.
pub(crate) struct Update<'a> {
    pub(crate) alpha: f64,
    pub(crate) beta: f64,
    pub(crate) x: &'a mut [f64],
    pub(crate) p: &'a mut [f64],
    /// The diagonal of M; None when M = I.
    pub(crate) m: Option<&'a [f64]>,
    /// μ, γ, ν, δ, ⟨r, r⟩.
    pub(crate) dots: Dots<5>,
}

impl Update<'_> {
    /// On the block `rows`, of which `rs_tilde` and `wu` hold nothing else.
    pub(crate) fn rows(&mut self, rows: Range<usize>, rs_tilde: &mut [[f64; 2]], wu: &[[f64; 2]]) {
        let Update { alpha, beta, x, p, m, dots } = self;
        let (x, p) = (&mut x[rows.clone()], &mut p[rows.clone()]);
        // Apart, so that each is compiled for what it is.
        match m {
            None => summed!(simd, sums in dots => update(simd, *alpha, *beta, x, p, None, rs_tilde, wu, &mut sums)),
            Some(m) => {
                let m = Some(&m[rows]);
                summed!(simd, sums in dots => update(simd, *alpha, *beta, x, p, m, rs_tilde, wu, &mut sums));
            }
        }
    }
}

#[allow(clippy::too_many_arguments)]
#[inline(always)]
fn update<S: Simd>(
    simd: S,
    alpha: f64,
    beta: f64,
    x: &mut [f64],
    p: &mut [f64],
    m: Option<&[f64]>,
    rs_tilde: &mut [[f64; 2]],
    wu: &[[f64; 2]],
    sums: &mut impl Sums<S, 5>,
) {
    let (p, rs_tilde, wu) = (&mut p[..x.len()], &mut rs_tilde[..x.len()], &wu[..x.len()]);
    for_strips!(i in x.len(), {
        #[allow(clippy::manual_map)] // A closure might not be inlined.
        let m = match m {
            None => None,
            Some(m) => Some(Lanes::load_divisor(simd, m, i)),
        };
        let (x_k, p_k) = (Lanes::load(simd, x, i), Lanes::load(simd, p, i));
        let ([r_tilde, s_tilde], [w, u]) = (Lanes::load_pair(simd, rs_tilde, i), Lanes::load_pair(simd, wu, i));
        let x_next = x_k + alpha * p_k;
        let r_tilde = r_tilde - alpha * s_tilde;
        let w_tilde_predicted = over(w - alpha * u, m);
        let p_next = r_tilde + beta * p_k;
        let s_tilde = w_tilde_predicted + beta * s_tilde;
        let (r, s) = (times(m, r_tilde), times(m, s_tilde));
        sums.add([p_next * s, s_tilde * s, r_tilde * r, r_tilde * s, r * r]);
        x_next.store(x, i);
        p_next.store(p, i);
        Lanes::store_pair([r_tilde, s_tilde], rs_tilde, i);
    });
}

/// The same with any M.
#[allow(clippy::too_many_arguments)]
#[inline(always)]
fn update_general<S: Simd>(
    simd: S,
    alpha: f64,
    beta: f64,
    x: &mut [f64],
    p: &mut [f64],
    rs_tilde: &mut [[f64; 2]],
    wu: &[[f64; 2]],
    rs: &mut [[f64; 2]],
    wu_tilde: &[[f64; 2]],
    sums: &mut impl Sums<S, 5>,
) {
    for_strips!(i in x.len(), {
        let (x_k, p_k) = (Lanes::load(simd, x, i), Lanes::load(simd, p, i));
        let ([r, s], [w, u]) = (Lanes::load_pair(simd, rs, i), Lanes::load_pair(simd, wu, i));
        let [r_tilde, s_tilde] = Lanes::load_pair(simd, rs_tilde, i);
        let [w_tilde, u_tilde] = Lanes::load_pair(simd, wu_tilde, i);
        let x_next = x_k + alpha * p_k;
        let (r, r_tilde) = (r - alpha * s, r_tilde - alpha * s_tilde);
        let (w_predicted, w_tilde_predicted) = (w - alpha * u, w_tilde - alpha * u_tilde);
        let p_next = r_tilde + beta * p_k;
        let (s, s_tilde) = (w_predicted + beta * s, w_tilde_predicted + beta * s_tilde);
        sums.add([p_next * s, s_tilde * s, r_tilde * r, r_tilde * s, r * r]);
        x_next.store(x, i);
        p_next.store(p, i);
        Lanes::store_pair([r, s], rs, i);
        Lanes::store_pair([r_tilde, s_tilde], rs_tilde, i);
    });
}

/// M⁻¹ v; M = I if it is None.
#[inline(always)]
fn over<S: Simd>(v: Lanes<S>, m: Option<Lanes<S>>) -> Lanes<S> {
    match m {
        None => v,
        Some(m) => v / m,
    }
}

/// M v.
#[inline(always)]
fn times<S: Simd>(m: Option<Lanes<S>>, v: Lanes<S>) -> Lanes<S> {
    match m {
        None => v,
        Some(m) => m * v,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::with_every_simd;
    use crate::vector::Summation;

    const ALPHA: f64 = 0.37;
    const BETA: f64 = 0.81;

    fn vector(n: usize, shift: f64) -> Vec<f64> {
        (0..n).map(|i| (1.7 * i as f64 + shift).sin()).collect()
    }

    fn pairs(n: usize, shift: f64) -> Pairs {
        vector(n, shift).into_iter().zip(vector(n, shift + 0.4)).map(|(a, b)| [a, b]).collect()
    }

    /// x, p, r̃ and s̃ of the next iteration, and the inner products, number by number.
    fn plainly(
        x: &[f64],
        p: &[f64],
        m: Option<&[f64]>,
        rs_tilde: &[[f64; 2]],
        wu: &[[f64; 2]],
    ) -> (Vec<[f64; 4]>, [f64; 5]) {
        let mut sums = [0.0; 5];
        let rows = (0..x.len()).map(|i| {
            let ([r_tilde, s_tilde], [w, u], m) = (rs_tilde[i], wu[i], m.map_or(1.0, |m| m[i]));
            let r_tilde = r_tilde - ALPHA * s_tilde;
            let p_next = r_tilde + BETA * p[i];
            let s_tilde = (w - ALPHA * u) / m + BETA * s_tilde;
            let (r, s) = (m * r_tilde, m * s_tilde);
            let products = [p_next * s, s_tilde * s, r_tilde * r, r_tilde * s, r * r];
            sums.iter_mut().zip(products).for_each(|(sum, product)| *sum += product);
            [x[i] + ALPHA * p[i], p_next, r_tilde, s_tilde]
        });
        (rows.collect(), sums)
    }

    #[test]
    fn updates_of_every_length_with_every_instruction() {
        for n in 0..40 {
            let (x, p, rs_tilde, wu) = (vector(n, 0.1), vector(n, 0.9), pairs(n, 1.3), pairs(n, 2.2));
            let diagonal: Vec<f64> = (0..n).map(|i| 2.0 + (i % 5) as f64).collect();
            for m in [None, Some(&diagonal[..])] {
                let (rows, sums) = plainly(&x, &p, m, &rs_tilde, &wu);
                with_every_simd!(simd => {
                    let (mut x, mut p, mut rs_tilde) = (x.clone(), p.clone(), rs_tilde.clone());
                    let Dots::Plain(mut dots) = Dots::<5>::new(Summation::Plain) else { unreachable!() };
                    let mut in_registers = dots.load(simd);
                    update(simd, ALPHA, BETA, &mut x, &mut p, m, &mut rs_tilde, &wu, &mut in_registers);
                    dots.store(in_registers);
                    for i in 0..n {
                        assert_eq!([x[i], p[i], rs_tilde[i][0], rs_tilde[i][1]], rows[i], "row {i} of {n}");
                    }
                    for (sum, plain) in Dots::Plain(dots).partials().into_iter().map(|sum| sum.value()).zip(sums) {
                        assert!((sum - plain).abs() <= 1e-12 * n as f64, "{sum} and {plain} of {n} rows");
                    }
                });
            }
        }
    }
}
