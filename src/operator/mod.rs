//! Matrices that can be multiplied with.

mod csr;
mod dense;
#[allow(clippy::module_inception)]
mod operator;

pub use csr::DistMatrix;
pub(crate) use csr::ROWS_BETWEEN_POLLS;
pub use dense::DenseColumns;
pub use operator::Operator;
