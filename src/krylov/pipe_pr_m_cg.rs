//! PIPE-PR-M-CG: pipelined predict-and-recompute conjugate gradients with Meurant's prediction.
//!
//! Chen & Carson, "Predict-and-recompute conjugate gradient variants", SIAM J. Sci. Comput. 42(5), 2020.
//!
//! The recurrences of [`pipe_pr_cg`](super::pipe_pr_cg) without δ_k:
//!
//! ```text
//! ν'_{k+1} = −ν_k + α_k² γ_k          predict ν_{k+1}, with δ_k = μ_k and α_k μ_k = ν_k
//! ```
//!
//! Per iteration: 1 sum of 3 words (4 with M), hidden behind 2 products in one pass and 2
//! applications of M⁻¹. Vectors: as PIPE-PR-CG.

use super::method::{Method, Prediction};
use super::pipe_pr_cg::PipePrCg;
use crate::operator::Operator;
use crate::preconditioner::Preconditioner;

pub(super) fn start(a: &mut dyn Operator, m: &mut dyn Preconditioner, x: Vec<f64>, r: Vec<f64>) -> Box<dyn Method> {
    PipePrCg::start_with(Prediction::Meurant, a, m, x, r)
}
