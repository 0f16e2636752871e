//! GV-CG: pipelined conjugate gradients.
//!
//! Ghysels & Vanroose, "Hiding global synchronization latency in the preconditioned conjugate
//! gradient algorithm", Parallel Comput. 40, 2014. Letters as in Chen & Carson (2020);
//! r̃ = M⁻¹ r, s̃ = M⁻¹ s, w̃ = M⁻¹ w.
//!
//! ```text
//! ν_k = ⟨r̃_k, r_k⟩   η_k = ⟨w_k, r̃_k⟩             one sum, in flight during
//! w̃_k = M⁻¹ w_k      t_k = A w̃_k                   one product
//! β_k = ν_k / ν_{k−1}     μ_k = η_k − (β_k / α_{k−1}) ν_k     α_k = ν_k / μ_k
//! p_k = r̃_k + β_k p_{k−1}     s_k = w_k + β_k s_{k−1}     s̃_k = w̃_k + β_k s̃_{k−1}     u_k = t_k + β_k u_{k−1}
//! x_{k+1} = x_k + α_k p_k     r_{k+1} = r_k − α_k s_k     r̃_{k+1} = r̃_k − α_k s̃_k     w_{k+1} = w_k − α_k u_k
//! ```
//!
//! s, s̃, u, r̃ and w are recurrences that are never renewed: rounding errors pile up in them.
//!
//! Per iteration: 1 sum of 2 words (3 with M), hidden behind 1 product and 1 application of M⁻¹.
//! Vectors: x, r, p, s, w, u, t, and r̃, s̃, w̃ when preconditioned. [`gv_cg_rr`](super::gv_cg_rr)
//! builds on this file.

use super::method::{Column, Method, Scalars, State, Step, confirm, step_length};
use crate::comm::{Comm, Phase};
use crate::operator::Operator;
use crate::preconditioner::Preconditioner;
use crate::vector::{Lanes, Partial, Sums as _, for_strips, summed, xpby};

pub(super) struct GvCg {
    pub(super) comm: Comm,
    pub(super) x: Vec<f64>,
    pub(super) r: Vec<f64>,
    pub(super) p: Vec<f64>,
    pub(super) s: Vec<f64>,
    pub(super) w: Vec<f64>,
    pub(super) u: Vec<f64>,
    t: Vec<f64>,
    pub(super) tilde: Option<Tilde>,
    /// This rank's part of ν, η, ⟨r, r⟩, when the updates have formed it.
    partial: Option<[Partial; 3]>,
    pub(super) nu: f64,
    nu_previous: f64,
    eta: f64,
    pub(super) alpha: f64,
}

/// M⁻¹ times r, s, w.
pub(super) struct Tilde {
    pub(super) r: Vec<f64>,
    pub(super) s: Vec<f64>,
    pub(super) w: Vec<f64>,
}

/// In one sum.
const MOST_SUMS: usize = 16;

impl GvCg {
    pub(super) fn start(a: &mut dyn Operator, m: &mut dyn Preconditioner, x: Vec<f64>, r: Vec<f64>) -> Box<dyn Method> {
        Box::new(GvCg::new(a, m, x, r))
    }

    pub(super) fn new(a: &mut dyn Operator, m: &mut dyn Preconditioner, x: Vec<f64>, r: Vec<f64>) -> GvCg {
        let zeros = || vec![0.0; r.len()];
        let mut method = GvCg {
            comm: a.layout().comm().clone(),
            x,
            p: zeros(),
            s: zeros(),
            w: zeros(),
            u: zeros(),
            t: zeros(),
            tilde: (!m.is_identity()).then(|| Tilde { r: zeros(), s: zeros(), w: zeros() }),
            partial: None,
            nu: f64::INFINITY, // makes the first β zero
            nu_previous: f64::INFINITY,
            eta: 0.0,
            alpha: 1.0,
            r,
        };
        method.renew_residual(a, m);
        method
    }

    /// r̃ = M⁻¹ r and w = A r̃ from the r at hand.
    fn renew_residual(&mut self, a: &mut dyn Operator, m: &mut dyn Preconditioner) {
        self.partial = None;
        match &mut self.tilde {
            None => a.apply(&self.r, &mut self.w),
            Some(tilde) => {
                m.apply(&self.r, &mut tilde.r);
                a.apply(&tilde.r, &mut self.w);
            }
        }
    }

    /// `measure`, with `more` riding in the same sum, [`MOST_SUMS`] with the method's own.
    pub(super) fn measure_with(
        &mut self,
        a: &mut dyn Operator,
        m: &mut dyn Preconditioner,
        more: &mut [Partial],
    ) -> Scalars {
        self.nu_previous = self.nu;
        let [nu, eta, rr] = self.partial.take().unwrap_or_else(|| self.partial_sums());
        let GvCg { w, t, tilde, .. } = self;
        let mut sums = [nu, eta, rr];
        let (own, preconditioned) = if tilde.is_some() { (3, true) } else { (2, false) };
        let mut room = [nu; MOST_SUMS];
        let words = &mut room[..own + more.len()];
        words[..own].copy_from_slice(&sums[..own]);
        words[own..].copy_from_slice(more);
        match tilde {
            None => a.apply_summing(&mut |_| (), w, t, words, &mut |_| ()),
            Some(tilde) => {
                a.apply_summing(&mut |w_tilde| m.apply(w, w_tilde), &mut tilde.w, t, words, &mut |_| ());
            }
        }
        sums[..own].copy_from_slice(&words[..own]);
        more.copy_from_slice(&words[own..]);
        let [nu, eta, rr] = sums.map(|sum| sum.value());
        (self.nu, self.eta) = (nu, eta);
        Scalars { rr: if preconditioned { rr } else { nu }, nu, nu_predicted: f64::NAN, summed: None }
    }

    /// This rank's part of ν, η, ⟨r, r⟩.
    fn partial_sums(&self) -> [Partial; 3] {
        let GvCg { comm, r, w, tilde, .. } = self;
        let r_tilde = tilde.as_ref().map_or(r, |tilde| &tilde.r);
        let mut dots = comm.dots();
        comm.timed(Phase::Vectors, || {
            summed!(simd, sums in &mut dots => for_strips!(i in r.len(), {
                let [r, r_tilde, w] = Lanes::load_each(simd, [r, r_tilde, w], i);
                sums.add([r_tilde * r, w * r_tilde, r * r]);
            }));
        });
        dots.partials()
    }
}

impl Method for GvCg {
    fn measure(&mut self, a: &mut dyn Operator, m: &mut dyn Preconditioner) -> Scalars {
        self.measure_with(a, m, &mut [])
    }

    fn advance(&mut self, a: &mut dyn Operator, _: &mut dyn Preconditioner) -> Step {
        let GvCg { comm, x, r, p, s, w, u, t, tilde, partial, nu, nu_previous, eta, alpha: alpha_previous } = self;
        let beta = *nu / *nu_previous;
        let mu = *eta - beta / *alpha_previous * *nu;
        let alpha = match step_length(*nu, mu) {
            Ok(alpha) => alpha,
            Err(stop) => {
                xpby(p, tilde.as_ref().map_or(r, |tilde| &tilde.r), beta);
                return confirm(stop, a, p);
            }
        };
        *alpha_previous = alpha;
        let mut dots = comm.dots();
        comm.timed(Phase::Vectors, || {
            summed!(simd, sums in &mut dots => for_strips!(i in x.len(), {
                let [w_k, t_k] = Lanes::load_each(simd, [w, t], i);
                let r_tilde_k = Lanes::load(simd, tilde.as_ref().map_or(r, |tilde| &tilde.r), i);
                let p_next = (r_tilde_k + beta * Lanes::load(simd, p, i)).store(p, i);
                let s_next = (w_k + beta * Lanes::load(simd, s, i)).store(s, i);
                let u_next = (t_k + beta * Lanes::load(simd, u, i)).store(u, i);
                (Lanes::load(simd, x, i) + alpha * p_next).store(x, i);
                let r_next = (Lanes::load(simd, r, i) - alpha * s_next).store(r, i);
                let w_next = (w_k - alpha * u_next).store(w, i);
                let mut r_tilde_next = r_next;
                if let Some(tilde) = tilde {
                    let [w_tilde_k, s_tilde_k] = Lanes::load_each(simd, [&tilde.w, &tilde.s], i);
                    let s_tilde_next = (w_tilde_k + beta * s_tilde_k).store(&mut tilde.s, i);
                    r_tilde_next = (r_tilde_k - alpha * s_tilde_next).store(&mut tilde.r, i);
                }
                sums.add([r_tilde_next * r_next, w_next * r_tilde_next, r_next * r_next]);
            }));
        });
        *partial = Some(dots.partials());
        Step::Taken { alpha, beta }
    }

    fn solution(&self) -> &[f64] {
        &self.x
    }

    fn replace(&mut self, a: &mut dyn Operator, m: &mut dyn Preconditioner, r: &[f64]) {
        self.r.copy_from_slice(r);
        self.renew_residual(a, m);
        a.apply(&self.p, &mut self.s);
        match &mut self.tilde {
            None => a.apply(&self.s, &mut self.u),
            Some(tilde) => {
                m.apply(&self.s, &mut tilde.s);
                a.apply(&tilde.s, &mut self.u);
            }
        }
    }

    fn state(&mut self) -> State<'_> {
        let GvCg { x, r, p, s, w, u, tilde, nu, alpha, .. } = self;
        let own = [("x", x), ("r", r), ("p", p), ("s", s), ("w", w), ("u", u)];
        let mut vectors: Vec<_> = own.into_iter().map(|(letter, vector)| Column::One(letter, vector)).collect();
        if let Some(Tilde { r, s, .. }) = tilde {
            vectors.extend([Column::One("r~", r), Column::One("s~", s)]);
        }
        State { vectors, scalars: vec![nu, alpha] }
    }

    fn resume(&mut self, _: &mut dyn Operator, _: &mut dyn Preconditioner) {
        self.partial = None;
    }
}
