//! HS-CG: classic conjugate gradients.
//!
//! Hestenes & Stiefel, "Methods of conjugate gradients for solving linear systems" (1952).
//! Letters as in Chen & Carson (2020); r̃ = M⁻¹ r.
//!
//! ```text
//! ν_k = ⟨r̃_k, r_k⟩                                  sum 1, waited for
//! β_k = ν_k / ν_{k−1}     p_k = r̃_k + β_k p_{k−1}
//! s_k = A p_k             μ_k = ⟨p_k, s_k⟩           sum 2, waited for
//! α_k = ν_k / μ_k         x_{k+1} = x_k + α_k p_k     r_{k+1} = r_k − α_k s_k
//! ```
//!
//! Per iteration: 2 sums that hide nothing, 1 product, 1 application of M⁻¹.
//! Vectors: x, r, p, s, and r̃ when preconditioned.

use super::method::{Method, Scalars, Step, step_length};
use crate::comm::{Comm, Phase};
use crate::operator::Operator;
use crate::preconditioner::Preconditioner;
use crate::vector::{Dots, axpy, dot, xpby};

pub(super) struct HsCg {
    comm: Comm,
    x: Vec<f64>,
    r: Vec<f64>,
    /// Empty when M = I, where r̃ is r.
    r_tilde: Vec<f64>,
    p: Vec<f64>,
    s: Vec<f64>,
    nu: f64,
    nu_previous: f64,
}

impl HsCg {
    pub(super) fn start(a: &mut dyn Operator, m: &mut dyn Preconditioner, x: Vec<f64>, r: Vec<f64>) -> Box<dyn Method> {
        let n = r.len();
        Box::new(HsCg {
            comm: a.layout().comm().clone(),
            x,
            r,
            r_tilde: if m.is_identity() { Vec::new() } else { vec![0.0; n] },
            p: vec![0.0; n],
            s: vec![0.0; n],
            nu: f64::INFINITY, // makes the first β zero
            nu_previous: f64::INFINITY,
        })
    }
}

impl Method for HsCg {
    fn measure(&mut self, _: &mut dyn Operator, m: &mut dyn Preconditioner) -> Scalars {
        self.nu_previous = self.nu;
        let HsCg { comm, r, r_tilde, .. } = self;
        let (nu, rr);
        if m.is_identity() {
            let mut sums = [comm.timed(Phase::Vectors, || dot(r, r))];
            comm.sum(&mut sums);
            (nu, rr) = (sums[0], sums[0]);
        } else {
            m.apply(r, r_tilde);
            let mut sums = comm.timed(Phase::Vectors, || {
                let mut dots = Dots::<2>::default();
                (0..r.len()).for_each(|i| dots.add(i, [r_tilde[i] * r[i], r[i] * r[i]]));
                dots.sums()
            });
            comm.sum(&mut sums);
            [nu, rr] = sums;
        }
        self.nu = nu;
        Scalars { rr, nu, nu_predicted: f64::NAN }
    }

    fn advance(&mut self, a: &mut dyn Operator, m: &mut dyn Preconditioner) -> Step {
        let HsCg { comm, x, r, r_tilde, p, s, nu, nu_previous } = self;
        let r_tilde = if m.is_identity() { &*r } else { &*r_tilde };
        let beta = *nu / *nu_previous;
        comm.timed(Phase::Vectors, || xpby(p, r_tilde, beta));
        a.apply(p, s);
        let mut mu = [comm.timed(Phase::Vectors, || dot(p, s))];
        comm.sum(&mut mu);
        let alpha = match step_length(*nu, mu[0]) {
            Ok(alpha) => alpha,
            Err(stop) => return stop,
        };
        comm.timed(Phase::Vectors, || {
            axpy(x, alpha, p);
            axpy(r, -alpha, s);
        });
        Step::Taken { alpha, beta }
    }

    fn solution(&self) -> &[f64] {
        &self.x
    }

    fn replace(&mut self, _: &mut dyn Operator, _: &mut dyn Preconditioner, r: &[f64]) {
        self.r.copy_from_slice(r);
    }
}
