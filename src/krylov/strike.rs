//! Bits of a method's vectors, flipped on purpose: see [`faults`](crate::faults).

use super::method::Method;
#[cfg(feature = "faults")]
use super::method::{Column, State};
use crate::faults::Moment;

/// Flips the bit that is due on this rank, if one is.
#[inline(always)]
pub(super) fn strike(_method: &mut dyn Method, _iteration: u64, _moment: Moment) {
    #[cfg(feature = "faults")]
    if let Some(flip) = crate::faults::flip_due(_iteration, _moment) {
        let State { vectors, .. } = _method.state();
        // Where M is diagonal r̃ and s̃ stand for r and s.
        let is_meant = |letter: &str| letter.trim_end_matches('~') == flip.vector;
        for column in vectors {
            match column {
                Column::One(letter, vector) if is_meant(letter) => return flip.apply(&mut vector[flip.row]),
                Column::Pair(letters, pairs) => {
                    if let Some(k) = letters.iter().position(|letter| is_meant(letter)) {
                        return flip.apply(&mut pairs[flip.row][k]);
                    }
                }
                Column::One(..) => (),
            }
        }
        panic!("no vector {} to flip a bit of", flip.vector);
    }
}
