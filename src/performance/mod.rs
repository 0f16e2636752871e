//! The performance model: how long an iteration takes on a machine, by method.
//!
//! Three layers, each usable without the next: [`Parts`] are the seconds of which an iteration consists, however
//! they are known, and [`Parts::iteration`] puts them together as each method does; a [`Machine`] turns a rank's
//! [`Share`] of a matrix into parts; [`measure()`] fits a machine. docs/model.md has the formulas.
//!
//! Nothing here knows a method: what an iteration takes is in the table of methods ([`Cost`](crate::krylov::Cost)).

mod check;
mod choice;
mod iteration;
pub mod kernels;
mod machine;
mod measure;
mod scaling;

pub use check::{Check, check};
pub use choice::{Choice, choose, measure_parts, preconditioning};
pub use iteration::{Cut, Parts};
pub use machine::{Bandwidth, ExchangeTimes, FormatRate, Machine, SCHEMA, Share};
pub use measure::{Effort, measure, processor, update_rate};
pub use scaling::Network;
