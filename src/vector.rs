//! Operations on a rank's own rows of a vector. Nothing here communicates.

pub use crate::binned::{Binned, MOST_TERMS};
use crate::binned::{BinnedDots, BinnedSums};
use crate::simd::{LANES, Simd};
use std::ops::Range;

/// Runs `$body` on `0..$len` cut into [`Strip`]s of [`LANES`] rows, `$i` being each of them. The body is
/// compiled twice, for whole strips and for the rest: whole ones then lose no time in asking how long
/// they are.
macro_rules! for_strips {
    ($i:ident in $len:expr, $body:block) => {{
        let len: usize = $len;
        let whole = len - len % $crate::simd::LANES;
        let mut at = 0;
        while at < whole {
            let $i = $crate::vector::Strip { start: at, end: at + $crate::simd::LANES };
            $body
            at += $crate::simd::LANES;
        }
        if whole < len {
            let $i = $crate::vector::Strip { start: whole, end: len };
            $body
        }
    }};
}
pub(crate) use for_strips;

/// `$work` with `$simd` as in `vectorized!`, and `$sums` standing for the inner products `$dots` in registers, for a block
/// of rows. It is compiled for each [`Summation`].
macro_rules! summed {
    ($simd:ident, $sums:ident in $dots:expr => $work:expr) => {
        match $dots {
            $crate::vector::Dots::Plain(dots) => $crate::simd::vectorized!($simd => {
                let mut $sums = dots.load($simd);
                $work;
                dots.store($sums);
            }),
            $crate::vector::Dots::Binned(dots) => $crate::simd::vectorized!($simd => {
                let mut $sums = dots.load($simd);
                $work;
                dots.store($sums);
            }),
        }
    };
}
pub(crate) use summed;

/// ⟨x, y⟩ over this rank's rows.
///
/// # Panics
/// If the lengths differ.
pub(crate) fn dot(x: &[f64], y: &[f64]) -> f64 {
    let mut dots = Dots::new(Summation::Plain);
    dots.add_products(x, y);
    dots.partials()[0].value()
}

/// y ← y + a x
pub(crate) fn axpy(y: &mut [f64], a: f64, x: &[f64]) {
    assert_eq!(x.len(), y.len());
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// y ← x + b y
pub(crate) fn xpby(y: &mut [f64], x: &[f64], b: f64) {
    assert_eq!(x.len(), y.len());
    for (y, x) in y.iter_mut().zip(x) {
        *y = x + b * *y;
    }
}

/// At most [`LANES`] rows, one after the other: what `for_strips!` cuts a vector into.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strip {
    /// The first row.
    pub start: usize,
    /// The row after the last.
    pub end: usize,
}

/// The numbers of a vector on a strip of rows, to calculate with as with one number. The last strip of a
/// vector may be shorter; what then fills it up is not stored.
#[derive(Clone, Copy)]
pub(crate) struct Lanes<S: Simd> {
    simd: S,
    numbers: S::Numbers,
}

impl<S: Simd> Lanes<S> {
    /// The same number in every lane.
    #[inline(always)]
    pub fn all(simd: S, number: f64) -> Lanes<S> {
        Lanes { simd, numbers: simd.splat(number) }
    }

    /// The rows `i` of a vector, filled up with zeros.
    #[inline(always)]
    pub fn load(simd: S, from: &[f64], i: Strip) -> Lanes<S> {
        Lanes::load_or(0.0, simd, from, i)
    }

    /// The same of a vector that is divided by: filled up with ones.
    #[inline(always)]
    pub fn load_divisor(simd: S, from: &[f64], i: Strip) -> Lanes<S> {
        Lanes::load_or(1.0, simd, from, i)
    }

    #[inline(always)]
    fn load_or(filling: f64, simd: S, from: &[f64], i: Strip) -> Lanes<S> {
        let from = &from[i.start..i.end];
        let numbers = match from.try_into() {
            Ok(whole) => simd.read(whole),
            Err(_) => {
                let mut filled = [filling; LANES];
                filled[..from.len()].copy_from_slice(from);
                simd.read(&filled)
            }
        };
        Lanes { simd, numbers }
    }

    /// The rows `i` of several vectors.
    #[inline(always)]
    pub fn load_each<const K: usize>(simd: S, from: [&[f64]; K], i: Strip) -> [Lanes<S>; K] {
        let mut lanes = [Lanes::all(simd, 0.0); K];
        for k in 0..K {
            lanes[k] = Lanes::load(simd, from[k], i);
        }
        lanes
    }

    /// The rows `i` of two vectors that lie side by side.
    #[inline(always)]
    pub fn load_pair(simd: S, from: &[[f64; 2]], i: Strip) -> [Lanes<S>; 2] {
        let from = &from[i.start..i.end];
        let [first, second] = match from.try_into() {
            Ok(whole) => simd.read_pairs(whole),
            Err(_) => {
                let mut filled = [[0.0; 2]; LANES];
                filled[..from.len()].copy_from_slice(from);
                simd.read_pairs(&filled)
            }
        };
        [Lanes { simd, numbers: first }, Lanes { simd, numbers: second }]
    }

    /// The rows `i` of K vectors that lie side by side, K being 1 or 2.
    #[inline(always)]
    pub fn load_side_by_side<const K: usize>(simd: S, from: &[[f64; K]], i: Strip) -> [Lanes<S>; K] {
        const { assert!(K == 1 || K == 2) }
        let mut lanes = [Lanes::all(simd, 0.0); K];
        if K == 1 {
            lanes[0] = Lanes::load(simd, from.as_flattened(), i);
        } else {
            lanes.copy_from_slice(&Lanes::load_pair(simd, from.as_flattened().as_chunks().0, i));
        }
        lanes
    }

    /// Into the rows `i` of K vectors side by side, K being 1 or 2.
    #[inline(always)]
    pub fn store_side_by_side<const K: usize>(lanes: [Lanes<S>; K], to: &mut [[f64; K]], i: Strip) {
        const { assert!(K == 1 || K == 2) }
        if K == 1 {
            lanes[0].store(to.as_flattened_mut(), i);
        } else {
            Lanes::store_pair([lanes[0], lanes[K - 1]], to.as_flattened_mut().as_chunks_mut().0, i);
        }
    }

    /// Into the rows `i` of a vector. Returns what was stored.
    #[inline(always)]
    pub fn store(self, to: &mut [f64], i: Strip) -> Lanes<S> {
        let to = &mut to[i.start..i.end];
        match <&mut [f64; LANES]>::try_from(&mut *to) {
            Ok(whole) => self.simd.write(self.numbers, whole),
            Err(_) => {
                let mut filled = [0.0; LANES];
                self.simd.write(self.numbers, &mut filled);
                to.copy_from_slice(&filled[..to.len()]);
            }
        }
        self
    }

    /// Into the rows `i` of two vectors side by side.
    #[inline(always)]
    pub fn store_pair([first, second]: [Lanes<S>; 2], to: &mut [[f64; 2]], i: Strip) {
        let (simd, pair, to) = (first.simd, [first.numbers, second.numbers], &mut to[i.start..i.end]);
        match <&mut [[f64; 2]; LANES]>::try_from(&mut *to) {
            Ok(whole) => simd.write_pairs(pair, whole),
            Err(_) => {
                let mut filled = [[0.0; 2]; LANES];
                simd.write_pairs(pair, &mut filled);
                to.copy_from_slice(&filled[..to.len()]);
            }
        }
    }
}

/// The arithmetic of [`Lanes`], lane by lane.
macro_rules! lane_by_lane {
    ($trait:ident, $name:ident) => {
        impl<S: Simd> std::ops::$trait for Lanes<S> {
            type Output = Lanes<S>;
            #[inline(always)]
            fn $name(self, other: Lanes<S>) -> Lanes<S> {
                Lanes { simd: self.simd, numbers: self.simd.$name(self.numbers, other.numbers) }
            }
        }
    };
}
lane_by_lane!(Add, add);
lane_by_lane!(Sub, sub);
lane_by_lane!(Mul, mul);
lane_by_lane!(Div, div);

impl<S: Simd> std::ops::Mul<Lanes<S>> for f64 {
    type Output = Lanes<S>;
    #[inline(always)]
    fn mul(self, lanes: Lanes<S>) -> Lanes<S> {
        Lanes::all(lanes.simd, self) * lanes
    }
}

/// How inner products are added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Summation {
    /// As fast as possible; the last bits depend on which rank owns which row, and in which order.
    #[default]
    Plain,
    /// To the same bits in whatever order: see [`Binned`].
    Reproducible,
}

/// A rank's part of an inner product or, after a sum over the ranks, all of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Partial {
    /// Of a plain sum.
    Plain(f64),
    /// Of a reproducible one.
    Binned(Binned),
}

impl Partial {
    /// As a number.
    pub fn value(&self) -> f64 {
        match self {
            Partial::Plain(value) => *value,
            Partial::Binned(sum) => sum.value(),
        }
    }
}

/// K inner products over rows that come block by block. They are added up inside `summed!`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Dots<const K: usize> {
    /// In [`LANES`] lanes each.
    Plain(PlainDots<K>),
    /// Reproducible.
    Binned(BinnedDots<K>),
}

impl<const K: usize> Dots<K> {
    /// All zero.
    pub fn new(summation: Summation) -> Dots<K> {
        match summation {
            Summation::Plain => Dots::Plain(PlainDots { lanes: [[0.0; LANES]; K] }),
            Summation::Reproducible => Dots::Binned(BinnedDots::default()),
        }
    }

    /// This rank's parts of the K sums.
    pub fn partials(&self) -> [Partial; K] {
        match self {
            Dots::Plain(dots) => dots.lanes.map(|lanes| Partial::Plain(lanes.iter().sum())),
            Dots::Binned(dots) => dots.sums().map(Partial::Binned),
        }
    }
}

impl Dots<1> {
    /// Adds ⟨x, y⟩ over some rows.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn add_products(&mut self, x: &[f64], y: &[f64]) {
        assert_eq!(x.len(), y.len());
        summed!(simd, sums in self => for_strips!(i in x.len(), {
            let [x, y] = Lanes::load_each(simd, [x, y], i);
            sums.add([x * y]);
        }));
    }
}

/// [`Dots`] added up plainly.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlainDots<const K: usize> {
    lanes: [[f64; LANES]; K],
}

impl<const K: usize> PlainDots<K> {
    /// In registers, for a block of rows.
    #[inline(always)]
    pub fn load<S: Simd>(&self, simd: S) -> PlainSums<S, K> {
        let mut sums = PlainSums([Lanes::all(simd, 0.0); K]);
        for k in 0..K {
            sums.0[k].numbers = simd.read(&self.lanes[k]);
        }
        sums
    }

    /// As they are after a block of rows.
    #[inline(always)]
    pub fn store<S: Simd>(&mut self, sums: PlainSums<S, K>) {
        for k in 0..K {
            sums.0[k].store(&mut self.lanes[k], Strip { start: 0, end: LANES });
        }
    }
}

/// [`Dots`] in registers.
pub(crate) trait Sums<S: Simd, const K: usize> {
    /// Adds the products that a strip contributes to each inner product. What fills up a short strip is added too: it
    /// must make zeros, as [`Lanes::load`] and [`Lanes::load_pair`] do.
    fn add(&mut self, products: [Lanes<S>; K]);
}

/// [`PlainDots`] in registers.
#[derive(Clone, Copy)]
pub(crate) struct PlainSums<S: Simd, const K: usize>([Lanes<S>; K]);

impl<S: Simd, const K: usize> Sums<S, K> for PlainSums<S, K> {
    #[inline(always)]
    fn add(&mut self, products: [Lanes<S>; K]) {
        for (sum, product) in self.0.iter_mut().zip(products) {
            *sum = *sum + product;
        }
    }
}

impl<S: Simd, const K: usize> Sums<S, K> for BinnedSums<S, K> {
    #[inline(always)]
    fn add(&mut self, products: [Lanes<S>; K]) {
        let mut terms = [products[0].numbers; K];
        for k in 1..K {
            terms[k] = products[k].numbers;
        }
        self.add_terms(terms);
    }
}

/// `0..len` cut into blocks of at most `block` rows.
pub(crate) fn blocks(len: usize, block: usize) -> impl Iterator<Item = Range<usize>> {
    (0..len).step_by(block).map(move |start| start..len.min(start + block))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dot_equals_the_plain_sum_for_every_tail_length() {
        for n in 0..40 {
            let x: Vec<f64> = (0..n).map(|i| i as f64 + 0.5).collect();
            let y: Vec<f64> = (0..n).map(|i| 1.0 / (i as f64 + 1.0)).collect();
            let plain: f64 = x.iter().zip(&y).map(|(x, y)| x * y).sum();
            assert!((dot(&x, &y) - plain).abs() <= 1e-14 * plain.abs());
        }
    }

    #[test]
    fn strips_calculate_as_rows_do() {
        for (n, summation) in (0..20).flat_map(|n| [(n, Summation::Plain), (n, Summation::Reproducible)]) {
            let x: Vec<f64> = (0..n).map(|i| i as f64 + 0.5).collect();
            let pairs: Vec<[f64; 2]> = (0..n).map(|i| [3.0 + i as f64, 7.0 - i as f64]).collect();
            let (mut y, mut swapped, mut dots) = (vec![0.0; n], pairs.clone(), Dots::<2>::new(summation));
            summed!(simd, sums in &mut dots => for_strips!(i in n, {
                let [a, b] = Lanes::load_pair(simd, &pairs, i);
                let x = Lanes::load_divisor(simd, &x, i);
                sums.add([a * b, a - b]);
                (2.0 * a + b / x).store(&mut y, i);
                Lanes::store_pair([b, a], &mut swapped, i);
            }));
            for (i, &[a, b]) in pairs.iter().enumerate() {
                assert_eq!(y[i], 2.0 * a + b / x[i]);
                assert_eq!(swapped[i], [b, a]);
            }
            let sums: [f64; 2] = [pairs.iter().map(|[a, b]| a * b).sum(), pairs.iter().map(|[a, b]| a - b).sum()];
            assert_eq!(dots.partials().map(|sum| sum.value()), sums, "small integers add up exactly");
        }
    }

    #[test]
    fn axpy_and_xpby() {
        let mut y = vec![1.0, 2.0];
        axpy(&mut y, 2.0, &[10.0, 20.0]);
        assert_eq!(y, [21.0, 42.0]);
        xpby(&mut y, &[1.0, 1.0], 0.5);
        assert_eq!(y, [11.5, 22.0]);
    }

    #[test]
    fn blocks_cover_every_row_once() {
        let rows: Vec<usize> = blocks(10, 4).flatten().collect();
        assert_eq!(rows, (0..10).collect::<Vec<_>>());
        assert_eq!(blocks(0, 4).count(), 0);
    }
}
