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
    ] {
        let error = assembled(&text, conditions).unwrap_err();
        assert!(error.to_string().starts_with(says), "{error}\nshould say {says}");
        assert_eq!(error.exit_code(), code, "{error}");
    }
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
    let text = SQUARE.replacen("1 4 10 40\n2 7 0 4\n10\n20\n", "1 5 10 40\n2 7 0 5\n10\n15\n20\n", 1);
    let text = text.replacen("0 0 0\n1 0 0\n1 1 0", "0 0 0\n9 9 9\n1 0 0\n1 1 0", 1);
    let plain = assembled(SQUARE, &conditions(&[("left side", 0.0)], &[])).unwrap();
    let orphan = assembled(&text, &conditions(&[("left side", 0.0)], &[])).unwrap();
    assert_eq!((orphan.facts.orphans, &orphan.rows, &orphan.points), (1, &plain.rows, &plain.points));
    let twice = "2 7 2 3\n2 10 20 30\n3 10 30 40\n4 20 30 10\n";
    let text = SQUARE.replacen("2 3 1 3", "2 4 1 4", 1).replacen("2 7 2 2\n2 10 20 30\n3 10 30 40\n", twice, 1);
    let repeated = assembled(&text, &conditions(&[("left side", 0.0)], &[])).unwrap();
    assert_eq!((repeated.facts.cells, &repeated.rows), (2, &plain.rows));
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
