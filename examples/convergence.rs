//! Linear finite elements are second order: with edges half as long, the L² norm of the error is a quarter.
//!
//! ```text
//! cargo run --release --example convergence -- convergence.svg
//! ```
//!
//! −Δu = f on the unit square and the unit cube, u = 0 on the boundary, f such that u = sin πx sin πy (sin πz). Four ranks,
//! as threads. The nodes are moved about a little, so that no cell is like another.

use halocg::comm::Comm;
use halocg::distributed::rows_to_owners;
use halocg::error::Result;
use halocg::krylov::{self, Settings};
use halocg::operator::{DistMatrix, Operator};
use halocg::partition::{self, Partition};
use halocg::preconditioner;
use halocg::problem::mesh::{Cell, Mesh, assemble};
use halocg::problem::{Conditions, Problem};
use halocg::report::{Chart, Curve};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::f64::consts::PI;

/// The solution in `dim` dimensions.
fn solution(dim: usize, at: [f64; 3]) -> f64 {
    at[..dim].iter().map(|x| (PI * x).sin()).product()
}

/// The unit square or cube, cut along each axis into `n` pieces, and each box into 2 triangles or 6 tetrahedra.
fn mesh(dim: usize, n: usize) -> Mesh {
    let along = if dim == 2 { [n + 1, n + 1, 1] } else { [n + 1; 3] };
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut points = Vec::new();
    for k in 0..along.iter().product::<usize>() {
        let place = [k % along[0], k / along[0] % along[1], k / along[0] / along[1]];
        points.push([0, 1, 2].map(|axis| {
            let moved = match place[axis] {
                end if axis >= dim || end == 0 || end == n => 0.0,
                _ => 0.2 * (f64::from(random.next_u32()) / f64::from(u32::MAX) - 0.5),
            };
            (place[axis] as f64 + moved) / n as f64
        }));
    }
    let stride = [1, along[0], along[0] * along[1]];
    let orders: &[&[usize]] = match dim {
        2 => &[&[0, 1], &[1, 0]],
        _ => &[&[0, 1, 2], &[0, 2, 1], &[1, 0, 2], &[1, 2, 0], &[2, 0, 1], &[2, 1, 0]],
    };
    let mut cells = Vec::new();
    for first in (0..points.len()).filter(|k| (0..dim).all(|axis| k / stride[axis] % along[axis] < n)) {
        for order in orders {
            // From the lowest corner of the box to the highest, one axis after the other.
            let (mut cell, mut corner): (Cell, usize) = ([u32::MAX; 4], first);
            cell[0] = corner as u32;
            for (to, &axis) in cell[1..].iter_mut().zip(*order) {
                corner += stride[axis];
                *to = corner as u32;
            }
            cells.push(cell);
        }
    }
    Mesh::new("a box", dim, points, &cells)
}

/// The L² norm of the error; the same on every rank. Collective.
fn error(comm: &Comm, dim: usize, n: usize) -> Result<f64> {
    let conditions = Conditions { source: vec![(None, dim as f64 * PI * PI)], ..Conditions::default() };
    let mesh = assemble(comm, comm.is_root().then(|| mesh(dim, n)), &conditions, |at| solution(dim, at))?;
    let (points, cells, load) = (comm.gather(0, &mesh.points), comm.gather(0, &mesh.cells), mesh.load.clone());
    let problem = Problem::Mesh(Box::new(mesh));
    let owners = partition::assign(comm, &problem, &Partition::Metis)?;
    let mut a = DistMatrix::new(comm, problem.n(), rows_to_owners(comm, &problem, &owners), &owners);
    let mut m = preconditioner::Kind::named("jacobi").expect("it is in the table").build(&a)?;
    let b = a.layout().from_even(&load);
    let method = krylov::Kind::named("pipe-pr-cg").expect("it is in the table");
    let settings = Settings { rtol: 1e-10, ..Settings::default() };
    let outcome = krylov::solve(&mut a, m.as_mut(), &b, None, method, &settings, |_| ());
    assert!(outcome.reason.is_converged(), "{}", outcome.reason.words());
    let u = a.layout().to_root(&outcome.x);
    Ok(comm.broadcast(0, &[distance(dim, &points.concat(), &cells.concat(), &u)])[0])
}

/// The L² norm of what lies between the solution and the linear function with these values at the nodes.
fn distance(dim: usize, points: &[[f64; 3]], cells: &[Cell], u: &[f64]) -> f64 {
    // A rule for polynomials of second degree, with a point near each corner.
    let far = (1.0 - 1.0 / (dim as f64 + 2.0).sqrt()) / (dim as f64 + 1.0);
    let near = 1.0 - dim as f64 * far;
    let mut sum = 0.0;
    for cell in cells {
        let corners: Vec<usize> = cell[..=dim].iter().map(|&node| node as usize).collect();
        let volume = volume(&corners.iter().map(|&corner| points[corner]).collect::<Vec<_>>());
        for &own in &corners {
            let share = |corner: usize| if corner == own { near } else { far };
            let at = [0, 1, 2].map(|axis| corners.iter().map(|&k| share(k) * points[k][axis]).sum());
            let value: f64 = corners.iter().map(|&k| share(k) * u[k]).sum();
            sum += volume / corners.len() as f64 * (value - solution(dim, at)).powi(2);
        }
    }
    sum.sqrt()
}

/// Of a triangle in the plane of x and y, or a tetrahedron.
fn volume(corners: &[[f64; 3]]) -> f64 {
    let edge = |k: usize| [0, 1, 2].map(|axis| corners[k][axis] - corners[0][axis]);
    let ([a, b, _], [c, d, _]) = (edge(1), edge(2));
    if corners.len() == 3 {
        return 0.5 * (a * d - b * c).abs();
    }
    let [u, v, w] = [edge(1), edge(2), edge(3)];
    let cross = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
    (0..3).map(|axis| cross[axis] * w[axis]).sum::<f64>().abs() / 6.0
}

/// Prints a table; returns the errors. `finest` is the number of times that the edges are halved.
fn table(dim: usize, coarsest: usize, finest: u32) -> Vec<f64> {
    println!("{}", if dim == 2 { "triangles" } else { "tetrahedra" });
    println!("     h       L2 error   order");
    let mut errors: Vec<f64> = Vec::new();
    for halvings in 0..=finest {
        let n = coarsest << halvings;
        let error = Comm::threads(4, |comm| error(comm, dim, n)).swap_remove(0).expect("this problem has a solution");
        let order = errors.last().map_or(String::new(), |last| format!("{:8.2}", (last / error).log2()));
        println!("  1/{n:<4}  {error:10.3e}{order}");
        errors.push(error);
    }
    errors
}

/// The last order of each dimension is that of the theory.
fn check(errors: &[f64]) {
    let [.., last, finest] = errors else { panic!("two meshes at least") };
    let order = (last / finest).log2();
    assert!((order - 2.0).abs() < 0.1, "order {order}");
}

fn main() {
    let (square, cube) = (table(2, 4, 6), table(3, 4, 3));
    check(&square);
    check(&cube);
    if let Some(path) = std::env::args().nth(1) {
        let points = |errors: &[f64]| (0..).map(f64::from).zip(errors.iter().copied()).collect::<Vec<_>>();
        let quarter = points(&(0..square.len() as i32).map(|k| 0.5 * square[0] * 0.25f64.powi(k)).collect::<Vec<_>>());
        let measured = |name, errors: &[f64]| Curve { marks_points: true, ..Curve::new(name, points(errors)) };
        let chart = Chart {
            title: "Linear elements: the error falls as h\u{b2}".into(),
            x_label: "times that the edges of 1/4 are halved".into(),
            y_label: "L2 error".into(),
            curves: vec![measured("triangles", &square), measured("tetrahedra", &cube), Curve::new("h\u{b2}", quarter)],
        };
        let bytes = if path.ends_with(".png") { chart.png() } else { chart.svg().into_bytes() };
        std::fs::write(&path, bytes).unwrap_or_else(|error| panic!("{path}: {error}"));
        println!("{path}");
    }
}

#[test]
fn it_runs() {
    check(&table(2, 4, 3));
    check(&table(3, 4, 2));
}
