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

    /// The K sums over this rank's rows.
    pub fn sums(&self) -> [f64; K] {
        self.lanes.map(|lanes| lanes.iter().sum())
    }
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
