//! Files of the real Gmsh in every format, files that are wrong in every way, and systems whose solutions are known.

use super::*;
use crate::error::ExitCode;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

fn file(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/data/meshes/{name}.msh", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

const FORMATS: [&str; 4] = ["22", "22-binary", "41", "41-binary"];

/// Each element with the names of its groups, sorted: entities and order differ between the formats.
fn described(mesh: &Mesh) -> Vec<(Vec<u64>, Vec<String>)> {
    let mut all: Vec<(Vec<u64>, Vec<String>)> = mesh
        .elements
        .iter()
        .map(|element| {
            let nodes = element.corners().iter().map(|&node| mesh.node_numbers[node as usize]).collect();
            let groups = &mesh.entities[element.entity as usize];
            (nodes, groups.iter().map(|&group| mesh.groups[group as usize].name.clone()).collect())
        })
        .collect();
    all.sort();
    all
}

#[test]
fn every_format_of_gmsh_gives_the_same_mesh() {
    for (geometry, nodes, cells, names) in [
        ("plate", 69, 102, &["left", "right", "top", "bottom", "hole", "copper", "steel"][..]),
        ("bracket", 265, 734, &["bolts", "eye", "foot", "body"]),
    ] {
        let meshes = FORMATS.map(|format| Mesh::parse(format, &file(&format!("{geometry}{format}"))).unwrap());
        let found: Vec<&str> = meshes[0].groups.iter().map(|group| &group.name[..]).collect();
        assert_eq!(found, names);
        for mesh in &meshes {
            assert_eq!(mesh.points.len(), nodes, "{geometry}{}", mesh.name);
            assert_eq!(described(mesh), described(&meshes[0]), "{geometry}{}", mesh.name);
            assert_eq!(mesh.node_numbers, meshes[0].node_numbers);
            // Text has sixteen digits.
            let far = |(a, b): (&[f64; 3], &[f64; 3])| (0..3).any(|axis| (a[axis] - b[axis]).abs() > 1e-12);
            assert!(!mesh.points.iter().zip(&meshes[0].points).any(far));
            let most = mesh.elements.iter().map(|element| element.corners).max().unwrap();
            assert_eq!(mesh.elements.iter().filter(|element| element.corners == most).count(), cells);
        }
    }
}

/// A square of two triangles, its sides in groups; 4.1 as text.
const SQUARE: &str = "$MeshFormat\n4.1 0 8\n$EndMeshFormat\n\
    $PhysicalNames\n2\n1 1 \"left side\"\n2 2 \"all=of it\"\n$EndPhysicalNames\n\
    $Entities\n0 2 1 0\n1 0 0 0 0 1 0 1 -1 0\n2 1 0 0 1 1 0 0 0\n7 0 0 0 1 1 0 1 2 2 1 -2\n$EndEntities\n\
    $Nodes\n1 4 10 40\n2 7 0 4\n10\n20\n30\n40\n0 0 0\n1 0 0\n1 1 0\n0 1 0\n$EndNodes\n\
    $Elements\n2 3 1 3\n1 1 1 1\n1 10 40\n2 7 2 2\n2 10 20 30\n3 10 30 40\n$EndElements\n";

#[test]
fn bad_files_are_refused_with_the_line() {
    let changed = |from: &str, to: &str| {
        assert!(SQUARE.contains(from), "{from}");
        SQUARE.replacen(from, to, 1)
    };
    assert_eq!(Mesh::parse("m", SQUARE.as_bytes()).unwrap().elements.len(), 3);
    for (text, says) in [
        (changed("4.1 0", "3 0"), "m:2: this is format 3 of Gmsh: save it in format 4.1"),
        (changed("4.1 0", "4 0"), "m:2: this is format 4 of Gmsh: save it in format 4.1"),
        (changed("4.1 0 8", "4.1 0 4"), "m:2: numbers of 4 bytes"),
        (changed("4.1 0 8", "4.1 2 8"), "m:2: 2 is neither 0 (text) nor 1 (bytes)"),
        (changed("4.1", "four"), "m:2: `four` is not a version number"),
        ("$NOD\n1\n1 0 0 0\n".into(), "m:1: this is format 1 of Gmsh"),
        ("$".into(), "m:1: found `$` where a section should begin"),
        ("$Comments\nno end".into(), "m:1: the file ends inside `$Comments`"),
        (changed("$MeshFormat\n4.1 0 8\n$EndMeshFormat\n", ""), "m:1: found `$PhysicalNames` where"),
        (changed("\"left side\"", "left side"), "m:6: `left side` is not a name in quotes"),
        (changed("$EndNodes", "50 0 0 0\n$EndNodes"), "m:26: found `50` where $EndNodes should follow"),
        (changed("1 4 10 40", "1 5 10 40"), "m:25: $Nodes announces 5 nodes and holds 4"),
        (changed("1 4 10 40", "1 99999999999 10 40"), "m:16: 99999999999 is too large for the number of nodes"),
        (changed("1 1 0\n0 1 0", "1 nan 0\n0 1 0"), "m:24: NaN is not a finite coordinate"),
        (changed("1 1 0\n0 1 0", "1 1,5 0\n0 1 0"), "m:24: `1,5` is not a finite coordinate"),
        (changed("20\n30\n40\n", "20\n30\n30\n"), "m: node 30 is given more than once"),
        (changed("2 10 20 30", "2 10 20 31"), "m: element 2 has a node 31 which the file does not define"),
        (
            changed("2 7 2 2\n2 10 20 30", "2 7 9 2\n2 10 20 30"),
            "m:32: element 2 is a triangle of second order (type 9)",
        ),
        (changed("2 7 2 2\n2 10 20 30", "2 7 3 2\n2 10 20 30"), "m:32: element 2 is a quadrangle (type 3)"),
        (changed("2 3 1 3", "2 4 1 3"), "m:33: $Elements announces 4 elements and holds 3"),
        (SQUARE[..SQUARE.len() - 40].into(), "m:31: the file ends where"),
        (SQUARE[..SQUARE.len() - 3].into(), "m:34: found `$EndElemen` where $EndElements should follow"),
        (changed("$Entities", "$PartitionedEntities"), "m:9: the mesh is cut into partitions"),
    ] {
        let error = Mesh::parse("m", text.as_bytes()).unwrap_err();
        assert!(error.to_string().starts_with(says), "{error}\nshould say {says}");
        assert_eq!(error.exit_code(), ExitCode::Input);
    }
    for (format, count) in [("22-binary", "elements"), ("41-binary", "elements")] {
        let bytes = file(&format!("plate{format}"));
        let error = Mesh::parse("m", &bytes[..bytes.len() - 100]).unwrap_err().to_string();
        assert!(error.starts_with("m: at byte ") && error.contains("the file ends"), "{count}: {error}");
    }
}

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
            "m: element 2 has no area: its corners lie in one line",
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
    assert_eq!(problem.facts.conditions, "u = 1 on all=of it, u = 5 on left side, f = 0, k = 4 in all=of it, k = 2");
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

/// Numbers of a binary file in the order of bytes that is asked for.
struct Bytes {
    bytes: Vec<u8>,
    is_big: bool,
}

impl Bytes {
    fn text(&mut self, text: &str) -> &mut Self {
        self.bytes.extend(text.as_bytes());
        self
    }

    fn ints(&mut self, numbers: &[i32]) -> &mut Self {
        let bytes = |number: &i32| if self.is_big { number.to_be_bytes() } else { number.to_le_bytes() };
        self.bytes.extend(numbers.iter().flat_map(bytes));
        self
    }

    fn sizes(&mut self, numbers: &[u64]) -> &mut Self {
        let bytes = |number: &u64| if self.is_big { number.to_be_bytes() } else { number.to_le_bytes() };
        self.bytes.extend(numbers.iter().flat_map(bytes));
        self
    }

    fn reals(&mut self, numbers: &[f64]) -> &mut Self {
        let bits: Vec<u64> = numbers.iter().map(|number| number.to_bits()).collect();
        self.sizes(&bits)
    }
}

const NAMES: &str = "$PhysicalNames\n2\n1 1 \"left side\"\n2 1 \"all=of it\"\n$EndPhysicalNames\n";
const CORNERS: [(i32, [f64; 3]); 4] =
    [(10, [0.0; 3]), (20, [1.0, 0.0, 0.0]), (30, [1.0, 1.0, 0.0]), (40, [0.0, 1.0, 0.0])];

/// The square in format 2.2, as bytes.
fn square_22(is_big: bool, triangles: i32) -> Vec<u8> {
    let mut file = Bytes { bytes: Vec::new(), is_big };
    file.text("$MeshFormat\n2.2 1 8\n").ints(&[1]).text("\n$EndMeshFormat\n").text(NAMES).text("$Nodes\n4\n");
    for (number, place) in CORNERS {
        file.ints(&[number]).reals(&place);
    }
    file.text("\n$EndNodes\n$Elements\n3\n").ints(&[1, 1, 2, 1, 1, 5, 10, 40]);
    file.ints(&[2, triangles, 2, 2, -1, 7, 10, 20, 30, 3, 1, 7, 10, 30, 40]).text("\n$EndElements\n");
    file.bytes
}

/// The same in format 4.1.
fn square_41(is_big: bool) -> Vec<u8> {
    let mut file = Bytes { bytes: Vec::new(), is_big };
    file.text("$MeshFormat\n4.1 1 8\n").ints(&[1]).text("\n$EndMeshFormat\n").text(NAMES).text("$Entities\n");
    file.sizes(&[0, 1, 1, 0]).ints(&[1]).reals(&[0.0; 6]).sizes(&[1]).ints(&[1]).sizes(&[0]);
    file.ints(&[7]).reals(&[0.0; 6]).sizes(&[1]).ints(&[-1]).sizes(&[1]).ints(&[1]).text("\n$EndEntities\n$Nodes\n");
    // Nodes on the curve have a parameter each.
    file.sizes(&[2, 4, 10, 40]).ints(&[1, 1, 1]).sizes(&[2, 10, 40]);
    file.reals(&[0.0, 0.0, 0.0, 0.25, 0.0, 1.0, 0.0, 0.75]).ints(&[2, 7, 0]).sizes(&[2, 20, 30]);
    file.reals(&[1.0, 0.0, 0.0, 1.0, 1.0, 0.0]).text("\n$EndNodes\n$Elements\n").sizes(&[2, 3, 1, 3]);
    file.ints(&[1, 1, 1]).sizes(&[1, 1, 10, 40]).ints(&[2, 7, 2]).sizes(&[2, 2, 10, 20, 30, 3, 10, 30, 40]);
    file.text("\n$EndElements\n").bytes.clone()
}

/// Groups of one number in two dimensions, a negative number, parameters, both orders of bytes.
#[test]
fn bytes_of_either_order_are_read() {
    let text = Mesh::parse("m", SQUARE.as_bytes()).unwrap();
    for is_big in [false, true] {
        for (format, bytes) in [("2.2", square_22(is_big, 2)), ("4.1", square_41(is_big))] {
            let mesh = Mesh::parse("m", &bytes).unwrap();
            assert_eq!(described(&mesh), described(&text), "{format} {is_big}");
            let place = |number: u64| mesh.points[mesh.node_numbers.iter().position(|of| *of == number).unwrap()];
            assert!(CORNERS.iter().all(|(number, at)| place(*number as u64) == *at), "{format} {is_big}");
        }
    }
    let error = Mesh::parse("m", &square_22(false, 3)).unwrap_err().to_string();
    assert!(error.contains("a block of 3 elements with 2 tags: the file is damaged"), "{error}");
}

#[test]
fn format_2_as_text_has_the_groups_of_its_first_tag() {
    let nodes: String = CORNERS.iter().map(|(number, [x, y, z])| format!("{number} {x} {y} {z}\n")).collect();
    let text = |lower: &str| {
        format!(
            "$MeshFormat\n2.2 0 8\n$EndMeshFormat\n{NAMES}$Nodes\n4\n{nodes}$EndNodes\n\
             $Elements\n3\n1 1 2 1 5 10 40\n2 2 2 {lower} 10 20 30\n3 2 2 1 7 10 30 40\n$EndElements\n"
        )
    };
    let groups = |text: &str| described(&Mesh::parse("m", text.as_bytes()).unwrap());
    let square = groups(SQUARE);
    assert_eq!((groups(&text("1 7")), groups(&text("-1 7"))), (square.clone(), square));
    // 0 is no group.
    let mesh = Mesh::parse("m", text("0 1").as_bytes()).unwrap();
    assert_eq!((mesh.groups.len(), &described(&mesh)[0]), (2, &(vec![10, 20, 30], Vec::new())));
}

#[test]
fn nodes_may_have_any_numbers() {
    // 12 is the third number from 10 on, and the node is the second.
    let text = [("20", "12"), ("30", "13"), ("40", "99")].iter().fold(
        SQUARE.replacen("1 4 10 40", "1 4 10 99", 1),
        |text, (old, new)| {
            text.replace(&format!("{old}\n"), &format!("{new}\n")).replace(&format!(" {old} "), &format!(" {new} "))
        },
    );
    let mesh = Mesh::parse("m", text.as_bytes()).unwrap();
    assert_eq!(mesh.node_numbers, [10, 12, 13, 99]);
    let corners: Vec<&[u32]> = mesh.elements.iter().map(Element::corners).collect();
    assert_eq!(corners, [&[0, 3][..], &[0, 1, 2], &[0, 2, 3]]);
}

#[test]
fn damaged_files_are_refused_or_read_and_never_panic() {
    let (mut refused, mut read) = (0, 0);
    for name in FORMATS.map(|format| format!("plate{format}")).iter().chain(&["bracket41-binary".into()]) {
        let good = file(name);
        for seed in 0..400 {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let mut below = |bound: usize| (random.next_u64() % bound.max(1) as u64) as usize;
            let mut bytes = good.clone();
            for _ in 0..1 + below(3) {
                let at = below(bytes.len());
                let end = (at + 1 + below(12)).min(bytes.len());
                match below(6) {
                    0 => bytes[at] ^= 1 << below(8),
                    1 => bytes[at] = [0, b'\n', b' ', b'-', b'9', b'.', b'$', 0x7f, 0xff][below(9)],
                    2 => bytes.truncate(at.max(1)),
                    3 => drop(bytes.drain(at..end)),
                    4 => drop(bytes.splice(at..at, bytes[at..end].to_vec())),
                    _ => bytes[at..end].fill(0xff),
                }
            }
            let outcome = Mesh::parse("m", &bytes)
                .and_then(|mesh| assemble(&Comm::alone(), Some(mesh), &Conditions::default(), |_| 1.0));
            match outcome {
                Ok(problem) => {
                    assert!(problem.rows.values.iter().all(|value| value.is_finite()), "{name} {seed}");
                    read += 1;
                }
                Err(error) => {
                    let text = error.to_string();
                    assert!(text.starts_with("m:") && text.len() < 600 && !text.contains(char::is_control), "{text:?}");
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 1000 && read > 50, "{refused} refused, {read} read");
}
