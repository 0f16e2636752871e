//! PR-CG: predict-and-recompute conjugate gradients, not pipelined.
//!
//! Chen & Carson, "Predict-and-recompute conjugate gradient variants", SIAM J. Sci. Comput. 42(5),
//! 2020, A3084–A3108. r̃ = M⁻¹ r, s̃ = M⁻¹ s.
//!
//! ```text
//! s_k = A p_k     s̃_k = M⁻¹ s_k
//! μ_k = ⟨p_k, s_k⟩   γ_k = ⟨s̃_k, s_k⟩   δ_k = ⟨r̃_k, s_k⟩   ν_k = ⟨r̃_k, r_k⟩    one sum, waited for
//! α_k = ν_k / μ_k
//! x_{k+1} = x_k + α_k p_k     r_{k+1} = r_k − α_k s_k     r̃_{k+1} = r̃_k − α_k s̃_k
//! ν'_{k+1} = ν_k − 2 α_k δ_k + α_k² γ_k          predict ν_{k+1}
//! β_{k+1} = ν'_{k+1} / ν_k     p_{k+1} = r̃_{k+1} + β_{k+1} p_k
//! ```
//!
//! Per iteration: 1 sum of 4 words (5 with M) that hides nothing, 1 product, 1 application of M⁻¹.
//! Vectors: x, r, p, s, and r̃, s̃ when preconditioned. [`m_cg`](super::m_cg) shares this file's code.

use super::method::{Column, Method, Prediction, Scalars, State, Step, confirm, step_length};
use crate::comm::{Comm, Phase};
use crate::operator::Operator;
use crate::preconditioner::Preconditioner;
use crate::simd::vectorized;
use crate::vector::{Lanes, Sums as _, for_strips, summed};
use std::ops::Range;

pub(super) struct PrCg {
    comm: Comm,
    prediction: Prediction,
    x: Vec<f64>,
    r: Vec<f64>,
    p: Vec<f64>,
    s: Vec<f64>,
    /// r̃ and s̃; None when M = I, where they are r and s.
    tilde: Option<[Vec<f64>; 2]>,
    /// μ, γ, ν, δ, ⟨r, r⟩.
    scalars: [f64; 5],
    /// ν'_k, NaN when nothing predicted it.
    nu_predicted: f64,
    beta: f64,
}

impl PrCg {
    pub(super) fn start(a: &mut dyn Operator, m: &mut dyn Preconditioner, x: Vec<f64>, r: Vec<f64>) -> Box<dyn Method> {
        PrCg::start_with(Prediction::Full, a, m, x, r)
    }

    pub(super) fn start_with(
        prediction: Prediction,
        a: &mut dyn Operator,
        m: &mut dyn Preconditioner,
        x: Vec<f64>,
        r: Vec<f64>,
    ) -> Box<dyn Method> {
        let n = r.len();
        let mut p = r.clone();
        if !m.is_identity() {
            m.apply(&r, &mut p); // p_0 = r̃_0
        }
        let tilde = (!m.is_identity()).then(|| [p.clone(), vec![0.0; n]]);
        let comm = a.layout().comm().clone();
        Box::new(PrCg {
            comm,
            prediction,
            x,
            r,
            p,
            s: vec![0.0; n],
            tilde,
            scalars: [0.0; 5],
            nu_predicted: f64::NAN,
            beta: 0.0,
        })
    }
}

impl Method for PrCg {
    fn measure(&mut self, a: &mut dyn Operator, m: &mut dyn Preconditioner) -> Scalars {
        let PrCg { comm, prediction, r, p, s, tilde, scalars, .. } = self;
        let mut dots = comm.dots();
        let mut add = |rows: Range<usize>, s: &[f64], tilde: Option<[&[f64]; 2]>| {
            let (r, p) = (&r[rows.clone()], &p[rows]);
            let [r_tilde, s_tilde] = tilde.unwrap_or([r, s]);
            summed!(simd, sums in &mut dots => for_strips!(i in r.len(), {
                let [r, p, s, r_tilde, s_tilde] = Lanes::load_each(simd, [r, p, s, r_tilde, s_tilde], i);
                sums.add([p * s, s_tilde * s, r_tilde * r, r_tilde * s, r * r]);
            }));
        };
        match tilde {
            None => a.apply_with(p, s, &mut |rows, s| add(rows, s, None)),
            Some([r_tilde, s_tilde]) => {
                a.apply(p, s);
                m.apply(s, s_tilde);
                comm.timed(Phase::Vectors, || add(0..s.len(), s, Some([r_tilde, s_tilde])));
            }
        }
        *scalars = prediction.reduce(dots.partials(), tilde.is_some(), |sums| comm.sum_partials(sums));
        prediction.scalars(*scalars, self.nu_predicted, tilde.is_some())
    }

    fn advance(&mut self, a: &mut dyn Operator, _: &mut dyn Preconditioner) -> Step {
        let PrCg { comm, prediction, x, r, p, s, tilde, scalars, nu_predicted, beta } = self;
        let [mu, gamma, nu, delta, _] = *scalars;
        let alpha = match step_length(nu, mu) {
            Ok(alpha) => alpha,
            Err(stop) => return confirm(stop, a, p),
        };
        *nu_predicted = prediction.nu(nu, alpha, delta, gamma);
        let beta_next = *nu_predicted / nu;
        comm.timed(Phase::Vectors, || {
            vectorized!(simd => for_strips!(i in x.len(), {
                let [p_k, s_k] = Lanes::load_each(simd, [p, s], i);
                (Lanes::load(simd, x, i) + alpha * p_k).store(x, i);
                let mut r_tilde_next = (Lanes::load(simd, r, i) - alpha * s_k).store(r, i);
                if let Some([r_tilde, s_tilde]) = tilde {
                    let [r_tilde_k, s_tilde_k] = Lanes::load_each(simd, [r_tilde, s_tilde], i);
                    r_tilde_next = (r_tilde_k - alpha * s_tilde_k).store(r_tilde, i);
                }
                (r_tilde_next + beta_next * p_k).store(p, i);
            }));
        });
        Step::Taken { alpha, beta: std::mem::replace(beta, beta_next) }
    }

    fn solution(&self) -> &[f64] {
        &self.x
    }

    fn replace(&mut self, _: &mut dyn Operator, m: &mut dyn Preconditioner, r: &[f64]) {
        self.nu_predicted = f64::NAN;
        let mut r_tilde = r.to_vec();
        if self.tilde.is_some() {
            m.apply(r, &mut r_tilde);
        }
        let old = self.tilde.as_ref().map_or(&self.r, |[r_tilde, _]| r_tilde);
        for ((p, r_tilde), old) in self.p.iter_mut().zip(&r_tilde).zip(old) {
            *p += r_tilde - old; // p_k = r̃_k + β_k p_{k−1}
        }
        self.r.copy_from_slice(r);
        if let Some([kept, _]) = &mut self.tilde {
            *kept = r_tilde;
        }
    }

    fn state(&mut self) -> State<'_> {
        let PrCg { x, r, p, tilde, nu_predicted, beta, .. } = self;
        let mut vectors = vec![Column::One("x", x), Column::One("r", r), Column::One("p", p)];
        vectors.extend(tilde.as_mut().map(|[r_tilde, _]| Column::One("r~", r_tilde)));
        State { vectors, scalars: vec![nu_predicted, beta] }
    }
}
