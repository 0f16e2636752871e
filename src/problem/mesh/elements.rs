//! Linear elements: triangles, in the plane or anywhere in space, and tetrahedra.

pub(super) type Vector = [f64; 3];

pub(super) fn minus(a: Vector, b: Vector) -> Vector {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub(super) fn dot(a: Vector, b: Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(super) fn cross(a: Vector, b: Vector) -> Vector {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// Length, area or volume of what has these corners: 1 for a point.
pub(super) fn measure(corners: &[Vector]) -> f64 {
    let edge = |k: usize| minus(corners[k], corners[0]);
    let length = |vector: Vector| dot(vector, vector).sqrt();
    match corners.len() {
        1 => 1.0,
        2 => length(edge(1)),
        3 => 0.5 * length(cross(edge(1), edge(2))),
        _ => dot(edge(1), cross(edge(2), edge(3))).abs() / 6.0,
    }
}

/// The mean of the corners.
pub(super) fn centre(corners: &[Vector]) -> Vector {
    [0, 1, 2].map(|axis| corners.iter().map(|corner| corner[axis]).sum::<f64>() / corners.len() as f64)
}

/// ∫ ∇φᵢ·∇φⱼ over a triangle or tetrahedron, φ the linear function that is 1 at one corner and 0 at the others. Of a
/// triangle the last row and column are 0. Symmetric to the last bit.
pub(super) fn stiffness(corners: &[Vector]) -> [[f64; 4]; 4] {
    // Vectors that are the gradients but for a factor common to all.
    let (directions, factor) = match *corners {
        // Edges opposite, a quarter turn away from the gradients.
        [a, b, c] => ([minus(c, b), minus(a, c), minus(b, a), [0.0; 3]], 0.25 / measure(corners)),
        [a, b, c, d] => {
            let [ab, ac, ad] = [minus(b, a), minus(c, a), minus(d, a)];
            let [b, c, d] = [cross(ac, ad), cross(ad, ab), cross(ab, ac)];
            let a = [0, 1, 2].map(|axis| -(b[axis] + c[axis] + d[axis]));
            ([a, b, c, d], 1.0 / (36.0 * measure(corners)))
        }
        _ => panic!("a cell has three or four corners"),
    };
    directions.map(|one| directions.map(|other| factor * dot(one, other)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIANGLE: [Vector; 3] = [[0.1, 0.2, 0.3], [1.3, 0.4, -0.2], [0.5, 1.9, 0.7]];
    const TETRAHEDRON: [Vector; 4] = [[0.1, 0.2, 0.3], [1.3, 0.4, -0.2], [0.5, 1.9, 0.7], [0.2, 0.1, 2.0]];

    /// u and v linear: uᵀ K v is |T| ∇u·∇v.
    #[test]
    fn linear_functions_have_the_energy_of_their_gradients() {
        let energy = |corners: &[Vector], u: &dyn Fn(Vector) -> f64, v: &dyn Fn(Vector) -> f64| {
            let matrix = stiffness(corners);
            let sum = |i: usize| (0..corners.len()).map(|j| matrix[i][j] * v(corners[j])).sum::<f64>();
            (0..corners.len()).map(|i| u(corners[i]) * sum(i)).sum::<f64>() / measure(corners)
        };
        let (g, h) = ([1.0, -2.0, 0.5], [0.3, 0.7, 1.1]);
        let found = energy(&TETRAHEDRON, &|at| 4.0 + dot(g, at), &|at| dot(h, at));
        assert!((found - dot(g, h)).abs() < 1e-13, "{found}");
        // In a plane: only what lies in it counts.
        let normal = cross(minus(TRIANGLE[1], TRIANGLE[0]), minus(TRIANGLE[2], TRIANGLE[0]));
        let across = |g: Vector| dot(g, normal) / dot(normal, normal).sqrt();
        let found = energy(&TRIANGLE, &|at| dot(g, at) - 7.0, &|at| dot(h, at));
        assert!((found - (dot(g, h) - across(g) * across(h))).abs() < 1e-13, "{found}");
    }

    #[test]
    fn the_way_round_does_not_matter_and_the_matrix_is_symmetric() {
        for corners in [&TRIANGLE[..], &TETRAHEDRON] {
            let matrix = stiffness(corners);
            let turned: Vec<Vector> = corners.iter().rev().copied().collect();
            let last = corners.len() - 1;
            for (i, j) in (0..=last).flat_map(|i| (0..=last).map(move |j| (i, j))) {
                assert_eq!(matrix[i][j], matrix[j][i]);
                assert!((matrix[i][j] - stiffness(&turned)[last - i][last - j]).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn sizes_are_those_of_known_shapes() {
        let unit = [[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        let sizes: Vec<f64> = (1..=4).map(|corners| measure(&unit[..corners])).collect();
        assert_eq!(sizes, [1.0, 1.0, 0.5, 1.0 / 6.0]);
        assert_eq!(centre(&unit), [0.25; 3]);
    }
}
