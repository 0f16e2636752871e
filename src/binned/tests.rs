//! Sums are exact in their merge, whatever is added in which order.

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
