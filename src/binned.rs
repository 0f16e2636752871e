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
mod tests {
    use super::*;
    use crate::simd::with_every_simd;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    /// So many, or a few where Miri runs them.
    const fn rounds(many: usize) -> usize {
        if cfg!(miri) { many.div_ceil(100) } else { many }
    }

    struct Random(ChaCha8Rng);

    impl Random {
        fn below(&mut self, bound: usize) -> usize {
            (self.0.next_u64() % bound as u64) as usize
        }

        /// Any sign, any bits, of a magnitude of 2^`least` to 2^(`least` + `range`).
        fn number(&mut self, least: i32, range: usize) -> f64 {
            let exponent = least + self.below(range) as i32;
            let number = (1.0 + (self.0.next_u64() >> 12) as f64 / (1u64 << 52) as f64) * power_of_two(exponent);
            if self.below(2) == 0 { number } else { -number }
        }

        fn shuffle(&mut self, numbers: &mut [f64]) {
            (1..numbers.len()).for_each(|last| numbers.swap(last, self.below(last + 1)));
        }
    }

    fn random(seed: u64) -> Random {
        Random(ChaCha8Rng::seed_from_u64(seed))
    }

    fn one_by_one(terms: &[f64]) -> Binned {
        let mut sum = Binned::default();
        terms.iter().for_each(|&term| sum.add(term));
        sum
    }

    /// Over strips, in the lanes that `simd` has, and at the same time with other sums.
    fn in_strips<S: Simd>(simd: S, terms: &[f64]) -> Binned {
        let mut dots = BinnedDots::<3>::default();
        for block in terms.chunks(5 * LANES) {
            let mut sums = dots.load(simd);
            for strip in block.chunks(LANES) {
                let mut filled = [0.0; LANES];
                filled[..strip.len()].copy_from_slice(strip);
                sums.add_terms([filled.map(|term| 0.3 * term), filled, [1.0; LANES]].map(|terms| simd.read(&terms)));
            }
            dots.store(sums);
        }
        let [scaled, sum, ones] = dots.sums();
        assert_eq!(scaled, one_by_one(&terms.iter().map(|term| 0.3 * term).collect::<Vec<_>>()));
        assert_eq!(ones.value(), terms.len().next_multiple_of(LANES) as f64);
        sum
    }

    /// Any split and any order of splits: terms thrown into heaps, heaps merged in pairs.
    fn in_heaps(random: &mut Random, terms: &[f64]) -> Binned {
        let mut heaps = vec![Binned::default(); 1 + random.below(9)];
        for &term in terms {
            let heap = random.below(heaps.len());
            heaps[heap].add(term);
        }
        while heaps.len() > 1 {
            let one = heaps.swap_remove(random.below(heaps.len()));
            let other = random.below(heaps.len());
            // As sums travel, several at a time.
            let mut words = [Binned::from(3.0), heaps[other]].map(Binned::to_words);
            merge_words(words.as_flattened_mut(), [Binned::from(1.0), one].map(Binned::to_words).as_flattened());
            let [beside, merged] = words.map(Binned::from_words);
            assert_eq!(beside, one_by_one(&[1.0, 3.0]));
            heaps[other] = merged;
        }
        heaps[0]
    }

    /// The sum of finite terms in integers of as many bits as there are, rounded once.
    fn exact(terms: &[f64]) -> f64 {
        // In units of the least f64, little end first, two's complement.
        let mut total = vec![0u32; 70];
        for &term in terms {
            let bits = term.to_bits();
            let (exponent, fraction) = ((bits >> 52 & 0x7ff) as usize, bits & ((1 << 52) - 1));
            let (shift, fraction) = if exponent == 0 { (0, fraction) } else { (exponent - 1, fraction | 1 << 52) };
            let wide = u128::from(fraction) << (shift % 32);
            let (mut carry, negative) = (0, term < 0.0);
            for (k, word) in total.iter_mut().enumerate().skip(shift / 32) {
                let part = k - shift / 32;
                let mine = if part < 4 { (wide >> (32 * part)) as u32 } else { 0 };
                let sum = if negative {
                    i64::from(*word) - i64::from(mine) + carry
                } else {
                    i64::from(*word) + i64::from(mine) + carry
                };
                (*word, carry) = (sum as u32, sum >> 32);
            }
        }
        let negative = total[69] >> 31 == 1;
        if negative {
            let mut carry = 1;
            for word in &mut total {
                let sum = u64::from(!*word) + carry;
                (*word, carry) = (sum as u32, sum >> 32);
            }
        }
        let Some(top) = total.iter().rposition(|&word| word != 0) else { return 0.0 };
        let low = top.saturating_sub(3);
        let mut leading = total[low..=top].iter().rev().fold(0, |sum: u128, &word| sum << 32 | u128::from(word));
        // What lies below decides halves only.
        leading |= u128::from(total[..low].iter().any(|&word| word != 0));
        let sum = leading as f64 * power_of_two(LEAST_EXPONENT + 32 * low as i32);
        if negative { -sum } else { sum }
    }

    fn largest(terms: &[f64]) -> f64 {
        terms.iter().fold(0.0, |largest, term| largest.max(term.abs()))
    }

    #[test]
    fn any_order_and_any_split_give_the_same_bits() {
        let mut random = random(1);
        // Least exponent and range: narrow, wider than a window, everything, subnormal, up to the largest.
        for (least, range) in [(-3, 5), (-40, 80), (-150, 300), (-1074, 2098), (-1074, 60), (960, 60), (-520, 1040)] {
            for round in 0..rounds(60) {
                let n = random.below(if round % 10 == 0 { rounds(900).max(10) } else { 60 });
                let mut terms: Vec<f64> = (0..n).map(|_| random.number(least, range)).collect();
                if round % 3 == 0 {
                    // Zeros, and terms that cancel.
                    terms.extend(terms.clone().iter().map(|term| -term));
                    terms.extend([0.0, -0.0, 0.0]);
                }
                let sum = one_by_one(&terms);
                for _ in 0..rounds(4) {
                    random.shuffle(&mut terms);
                    assert_eq!(one_by_one(&terms), sum);
                    assert_eq!(in_heaps(&mut random, &terms), sum);
                    with_every_simd!(simd => assert_eq!(in_strips(simd, &terms), sum));
                }
            }
        }
    }

    #[test]
    fn ties_at_the_edges_of_bins_give_the_same_bits() {
        let mut random = random(2);
        for window in [0, 1, 20, 33, 60, 61, 62, 63] {
            let exponent = LEAST_EXPONENT + (WIDTH as i32) * window;
            for _ in 0..rounds(200) {
                // Halves, quarters and full units of bins, and their neighbours.
                let mut terms: Vec<f64> = (0..40)
                    .map(|_| {
                        let exponent = exponent + 32 * random.below(4) as i32 - random.below(4) as i32 + 1;
                        let power = power_of_two(exponent.clamp(LEAST_EXPONENT, 1020));
                        let near = [power, power.next_up(), power.next_down(), 1.5 * power][random.below(4)];
                        if random.below(2) == 0 { near } else { -near }
                    })
                    .collect();
                let sum = one_by_one(&terms);
                random.shuffle(&mut terms);
                assert_eq!(one_by_one(&terms), sum);
                assert_eq!(in_heaps(&mut random, &terms), sum);
                with_every_simd!(simd => assert_eq!(in_strips(simd, &terms), sum));
            }
        }
    }

    #[test]
    fn tiny_terms_leave_huge_ones_as_they_are() {
        for exponent in 900..=1023 {
            let terms = [[power_of_two(exponent); LANES], [power_of_two(-1060); LANES]].concat();
            with_every_simd!(simd => assert_eq!(in_strips(simd, &terms), one_by_one(&terms)));
        }
    }

    #[test]
    fn as_many_terms_as_allowed_do_not_overflow_a_bin() {
        // The largest slices: half a unit of a bin is rounded to none, and becomes 2³¹ in the bin below.
        let window = 20;
        for bin in 1..BINS {
            let term = 0.5 * power_of_two(LEAST_EXPONENT + WIDTH as i32 * (window as i32 + bin as i32));
            for term in [term, -term] {
                let mut doubled = Binned::default();
                doubled.raise(window);
                doubled.add(term);
                assert_eq!(doubled.bins[bin - 1].abs(), 1 << (WIDTH - 1));
                let mut sum = Binned::default();
                for bit in 0..MOST_TERMS.ilog2() + 1 {
                    if MOST_TERMS >> bit & 1 == 1 {
                        sum.merge(doubled);
                    }
                    doubled.bins = doubled.bins.map(|slice| slice.wrapping_mul(2));
                }
                assert_eq!(sum.value(), MOST_TERMS as f64 * term);
            }
        }
    }

    #[test]
    fn a_sum_is_as_accurate_as_promised() {
        let mut random = random(3);
        for round in 0..rounds(3000) {
            let (least, range) = [(-1, 2), (-60, 120), (-1022, 2040), (-1074, 100)][round % 4];
            let n = 2 + random.below(if cfg!(miri) { 12 } else { 200 });
            let mut terms: Vec<f64> = (0..n).map(|_| random.number(least, range)).collect();
            if round % 5 < 3 {
                // All but a little cancels.
                let rest = -exact(&terms);
                terms.push(rest);
                random.shuffle(&mut terms);
            }
            let (sum, truth) = (one_by_one(&terms).value(), exact(&terms));
            if truth.is_infinite() {
                assert!(sum == truth || sum.abs() > 1.7e308);
                continue;
            }
            let bound = terms.len() as f64 * (power_of_two(-62) * largest(&terms)) + truth.abs() * power_of_two(-53);
            assert!((sum - truth).abs() <= bound, "{sum:e} for {truth:e}, bound {bound:e}, {terms:?}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "a statistic")]
    fn ill_conditioned_sums_are_no_worse_than_plain_ones() {
        let mut random = random(4);
        let (mut better, mut worse) = (0, 0);
        for round in 0..500 {
            let size = 1 << (round % 60);
            let mut terms: Vec<f64> = (0..1000).map(|_| random.number(0, 1) * size as f64).collect();
            terms.extend(terms.clone().iter().map(|term| -term));
            terms.extend((0..100).map(|_| random.number(0, 1)));
            random.shuffle(&mut terms);
            let (truth, plain) = (exact(&terms), terms.iter().sum::<f64>());
            let (error, plain_error) = ((one_by_one(&terms).value() - truth).abs(), (plain - truth).abs());
            assert!(error <= plain_error.max(truth.abs() * 1e-15), "{error:e} and {plain_error:e}, size {size}");
            better += u32::from(error < plain_error);
            worse += u32::from(error > plain_error);
        }
        assert!(better > 400 && worse < 20, "{better} better, {worse} worse");
    }

    #[test]
    fn what_is_not_finite_prevails() {
        let mut random = random(5);
        let (inf, nan) = (f64::INFINITY, f64::NAN);
        for (special, expected) in [
            (vec![nan], nan),
            (vec![inf], inf),
            (vec![-inf, -inf], -inf),
            (vec![inf, -inf], nan),
            (vec![inf, inf, nan, -inf], nan),
        ] {
            for n in [0, 3, if cfg!(miri) { 11 } else { 100 }] {
                let mut terms: Vec<f64> = (0..n).map(|_| random.number(-1022, 2046)).collect();
                terms.extend(&special);
                for _ in 0..5 {
                    random.shuffle(&mut terms);
                    let sum = one_by_one(&terms);
                    assert_eq!(in_heaps(&mut random, &terms), sum);
                    assert_eq!(sum.value().to_bits(), expected.to_bits());
                    with_every_simd!(simd => {
                        let [sums] = {
                            let mut dots = BinnedDots::<1>::default();
                            for strip in terms.chunks(LANES) {
                                let mut filled = [0.0; LANES];
                                filled[..strip.len()].copy_from_slice(strip);
                                let mut sums = dots.load(simd);
                                sums.add_terms([simd.read(&filled)]);
                                dots.store(sums);
                            }
                            dots.sums()
                        };
                        assert_eq!(sums, sum);
                    });
                }
            }
        }
        assert_eq!(one_by_one(&[f64::MAX, f64::MAX]).value(), inf, "too large a sum");
        assert_eq!(one_by_one(&[f64::MAX, f64::MAX, -f64::MAX]).value(), f64::MAX, "but only the sum counts");
        assert_eq!(one_by_one(&[f64::from_bits(1); 3]).value().to_bits(), 3);
        assert_eq!(one_by_one(&[]).value().to_bits(), 0);
        assert_eq!(one_by_one(&[-0.0]).value().to_bits(), 0);
    }
}
