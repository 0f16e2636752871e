//! CG-CG: conjugate gradients with one sum per iteration.
//!
//! Chronopoulos & Gear, "s-step iterative methods for symmetric linear systems", J. Comput. Appl.
//! Math. 25, 1989. Letters as in Chen & Carson (2020); r̃ = M⁻¹ r.
//!
//! ```text
//! w_k = A r̃_k
//! ν_k = ⟨r̃_k, r_k⟩   η_k = ⟨w_k, r̃_k⟩                one sum, waited for
//! β_k = ν_k / ν_{k−1}     μ_k = η_k − (β_k / α_{k−1}) ν_k     α_k = ν_k / μ_k
//! p_k = r̃_k + β_k p_{k−1}     s_k = w_k + β_k s_{k−1}
//! x_{k+1} = x_k + α_k p_k     r_{k+1} = r_k − α_k s_k
//! ```
//!
//! Per iteration: 1 sum of 2 words (3 with M) that hides nothing, 1 product, 1 application of M⁻¹.
//! Vectors: x, r, p, s, w, and r̃ when preconditioned.

use super::method::{Column, Method, Scalars, State, Step, confirm, step_length};
use crate::comm::{Comm, Phase};
use crate::operator::Operator;
use crate::preconditioner::Preconditioner;
use crate::simd::vectorized;
use crate::vector::{Lanes, Sums as _, for_strips, summed, xpby};

pub(super) struct CgCg {
    comm: Comm,
    x: Vec<f64>,
    r: Vec<f64>,
    /// Empty when M = I, where r̃ is r.
    r_tilde: Vec<f64>,
    p: Vec<f64>,
    s: Vec<f64>,
    w: Vec<f64>,
    nu: f64,
    nu_previous: f64,
    eta: f64,
    alpha_previous: f64,
}

impl CgCg {
    pub(super) fn start(a: &mut dyn Operator, m: &mut dyn Preconditioner, x: Vec<f64>, r: Vec<f64>) -> Box<dyn Method> {
        let n = r.len();
        Box::new(CgCg {
            comm: a.layout().comm().clone(),
            x,
            r,
            r_tilde: if m.is_identity() { Vec::new() } else { vec![0.0; n] },
            p: vec![0.0; n],
            s: vec![0.0; n],
            w: vec![0.0; n],
            nu: f64::INFINITY, // makes the first β zero
            nu_previous: f64::INFINITY,
            eta: 0.0,
            alpha_previous: 1.0,
        })
    }
}

impl Method for CgCg {
    fn measure(&mut self, a: &mut dyn Operator, m: &mut dyn Preconditioner) -> Scalars {
        self.nu_previous = self.nu;
        let CgCg { comm, r, r_tilde, w, .. } = self;
        if !m.is_identity() {
            m.apply(r, r_tilde);
        }
        let r_tilde = if m.is_identity() { &*r } else { &*r_tilde };
        let mut dots = comm.dots();
        a.apply_with(r_tilde, w, &mut |rows, w| {
            let (r, r_tilde) = (&r[rows.clone()], &r_tilde[rows]);
            summed!(simd, sums in &mut dots => for_strips!(i in w.len(), {
                let [r, r_tilde, w] = Lanes::load_each(simd, [r, r_tilde, w], i);
                sums.add([r_tilde * r, w * r_tilde, r * r]);
            }));
        });
        let [nu, eta, rr] = dots.partials();
        let [nu, eta, rr] = if m.is_identity() {
            let [nu, eta] = comm.sum_of([nu, eta]);
            [nu, eta, nu]
        } else {
            comm.sum_of([nu, eta, rr])
        };
        (self.nu, self.eta) = (nu, eta);
        Scalars { rr, nu, nu_predicted: f64::NAN, summed: None }
    }

    fn advance(&mut self, a: &mut dyn Operator, m: &mut dyn Preconditioner) -> Step {
        let CgCg { comm, x, r, r_tilde, p, s, w, nu, nu_previous, eta, alpha_previous } = self;
        let beta = *nu / *nu_previous;
        let mu = *eta - beta / *alpha_previous * *nu;
        let alpha = match step_length(*nu, mu) {
            Ok(alpha) => alpha,
            Err(stop) => {
                xpby(p, if m.is_identity() { r } else { r_tilde }, beta);
                return confirm(stop, a, p);
            }
        };
        *alpha_previous = alpha;
        let preconditioned = !m.is_identity();
        comm.timed(Phase::Vectors, || {
            vectorized!(simd => for_strips!(i in x.len(), {
                let r_tilde = Lanes::load(simd, if preconditioned { r_tilde } else { r }, i);
                let p_next = (r_tilde + beta * Lanes::load(simd, p, i)).store(p, i);
                let s_next = (Lanes::load(simd, w, i) + beta * Lanes::load(simd, s, i)).store(s, i);
                (Lanes::load(simd, x, i) + alpha * p_next).store(x, i);
                (Lanes::load(simd, r, i) - alpha * s_next).store(r, i);
            }));
        });
        Step::Taken { alpha, beta }
    }

    fn solution(&self) -> &[f64] {
        &self.x
    }

    fn replace(&mut self, a: &mut dyn Operator, _: &mut dyn Preconditioner, r: &[f64]) {
        self.r.copy_from_slice(r);
        a.apply(&self.p, &mut self.s);
    }

    fn state(&mut self) -> State<'_> {
        let CgCg { x, r, p, s, nu, alpha_previous, .. } = self;
        let vectors = vec![Column::One("x", x), Column::One("r", r), Column::One("p", p), Column::One("s", s)];
        State { vectors, scalars: vec![nu, alpha_previous] }
    }
}
