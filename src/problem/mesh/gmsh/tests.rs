//! Files of the real Gmsh in every format, and files that are wrong in every way.

use super::super::{Conditions, assemble};
use super::*;
use crate::comm::Comm;
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
pub(in crate::problem::mesh) const SQUARE: &str = "$MeshFormat\n4.1 0 8\n$EndMeshFormat\n\
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
