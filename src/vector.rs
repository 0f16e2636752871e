//! Operations on a rank's own rows of a vector. Nothing here communicates.

use std::ops::Range;

/// Independent accumulators per inner product: enough to hide the latency of an addition, and a
/// fixed number of them, so that a sum over the same rows has the same bits every time.
pub const LANES: usize = 8;

/// ⟨x, y⟩ over this rank's rows.
///
/// # Panics
/// If the lengths differ.
pub fn dot(x: &[f64], y: &[f64]) -> f64 {
    assert_eq!(x.len(), y.len());
    let mut lanes = [0.0; LANES];
    let (x_blocks, y_blocks) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
    let tail: f64 = x_blocks.remainder().iter().zip(y_blocks.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in x_blocks.zip(y_blocks) {
        for lane in 0..LANES {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    lanes.iter().sum::<f64>() + tail
}

/// y ← y + a x
pub fn axpy(y: &mut [f64], a: f64, x: &[f64]) {
    assert_eq!(x.len(), y.len());
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// y ← x + b y
pub fn xpby(y: &mut [f64], x: &[f64], b: f64) {
    assert_eq!(x.len(), y.len());
    for (y, x) in y.iter_mut().zip(x) {
        *y = x + b * *y;
    }
}

/// K inner products accumulated row by row in [`LANES`] lanes each, inside an update sweep.
#[derive(Clone, Copy, Debug)]
pub struct Dots<const K: usize> {
    lanes: [[f64; LANES]; K],
}

impl<const K: usize> Default for Dots<K> {
    fn default() -> Self {
        Dots { lanes: [[0.0; LANES]; K] }
    }
}

impl<const K: usize> Dots<K> {
    /// Adds the products that row `row` contributes to each inner product.
    #[inline(always)]
    pub fn add(&mut self, row: usize, products: [f64; K]) {
        for (lanes, product) in self.lanes.iter_mut().zip(products) {
            lanes[row % LANES] += product;
        }
    }

    /// Adds the products that a strip of rows contributes to each inner product.
    #[inline(always)]
    pub fn add_strip(&mut self, products: [Lanes; K]) {
        for (lanes, product) in self.lanes.iter_mut().zip(products) {
            for (lane, product) in lanes.iter_mut().zip(product.0) {
                *lane += product;
            }
        }
    }

    /// The K sums over this rank's rows.
    pub fn sums(&self) -> [f64; K] {
        self.lanes.map(|lanes| lanes.iter().sum())
    }
}

/// The numbers of a vector on a strip of [`LANES`] rows, to calculate with as with one number. The
/// last strip of a vector may be shorter; what then fills it up is not stored.
#[derive(Clone, Copy, Debug)]
pub struct Lanes([f64; LANES]);

impl Lanes {
    /// From at most [`LANES`] numbers, filled up with zeros.
    #[inline(always)]
    pub fn load(from: &[f64]) -> Lanes {
        Lanes::load_or(from, 0.0)
    }

    /// The same, filled up with another number: one that may be divided by.
    #[inline(always)]
    pub fn load_or(from: &[f64], filling: f64) -> Lanes {
        Lanes(from.try_into().unwrap_or_else(|_| std::array::from_fn(|lane| *from.get(lane).unwrap_or(&filling))))
    }

    /// Two vectors that lie side by side.
    #[inline(always)]
    pub fn load_pair(from: &[[f64; 2]]) -> [Lanes; 2] {
        let pairs: [[f64; 2]; LANES] =
            from.try_into().unwrap_or_else(|_| std::array::from_fn(|lane| *from.get(lane).unwrap_or(&[0.0; 2])));
        [Lanes(pairs.map(|pair| pair[0])), Lanes(pairs.map(|pair| pair[1]))]
    }

    /// Into at most [`LANES`] numbers.
    #[inline(always)]
    pub fn store(self, to: &mut [f64]) {
        match <&mut [f64; LANES]>::try_from(&mut *to) {
            Ok(whole) => *whole = self.0,
            Err(_) => to.copy_from_slice(&self.0[..to.len()]),
        }
    }

    /// Two vectors side by side.
    #[inline(always)]
    pub fn store_pair([first, second]: [Lanes; 2], to: &mut [[f64; 2]]) {
        let pairs: [[f64; 2]; LANES] = std::array::from_fn(|lane| [first.0[lane], second.0[lane]]);
        match <&mut [[f64; 2]; LANES]>::try_from(&mut *to) {
            Ok(whole) => *whole = pairs,
            Err(_) => to.copy_from_slice(&pairs[..to.len()]),
        }
    }
}

/// The arithmetic of [`Lanes`], lane by lane.
macro_rules! lane_by_lane {
    ($trait:ident, $name:ident, $operator:tt) => {
        impl std::ops::$trait for Lanes {
            type Output = Lanes;
            #[inline(always)]
            fn $name(self, other: Lanes) -> Lanes {
                Lanes(std::array::from_fn(|lane| self.0[lane] $operator other.0[lane]))
            }
        }
    };
}
lane_by_lane!(Add, add, +);
lane_by_lane!(Sub, sub, -);
lane_by_lane!(Mul, mul, *);
lane_by_lane!(Div, div, /);

impl std::ops::Mul<Lanes> for f64 {
    type Output = Lanes;
    #[inline(always)]
    fn mul(self, lanes: Lanes) -> Lanes {
        Lanes(lanes.0.map(|lane| self * lane))
    }
}

impl From<f64> for Lanes {
    #[inline(always)]
    fn from(number: f64) -> Lanes {
        Lanes([number; LANES])
    }
}

/// `v[i] = f(v[i], i)` on a strip; returns what is now there.
#[inline(always)]
pub fn update(v: &mut [f64], i: Range<usize>, f: impl FnOnce(Lanes, Range<usize>) -> Lanes) -> Lanes {
    let next = f(Lanes::load(&v[i.clone()]), i.clone());
    next.store(&mut v[i]);
    next
}

/// Runs `$body` on `0..$len` cut into strips of [`LANES`] rows, `$i` being the range of each. The
/// body is compiled twice, for whole strips and for the rest: whole ones then lose no time in asking
/// how long they are.
macro_rules! for_strips {
    ($i:ident in $len:expr, $body:block) => {
        let len: usize = $len;
        let whole = len - len % $crate::vector::LANES;
        let mut at = 0;
        while at < whole {
            let $i = at..at + $crate::vector::LANES;
            $body
            at += $crate::vector::LANES;
        }
        if whole < len {
            let $i = whole..len;
            $body
        }
    };
}
pub(crate) use for_strips;

/// Runs `work` with AVX2 where the processor has it, as far as the compiler inlines it.
#[inline(always)]
pub fn vectorized<T>(work: impl FnOnce() -> T) -> T {
    struct Work<F>(F);
    impl<T, F: FnOnce() -> T> pulp::WithSimd for Work<F> {
        type Output = T;
        #[inline(always)]
        fn with_simd<S: pulp::Simd>(self, _: S) -> T {
            (self.0)()
        }
    }
    pulp::Arch::new().dispatch(Work(work))
}

/// `0..len` cut into blocks of at most `block` rows.
pub fn blocks(len: usize, block: usize) -> impl Iterator<Item = Range<usize>> {
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
            let mut dots = Dots::<1>::default();
            (0..n).for_each(|i| dots.add(i, [x[i] * y[i]]));
            assert!((dots.sums()[0] - plain).abs() <= 1e-14 * plain.abs());
        }
    }

    #[test]
    fn strips_calculate_as_rows_do() {
        for n in 0..20 {
            let x: Vec<f64> = (0..n).map(|i| i as f64 + 0.5).collect();
            let pairs: Vec<[f64; 2]> = (0..n).map(|i| [3.0 + i as f64, 7.0 - i as f64]).collect();
            let (mut y, mut swapped, mut dots) = (vec![0.0; n], pairs.clone(), Dots::<2>::default());
            vectorized(|| {
                for_strips!(i in n, {
                    let [a, b] = Lanes::load_pair(&pairs[i.clone()]);
                    let x = Lanes::load_or(&x[i.clone()], 1.0);
                    dots.add_strip([a * b, a - b]);
                    (2.0 * a + b / x).store(&mut y[i.clone()]);
                    Lanes::store_pair([b, a], &mut swapped[i]);
                });
            });
            for (i, &[a, b]) in pairs.iter().enumerate() {
                assert_eq!(y[i], 2.0 * a + b / x[i]);
                assert_eq!(swapped[i], [b, a]);
            }
            let sums: [f64; 2] = [pairs.iter().map(|[a, b]| a * b).sum(), pairs.iter().map(|[a, b]| a - b).sum()];
            assert_eq!(dots.sums(), sums, "small integers add up exactly");
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
