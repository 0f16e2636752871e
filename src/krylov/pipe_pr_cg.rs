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
//! [`pipe_pr_m_cg`](super::pipe_pr_m_cg) shares this file's code. Vectors: x, p, r, s, w, u, and r̃, s̃, w̃, ũ when preconditioned. Those multiplied together lie
//! side by side: `rs[i] = [r, s]`, `wu[i] = [w, u]`.

use super::method::{Method, Prediction, Scalars, Step, confirm, step_length};
use crate::comm::{Comm, Phase};
use crate::operator::Operator;
use crate::preconditioner::Preconditioner;
use crate::vector::Dots;

type Pairs = Vec<[f64; 2]>;

pub(super) struct PipePrCg {
    comm: Comm,
    prediction: Prediction,
    x: Vec<f64>,
    p: Vec<f64>,
    rs: Pairs,
    wu: Pairs,
    /// [r̃, s̃] and [w̃, ũ]; None when M = I, where they are [r, s] and [w, u].
    tilde: Option<(Pairs, Pairs)>,
    /// This rank's part of μ, γ, ν, δ, ⟨r, r⟩.
    partial: [f64; 5],
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
        let mut method = PipePrCg {
            comm: a.layout().comm().clone(),
            prediction,
            x,
            p,
            rs: pairs(),
            wu: pairs(),
            tilde: (!m.is_identity()).then(|| (pairs(), pairs())),
            partial: [0.0; 5],
            scalars: [0.0; 5],
            nu_predicted: f64::NAN,
            beta: 0.0,
        };
        method.replace(a, m, &r);
        Box::new(method)
    }

    fn partial_sums(&self) -> [f64; 5] {
        let mut dots = Dots::<5>::default();
        let tilde = self.tilde.as_ref().map_or(&self.rs, |(rs_tilde, _)| rs_tilde);
        for (i, ((&p, &[r, s]), &[r_tilde, s_tilde])) in self.p.iter().zip(&self.rs).zip(tilde).enumerate() {
            dots.add(i, [p * s, s_tilde * s, r_tilde * r, r_tilde * s, r * r]);
        }
        dots.sums()
    }
}

impl Method for PipePrCg {
    fn measure(&mut self, a: &mut dyn Operator, m: &mut dyn Preconditioner) -> Scalars {
        let PipePrCg { prediction, rs, wu, tilde, partial, .. } = self;
        let preconditioned = tilde.is_some();
        self.scalars = prediction.reduce(*partial, preconditioned, |sums| match tilde {
            None => a.apply_pair_summing(rs, wu, sums, &mut |_| ()),
            Some((rs_tilde, wu_tilde)) => {
                a.apply_pair_summing(rs_tilde, wu, sums, &mut |wu| m.apply_pair(wu, wu_tilde))
            }
        });
        let [_, _, nu, _, rr] = self.scalars;
        Scalars { rr, nu, nu_predicted: self.nu_predicted }
    }

    fn advance(&mut self, a: &mut dyn Operator, _: &mut dyn Preconditioner) -> Step {
        let [mu, gamma, nu, delta, _] = self.scalars;
        let alpha = match step_length(nu, mu) {
            Ok(alpha) => alpha,
            Err(stop) => return confirm(stop, a, &self.p),
        };
        self.nu_predicted = self.prediction.nu(nu, alpha, delta, gamma);
        let beta_next = self.nu_predicted / nu;
        let PipePrCg { comm, x, p, rs, wu, tilde, partial, .. } = self;
        *partial = comm.timed(Phase::Vectors, || match tilde {
            None => sweep(alpha, beta_next, x, p, rs, wu),
            Some((rs_tilde, wu_tilde)) => sweep_preconditioned(alpha, beta_next, x, p, rs, wu, rs_tilde, wu_tilde),
        });
        let beta = std::mem::replace(&mut self.beta, beta_next);
        Step::Taken { alpha, beta }
    }

    fn solution(&self) -> &[f64] {
        &self.x
    }

    fn replace(&mut self, a: &mut dyn Operator, m: &mut dyn Preconditioner, r: &[f64]) {
        self.nu_predicted = f64::NAN;
        let mut s = vec![0.0; r.len()];
        a.apply(&self.p, &mut s);
        for (rs, (&r, &s)) in self.rs.iter_mut().zip(r.iter().zip(&s)) {
            *rs = [r, s];
        }
        if let Some((rs_tilde, _)) = &mut self.tilde {
            m.apply_pair(&self.rs, rs_tilde);
        }
        self.partial = self.partial_sums();
    }
}

/// The updates and the next inner products in one pass over the vectors; M = I.
fn sweep(alpha: f64, beta: f64, x: &mut [f64], p: &mut [f64], rs: &mut [[f64; 2]], wu: &[[f64; 2]]) -> [f64; 5] {
    let mut dots = Dots::<4>::default();
    let rows = x.iter_mut().zip(p).zip(rs).zip(wu);
    for (i, (((x, p), rs), &[w, u])) in rows.enumerate() {
        let [mut r, mut s] = *rs;
        *x += alpha * *p;
        r -= alpha * s;
        let w_predicted = w - alpha * u;
        *p = r + beta * *p;
        s = w_predicted + beta * s;
        *rs = [r, s];
        dots.add(i, [*p * s, s * s, r * r, r * s]);
    }
    let [mu, gamma, nu, delta] = dots.sums();
    [mu, gamma, nu, delta, nu]
}

/// The same with M.
#[allow(clippy::too_many_arguments)]
fn sweep_preconditioned(
    alpha: f64,
    beta: f64,
    x: &mut [f64],
    p: &mut [f64],
    rs: &mut [[f64; 2]],
    wu: &[[f64; 2]],
    rs_tilde: &mut [[f64; 2]],
    wu_tilde: &[[f64; 2]],
) -> [f64; 5] {
    let mut dots = Dots::<5>::default();
    let rows = x.iter_mut().zip(p).zip(rs).zip(wu).zip(rs_tilde).zip(wu_tilde);
    for (i, (((((x, p), rs), &[w, u]), rs_tilde), &[w_tilde, u_tilde])) in rows.enumerate() {
        let [mut r, mut s] = *rs;
        let [mut r_tilde, mut s_tilde] = *rs_tilde;
        *x += alpha * *p;
        r -= alpha * s;
        r_tilde -= alpha * s_tilde;
        let w_predicted = w - alpha * u;
        let w_tilde_predicted = w_tilde - alpha * u_tilde;
        *p = r_tilde + beta * *p;
        s = w_predicted + beta * s;
        s_tilde = w_tilde_predicted + beta * s_tilde;
        *rs = [r, s];
        *rs_tilde = [r_tilde, s_tilde];
        dots.add(i, [*p * s, s_tilde * s, r_tilde * r, r_tilde * s, r * r]);
    }
    dots.sums()
}
