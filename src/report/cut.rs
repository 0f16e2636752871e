//! What is seen of a mesh: of a body its surface, or, where that hides all there is to see, a half of it.

use super::field::TOWARDS;
use crate::problem::mesh::{Cell, boundary};
use std::collections::HashMap;

/// Triangles that are seen, with values.
pub struct Surface {
    /// Corners; not all belong to a triangle.
    pub points: Vec<[f64; 3]>,
    /// The value at each.
    pub values: Vec<f64>,
    /// Indices of corners.
    pub triangles: Vec<[u32; 3]>,
    /// For each triangle the cell that it belongs to.
    pub cell_of: Vec<u32>,
    /// Axis and place of the plane that cuts the body, if one does.
    pub cut: Option<(usize, f64)>,
}

/// The surface shows the values if it has this share of their range. (Held at one value, it has none of it.)
const LEAST_SHOWN: f64 = 0.01;

impl Surface {
    /// Triangles themselves.
    pub fn flat(points: Vec<[f64; 3]>, cells: &[Cell], values: Vec<f64>) -> Surface {
        let triangles = cells.iter().map(|&[a, b, c, _]| [a, b, c]).collect();
        Surface { points, values, triangles, cell_of: (0..cells.len() as u32).collect(), cut: None }
    }

    /// The surface around tetrahedra with a value at each point.
    pub fn around(points: Vec<[f64; 3]>, cells: &[Cell], values: Vec<f64>) -> Surface {
        let (triangles, cell_of) = boundary(3, cells).into_iter().map(|face| (face.nodes, face.cell)).unzip();
        Surface { points, values, triangles, cell_of, cut: None }
    }

    /// The surface around a half of the tetrahedra if this one, which is around all of them, shows nothing of the values.
    pub fn opened(self, cells: &[Cell]) -> Surface {
        let shown = range(self.triangles.iter().flatten().map(|&node| self.values[node as usize]));
        let hides = shown < LEAST_SHOWN * range(self.values.iter().copied());
        if hides { self.cut_open(cells) } else { self }
    }

    /// The half that lies behind a plane through the middle of the shortest side, as its section is then the widest.
    fn cut_open(self, cells: &[Cell]) -> Surface {
        let ends = |axis: usize| {
            let along = self.points.iter().map(|point| point[axis]);
            along.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
        };
        let length = |axis: &usize| ends(*axis).1 - ends(*axis).0;
        // Of sides that are equal the one that faces the viewer most.
        let axis = [1, 2, 0].into_iter().min_by(|a, b| length(a).total_cmp(&length(b))).expect("three axes");
        let middle = 0.5 * (ends(axis).0 + ends(axis).1);

        let depth: Vec<f64> = self.points.iter().map(|point| (middle - point[axis]) * TOWARDS[axis].signum()).collect();
        let mut half = Surface { triangles: Vec::new(), cell_of: Vec::new(), cut: Some((axis, middle)), ..self };
        let is_kept = |node: u32| depth[node as usize] >= 0.0;
        let mut crossings = HashMap::new();
        let mut crossing = |half: &mut Surface, one: u32, other: u32| {
            let (kept, lost) = if is_kept(one) { (one, other) } else { (other, one) };
            *crossings.entry((kept, lost)).or_insert_with(|| half.add_between(kept, lost, &depth))
        };
        for (triangle, &cell) in self.triangles.iter().zip(&self.cell_of) {
            let mut corners = Vec::with_capacity(4);
            for k in 0..3 {
                let (node, next) = (triangle[k], triangle[(k + 1) % 3]);
                corners.extend(is_kept(node).then_some(node));
                if is_kept(node) != is_kept(next) {
                    corners.push(crossing(&mut half, node, next));
                }
            }
            half.add(&corners, cell);
        }
        for (nodes, cell) in cells.iter().zip(0..) {
            let (kept, lost): (Vec<u32>, Vec<u32>) = nodes.iter().partition(|&&node| is_kept(node));
            // Two and two: around, not across.
            let pairs: Vec<(u32, u32)> = match (&kept[..], &lost[..]) {
                (&[a, b], &[c, d]) => vec![(a, c), (a, d), (b, d), (b, c)],
                (kept, lost) => kept.iter().flat_map(|&one| lost.iter().map(move |&other| (one, other))).collect(),
            };
            let corners: Vec<u32> = pairs.into_iter().map(|(one, other)| crossing(&mut half, one, other)).collect();
            half.add(&corners, cell);
        }
        half
    }

    /// The point where the edge between two points meets the plane.
    fn add_between(&mut self, kept: u32, lost: u32, depth: &[f64]) -> u32 {
        let [kept, lost] = [kept, lost].map(|node| node as usize);
        let share = depth[kept] / (depth[kept] - depth[lost]);
        let between = |one: f64, other: f64| one + share * (other - one);
        let point = std::array::from_fn(|axis| between(self.points[kept][axis], self.points[lost][axis]));
        self.points.push(point);
        self.values.push(between(self.values[kept], self.values[lost]));
        self.points.len() as u32 - 1
    }

    /// A polygon of a cell, as triangles.
    fn add(&mut self, corners: &[u32], cell: u32) {
        for k in 2..corners.len() {
            self.triangles.push([corners[0], corners[k - 1], corners[k]]);
            self.cell_of.push(cell);
        }
    }
}

/// How far apart finite values are.
fn range(values: impl Iterator<Item = f64>) -> f64 {
    let finite = values.filter(|value| value.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    high - low
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A box of cubes, six tetrahedra each, with the value at each point.
    fn body(cubes: [usize; 3], value: impl Fn([f64; 3]) -> f64) -> (Vec<[f64; 3]>, Vec<Cell>, Vec<f64>) {
        let [nx, ny, nz] = cubes;
        let at = |x: usize, y: usize, z: usize| ((z * (ny + 1) + y) * (nx + 1) + x) as u32;
        let mut points = Vec::new();
        for (z, y, x) in (0..=nz).flat_map(|z| (0..=ny).flat_map(move |y| (0..=nx).map(move |x| (z, y, x)))) {
            points.push([x, y, z].map(|k| k as f64));
        }
        let mut cells = Vec::new();
        for (z, y, x) in (0..nz).flat_map(|z| (0..ny).flat_map(move |y| (0..nx).map(move |x| (z, y, x)))) {
            for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
                let mut corner = [x, y, z];
                let mut cell = vec![at(x, y, z)];
                for axis in order {
                    corner[axis] += 1;
                    cell.push(at(corner[0], corner[1], corner[2]));
                }
                cells.push([cell[0], cell[1], cell[2], cell[3]]);
            }
        }
        let values = points.iter().map(|point| value(*point)).collect();
        (points, cells, values)
    }

    fn area(surface: &Surface, of: impl Fn([[f64; 3]; 3]) -> bool) -> f64 {
        let corners = surface.triangles.iter().map(|triangle| triangle.map(|node| surface.points[node as usize]));
        let twice = |[a, b, c]: [[f64; 3]; 3]| {
            let [u, v] = [b, c].map(|p| [p[0] - a[0], p[1] - a[1], p[2] - a[2]]);
            let cross = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
            cross.iter().map(|x| x * x).sum::<f64>().sqrt()
        };
        corners.filter(|corners| of(*corners)).map(|corners| 0.5 * twice(corners)).sum()
    }

    fn spans(corners: [f64; 4], value: f64) -> bool {
        corners.iter().any(|corner| *corner <= value + 1e-9) && corners.iter().any(|corner| *corner >= value - 1e-9)
    }

    #[test]
    fn a_surface_that_shows_the_values_stays_whole() {
        let (points, cells, values) = body([3, 2, 2], |[x, ..]| x);
        let surface = Surface::around(points.clone(), &cells, values).opened(&cells);
        assert!(surface.cut.is_none() && surface.points.len() == points.len());
        assert_eq!(area(&surface, |_| true), 2.0 * (6.0 + 6.0 + 4.0));
        // So it does where there is nothing to see, and where there are no numbers.
        for value in [7.0, f64::NAN] {
            let all = vec![value; points.len()];
            assert!(Surface::around(points.clone(), &cells, all).opened(&cells).cut.is_none());
        }
    }

    #[test]
    fn a_body_held_at_its_surface_is_cut_across_its_shortest_side() {
        // Sides of 4 and 3, so that the plane goes through points or between them.
        for (cubes, axis, middle, whole) in
            [([4, 3, 4], 1, 1.5, 16.0), ([5, 5, 4], 2, 2.0, 25.0), ([3, 4, 5], 0, 1.5, 20.0)]
        {
            let inside = |k: usize, x: f64| x > 0.0 && x < cubes[k] as f64;
            let linear = |[x, y, z]: [f64; 3]| 1.0 + x + 10.0 * y + 100.0 * z;
            let value = |point: [f64; 3]| if (0..3).all(|k| inside(k, point[k])) { linear(point) } else { 0.0 };
            let (points, cells, values) = body(cubes, value);
            let surface = Surface::around(points, &cells, values.clone()).opened(&cells);
            assert_eq!(surface.cut, Some((axis, middle)));
            // Nothing is left on the viewer's side, and the section is closed.
            let side = TOWARDS[axis].signum();
            let used = || surface.triangles.iter().flatten().map(|&node| surface.points[node as usize]);
            assert!(used().all(|point| side * (point[axis] - middle) <= 1e-12));
            let is_section = |corners: [[f64; 3]; 3]| corners.iter().all(|corner| corner[axis] == middle);
            assert!((area(&surface, is_section) - whole).abs() < 1e-9);
            let around = area(&surface, |corners| !is_section(corners));
            let others: Vec<f64> = (0..3).filter(|&k| k != axis).map(|k| cubes[k] as f64).collect();
            let expected = whole + cubes[axis] as f64 * (others[0] + others[1]);
            assert!((around - expected).abs() < 1e-9, "{around} {expected}");
            // Each triangle lies in its cell, and values are linear along edges.
            for (triangle, &cell) in surface.triangles.iter().zip(&surface.cell_of) {
                let nodes = cells[cell as usize];
                for &node in triangle {
                    let point = surface.points[node as usize];
                    assert!(spans(nodes.map(|corner| values[corner as usize]), surface.values[node as usize]));
                    assert!((0..3).all(|k| spans(nodes.map(|corner| surface.points[corner as usize][k]), point[k])));
                }
            }
        }
    }
}
