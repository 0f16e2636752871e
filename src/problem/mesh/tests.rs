//! Systems whose solutions are known, and meshes and conditions that do not fit together.

use super::gmsh::tests::SQUARE;
use super::*;
use crate::error::ExitCode;

fn conditions(dirichlet: &[(&str, f64)], neumann: &[(&str, f64)]) -> Conditions {
    let named = |list: &[(&str, f64)]| list.iter().map(|(name, value)| (name.to_string(), *value)).collect();
    Conditions { dirichlet: named(dirichlet), neumann: named(neumann), ..Conditions::default() }
}

fn assembled(text: &str, conditions: &Conditions) -> Result<MeshProblem> {
    assemble(&Comm::alone(), Some(Mesh::parse("m", text.as_bytes())?), conditions, |_| 1.0)
}

/// The square with a node 15 that no triangle has, and its side as given.
fn with_orphan(side: &str) -> String {
    let text = SQUARE.replacen("1 4 10 40\n2 7 0 4\n10\n20\n", "1 5 10 40\n2 7 0 5\n10\n15\n20\n", 1);
    text.replacen("0 0 0\n1 0 0\n1 1 0", "0 0 0\n9 9 9\n1 0 0\n1 1 0", 1).replacen("1 10 40", side, 1)
}

#[test]
fn bad_meshes_are_refused_with_the_element() {
    let left = conditions(&[("left side", 0.0)], &[]);
    let changed = |from: &str, to: &str| SQUARE.replacen(from, to, 1);
    for (text, conditions, code, says) in [
        (
            changed("1 1 0\n0 1 0", "2 0 0\n0 1 0"),
            &left,
            ExitCode::Input,
            "m: element 2 has no area: its corners lie in one line, or its size",
        ),
        (changed("0 1 0\n$End", "0.9 0.2 0\n$End"), &left, ExitCode::Input, "m: elements 2 and 3 overlap"),
        (changed("3 10 30 40", "3 10 30 30"), &left, ExitCode::Input, "m: element 3 has no area"),
        (
            changed("2 7 2 2\n2 10 20 30\n3 10 30 40", "2 7 1 2\n2 10 20\n3 10 30"),
            &left,
            ExitCode::Input,
            "m: the mesh has no triangles",
        ),
        (
            SQUARE.into(),
            &conditions(&[("left", 0.0)], &[]),
            ExitCode::Usage,
            "m: --dirichlet left: there is no physical group called left; there are left side (curves), all=of it (surfaces)",
        ),
        (
            SQUARE.into(),
            &conditions(&[("left side", 0.0)], &[("all=of it", 1.0)]),
            ExitCode::Usage,
            "m: --neumann all=of it: the physical group all=of it is made of surfaces, which do not fit; there are left side (curves)",
        ),
        (
            SQUARE.into(),
            &conditions(&[], &[("left side", 1.0)]),
            ExitCode::Usage,
            "m: nothing holds u in the part of the mesh around node 10",
        ),
        (
            SQUARE.into(),
            &Conditions { conductivity: vec![(Some("left side".into()), 2.0)], ..left.clone() },
            ExitCode::Usage,
            "m: --conductivity left side: the physical group left side is made of curves, which do not fit; there are all=of it (surfaces)",
        ),
        // The diagonal, and a side of no triangle.
        (
            changed("1 10 40", "1 10 30"),
            &conditions(&[("all=of it", 0.0)], &[("left side", 1.0)]),
            ExitCode::Usage,
            "m: --neumann left side: element 1 is not the side of exactly one triangle",
        ),
        (
            changed("1 10 40", "1 20 40"),
            &conditions(&[("all=of it", 0.0)], &[("left side", 1.0)]),
            ExitCode::Usage,
            "m: --neumann left side: element 1 is not the side of exactly one triangle",
        ),
        // A node that no triangle has.
        (with_orphan("1 15 15"), &left, ExitCode::Input, "m: no node of group left side belongs to a triangle"),
        (
            with_orphan("1 10 15"),
            &conditions(&[("all=of it", 0.0)], &[("left side", 1.0)]),
            ExitCode::Usage,
            "m: --neumann left side: element 1 is not the side of exactly one triangle",
        ),
        // Squares of it overflow.
        (changed("1 0 0\n1 1 0", "1e200 1e200 0\n1e200 2e200 0"), &left, ExitCode::Input, "m: element 2 has no area"),
    ] {
        let error = assembled(&text, conditions).unwrap_err();
        assert!(error.to_string().starts_with(says), "{error}\nshould say {says}");
        assert_eq!(error.exit_code(), code, "{error}");
    }
}

/// The curve and the surface of the square under one name, or without a name under one number.
#[test]
fn a_name_of_several_dimensions_has_to_be_told_apart() {
    let names = &SQUARE[SQUARE.find("$PhysicalNames").unwrap()..SQUARE.find("$Entities").unwrap()];
    let numbered = SQUARE.replacen(names, "", 1).replacen("1 2 2 1 -2", "1 1 2 1 -2", 1);
    let named = SQUARE.replacen("left side", "it", 1).replacen("all=of it", "it", 1);
    for (text, name) in [(numbered, "1"), (named, "it")] {
        let held = |group: &str| assembled(&text, &conditions(&[(group, 3.0)], &[])).map(|problem| problem.held);
        let [curve, surface, point] = ["curve", "surface", "point"].map(|kind| format!("{kind}:{name}"));
        assert_eq!(held(&curve).unwrap(), [3.0, 0.0, 0.0, 3.0]);
        assert_eq!(held(&surface).unwrap(), [3.0; 4]);
        let what = format!(
            "m: --dirichlet {name}: physical groups of several kinds are called {name}: say {curve} or {surface}"
        );
        let error = held(name).unwrap_err();
        assert_eq!((error.to_string(), error.exit_code()), (what, ExitCode::Usage));
        let what =
            format!("m: --dirichlet {point}: the physical group {name} is made of curves; there are {name} (curves), ");
        let error = held(&point).unwrap_err().to_string();
        assert!(error.starts_with(&what), "{error}");

        // A flux comes in through sides, and k is that of cells.
        let mut all = conditions(&[(&curve, 0.0)], &[]);
        all.conductivity = vec![(Some(name.into()), 2.0)];
        assert_eq!(row(&assembled(&text, &all).unwrap(), 1), [(1, 2.0), (2, -1.0)]);
        all.conductivity = vec![(Some(curve), 2.0)];
        let error = assembled(&text, &all).unwrap_err().to_string();
        assert!(
            error.contains("is made of curves, which do not fit; there are") && error.ends_with("(surfaces)"),
            "{error}"
        );
        let error = assembled(&text, &conditions(&[(&surface, 0.0)], &[(&surface, 1.0)])).unwrap_err().to_string();
        assert!(error.contains(&format!("the physical group {name} is made of surfaces, which do not fit")), "{error}");
        let flux = assembled(&text, &conditions(&[(&surface, 0.0)], &[(name, 1.0)])).unwrap();
        assert_eq!(flux.facts.conditions, format!("u = 0 on {surface}, flux 1 on {name}, f = 0, k = 1"));
    }
    // A name that begins like a kind is a name all the same.
    let text = SQUARE.replacen("left side", "curve:it", 1).replacen("all=of it", "it", 1);
    for group in ["curve:it", "curve:curve:it"] {
        assert_eq!(assembled(&text, &conditions(&[(group, 3.0)], &[])).unwrap().facts.held_nodes, 2, "{group}");
    }
    assert_eq!(assembled(&text, &conditions(&[("it", 3.0)], &[])).unwrap().facts.held_nodes, 4);
}

/// Gmsh saves what is in a group only: without a group of surfaces there are no triangles, though they were made.
#[test]
fn cells_that_gmsh_left_out_are_asked_for() {
    let text = |group: i32| {
        format!(
            "$MeshFormat\n2.2 0 8\n$EndMeshFormat\n$Nodes\n2\n1 0 0 0\n2 1 0 0\n$EndNodes\n\
             $Elements\n1\n1 1 2 {group} 5 1 2\n$EndElements\n"
        )
    };
    for (group, says) in [(7, "add a Physical Surface (or a Physical Volume)"), (0, "make it with gmsh -2 or gmsh -3")]
    {
        let error = assembled(&text(group), &Conditions::default()).unwrap_err();
        assert!(error.to_string().starts_with("m: the mesh has no triangles and no tetrahedra"), "{error}");
        assert!(error.to_string().contains(says) && error.exit_code() == ExitCode::Input, "{error}");
    }
}

#[test]
fn what_is_said_of_the_conditions_is_what_the_right_hand_side_leaves_of_them() {
    let plain = Conditions::default();
    let held = "u = 0 on the whole boundary (no condition was given)";
    assert_eq!(plain.words(Load::Own), format!("{held}, f = 1, k = 1"));
    assert_eq!(plain.words(Load::Other), format!("{held}, elsewhere b is given in the place of f, k = 1"));
    let twice = conditions(&[("left", 1.0), ("hole", 0.0), ("left", 5.0)], &[]);
    assert_eq!(twice.words(Load::Own), "u = 0 on hole, u = 5 on left, f = 0, k = 1");
    let sources = [(Some("a"), 9.0), (None, 8.0), (Some("a"), 1.0), (Some("a"), 3.0), (Some("b"), 2.0)];
    let source = sources.map(|(name, value)| (name.map(String::from), value)).to_vec();
    let words = Conditions { source, ..conditions(&[("left", 0.0)], &[]) }.words(Load::Own);
    assert_eq!(words, "u = 0 on left, f = 8, f = 3 in a, f = 2 in b, k = 1");
    let huge = conditions(&[("left", 1e308), ("hole", 1e-7)], &[("right", -2.5e20)]).words(Load::Own);
    assert_eq!(huge, "u = 1e308 on left, u = 1e-7 on hole, flux -2.5e20 on right, f = 0, k = 1");
    // What has an obvious solution may be a slip.
    let (mut still, overridden) = (conditions(&[("left", 1.0), ("left", 5.0)], &[]), (None, 1.0));
    still.source = vec![overridden, (None, 0.0)];
    assert!(still.words(Load::Own).ends_with("; nothing makes u differ from 5"), "{}", still.words(Load::Own));
    let still = conditions(&[("left", 7.0), ("hole", 7.0)], &[]);
    let said = "u = 7 on left, u = 7 on hole, f = 0, k = 1";
    assert_eq!(still.words(Load::Own), format!("{said}; nothing makes u differ from 7"));
    assert!(still.words(Load::Other).ends_with("b is given in the place of f, k = 1"));
    let none = Conditions { source: vec![(None, 0.0)], ..Conditions::default() };
    assert_eq!(none.words(Load::Own), format!("{held}, f = 0, k = 1; nothing makes u differ from 0"));
    for driven in [
        Conditions { source: vec![(None, 0.5)], ..still.clone() },
        Conditions { neumann: vec![("top".into(), -1.0)], ..still.clone() },
        conditions(&[("left", 7.0), ("hole", 8.0)], &[]),
    ] {
        assert!(driven.words(Load::Own).ends_with("k = 1"), "{driven:?}");
    }
    let mut all = conditions(&[("left", 0.0), ("hole", 0.0)], &[]);
    all.conductivity.push((Some("copper".into()), 400.0));
    let everywhere = "u = 1/sqrt(n) everywhere, held on left and hole, k = 400 in copper, k = 1 elsewhere";
    assert_eq!(all.words(Load::OfOnes), everywhere);
}

#[test]
fn a_message_stays_short_however_many_groups_there_are() {
    let names: String = (10..60).map(|tag| format!("1 {tag} \"{}\"\n", "long ".repeat(40))).collect();
    let text = SQUARE.replacen("$PhysicalNames\n2\n", &format!("$PhysicalNames\n52\n{names}"), 1);
    let error = assembled(&text, &conditions(&[], &[("left side", 1.0)])).unwrap_err().to_string();
    assert!(error.len() < 500 && error.ends_with("and 46 more"), "{error}");
}

/// The entries of a row, zeros left out.
fn row(problem: &MeshProblem, k: usize) -> Vec<(u64, f64)> {
    let (columns, values) = problem.rows.row(k);
    columns.iter().copied().zip(values.iter().copied()).filter(|entry| entry.1 != 0.0).collect()
}

#[test]
fn a_square_of_two_triangles_by_hand() {
    // Rows: (0,0), (1,0), (1,1), (0,1); without conditions K = [1 -½ 0 -½; -½ 1 -½ 0; 0 -½ 1 -½; -½ 0 -½ 1].
    let mut all = conditions(&[("left side", 3.0)], &[]);
    all.source.push((None, 6.0));
    let problem = assembled(SQUARE, &all).unwrap();
    assert_eq!((row(&problem, 0), row(&problem, 3)), (vec![(0, 1.0)], vec![(3, 1.0)]));
    assert_eq!(row(&problem, 1), [(1, 1.0), (2, -0.5)]);
    assert_eq!(row(&problem, 2), [(1, -0.5), (2, 1.0)]);
    // A triangle of area ½ gives each corner 6/6; u = 3 beside (1,0) and (1,1) brings ½ · 3.
    assert_eq!(problem.load, [3.0, 1.0 + 1.5, 2.0 + 1.5, 3.0]);
    assert_eq!(problem.held, [3.0, 0.0, 0.0, 3.0]);
    // The zeros are there for the partition.
    assert_eq!(problem.rows.row(0).0, [0, 1, 2, 3]);
    assert_eq!(problem.facts.conditions, "u = 3 on left side, f = 6, k = 1");

    let plain = assembled(SQUARE, &Conditions::default()).unwrap();
    assert_eq!((plain.facts.held_nodes, plain.load), (4, vec![0.0; 4]));
    assert_eq!(plain.facts.conditions, "u = 0 on the whole boundary (no condition was given), f = 1, k = 1");
}

#[test]
fn a_later_value_counts_and_coefficients_are_those_of_the_group() {
    let mut all = conditions(&[("all=of it", 1.0), ("left side", 5.0)], &[]);
    all.conductivity = vec![(Some("all=of it".into()), 4.0), (None, 2.0)];
    let problem = assembled(SQUARE, &all).unwrap();
    assert_eq!(problem.held, [5.0, 1.0, 1.0, 5.0]);
    assert_eq!(problem.rows.row(0).1[0], 2.0);
    assert_eq!(problem.facts.conditions, "u = 1 on all=of it, u = 5 on left side, f = 0, k = 2");
}

#[test]
fn nodes_without_a_cell_are_left_out_and_repeated_elements_count_once() {
    let plain = assembled(SQUARE, &conditions(&[("left side", 3.0)], &[])).unwrap();
    let orphan = assembled(&with_orphan("1 10 40"), &conditions(&[("left side", 3.0)], &[])).unwrap();
    assert_eq!((orphan.facts.orphans, &orphan.rows, &orphan.points), (1, &plain.rows, &plain.points));
    assert_eq!((&orphan.held, &orphan.load), (&plain.held, &plain.load));
    let twice = "2 7 2 3\n2 10 20 30\n3 10 30 40\n4 20 30 10\n";
    let text = SQUARE.replacen("2 3 1 3", "2 4 1 4", 1).replacen("2 7 2 2\n2 10 20 30\n3 10 30 40\n", twice, 1);
    let repeated = assembled(&text, &conditions(&[("left side", 0.0)], &[])).unwrap();
    assert_eq!((repeated.facts.cells, &repeated.rows), (2, &plain.rows));
}

#[test]
fn two_materials_each_have_their_own_coefficients() {
    // Of the triangles one is in surface 7, the other in surface 8 with a group of its own.
    let text = SQUARE.replacen("$PhysicalNames\n2\n", "$PhysicalNames\n3\n2 3 \"upper\"\n", 1);
    let text = text.replacen("0 2 1 0\n", "0 2 2 0\n", 1);
    let text = text.replacen("$EndEntities", "8 0 0 0 1 1 0 1 3 2 1 -2\n$EndEntities", 1);
    let text = text.replacen("2 3 1 3\n", "3 3 1 3\n", 1).replacen(
        "2 7 2 2\n2 10 20 30\n",
        "2 7 2 1\n2 10 20 30\n2 8 2 1\n",
        1,
    );
    let mut all = conditions(&[("left side", 0.0)], &[]);
    all.conductivity = vec![(Some("upper".into()), 10.0)];
    all.source = vec![(None, 6.0), (Some("upper".into()), 12.0)];
    let problem = assembled(&text, &all).unwrap();
    // Of (1,0), which the lower triangle alone has, and (1,1), which both have.
    assert_eq!((row(&problem, 1), row(&problem, 2)), (vec![(1, 1.0), (2, -0.5)], vec![(1, -0.5), (2, 0.5 + 5.0)]));
    assert_eq!(problem.load[1..3], [1.0, 3.0]);
}

#[test]
fn the_source_is_taken_at_the_centres() {
    let all = Conditions { source: vec![(None, 6.0)], ..conditions(&[("left side", 0.0)], &[]) };
    let mesh = Mesh::parse("m", SQUARE.as_bytes()).unwrap();
    let problem = assemble(&Comm::alone(), Some(mesh), &all, |at| at[0] + 10.0 * at[1]).unwrap();
    // Centres (2/3, 1/3) and (1/3, 2/3).
    assert!((problem.load[1] - 4.0).abs() < 1e-14 && (problem.load[2] - 11.0).abs() < 1e-14, "{:?}", problem.load);
}

/// A tetrahedron with a corner, a side and its inside in groups.
fn tetrahedron(cell: [u32; 4]) -> Mesh {
    const NONE: u32 = u32::MAX;
    let points = vec![[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    let element = |(number, entity, corners, nodes)| Element { number, entity, corners, nodes };
    let group = |(dim, name): (u8, &str)| Group { dim, name: name.into() };
    Mesh {
        elements: [(1, 0, 1, [3, NONE, NONE, NONE]), (2, 1, 3, [2, 0, 1, NONE]), (3, 2, 4, cell)].map(element).to_vec(),
        entities: vec![vec![0], vec![1], vec![2]],
        groups: [(0, "top"), (2, "base"), (3, "body")].map(group).to_vec(),
        ..Mesh::new("m", 3, points, &[])
    }
}

#[test]
fn a_tetrahedron_by_hand() {
    let all = Conditions {
        source: vec![(None, 24.0)],
        conductivity: vec![(Some("body".into()), 6.0)],
        ..conditions(&[("top", 2.0)], &[("base", 6.0)])
    };
    // Either way round: what is kept is turned so that its volume is positive.
    for cell in [[0, 1, 2, 3], [0, 2, 1, 3]] {
        let problem = assemble(&Comm::alone(), Some(tetrahedron(cell)), &all, |_| 1.0).unwrap();
        // K = k/6 [3 -1 -1 -1; -1 1 0 0; -1 0 1 0; -1 0 0 1].
        assert_eq!(row(&problem, 0), [(0, 3.0), (1, -1.0), (2, -1.0)]);
        assert_eq!((row(&problem, 1), row(&problem, 3)), (vec![(0, -1.0), (1, 1.0)], vec![(3, 1.0)]));
        // A quarter of 24/6 each; of the flux 6 through an area of ½ a third; beside u = 2 in the corner 1 · 2.
        let far: Vec<f64> =
            problem.load.iter().zip([1.0 + 1.0 + 2.0, 1.0 + 1.0, 1.0 + 1.0, 2.0]).map(|(a, b)| (a - b).abs()).collect();
        assert!(far.iter().all(|far| *far < 1e-14), "{:?}", problem.load);
        let [a, b, c, d] = problem.cells[0].map(|node| problem.points[node as usize]);
        assert!(topology::signed_volume(a, b, c, d) > 0.0, "{cell:?}");
    }
}

#[test]
fn a_repeated_side_lets_its_flux_in_once() {
    let mut mesh = tetrahedron([0, 1, 2, 3]);
    let all = conditions(&[("top", 0.0)], &[("base", 6.0)]);
    let once = assemble(&Comm::alone(), Some(mesh.clone()), &all, |_| 1.0).unwrap();
    mesh.elements.insert(2, Element { number: 9, nodes: [0, 1, 2, u32::MAX], ..mesh.elements[1] });
    assert_eq!(assemble(&Comm::alone(), Some(mesh), &all, |_| 1.0).unwrap().load, once.load);
}

/// More than a round of cells, on one rank and on several: f = 1 brings each inner node the area of a square.
#[test]
fn no_cell_of_a_large_mesh_is_forgotten() {
    const N: u32 = 150;
    let node = |column: u32, row: u32| row * (N + 1) + column;
    let at = |k: u32| f64::from(k) / f64::from(N);
    let points = (0..=N).flat_map(|row| (0..=N).map(move |column| [at(column), at(row), 0.0])).collect();
    let cells: Vec<Cell> = (0..N * N)
        .flat_map(|k| {
            let (column, row) = (k % N, k / N);
            let [a, b] = [node(column, row), node(column + 1, row)];
            let [c, d] = [node(column, row + 1), node(column + 1, row + 1)];
            [[a, b, d, u32::MAX], [a, d, c, u32::MAX]]
        })
        .collect();
    let mesh = Mesh::new("m", 2, points, &cells);
    let loads = Comm::threads(2, |comm| {
        let mesh = comm.is_root().then(|| mesh.clone());
        assemble(comm, mesh, &Conditions::default(), |_| 1.0).unwrap().load
    });
    let load: f64 = loads.iter().flatten().sum();
    let inner = at(N - 1).powi(2);
    assert!((load - inner).abs() < 1e-9, "{load} {inner}");
}
