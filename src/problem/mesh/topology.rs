//! What belongs together in a mesh: faces of cells, the boundary, parts that touch each other; and cells that cannot be.

use super::elements::measure;

/// Nodes of a triangle or a tetrahedron; a triangle has three, and `u32::MAX` in the place of the fourth.
pub type Cell = [u32; 4];

/// An edge of a triangle, or a triangle of a tetrahedron.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Face {
    /// Its nodes, increasing; of an edge the third is `u32::MAX`.
    pub nodes: [u32; 3],
    /// The cell whose face it is.
    pub cell: u32,
    /// The node of that cell which is not on it.
    pub opposite: u32,
}

/// The corners that a cell of this dimension has.
pub(super) fn corners(dim: usize, cell: &Cell) -> &[u32] {
    &cell[..=dim]
}

/// The faces of all cells, sorted.
fn faces(dim: usize, cells: &[Cell]) -> Vec<Face> {
    let mut faces = Vec::with_capacity(cells.len() * (dim + 1));
    for (number, cell) in (0..).zip(cells) {
        for opposite in 0..=dim {
            let mut nodes = [u32::MAX; 3];
            let others = corners(dim, cell).iter().enumerate().filter(|(place, _)| *place != opposite);
            for (node, (_, corner)) in nodes.iter_mut().zip(others) {
                *node = *corner;
            }
            nodes.sort_unstable();
            faces.push(Face { nodes, cell: number, opposite: cell[opposite] });
        }
    }
    faces.sort_unstable();
    faces
}

/// The faces that belong to one cell only, sorted.
pub fn boundary(dim: usize, cells: &[Cell]) -> Vec<Face> {
    let faces = faces(dim, cells);
    let single = faces.chunk_by(|a, b| a.nodes == b.nodes).filter(|same| same.len() == 1);
    single.map(|same| same[0]).collect()
}

/// The two axes, in their order, of the plane in which points lie: the one that is square to it is left out. None if they
/// lie in no plane of two axes. Programs that make meshes leave a trace of rounding in a coordinate that should be constant.
pub(crate) fn plane(points: &[[f64; 3]]) -> Option<[usize; 2]> {
    /// Against the greatest extent.
    const LEAST: f64 = 1e-9;
    let extents = [0, 1, 2].map(|axis| {
        let (low, high) = points.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), point| {
            (low.min(point[axis]), high.max(point[axis]))
        });
        high - low
    });
    let least = LEAST * extents.iter().copied().fold(0.0, f64::max);
    [[0, 1], [0, 2], [1, 2]].into_iter().find(|[one, other]| extents[3 - one - other] <= least)
}

/// Two cells that lie on the same side of a face they share, or the first two of three that share one: they overlap.
/// Edges of triangles are looked at in a plane of two axes only; surfaces may bend and branch.
pub(super) fn overlap(dim: usize, points: &[[f64; 3]], cells: &[Cell]) -> Option<(u32, u32)> {
    let axes = if dim == 2 { plane(points)? } else { [0, 1] };
    let volume = |face: &Face| {
        let [a, b, c] = face.nodes;
        let at = |node: u32| points[node as usize];
        match dim {
            2 => signed_area(axes, at(a), at(b), at(face.opposite)),
            _ => signed_volume(at(a), at(b), at(c), at(face.opposite)),
        }
    };
    let faces = faces(dim, cells);
    let mut shared = faces.chunk_by(|a, b| a.nodes == b.nodes).filter(|same| same.len() > 1);
    let bad = shared.find(|same| {
        let sides = [&same[0], &same[1]].map(|face| volume(face) > 0.0);
        same.len() > 2 || sides[0] == sides[1]
    });
    bad.map(|same| (same[0].cell, same[1].cell))
}

/// Twice the area of a triangle in the plane of two axes, positive counter-clockwise.
fn signed_area([x, y]: [usize; 2], a: [f64; 3], b: [f64; 3], c: [f64; 3]) -> f64 {
    (b[x] - a[x]) * (c[y] - a[y]) - (b[y] - a[y]) * (c[x] - a[x])
}

/// Six times the volume of a tetrahedron, positive if d lies where the right hand's thumb points.
pub(super) fn signed_volume(a: [f64; 3], b: [f64; 3], c: [f64; 3], d: [f64; 3]) -> f64 {
    use super::elements::{cross, dot, minus};
    dot(cross(minus(b, a), minus(c, a)), minus(d, a))
}

/// The first cell without area or volume.
pub(super) fn degenerate(dim: usize, points: &[[f64; 3]], cells: &[Cell]) -> Option<usize> {
    // Against the cube of its longest edge: far below any mesh that could be of use, far above rounding.
    const LEAST: f64 = 1e-12;
    cells.iter().position(|cell| {
        let at: Vec<[f64; 3]> = corners(dim, cell).iter().map(|&node| points[node as usize]).collect();
        let edges = at.iter().enumerate().flat_map(|(k, a)| at[..k].iter().map(move |b| (a, b)));
        let squares = edges.map(|(a, b)| (0..3).map(|axis| (a[axis] - b[axis]).powi(2)).sum::<f64>());
        let longest = squares.fold(0.0, f64::max).sqrt();
        let least = LEAST * longest.powi(dim as i32);
        // True for NaN too, and where everything underflows.
        let size = measure(&at);
        size.is_nan() || size <= least
    })
}

/// The first node that no chain of cells joins to a node of `held`.
pub(super) fn unheld(dim: usize, nodes: usize, cells: &[Cell], held: impl Fn(usize) -> bool) -> Option<usize> {
    let mut parent: Vec<u32> = (0..nodes as u32).collect();
    fn root(parent: &mut [u32], mut node: u32) -> u32 {
        while parent[node as usize] != node {
            parent[node as usize] = parent[parent[node as usize] as usize];
            node = parent[node as usize];
        }
        node
    }
    for cell in cells {
        let first = root(&mut parent, cell[0]);
        for &node in &corners(dim, cell)[1..] {
            let other = root(&mut parent, node);
            parent[other as usize] = first;
        }
    }
    let mut is_held = vec![false; nodes];
    for node in (0..nodes).filter(|&node| held(node)) {
        is_held[root(&mut parent, node as u32) as usize] = true;
    }
    (0..nodes).find(|&node| !is_held[root(&mut parent, node as u32) as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQUARE: [[f64; 3]; 4] = [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]];
    const NONE: u32 = u32::MAX;

    #[test]
    fn a_square_of_two_triangles_has_four_edges_on_its_boundary() {
        let cells = [[0, 1, 2, NONE], [0, 3, 2, NONE]];
        let edges: Vec<[u32; 3]> = boundary(2, &cells).into_iter().map(|face| face.nodes).collect();
        assert_eq!(edges, [[0, 1, NONE], [0, 3, NONE], [1, 2, NONE], [2, 3, NONE]]);
        // Each the other way round: they do not overlap for that.
        assert_eq!(overlap(2, &SQUARE, &cells), None);
        assert_eq!(degenerate(2, &SQUARE, &cells), None);
    }

    #[test]
    fn cells_on_the_same_side_of_a_face_overlap() {
        let mut points = SQUARE.to_vec();
        points.push([0.9, 0.2, 0.0]);
        assert_eq!(overlap(2, &points, &[[0, 1, 2, NONE], [0, 2, 4, NONE]]), Some((0, 1)));
        assert_eq!(overlap(2, &points, &[[0, 1, 2, NONE], [0, 3, 2, NONE], [2, 0, 4, NONE]]), Some((0, 1)));
        let mut points = SQUARE[..3].to_vec();
        points.extend([[0.5, 0.5, 1.0], [0.5, 0.5, -1.0], [0.5, 0.4, 2.0]]);
        assert_eq!(overlap(3, &points, &[[0, 1, 2, 3], [0, 1, 2, 4]]), None);
        assert_eq!(overlap(3, &points, &[[0, 1, 2, 3], [2, 1, 0, 5]]), Some((0, 1)));
    }

    #[test]
    fn the_plane_of_a_mesh_is_found_through_rounding() {
        assert_eq!(plane(&SQUARE), Some([0, 1]));
        let turned = |axes: [usize; 3]| SQUARE.map(|point| axes.map(|axis| 100.0 * point[axis] + 5e5));
        assert_eq!([plane(&turned([0, 2, 1])), plane(&turned([2, 0, 1]))], [Some([0, 2]), Some([1, 2])]);
        let mut points = SQUARE.to_vec();
        points.push([0.9, 0.2, 0.0]);
        points[2][2] = 1e-17;
        assert_eq!(
            (plane(&points), overlap(2, &points, &[[0, 1, 2, NONE], [0, 2, 4, NONE]])),
            (Some([0, 1]), Some((0, 1)))
        );
        // Standing upright.
        let points: Vec<[f64; 3]> = points.iter().map(|[x, y, z]| [*z, *x, *y]).collect();
        assert_eq!(overlap(2, &points, &[[0, 1, 2, NONE], [0, 2, 4, NONE]]), Some((0, 1)));
        let mut bent = SQUARE;
        bent[2][2] = 1e-6;
        assert_eq!(plane(&bent), None);
    }

    /// A book that is nearly shut, and three leaves of one.
    #[test]
    fn surfaces_may_bend_and_branch() {
        let mut points = SQUARE[..3].to_vec();
        points.extend([[1.0, 0.1, 0.5], [0.0, 1.0, 0.0]]);
        let pages = [[0, 1, 2, NONE], [0, 2, 3, NONE], [0, 2, 4, NONE]];
        assert_eq!(overlap(2, &points, &pages), None);
        points[3][2] = 0.0;
        assert_eq!(overlap(2, &points, &pages), Some((0, 1)));
    }

    #[test]
    fn a_flat_cell_is_found_whatever_its_size() {
        for scale in [1e-60, 1.0, 1e60] {
            let scaled = |point: &[f64; 3]| point.map(|x| scale * x);
            let points: Vec<[f64; 3]> = SQUARE.iter().chain(&[[2.0, 2.0, 0.0]]).map(scaled).collect();
            assert_eq!(degenerate(2, &points, &[[0, 1, 2, NONE], [0, 2, 4, NONE]]), Some(1), "{scale}");
            assert_eq!(degenerate(3, &points, &[[0, 1, 2, 3]]), Some(0), "{scale}");
        }
    }

    #[test]
    fn parts_are_found_by_what_holds_them() {
        let cells = [[0, 1, 2, NONE], [3, 4, 5, NONE], [2, 6, 7, NONE]];
        assert_eq!(unheld(2, 8, &cells, |node| node == 7), Some(3));
        assert_eq!(unheld(2, 8, &cells, |node| node == 7 || node == 4), None);
        assert_eq!(unheld(2, 8, &cells, |_| false), Some(0));
    }
}
