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
//! Vectors: x, r, p, s, and r̃ when M is neither I nor diagonal.

use super::method::{Column, Method, Scalars, State, Step, confirm, step_length};
use crate::comm::{Comm, Phase};
use crate::operator::Operator;
use crate::preconditioner::Preconditioner;
use crate::simd::{Simd, vectorized};
use crate::vector::{Lanes, Partial, Strip, Sums as _, for_strips, summed};

pub(super) struct HsCg {
    comm: Comm,
    x: Vec<f64>,
    r: Vec<f64>,
    /// None when M is diagonal: r̃ is then formed where it is needed.
    r_tilde: Option<Vec<f64>>,
    p: Vec<f64>,
    s: Vec<f64>,
    /// This rank's part of ν, ⟨r, r⟩, when the update of r has formed it.
    partial: Option<[Partial; 2]>,
    nu: f64,
    nu_previous: f64,
}

impl HsCg {
    pub(super) fn start(a: &mut dyn Operator, m: &mut dyn Preconditioner, x: Vec<f64>, r: Vec<f64>) -> Box<dyn Method> {
        let n = r.len();
        let is_diagonal = m.is_identity() || m.diagonal().is_some();
        Box::new(HsCg {
            comm: a.layout().comm().clone(),
            x,
            r,
            r_tilde: (!is_diagonal).then(|| vec![0.0; n]),
            p: vec![0.0; n],
            s: vec![0.0; n],
            partial: None,
            nu: f64::INFINITY, // makes the first β zero
            nu_previous: f64::INFINITY,
        })
    }
}

impl Method for HsCg {
    fn measure(&mut self, _: &mut dyn Operator, m: &mut dyn Preconditioner) -> Scalars {
        self.nu_previous = self.nu;
        let HsCg { comm, r, r_tilde, partial, .. } = self;
        if let Some(r_tilde) = r_tilde {
            m.apply(r, r_tilde);
        }
        let diagonal = m.diagonal();
        if diagonal.is_some() {
            comm.profile().count(|counts| counts.preconditioned += 1);
        }
        let [nu, rr] = partial.take().unwrap_or_else(|| {
            comm.timed(Phase::Vectors, || {
                let mut dots = comm.dots();
                summed!(simd, sums in &mut dots => for_strips!(i in r.len(), {
                    let r_k = Lanes::load(simd, r, i);
                    sums.add([preconditioned(simd, diagonal, r_tilde.as_deref(), r_k, i) * r_k, r_k * r_k]);
                }));
                dots.partials()
            })
        });
        let [nu, rr] = if m.is_identity() {
            let [nu] = comm.sum_of([nu]);
            [nu, nu]
        } else {
            comm.sum_of([nu, rr])
        };
        self.nu = nu;
        Scalars { rr, nu, nu_predicted: f64::NAN, summed: None }
    }

    fn advance(&mut self, a: &mut dyn Operator, m: &mut dyn Preconditioner) -> Step {
        let HsCg { comm, x, r, r_tilde, p, s, partial, nu, nu_previous } = self;
        let diagonal = m.diagonal();
        let beta = *nu / *nu_previous;
        comm.timed(Phase::Vectors, || {
            vectorized!(simd => for_strips!(i in r.len(), {
                let [r, p_k] = Lanes::load_each(simd, [r, p], i);
                (preconditioned(simd, diagonal, r_tilde.as_deref(), r, i) + beta * p_k).store(p, i);
            }));
        });
        let mut mu = comm.dots();
        a.apply_with(p, s, &mut |rows, s| mu.add_products(&p[rows], s));
        let [mu] = comm.sum_of(mu.partials());
        let alpha = match step_length(*nu, mu) {
            Ok(alpha) => alpha,
            Err(stop) => return confirm(stop, a, p),
        };
        let mut dots = comm.dots();
        comm.timed(Phase::Vectors, || {
            summed!(simd, sums in &mut dots => for_strips!(i in r.len(), {
                let [p, s] = Lanes::load_each(simd, [p, s], i);
                (Lanes::load(simd, x, i) + alpha * p).store(x, i);
                let r = (Lanes::load(simd, r, i) - alpha * s).store(r, i);
                sums.add([preconditioned(simd, diagonal, None, r, i) * r, r * r]);
            }));
        });
        *partial = r_tilde.is_none().then(|| dots.partials());
        Step::Taken { alpha, beta }
    }

    fn solution(&self) -> &[f64] {
        &self.x
    }

    fn replace(&mut self, _: &mut dyn Operator, _: &mut dyn Preconditioner, r: &[f64]) {
        self.r.copy_from_slice(r);
        self.partial = None;
    }

    fn state(&mut self) -> State<'_> {
        let HsCg { x, r, p, nu, .. } = self;
        State { vectors: vec![Column::One("x", x), Column::One("r", r), Column::One("p", p)], scalars: vec![nu] }
    }
}

/// r̃ = M⁻¹ r on the strip `i`: kept in `r_tilde`, or formed if M is diagonal.
#[inline(always)]
fn preconditioned<S: Simd>(simd: S, m: Option<&[f64]>, r_tilde: Option<&[f64]>, r: Lanes<S>, i: Strip) -> Lanes<S> {
    match (m, r_tilde) {
        (Some(m), _) => r / Lanes::load_divisor(simd, m, i),
        (None, Some(r_tilde)) => Lanes::load(simd, r_tilde, i),
        (None, None) => r,
    }
}
