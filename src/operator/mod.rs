//! Matrices that can be multiplied with.

mod dense;
mod function;
mod matrix;
#[allow(clippy::module_inception)]
mod operator;
mod scaled;
mod storage;
mod wavefront;

pub use dense::DenseColumns;
pub use function::{Function, Product};
pub(crate) use matrix::ROWS_BETWEEN_POLLS;
pub use matrix::{DistMatrix, MATRIX_FREE, MatrixOptions, Schedule};
pub use operator::{EachBlock, OneSweep, Operator};
pub(crate) use scaled::{Scaled, scale_each_into, scale_into};
pub use storage::{Format, TABLE as FORMATS};
