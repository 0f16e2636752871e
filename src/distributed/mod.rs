//! From "who owns what" to rows on their owners, and the plan of the halo exchange.

mod halo;
mod layout;
mod ordering;
mod places;
mod scatter;

pub use halo::{Halo, HaloPlan};
pub use layout::{Layout, LocalRows};
#[doc(hidden)]
pub use layout::{OwnedRows, StencilRows, localize};
pub use ordering::Ordering;
#[doc(hidden)]
pub use scatter::numbers_to_owners;
pub use scatter::{rows_to_even, rows_to_owners};
