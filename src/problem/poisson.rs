//! Poisson's equation −Δu = f on a box with u = 0 on its surface, by finite differences on a
//! regular grid: every row can be written down anywhere from its number alone.
//!
//! Rows are scaled by h², so that the entries are small integers: 2·dim (or 8, 26 for the full
//! stencils) on the diagonal, −1 beside it. With coefficients along the axes, −Σ cᵢ ∂²u/∂xᵢ² = f, they are
//! 2 Σ cᵢ and −cᵢ.

use super::rows::Rows;

/// A regular grid and its stencil.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stencil {
    /// Interior grid points along x, y, z; 1 along an axis that does not exist.
    pub points: [u64; 3],
    /// Dimensions: 2 or 3.
    pub dim: usize,
    /// All neighbours of the 3 × 3 (× 3) cube, not only those along the axes.
    pub full: bool,
    /// cᵢ along each axis; all 1 where the stencil is full.
    pub coefficients: [f64; 3],
}

impl Stencil {
    /// The grid of `points` with the 5-, 9-, 7- or 27-point stencil; None if they do not fit together.
    pub fn new(points: [u64; 3], dim: usize, stencil: u32) -> Option<Stencil> {
        let full = match (dim, stencil) {
            (2, 5) | (3, 7) => false,
            (2, 9) | (3, 27) => true,
            _ => return None,
        };
        let nonempty =
            points[..dim].iter().all(|&points| points > 0) && points[dim..].iter().all(|&points| points == 1);
        let rows = points.iter().try_fold(1u64, |product, &points| product.checked_mul(points))?;
        (nonempty && rows < 1 << 62).then_some(Stencil { points, dim, full, coefficients: [1.0; 3] })
    }

    /// The same with a coefficient along each axis; None for a full stencil, or unless all are positive and finite.
    pub fn with_coefficients(self, coefficients: [f64; 3]) -> Option<Stencil> {
        let possible = !self.full && coefficients.iter().all(|c| *c > 0.0 && c.is_finite());
        possible.then_some(Stencil { coefficients, ..self })
    }

    /// Global number of rows.
    pub fn n(&self) -> u64 {
        self.points.iter().product()
    }

    /// The number of points in the stencil: 5, 7, 9 or 27.
    pub fn size(&self) -> u32 {
        match (self.dim, self.full) {
            (2, false) => 5,
            (2, true) => 9,
            (_, false) => 7,
            (_, true) => 27,
        }
    }

    /// The grid point of row `row`; x runs fastest.
    pub fn point(&self, row: u64) -> [u64; 3] {
        let [nx, ny, _] = self.points;
        [row % nx, row / nx % ny, row / nx / ny]
    }

    /// The row of grid point `at`.
    pub fn row_of(&self, at: [u64; 3]) -> u64 {
        at[0] + self.points[0] * (at[1] + self.points[1] * at[2])
    }

    /// The entries of row `row`, columns increasing.
    pub fn entries(&self, row: u64) -> impl Iterator<Item = (u64, f64)> + '_ {
        let at = self.point(row);
        let [x, y, z] = self.coefficients;
        let diagonal = match self.full {
            true => f64::from(self.size() - 1),
            false if self.dim == 2 => 2.0 * (x + y),
            false => 2.0 * (x + y + z),
        };
        let reach = |axis: usize| if axis < self.dim { -1..=1i64 } else { 0..=0 };
        reach(2).flat_map(move |dz| reach(1).flat_map(move |dy| reach(0).map(move |dx| [dx, dy, dz]))).filter_map(
            move |step| {
                let distance: i64 = step.iter().map(|d| d.abs()).sum();
                if distance > 1 && !self.full {
                    return None;
                }
                let mut to = at;
                for axis in 0..3 {
                    to[axis] = at[axis].checked_add_signed(step[axis]).filter(|&at| at < self.points[axis])?;
                }
                let beside = || (0..3).find(|&axis| step[axis] != 0).map(|axis| -self.coefficients[axis]);
                Some((self.row_of(to), beside().unwrap_or(diagonal)))
            },
        )
    }

    /// The rows with the given numbers.
    pub fn rows(&self, numbers: impl IntoIterator<Item = u64>) -> Rows {
        let mut rows = Rows::new();
        for number in numbers {
            rows.push(number, self.entries(number));
        }
        rows
    }

    /// Position of a grid point along `axis`, as a fraction of the box's edge.
    fn fraction(&self, at: [u64; 3], axis: usize) -> f64 {
        (at[axis] + 1) as f64 / (self.points[axis] + 1) as f64
    }

    /// The manufactured solution u = Π g(tᵢ), g(t) = t (1 − t) eᵗ with tᵢ ∈ (0, 1) along each axis.
    /// (Not a product of sines: that is an eigenvector, which CG finds in one iteration.)
    pub fn manufactured_solution(&self, row: u64) -> f64 {
        let at = self.point(row);
        (0..self.dim).map(|axis| bump(self.fraction(at, axis))).product()
    }

    /// The right-hand side that belongs to it: −h² Σ cᵢ ∂²u/∂xᵢ², or h² c f = −h² c Δu, where c = 1, 3, 9 is the multiple
    /// of the Laplacian that the star, the full 2D and the full 3D stencil approximate.
    pub fn manufactured_rhs(&self, row: u64) -> f64 {
        let at = self.point(row);
        let minus_laplacian_h2: f64 = (0..self.dim)
            .map(|axis| {
                // Grid spacing is the same along all axes: an edge is (points + 1) h long.
                let edge = (self.points[axis] + 1) as f64;
                let t = self.fraction(at, axis);
                let others: f64 =
                    (0..self.dim).filter(|&other| other != axis).map(|other| bump(self.fraction(at, other))).product();
                self.coefficients[axis] * (3.0 * t + t * t) * t.exp() / (edge * edge) * others
            })
            .sum();
        let multiple = match (self.full, self.dim) {
            (false, _) => 1.0,
            (true, 2) => 3.0,
            (true, _) => 9.0,
        };
        multiple * minus_laplacian_h2
    }
}

/// g(t) = t (1 − t) eᵗ; −g″(t) = (3t + t²) eᵗ.
fn bump(t: f64) -> f64 {
    t * (1.0 - t) * t.exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All stencils, and those along the axes with coefficients besides.
    fn stencils(points: [u64; 3]) -> impl Iterator<Item = Stencil> {
        [(2, 5), (2, 9), (3, 7), (3, 27)].into_iter().flat_map(move |(dim, size)| {
            let points = if dim == 2 { [points[0], points[1], 1] } else { points };
            let plain = Stencil::new(points, dim, size).unwrap();
            [Some(plain), plain.with_coefficients([1.0, 0.25, 8.0])].into_iter().flatten()
        })
    }

    #[test]
    fn rows_are_symmetric_and_interior_ones_sum_to_zero() {
        assert_eq!(stencils([5, 4, 3]).count(), 6);
        for grid in stencils([5, 4, 3]) {
            let all: Vec<Vec<(u64, f64)>> = (0..grid.n()).map(|row| grid.entries(row).collect()).collect();
            for (row, entries) in all.iter().enumerate() {
                assert!(entries.is_sorted_by_key(|entry| entry.0));
                for &(column, value) in entries {
                    assert!(all[column as usize].contains(&(row as u64, value)));
                }
            }
            let middle = &all[grid.row_of([2, 1, grid.dim as u64 - 2]) as usize];
            assert_eq!(middle.len(), grid.size() as usize);
            assert_eq!(middle.iter().map(|entry| entry.1).sum::<f64>(), 0.0);
        }
    }

    #[test]
    fn the_residual_of_the_manufactured_solution_falls_as_h_squared() {
        for (coarse, fine) in stencils([7; 3]).zip(stencils([15; 3])) {
            let worst = |grid: Stencil| {
                let points = grid.points[0];
                let h2 = ((points + 1) as f64).powi(-2);
                let residual = |row| {
                    let product: f64 =
                        grid.entries(row).map(|(column, value)| value * grid.manufactured_solution(column)).sum();
                    // Divided by h², this is the truncation error of the difference scheme.
                    ((product - grid.manufactured_rhs(row)) / h2).abs()
                };
                (0..grid.n()).map(residual).fold(0.0, f64::max)
            };
            let ratio = worst(coarse) / worst(fine);
            assert!((2.5..5.0).contains(&ratio), "{coarse:?}: {ratio}");
        }
    }
}
