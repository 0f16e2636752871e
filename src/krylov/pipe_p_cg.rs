//! PIPE-P-CG: pipelined conjugate gradients that predict, but do not recompute, A r̃.
//!
//! Chen & Carson, "Predict-and-recompute conjugate gradient variants", SIAM J. Sci. Comput. 42(5),
//! 2020. r̃ = M⁻¹ r, s̃ = M⁻¹ s, w̃ = M⁻¹ w, ũ = M⁻¹ u.
//!
//! ```text
//! μ_k = ⟨p_k, s_k⟩   γ_k = ⟨s̃_k, s_k⟩   ν_k = ⟨r̃_k, r_k⟩   δ_k = ⟨r̃_k, s_k⟩    one sum, in flight during
//! u_k = A s̃_k        ũ_k = M⁻¹ u_k                                              one product
//! α_k = ν_k / μ_k
//! x_{k+1} = x_k + α_k p_k     r_{k+1} = r_k − α_k s_k     r̃_{k+1} = r̃_k − α_k s̃_k
//! w_{k+1} = w_k − α_k u_k     w̃_{k+1} = w̃_k − α_k ũ_k           a recurrence for A r̃, never renewed
//! ν'_{k+1} = ν_k − 2 α_k δ_k + α_k² γ_k
//! β_{k+1} = ν'_{k+1} / ν_k
//! p_{k+1} = r̃_{k+1} + β_{k+1} p_k     s_{k+1} = w_{k+1} + β_{k+1} s_k     s̃_{k+1} = w̃_{k+1} + β_{k+1} s̃_k
//! ```
//!
//! As cheap as GV-CG and about as inaccurate: kept to show what recomputing w is worth.
//!
//! Per iteration: 1 sum of 4 words (5 with M), hidden behind 1 product and 1 application of M⁻¹.
//! Vectors: x, r, p, s, w, u, and r̃, s̃, w̃, ũ when preconditioned.

use super::method::{Column, Method, Prediction, Scalars, State, Step, confirm, step_length};
use crate::comm::{Comm, Phase};
use crate::operator::Operator;
use crate::preconditioner::Preconditioner;
use crate::vector::{Lanes, Partial, Sums as _, for_strips, summed};

pub(super) struct PipePCg {
    comm: Comm,
    x: Vec<f64>,
    r: Vec<f64>,
    p: Vec<f64>,
    s: Vec<f64>,
    w: Vec<f64>,
    u: Vec<f64>,
    tilde: Option<Tilde>,
    /// This rank's part of μ, γ, ν, δ, ⟨r, r⟩.
    partial: [Partial; 5],
    scalars: [f64; 5],
    /// ν'_k, NaN when nothing predicted it.
    nu_predicted: f64,
    beta: f64,
}

/// M⁻¹ times r, s, w, u.
struct Tilde {
    r: Vec<f64>,
    s: Vec<f64>,
    w: Vec<f64>,
    u: Vec<f64>,
}

impl PipePCg {
    pub(super) fn start(a: &mut dyn Operator, m: &mut dyn Preconditioner, x: Vec<f64>, r: Vec<f64>) -> Box<dyn Method> {
        let zeros = || vec![0.0; r.len()];
        let mut p = r.clone();
        if !m.is_identity() {
            m.apply(&r, &mut p); // p_0 = r̃_0
        }
        let tilde = (!m.is_identity()).then(|| Tilde { r: zeros(), s: zeros(), w: zeros(), u: zeros() });
        let mut method = PipePCg {
            comm: a.layout().comm().clone(),
            x,
            p,
            s: zeros(),
            w: zeros(),
            u: zeros(),
            tilde,
            partial: a.layout().comm().dots().partials(),
            scalars: [0.0; 5],
            nu_predicted: f64::NAN,
            beta: 0.0,
            r: zeros(),
        };
        method.replace(a, m, &r);
        Box::new(method)
    }

    fn partial_sums(&self) -> [Partial; 5] {
        let PipePCg { comm, p, r, s, tilde, .. } = self;
        let (r_tilde, s_tilde) = tilde.as_ref().map_or((r, s), |tilde| (&tilde.r, &tilde.s));
        let mut dots = comm.dots();
        summed!(simd, sums in &mut dots => for_strips!(i in r.len(), {
            let [r, p, s, r_tilde, s_tilde] = Lanes::load_each(simd, [r, p, s, r_tilde, s_tilde], i);
            sums.add([p * s, s_tilde * s, r_tilde * r, r_tilde * s, r * r]);
        }));
        dots.partials()
    }
}

impl Method for PipePCg {
    fn measure(&mut self, a: &mut dyn Operator, m: &mut dyn Preconditioner) -> Scalars {
        let PipePCg { s, u, tilde, partial, .. } = self;
        let preconditioned = tilde.is_some();
        self.scalars = Prediction::Full.reduce(*partial, preconditioned, |sums| match tilde {
            None => a.apply_summing(&mut |_| (), s, u, sums, &mut |_| ()),
            Some(tilde) => a.apply_summing(&mut |_| (), &mut tilde.s, u, sums, &mut |u| m.apply(u, &mut tilde.u)),
        });
        let [_, _, nu, _, rr] = self.scalars;
        Scalars { rr, nu, nu_predicted: self.nu_predicted, summed: None }
    }

    fn advance(&mut self, a: &mut dyn Operator, _: &mut dyn Preconditioner) -> Step {
        let [mu, gamma, nu, delta, _] = self.scalars;
        let alpha = match step_length(nu, mu) {
            Ok(alpha) => alpha,
            Err(stop) => return confirm(stop, a, &self.p),
        };
        self.nu_predicted = Prediction::Full.nu(nu, alpha, delta, gamma);
        let beta_next = self.nu_predicted / nu;
        let PipePCg { comm, x, r, p, s, w, u, tilde, .. } = self;
        let mut dots = comm.dots();
        comm.timed(Phase::Vectors, || {
            summed!(simd, sums in &mut dots => for_strips!(i in x.len(), {
                let [p_k, s_k, u_k] = Lanes::load_each(simd, [p, s, u], i);
                (Lanes::load(simd, x, i) + alpha * p_k).store(x, i);
                let r = (Lanes::load(simd, r, i) - alpha * s_k).store(r, i);
                let w = (Lanes::load(simd, w, i) - alpha * u_k).store(w, i);
                let s = (w + beta_next * s_k).store(s, i);
                let (mut r_tilde, mut s_tilde) = (r, s);
                if let Some(tilde) = tilde {
                    let [s_tilde_k, u_tilde_k] = Lanes::load_each(simd, [&tilde.s, &tilde.u], i);
                    r_tilde = (Lanes::load(simd, &tilde.r, i) - alpha * s_tilde_k).store(&mut tilde.r, i);
                    let w_tilde = (Lanes::load(simd, &tilde.w, i) - alpha * u_tilde_k).store(&mut tilde.w, i);
                    s_tilde = (w_tilde + beta_next * s_tilde_k).store(&mut tilde.s, i);
                }
                let p = (r_tilde + beta_next * p_k).store(p, i);
                sums.add([p * s, s_tilde * s, r_tilde * r, r_tilde * s, r * r]);
            }));
        });
        self.partial = dots.partials();
        Step::Taken { alpha, beta: std::mem::replace(&mut self.beta, beta_next) }
    }

    fn solution(&self) -> &[f64] {
        &self.x
    }

    fn replace(&mut self, a: &mut dyn Operator, m: &mut dyn Preconditioner, r: &[f64]) {
        self.nu_predicted = f64::NAN;
        self.r.copy_from_slice(r);
        a.apply(&self.p, &mut self.s);
        match &mut self.tilde {
            None => a.apply(&self.r, &mut self.w),
            Some(tilde) => {
                m.apply(&self.r, &mut tilde.r);
                m.apply(&self.s, &mut tilde.s);
                a.apply(&tilde.r, &mut self.w);
                m.apply(&self.w, &mut tilde.w);
            }
        }
        self.partial = self.partial_sums();
    }

    fn state(&mut self) -> State<'_> {
        let PipePCg { x, r, p, s, w, tilde, nu_predicted, beta, .. } = self;
        let own = [("x", x), ("r", r), ("p", p), ("s", s), ("w", w)];
        let mut vectors: Vec<_> = own.into_iter().map(|(letter, vector)| Column::One(letter, vector)).collect();
        if let Some(Tilde { r, s, w, .. }) = tilde {
            vectors.extend([Column::One("r~", r), Column::One("s~", s), Column::One("w~", w)]);
        }
        State { vectors, scalars: vec![nu_predicted, beta] }
    }

    fn resume(&mut self, _: &mut dyn Operator, _: &mut dyn Preconditioner) {
        self.partial = self.partial_sums();
    }
}
