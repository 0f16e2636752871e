//! M-CG: Meurant's conjugate gradients, predicting ν from orthogonality.
//!
//! Meurant, "Multitasking the conjugate gradient method on the CRAY X-MP/48", Parallel Comput. 5,
//! 1987; "predict-and-recompute Meurant" in Chen & Carson (2020).
//!
//! The recurrences of [`pr_cg`](super::pr_cg) without δ_k:
//!
//! ```text
//! ν'_{k+1} = −ν_k + α_k² γ_k          predict ν_{k+1}, with δ_k = μ_k and α_k μ_k = ν_k
//! ```
//!
//! Per iteration: 1 sum of 3 words (4 with M) that hides nothing, 1 product, 1 application of M⁻¹.
//! Vectors: as PR-CG.

use super::method::{Method, Prediction};
use super::pr_cg::PrCg;
use crate::operator::Operator;
use crate::preconditioner::Preconditioner;

pub(super) fn start(a: &mut dyn Operator, m: &mut dyn Preconditioner, x: Vec<f64>, r: Vec<f64>) -> Box<dyn Method> {
    PrCg::start_with(Prediction::Meurant, a, m, x, r)
}
