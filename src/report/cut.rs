//! What is seen of a mesh: of a body its surface, or, where that hides all there is to see, what lies behind a plane.

use super::field::{TOWARDS, values_seen};
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

/// A surface shows enough if it shows this share of the range of the values; a half that is cut open, this one. (Held at one
/// value, a surface shows nothing of it.)
const ENOUGH: [f64; 2] = [0.1, 0.5];

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

    /// If this surface, which is around all tetrahedra, hides nearly all there is of the values: the one around a part of them,
    /// behind a plane on which more is seen.
    pub fn opened(self, cells: &[Cell]) -> Surface {
        let all = ends(self.values.iter().copied());
        let seen = self.seen();
        let share = |seen: [f64; 2]| (seen[1] - seen[0]) / (all[1] - all[0]);
        // No number where all values are one, or none.
        if share(seen).is_nan() || share(seen) >= ENOUGH[0] {
            return self;
        }
        let hidden = |node: &usize| (self.values[*node] - seen[1]).max(seen[0] - self.values[*node]);
        let of_cells = cells.iter().flatten().map(|&node| node as usize).filter(|&node| self.values[node].is_finite());
        let most_hidden = of_cells.max_by(|a, b| hidden(a).total_cmp(&hidden(b)));
        let Some(place) = most_hidden.map(|node| self.points[node]) else { return self };

        let sides = [0, 1, 2].map(|axis| ends(self.points.iter().map(|point| point[axis])));
        // The shorter the side, the wider the section across it; of equal ones the side that faces the viewer most.
        let mut axes = [1, 2, 0];
        axes.sort_by(|a, b| (sides[*a][1] - sides[*a][0]).total_cmp(&(sides[*b][1] - sides[*b][0])));
        let planes = axes.map(|axis| [(axis, 0.5 * (sides[axis][0] + sides[axis][1])), (axis, place[axis])]);
        let (mut best, mut most) = (None, share(seen));
        for (axis, at) in planes.into_iter().flatten() {
            let part = self.behind(cells, axis, at);
            let shown = share(part.seen());
            if shown > most {
                (best, most) = (Some(part), shown);
            }
            if most >= ENOUGH[1] {
                break;
            }
        }
        best.unwrap_or(self)
    }

    /// The least and the greatest value that the viewer sees.
    fn seen(&self) -> [f64; 2] {
        ends(values_seen(&self.points, &self.triangles, &self.values).into_iter())
    }

    /// The surface of what lies behind a plane square to an axis.
    fn behind(&self, cells: &[Cell], axis: usize, at: f64) -> Surface {
        let depth: Vec<f64> = self.points.iter().map(|point| (at - point[axis]) * TOWARDS[axis].signum()).collect();
        let depth_of = |node: u32| depth[node as usize];
        let is_kept = |cell: &Cell| cell.iter().any(|&node| depth_of(node) > 0.0);
        let mut part = Surface {
            points: self.points.clone(),
            values: self.values.clone(),
            triangles: Vec::new(),
            cell_of: Vec::new(),
            cut: Some((axis, at)),
        };
        let mut crossings = HashMap::new();
        let mut crossing = |part: &mut Surface, one: u32, other: u32| {
            let (kept, lost) = if depth_of(one) > 0.0 { (one, other) } else { (other, one) };
            *crossings.entry((kept, lost)).or_insert_with(|| part.add_between(kept, lost, &depth))
        };
        let outside = self.triangles.iter().zip(&self.cell_of);
        for (triangle, &cell) in outside.filter(|(_, cell)| is_kept(&cells[**cell as usize])) {
            let mut corners = Vec::with_capacity(4);
            for k in 0..3 {
                let (node, next) = (triangle[k], triangle[(k + 1) % 3]);
                corners.extend((depth_of(node) >= 0.0).then_some(node));
                if depth_of(node) * depth_of(next) < 0.0 {
                    corners.push(crossing(&mut part, node, next));
                }
            }
            part.add(&corners, cell);
        }
        for (nodes, cell) in cells.iter().zip(0..).filter(|(nodes, _)| is_kept(nodes)) {
            let on_side = |side: fn(f64) -> bool| nodes.iter().copied().filter(move |&node| side(depth_of(node)));
            let (kept, lost): (Vec<u32>, Vec<u32>) = (on_side(|d| d > 0.0).collect(), on_side(|d| d < 0.0).collect());
            let mut corners: Vec<u32> = on_side(|d| d == 0.0).collect();
            for (k, &one) in kept.iter().enumerate() {
                // Around, where two edges meet at each of two nodes.
                let others: Vec<u32> = if k == 1 { lost.iter().rev().copied().collect() } else { lost.clone() };
                corners.extend(others.into_iter().map(|other| crossing(&mut part, one, other)));
            }
            part.add(&corners, cell);
        }
        part
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

/// The least and the greatest finite value.
fn ends(values: impl Iterator<Item = f64>) -> [f64; 2] {
    let finite = values.filter(|value| value.is_finite());
    finite.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| [low.min(value), high.max(value)])
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
        for value in [7.0, f64::NAN, f64::INFINITY] {
            let all = vec![value; points.len()];
            assert!(Surface::around(points.clone(), &cells, all).opened(&cells).cut.is_none());
        }
    }

    /// A box without some of its cubes, with the value at each point that is left.
    fn hollow(cubes: [usize; 3], is_left: impl Fn([f64; 3]) -> bool, value: impl Fn([f64; 3]) -> f64) -> Surface {
        let (points, cells, values) = body(cubes, value);
        let centre = |cell: &Cell| {
            let all = cell.map(|node| points[node as usize]);
            [0, 1, 2].map(|axis| (all.iter().map(|point| point[axis]).sum::<f64>() / 4.0).floor() + 0.5)
        };
        let cells: Vec<Cell> = cells.into_iter().filter(|cell| is_left(centre(cell))).collect();
        Surface::around(points, &cells, values).opened(&cells)
    }

    #[test]
    fn a_body_is_cut_where_it_hides_most() {
        let inside = |cubes: [usize; 3], [x, y, z]: [f64; 3]| {
            [(x, 0), (y, 1), (z, 2)].iter().all(|&(at, axis)| at > 0.0 && at < cubes[axis] as f64)
        };
        // Across the shortest side, in its middle if much is seen there, else through the greatest value.
        for (cubes, hottest, cut) in [
            ([9, 6, 9], [4.0, 3.0, 3.0], (1, 3.0)),
            ([9, 6, 9], [4.0, 1.0, 3.0], (1, 1.0)),
            ([7, 7, 5], [1.0, 3.0, 4.0], (2, 4.0)),
            ([4, 5, 6], [3.0, 1.0, 5.0], (0, 3.0)),
        ] {
            let near = |point: [f64; 3]| (0..3).map(|k| (point[k] - hottest[k]).powi(2)).sum::<f64>();
            let value = |point| if inside(cubes, point) { -1.0 / (1.0 + 3.0 * near(point)) } else { 0.0 };
            let surface = hollow(cubes, |_| true, value);
            assert_eq!(surface.cut, Some(cut));
        }
        // What is hot is the wall of a cavity that nobody sees, or lies on the viewer's side of the middle.
        let cubes = [5, 5, 5];
        let is_wall = |point: [f64; 3]| (0..3).all(|k| [2.0, 3.0].contains(&point[k]));
        let cavity = hollow(cubes, |centre| centre != [2.5; 3], |point| if is_wall(point) { 100.0 } else { 0.0 });
        assert_eq!(cavity.cut, Some((1, 2.5)));
        // A plane through the middle would fall between two bodies.
        let two = hollow(
            [6, 5, 6],
            |centre| centre[1] != 2.5,
            |point| match point {
                [3.0, 4.0, 3.0] => 1.0,
                _ => 0.0,
            },
        );
        assert_eq!(two.cut, Some((1, 4.0)));
    }

    #[test]
    fn what_lies_behind_a_plane_is_closed_and_each_triangle_in_its_cell() {
        // Through points and between them.
        for (axis, at) in [(0, 1.5), (0, 2.0), (1, 0.25), (1, 1.0), (2, 3.0), (2, 4.75)] {
            let cubes = [3, 4, 5];
            let (points, cells, values) = body(cubes, |[x, y, z]| 1.0 + x + 10.0 * y + 100.0 * z);
            let surface = Surface::around(points, &cells, values.clone()).behind(&cells, axis, at);
            let sides = cubes.map(|side| side as f64);
            let side = TOWARDS[axis].signum();
            let length = if side > 0.0 { at } else { sides[axis] - at };
            // Nothing is left on the viewer's side.
            let used = || surface.triangles.iter().flatten().map(|&node| surface.points[node as usize]);
            assert!(used().all(|point| side * (point[axis] - at) <= 1e-12));
            let is_section = |corners: [[f64; 3]; 3]| corners.iter().all(|corner| corner[axis] == at);
            let others: Vec<f64> = (0..3).filter(|&k| k != axis).map(|k| sides[k]).collect();
            let whole = others[0] * others[1];
            assert!((area(&surface, is_section) - whole).abs() < 1e-9);
            let around = area(&surface, |corners| !is_section(corners));
            let expected = whole + 2.0 * length * (others[0] + others[1]);
            assert!((around - expected).abs() < 1e-9, "{around} {expected}");
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

    /// A step: its tread lies in the plane, and so does the section below what is gone.
    #[test]
    fn faces_in_the_plane_are_those_of_what_is_kept() {
        let (points, cells, values) = body([4, 4, 4], |[x, ..]| x);
        let is_left = |cell: &&Cell| {
            let high = cell.iter().any(|&node| points[node as usize][1] < 2.0);
            let right = cell.iter().any(|&node| points[node as usize][0] > 2.0);
            !(high && right)
        };
        // Nearer to the viewer than y = 2 there is the left half only.
        let step: Vec<Cell> = cells.iter().filter(is_left).copied().collect();
        let surface = Surface::around(points.clone(), &step, values.clone()).behind(&step, 1, 2.0);
        let in_plane = |corners: [[f64; 3]; 3]| corners.iter().all(|corner| corner[1] == 2.0);
        // The section is 2 x 4, and so is the tread, of which the triangles come twice: as a face and as what the plane leaves.
        assert_eq!(area(&surface, in_plane), 8.0 + 2.0 * 8.0);
        // Of the other part nothing is behind a plane that only touches it.
        let front: Vec<Cell> =
            cells.iter().filter(|cell| cell.iter().all(|&node| points[node as usize][1] <= 2.0)).copied().collect();
        let gone = Surface::around(points, &front, values).behind(&front, 1, 2.0);
        assert!(gone.triangles.is_empty());
    }
}
