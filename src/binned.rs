//! Sums whose bits do not depend on the order of their terms.
//!
//! After the binned sums of Demmel & Nguyen, "Parallel reproducible summation", IEEE Trans. Comput. 64(7), 2015. The
//! magnitudes of f64 are cut into *bins* of 32 bits, the same for every sum. A term is rounded to the unit of the
//! lowest of three neighbouring bins, its *window*, and its slice in each bin is an integer: integers add up exactly,
//! so that neither the order of the terms nor how they are grouped matters. The window is the lowest that the largest term
//! fits into. Whoever has seen smaller terms only has more of the low bins, and lets go of them when the sums meet:
//!
//! ```text
//! sum = Σ round(term / u) u,   u = unit of the lowest bin in the window of the largest term
//! ```
//!
//! rounded once more, to f64. Every term is off by at most 2⁻⁶² of the largest.

use crate::exponent::power_of_two;
use crate::simd::{LANES, Simd};

/// Bits from a bin to the next.
const WIDTH: u32 = 32;
/// Bins that a sum keeps. With two, a term could be off by 2⁻³⁰ of the largest.
const BINS: usize = 3;
const TOP: usize = BINS - 1;
/// The unit of the lowest bin of all is the least f64.
const LEAST_EXPONENT: i32 = -1074;
/// Where non-finite terms are counted: above all others.
const NOT_FINITE: i64 = 1000;
/// Above this window [`shifter`]s overflow. Terms are then scaled down by [`HUGE_BINS`] bins, as many as lead from the
/// window of the largest f64 to this one; what that makes inexact is far below the window.
const LARGEST: i64 = 61;
const HUGE_BINS: i64 = 2;
/// More terms than this could overflow a bin.
pub const MOST_TERMS: u64 = (1 << (64 - WIDTH)) - 1;
/// f64 words of a sum that travels.
pub const WORDS: usize = 1 + BINS;

/// A sum that does not depend on the order of its terms, at most [`MOST_TERMS`] of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Binned {
    /// The number of its lowest bin.
    window: i64,
    /// In units of the bins, from the lowest. Of non-finite terms: how many are ∞, −∞, NaN.
    bins: [i64; BINS],
}

impl From<f64> for Binned {
    /// The sum of one term.
    fn from(term: f64) -> Binned {
        let mut sum = Binned::default();
        sum.add(term);
        sum
    }
}

impl Binned {
    /// Takes in a term.
    pub fn add(&mut self, term: f64) {
        if !term.is_finite() {
            let kind = if term.is_nan() { 2 } else { usize::from(term < 0.0) };
            self.raise(NOT_FINITE);
            self.bins[kind] += 1;
        } else if self.window < NOT_FINITE {
            let mut window = self.window;
            let slices = loop {
                match slices(term, window) {
                    Some(slices) => break slices,
                    None => window += 1,
                }
            };
            self.raise(window);
            self.bins.iter_mut().zip(slices).for_each(|(bin, slice)| *bin += slice);
        }
    }

    /// Takes in the terms of another sum.
    pub fn merge(&mut self, mut other: Binned) {
        let window = self.window.max(other.window);
        self.raise(window);
        other.raise(window);
        self.bins.iter_mut().zip(other.bins).for_each(|(bin, theirs)| *bin += theirs);
    }

    /// Lets go of the bins below `window`.
    fn raise(&mut self, window: i64) {
        let bin = |at: usize| self.bins.get(at.saturating_add((window - self.window) as usize)).copied().unwrap_or(0);
        self.bins = std::array::from_fn(bin);
        self.window = window;
    }

    /// The sum, rounded to f64.
    pub fn value(&self) -> f64 {
        if self.window == NOT_FINITE {
            let [infinite, negative, _] = self.bins.map(|count| count > 0);
            return match self.bins[2] {
                0 if infinite != negative => f64::INFINITY.copysign(if negative { -1.0 } else { 1.0 }),
                _ => f64::NAN,
            };
        }
        let total = self.bins.iter().rev().fold(0, |total: i128, &bin| (total << WIDTH) + i128::from(bin));
        total as f64 * power_of_two(LEAST_EXPONENT + WIDTH as i32 * self.window as i32)
    }

    /// To travel as bit patterns.
    pub fn to_words(self) -> [f64; WORDS] {
        let [low, middle, high] = self.bins;
        [self.window, low, middle, high].map(|word| f64::from_bits(word as u64))
    }

    /// As they have travelled.
    pub fn from_words(words: [f64; WORDS]) -> Binned {
        let [window, low, middle, high] = words.map(|word| word.to_bits() as i64);
        Binned { window, bins: [low, middle, high] }
    }
}

/// Merges sums into sums, both in the words of [`Binned::to_words`], one after the other.
pub fn merge_words(sums: &mut [f64], others: &[f64]) {
    let (sums, others) = (sums.as_chunks_mut::<WORDS>().0, others.as_chunks::<WORDS>().0);
    for (sum, other) in sums.iter_mut().zip(others) {
        let mut merged = Binned::from_words(*sum);
        merged.merge(Binned::from_words(*other));
        *sum = merged.to_words();
    }
}

/// Added to a number, it leaves the number's slice in a bin, rounded to an integer, in its own lowest bits.
/// A quarter of the bin above those of 1.5 · 2⁵² is added, so that they do not borrow from the higher ones.
/// Of no meaning above [`LARGEST`]: no strip is taken in by such a one.
fn shifter(window: i64, bin: usize) -> f64 {
    let exponent = LEAST_EXPONENT as i64 + i64::from(WIDTH) * (window + bin as i64);
    f64::from_bits(((1023 + 52 + exponent) as u64) << 52 | 1 << 51 | 1 << (WIDTH - 2))
}

/// Bits in which the sum of a window's highest shifter and a term differs from the shifter only if the term does not fit
/// into the window. Terms of half a bin and more do not: what fits leaves nothing in the bin above, not by rounding either.
const BEYOND: u64 = !((1 << (WIDTH - 1)) - 1);

/// A finite term in units of the bins of a window, if it fits.
fn slices(term: f64, window: i64) -> Option<[i64; BINS]> {
    let (mut rest, window) = match window {
        ..=LARGEST => (term, window),
        _ => (term * power_of_two(-(WIDTH as i32) * HUGE_BINS as i32), window - HUGE_BINS),
    };
    let mut slices = [0; BINS];
    for bin in (0..BINS).rev() {
        let shifter = shifter(window, bin);
        let shifted = shifter + rest;
        if bin == TOP && (shifted.to_bits() ^ shifter.to_bits()) & BEYOND != 0 {
            return None;
        }
        slices[bin] = shifted.to_bits().wrapping_sub(shifter.to_bits()) as i64;
        rest -= shifted - shifter;
    }
    Some(slices)
}

/// K sums of terms that come in strips of [`LANES`].
#[derive(Clone, Copy, Debug)]
pub struct BinnedDots<const K: usize> {
    /// For each bin, in each lane, the sum of what terms and shifters gave since `sums` was last complete: bit patterns,
    /// added up as integers.
    lanes: [[[f64; LANES]; BINS]; K],
    /// How many strips that were.
    strips: u64,
    sums: [Binned; K],
}

impl<const K: usize> Default for BinnedDots<K> {
    fn default() -> Self {
        BinnedDots { lanes: [[[0.0; LANES]; BINS]; K], strips: 0, sums: [Binned::default(); K] }
    }
}

impl<const K: usize> BinnedDots<K> {
    /// In registers, for a block of rows.
    #[inline(always)]
    pub fn load<S: Simd>(&self, simd: S) -> BinnedSums<S, K> {
        let zero = simd.splat(0.0);
        let (mut lanes, mut shifters) = ([[zero; BINS]; K], [[zero; BINS]; K]);
        for k in 0..K {
            for bin in 0..BINS {
                lanes[k][bin] = simd.read(&self.lanes[k][bin]);
                shifters[k][bin] = simd.splat(shifter(self.sums[k].window, bin));
            }
        }
        let is_huge = self.sums.iter().any(|sum| sum.window > LARGEST);
        BinnedSums { simd, lanes, shifters, strips: self.strips, is_huge, sums: self.sums }
    }

    /// As they are after a block of rows.
    #[inline(always)]
    pub fn store<S: Simd>(&mut self, sums: BinnedSums<S, K>) {
        for k in 0..K {
            for bin in 0..BINS {
                sums.simd.write(sums.lanes[k][bin], &mut self.lanes[k][bin]);
            }
        }
        (self.strips, self.sums) = (sums.strips, sums.sums);
    }

    /// Moves what the lanes hold into `sums`.
    fn settle(&mut self) {
        for (sum, lanes) in self.sums.iter_mut().zip(&mut self.lanes) {
            for (bin, lanes) in lanes.iter_mut().enumerate() {
                let shifters = shifter(sum.window, bin).to_bits().wrapping_mul(LANES as u64 * self.strips);
                let total = lanes.iter().fold(0, |total: u64, lane| total.wrapping_add(lane.to_bits()));
                sum.bins[bin] += total.wrapping_sub(shifters) as i64;
                *lanes = [0.0; LANES];
            }
        }
        self.strips = 0;
    }

    /// Terms that do not all fit into the windows.
    #[cold]
    fn add_slowly(&mut self, terms: &[[f64; LANES]; K]) {
        self.settle();
        for (sum, terms) in self.sums.iter_mut().zip(terms) {
            terms.iter().for_each(|&term| sum.add(term));
        }
    }

    /// The K sums.
    pub fn sums(&self) -> [Binned; K] {
        let mut settled = *self;
        settled.settle();
        settled.sums
    }
}

/// [`BinnedDots`] in registers.
#[derive(Clone, Copy)]
pub struct BinnedSums<S: Simd, const K: usize> {
    simd: S,
    lanes: [[S::Numbers; BINS]; K],
    shifters: [[S::Numbers; BINS]; K],
    strips: u64,
    /// Some window is above [`LARGEST`].
    is_huge: bool,
    sums: [Binned; K],
}

impl<S: Simd, const K: usize> BinnedSums<S, K> {
    /// Takes in a strip of terms.
    #[inline(always)]
    pub fn add_terms(&mut self, terms: [S::Numbers; K]) {
        let simd = self.simd;
        let mut shifted = terms;
        let mut differing = simd.splat(0.0);
        for k in 0..K {
            shifted[k] = simd.add(self.shifters[k][TOP], terms[k]);
            differing = simd.or_differing(differing, shifted[k], self.shifters[k][TOP]);
        }
        if self.is_huge || simd.has_bits(differing, BEYOND) {
            let mut dots = BinnedDots::default();
            let mut plain = [[0.0; LANES]; K];
            for k in 0..K {
                simd.write(terms[k], &mut plain[k]);
            }
            dots.store(*self);
            dots.add_slowly(&plain);
            *self = dots.load(simd);
            return;
        }
        for k in 0..K {
            let mut rest = terms[k];
            for bin in (0..BINS).rev() {
                let shifter = self.shifters[k][bin];
                if bin != TOP {
                    shifted[k] = simd.add(shifter, rest);
                }
                self.lanes[k][bin] = simd.add_bits(self.lanes[k][bin], shifted[k]);
                rest = simd.sub(rest, simd.sub(shifted[k], shifter));
            }
        }
        self.strips += 1;
    }
}

#[cfg(test)]
mod tests;
