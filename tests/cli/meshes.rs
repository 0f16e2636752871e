//! Meshes of Gmsh, from the file to the solution, the picture and the file for ParaView.

use crate::common::{Finished, Launch, RANKS};
use crate::support::*;
use std::collections::BTreeMap;

const PLATE: [&str; 8] =
    ["--dirichlet", "hole=100", "--dirichlet", "left=20", "--conductivity", "copper=400", "--conductivity", "steel=50"];
const BRACKET: [&str; 6] = ["--dirichlet", "bolts=0", "--neumann", "eye=1", "--conductivity", "2"];

/// What `--output` wrote, with the summary.
fn solved(how: Launch, folder: &Folder, args: &[&str]) -> (Vec<f64>, String) {
    let output = folder.path(&unique("x"));
    let finished = run(how, &[&["solve"], args, &["--rtol", "1e-12", "--output", &output]].concat());
    assert_eq!((finished.code, &*finished.stderr), (Some(0), ""), "{how:?} {args:?}: {finished:?}");
    (read_vector(&output), finished.stdout)
}

fn launches() -> Vec<Launch> {
    RANKS.iter().flat_map(|&ranks| both(ranks)).collect()
}

/// METIS, bisection and blocks number rows as the file does.
#[test]
fn any_number_of_ranks_has_the_solution_of_one() {
    let folder = Folder::new("meshes");
    for (name, options, partition) in
        [("plate.msh", &PLATE[..], "metis"), ("bracket.msh", &BRACKET, "rcb"), ("lshape.msh", &[], "blocks")]
    {
        let path = mesh(name);
        let args = [&[&path[..], "--pc", "jacobi"], options].concat();
        let (x, _) = solved(Launch::Alone, &folder, &args);
        for how in launches() {
            let (other, _) = solved(how, &folder, &[&args[..], &["--partition", partition]].concat());
            let far = distance(&other, &x);
            assert!(far < 1e-10, "{name} {how:?}: {far:e}");
        }
    }
}

/// The file is read and summed up in the same order everywhere, so `--reproducible` holds for meshes too.
#[test]
fn reproducible_has_the_same_bits() {
    let folder = Folder::new("same bits");
    let path = mesh("bracket.msh");
    let args = [&[&path[..], "--reproducible"], &BRACKET[..]].concat();
    let (x, _) = solved(Launch::Alone, &folder, &args);
    for how in both(3) {
        assert!(solved(how, &folder, &args).0 == x, "{how:?}");
    }
}

/// What is known without halocg: u is linear where nothing but two ends is held.
#[test]
fn a_linear_solution_is_met_exactly() {
    let folder = Folder::new("linear");
    let path = mesh("lshape.msh");
    // In the L between x = -1 and x = 1 nothing is linear; with u = 7 all round it is constant.
    let (x, summary) = solved(Launch::Alone, &folder, &[&path, "--dirichlet", "outside=7", "--dirichlet", "corner=7"]);
    assert!(x.iter().all(|u| (u - 7.0).abs() < 1e-10), "{x:?}");
    assert!(summary.contains("172 nodes hold their value"), "{summary}");
    assert!(
        summary.contains("u = 7 on outside, u = 7 on corner, f = 0, k = 1; nothing makes u differ from 7"),
        "{summary}"
    );

    // A square of which only the left and the right side are held: u = 3 + 4 x.
    let square = folder.write("square.msh", square(9));
    let points = |k: usize| (k % 10) as f64 / 9.0;
    for options in
        [&["--dirichlet", "right=7"][..], &["--neumann", "right=4"], &["--neumann", "right=8", "--conductivity", "2"]]
    {
        let (x, _) = solved(Launch::Threads(3), &folder, &[&[&square[..], "--dirichlet", "left=3"], options].concat());
        for (k, u) in x.iter().enumerate() {
            assert!((u - 3.0 - 4.0 * points(k)).abs() < 1e-9, "{options:?} {k}: {u}");
        }
    }
}

/// What `--rhs` puts in the place of the load leaves the nodes alone where u is held.
#[test]
fn a_given_right_hand_side_leaves_u_where_it_is_held() {
    let folder = Folder::new("given b");
    let n = 6;
    let path = folder.write("square.msh", square(n));
    let held = |k: usize| k.is_multiple_of(n + 1);
    let summed_up = |rhs: &str, how: Launch| {
        let (x, summary) = solved(how, &folder, &[&path, "--dirichlet", "left=0", "--rhs", rhs]);
        let is_as_said = |(k, u): (usize, &f64)| (*u == 0.0) == held(k);
        assert!(x.iter().enumerate().all(is_as_said), "{how:?} {rhs}: {x:?}");
        assert!(
            summary.contains("\n             u = 0 on left, elsewhere b is given in the place of f, k = 1\n"),
            "{summary}"
        );
        x
    };
    // The load of f = 1: a third of the area of each triangle at a node, of held ones too.
    let mut load = vec![0.0; (n + 1) * (n + 1)];
    for (row, column) in (0..n).flat_map(|row| (0..n).map(move |column| (row, column))) {
        let a = row * (n + 1) + column;
        for node in [a, a + 1, a + n + 2, a, a + n + 2, a + n + 1] {
            load[node] += 0.5 / (n * n) as f64 / 3.0;
        }
    }
    let lines: String = load.iter().map(|value| format!("{value:?}\n")).collect();
    let vector = folder.write("b.mtx", format!("%%MatrixMarket matrix array real general\n{} 1\n{lines}", load.len()));
    for how in [vec![Launch::Alone], both(3)].concat() {
        let (own, _) = solved(how, &folder, &[&path, "--dirichlet", "left=0", "--source", "1"]);
        assert!(distance(&summed_up(&vector, how), &own) < 1e-9, "{how:?}");
        summed_up("ones", how);
        summed_up("random:3", how);
        // The solution that is known is met everywhere.
        let (x, summary) = solved(how, &folder, &[&path, "--dirichlet", "left=0", "--rhs", "A1"]);
        assert!(x.iter().all(|u| (u - 1.0 / (n + 1) as f64).abs() < 1e-9), "{how:?} {x:?}");
        assert!(summary.contains("\n             u = 1/sqrt(n) everywhere, held on left, k = 1\n"), "{summary}");
    }
}

/// The unit square in `n` x `n` squares of two triangles, in format 2.2, its sides `left` and `right` in groups.
fn square(n: usize) -> String {
    let node = |column: usize, row: usize| row * (n + 1) + column + 1;
    let mut nodes = String::new();
    let mut elements = Vec::new();
    for row in 0..=n {
        for column in 0..=n {
            let at = |k: usize| k as f64 / n as f64;
            nodes += &format!("{} {:?} {:?} 0\n", node(column, row), at(column), at(row));
        }
    }
    for row in 0..n {
        for (group, column) in [(1, 0), (2, n)] {
            elements.push(format!("1 2 {group} {group} {} {}", node(column, row), node(column, row + 1)));
        }
        for column in 0..n {
            let [a, b] = [node(column, row), node(column + 1, row)];
            let [c, d] = [node(column, row + 1), node(column + 1, row + 1)];
            elements.push(format!("2 2 3 3 {a} {b} {d}"));
            elements.push(format!("2 2 3 3 {a} {d} {c}"));
        }
    }
    let count = elements.len();
    let elements: String = (1..).zip(elements).map(|(number, element)| format!("{number} {element}\n")).collect();
    format!(
        "$MeshFormat\n2.2 0 8\n$EndMeshFormat\n$PhysicalNames\n3\n1 1 \"left\"\n1 2 \"right\"\n2 3 \"all\"\n\
         $EndPhysicalNames\n$Nodes\n{}\n{nodes}$EndNodes\n$Elements\n{count}\n{elements}$EndElements\n",
        (n + 1) * (n + 1)
    )
}

#[test]
fn without_conditions_the_boundary_is_held_and_the_summary_says_so() {
    let path = mesh("lshape.msh");
    for how in both(2) {
        let finished = run(how, &["solve", &path]);
        assert_eq!(finished.code, Some(0));
        assert!(finished.stdout.contains("u = 0 on the whole boundary (no condition was given), f = 1, k = 1"));
    }
    let run = run_json(Launch::Alone, &["solve", &path, "--source", "2"], 0);
    let facts = &run["problem"]["mesh"];
    assert_eq!((&facts["nodes"], &facts["cells"], &facts["held_nodes"]), (&1762.into(), &3350.into(), &172.into()));
    assert_eq!(facts["conditions"], "u = 0 on the whole boundary (no condition was given), f = 2, k = 1");
    assert_eq!(run["options"]["source"][0], "2");
}

/// Every rank knows why, one says it, and all end with the same code.
#[test]
fn what_is_wrong_is_said_once_with_file_place_and_remedy() {
    let folder = Folder::new("bad meshes");
    let good = square(2);
    let changed = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1)
    };
    let plate = read(&mesh("plate.msh"));
    let cases = [
        (changed("2.2 0 8", "3 0 8"), 3, ":2: this is format 3 of Gmsh: save it in format 4.1"),
        (
            changed("3 2 2 3 3 1 2 5", "3 9 2 3 3 1 2 5 3 6 9"),
            3,
            ":26: element 3 is a triangle of second order (type 9)",
        ),
        (changed("3 2 2 3 3 1 2 5", "3 3 2 3 3 1 2 5 4"), 3, ":26: element 3 is a quadrangle (type 3)"),
        (changed("9 1.0 1.0 0\n", "9 1.0 one 0\n"), 3, ":20: `one` is not a finite coordinate"),
        (changed("9 1.0 1.0 0\n", ""), 3, ":20: `$EndNodes` is not the number of a node"),
        (changed("3 2 2 3 3 1 2 5", "3 2 2 3 3 1 2 99"), 3, ": element 3 has a node 99 which the file does not define"),
        (changed("3 2 2 3 3 1 2 5", "3 2 2 3 3 1 2 3"), 3, ": element 3 has no area"),
        (changed("3 2 2 3 3 1 2 5", "3 2 2 3 3 1 8 5"), 3, ": elements "),
        (good[..good.len() / 2].into(), 3, ""),
        (plate[..plate.len() - 100].into(), 3, ""),
        (
            good.clone(),
            2,
            ": --dirichlet front: there is no physical group called front; there are left (curves), right (curves), all (surfaces)",
        ),
    ];
    for (text, code, says) in cases {
        let file = folder.write("bad.msh", &text);
        for how in [vec![Launch::Alone], both(3)].concat() {
            let Finished { code: found, stdout, stderr } = run(how, &["solve", &file, "--dirichlet", "front=0"]);
            let lines: Vec<&str> = stderr.lines().filter(|line| line.contains("halocg: error")).collect();
            assert_eq!((found, &*stdout, lines.len()), (Some(code), "", 1), "{how:?} {says}: {stderr}");
            assert!(lines[0].contains(&format!("{file}{says}")), "{how:?} {says}: {stderr}");
        }
    }
    // Conditions for what is no mesh.
    let finished = run(Launch::Alone, &["solve", &mesh("plate_hole.mtx"), "--source", "1"]);
    assert_eq!(finished.code, Some(2));
    assert!(finished.stderr.contains("need a mesh of Gmsh, and this file is none"), "{finished:?}");
}

/// The arrays of a .vtu file by name: what its head says of each, and its bytes.
fn arrays(bytes: &[u8]) -> BTreeMap<String, (String, Vec<u8>)> {
    let mark = b"<AppendedData encoding=\"raw\">\n_";
    let start = bytes.windows(mark.len()).position(|window| window == mark).expect("appended data");
    let head = std::str::from_utf8(&bytes[..start]).expect("an XML head");
    let data = &bytes[start + mark.len()..];
    let mut end = 0;
    let mut arrays = BTreeMap::new();
    for tag in head.split('<').filter(|tag| tag.starts_with("DataArray ")) {
        let value = |name: &str| {
            let from = tag.find(&format!(" {name}=\"")).unwrap_or_else(|| panic!("{name} of {tag}")) + name.len() + 3;
            tag[from..].split('"').next().expect("a quote").to_string()
        };
        let offset: usize = value("offset").parse().expect("a number");
        // One right behind the other.
        assert_eq!(offset, end, "{tag}");
        let length = u64::from_le_bytes(data[offset..offset + 8].try_into().expect("eight bytes")) as usize;
        end = offset + 8 + length;
        arrays.insert(value("Name"), (value("type"), data[offset + 8..end].to_vec()));
    }
    assert_eq!(&data[end..], b"\n</AppendedData>\n</VTKFile>\n");
    assert_eq!(head.matches('<').count(), 14 + arrays.len(), "{head}");
    for order in
        [["<PointData>", "</PointData>", "<CellData>", "</CellData>"], ["<Points>", "</Points>", "<Cells>", "</Cells>"]]
    {
        let places: Vec<usize> = order.iter().map(|tag| head.find(tag).expect("it is there")).collect();
        assert!(places.is_sorted(), "{head}");
    }
    arrays
}

fn reals(array: &(String, Vec<u8>)) -> Vec<f64> {
    assert_eq!(array.0, "Float64");
    array.1.chunks_exact(8).map(|value| f64::from_le_bytes(value.try_into().expect("eight bytes"))).collect()
}

fn integers(array: &(String, Vec<u8>)) -> Vec<usize> {
    assert_eq!(array.0, "Int64");
    array.1.chunks_exact(8).map(|value| u64::from_le_bytes(value.try_into().expect("eight bytes")) as usize).collect()
}

/// `make vtu` reads such files with the real readers; this needs none.
#[test]
fn the_file_for_paraview_holds_mesh_solution_and_owners() {
    let folder = Folder::new("vtu");
    let n = 6;
    let square = folder.write("square.msh", square(n));
    for (how, ranks) in RANKS.iter().flat_map(|&ranks| both(ranks).into_iter().map(move |how| (how, ranks))) {
        let vtu = folder.path("u.vtu");
        let (x, _) = solved(how, &folder, &[&square, "--dirichlet", "left=1", "--source", "1", "--vtu", &vtu]);
        let bytes = std::fs::read(&vtu).expect("it was written");
        let head = format!("<Piece NumberOfPoints=\"{}\" NumberOfCells=\"{}\">", (n + 1) * (n + 1), 2 * n * n);
        assert!(String::from_utf8_lossy(&bytes[..400]).contains(&head), "{how:?}");
        let arrays = arrays(&bytes);
        let names: Vec<&str> = arrays.keys().map(String::as_str).collect();
        assert_eq!(names, ["Points", "connectivity", "offsets", "rank", "residual", "types", "u"]);
        assert_eq!(reals(&arrays["u"]), x, "{how:?}");
        assert!(reals(&arrays["residual"]).iter().all(|r| r.abs() < 1e-9) && arrays["residual"].1.len() == 8 * x.len());
        let points = reals(&arrays["Points"]);
        let at = |k: usize| [k % (n + 1), k / (n + 1)].map(|place| place as f64 / n as f64);
        assert!(points.chunks_exact(3).enumerate().all(|(k, point)| point == [at(k)[0], at(k)[1], 0.0]), "{points:?}");
        let corners = integers(&arrays["connectivity"]);
        assert_eq!(integers(&arrays["offsets"]), (1..=2 * n * n).map(|cell| 3 * cell).collect::<Vec<_>>());
        assert_eq!(corners[..6], [0, 1, n + 2, 0, n + 2, n + 1]);
        assert_eq!(arrays["types"], ("UInt8".to_string(), vec![5; 2 * n * n]));
        let mut owners: Vec<u8> = arrays["rank"].1.chunks_exact(4).map(|owner| owner[0]).collect();
        assert_eq!((&*arrays["rank"].0, owners.len()), ("UInt32", 2 * n * n));
        owners.sort_unstable();
        owners.dedup();
        assert_eq!(owners, (0..ranks as u8).collect::<Vec<_>>(), "{how:?}");
    }
}

/// Held nodes are coupled to nothing, but they lie in the mesh all the same.
#[test]
fn metis_cuts_the_mesh_whatever_is_held() {
    let folder = Folder::new("graph");
    let path = mesh("lshape.msh");
    let owners = |options: &[&str]| {
        let vtu = folder.path("u.vtu");
        solved(Launch::Threads(4), &folder, &[&[&path[..], "--vtu", &vtu], options].concat());
        arrays(&std::fs::read(&vtu).expect("it was written"))["rank"].1.clone()
    };
    let all_round = owners(&[]);
    assert!(all_round == owners(&["--dirichlet", "corner=1"]));
    assert!(all_round == owners(&["--dirichlet", "domain=1", "--partition", "metis"]));
    assert!(all_round != owners(&["--partition", "blocks"]));
}

/// The owner of most nodes, the lowest of several.
#[test]
fn a_cell_belongs_to_the_owner_of_most_of_its_nodes() {
    let folder = Folder::new("owners");
    let n = 7;
    let square = folder.write("square.msh", square(n));
    let owners: Vec<usize> = (0..(n + 1) * (n + 1)).map(|node| (node * node / 3 + node) % 3).collect();
    let lines: String = owners.iter().map(|owner| format!("{owner}\n")).collect();
    let partition = format!("file:{}", folder.write("square.part", lines));
    for how in both(3) {
        let vtu = folder.path("u.vtu");
        solved(how, &folder, &[&square, "--partition", &partition, "--vtu", &vtu]);
        let arrays = arrays(&std::fs::read(&vtu).expect("it was written"));
        let of_cell = |corners: &[usize]| {
            let count = |owner: usize| corners.iter().filter(|&&node| owners[node] == owner).count();
            (0..3).rev().max_by_key(|&owner| count(owner)).expect("three ranks") as u8
        };
        let expected: Vec<u8> = integers(&arrays["connectivity"]).chunks_exact(3).map(of_cell).collect();
        let found: Vec<u8> = arrays["rank"].1.chunks_exact(4).map(|owner| owner[0]).collect();
        assert_eq!(found, expected, "{how:?}");
    }
}

/// How often each colour of a picture occurs, the most frequent first.
fn colours(path: &str) -> Vec<([u8; 3], usize)> {
    let picture = tiny_skia::Pixmap::decode_png(&std::fs::read(path).expect("it was drawn")).expect("a picture");
    let mut counts = BTreeMap::new();
    for pixel in picture.pixels() {
        *counts.entry([pixel.red(), pixel.green(), pixel.blue()]).or_insert(0) += 1;
    }
    let mut counts: Vec<([u8; 3], usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

/// Every rank has a colour of its own, and about its share of what is seen.
#[test]
fn a_picture_of_a_partition_shows_every_rank() {
    let folder = Folder::new("ranks seen");
    for args in [&["solve", &mesh("plate.msh")][..], &["poisson", "--dim", "2", "-n", "24,10"]] {
        for how in both(4) {
            let path = folder.path(&unique("ranks")) + ".png";
            let finished = run(how, &[args, &["--png-partition", &path]].concat());
            assert_eq!(finished.code, Some(0), "{finished:?}");
            // The paper comes first.
            let counts = colours(&path);
            let [paper, first, .., fourth] = &counts[..5] else { panic!("{counts:?}") };
            assert!(paper.0 == [255; 3] && first.1 < 2 * fourth.1, "{how:?} {args:?}: {:?}", &counts[..6]);
        }
    }
    // A body is shaded, so the colours of its three ranks are told by their greatest part: blue, red (an orange), green.
    for how in both(3) {
        let path = folder.path(&unique("ranks")) + ".png";
        let finished = run(how, &["solve", &mesh("bracket.msh"), "--png-partition", &path]);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let mut seen = [0; 3];
        for (colour, count) in colours(&path) {
            let least = *colour.iter().min().expect("three parts");
            if let Some(greatest) =
                colour.iter().position(|part| *part > least + 60 && colour.iter().max() == Some(part))
            {
                seen[greatest] += count;
            }
        }
        assert!(seen.iter().all(|count| *count > 20_000), "{how:?}: {seen:?}");
    }
}

/// The surface, which is held, would show nothing.
#[test]
fn a_body_whose_surface_is_held_is_seen_cut_open() {
    let folder = Folder::new("cut open");
    for how in both(2) {
        let drawn = |conditions: &[&str]| {
            let path = folder.path(&unique("u")) + ".png";
            let finished = run(how, &[&["solve", &mesh("bracket.msh"), "--png", &path], conditions].concat());
            assert_eq!(finished.code, Some(0), "{finished:?}");
            // The brightest yellow of the scale beside it is not the body's; pixels that are nearly it are counted.
            let is_bright = |colour: &[u8; 3]| colour[0] > 120 && colour[1] > 150 && colour[2] < 90;
            colours(&path).iter().filter(|(colour, _)| is_bright(colour)).map(|(_, count)| count).sum::<usize>()
        };
        // The hottest place is within.
        let (inside, nothing) = (drawn(&[]), drawn(&["--source", "0"]));
        assert!(inside > nothing + 5000, "{how:?}: {inside} {nothing}");
    }
}

/// What the conditions make of the matrix holds for every command that takes one.
#[test]
fn other_commands_take_the_conditions() {
    let folder = Folder::new("conditions everywhere");
    let (plate, machine) = (mesh("plate.msh"), folder.path("machine.json"));
    let conditions = ["--dirichlet", "hole=100", "--conductivity", "copper=400"];
    let solve = run_json(Launch::Alone, &[&["solve", &plate], &conditions[..]].concat(), 0);
    let nonzeros = number(&solve, "/problem/nonzeros");
    let spaced = format!("10 {} nonzeros", nonzeros - 10e3);
    for how in both(2) {
        // Its right-hand side is always A·(1, …, 1)/√n.
        let compared = run(how, &[&["compare", &plate, "--solvers", "hs-cg"], &conditions[..]].concat());
        let said = "plate.msh: u = 1/sqrt(n) everywhere, held on hole, k = 400 in copper, k = 1 elsewhere\n";
        assert!(compared.stdout.contains(said), "{compared:?}");
        let looked_at = run(how, &["info", &plate, "--iterations", "0"]);
        let groups = "left (curves), right (curves), top (curves), bottom (curves), hole (curves), copper (surfaces), steel (surfaces)";
        assert!(looked_at.stdout.contains(&format!("groups       {groups}\n")), "{looked_at:?}");
        for command in [&["info"][..], &["partition", "-k", "3"], &["compare", "--solvers", "hs-cg"]] {
            let args = [command, &[&plate[..]], &conditions[..]].concat();
            let finished = run(how, &args);
            assert_eq!((finished.code, &*finished.stderr), (Some(0), ""), "{how:?} {command:?}");
            assert!(finished.stdout.contains(&spaced), "{spaced} in {}", finished.stdout);
            // Not every node of the boundary is held.
            let plain = run(how, &[command, &[&plate[..]]].concat());
            assert!(plain.code == Some(0) && !plain.stdout.contains(&spaced), "{how:?} {command:?}: {plain:?}");
        }
        let converted = folder.path("plate.mtx");
        let finished = run(how, &[&["convert", &plate, &converted], &conditions[..]].concat());
        assert!(finished.code == Some(0) && finished.stderr.contains(&format!("{nonzeros} entries")), "{finished:?}");
        let refused = run(how, &["convert", &mesh("plate_hole.mtx"), &converted, "--source", "1"]);
        assert!(refused.code == Some(2) && refused.stderr.contains("need a mesh of Gmsh"), "{refused:?}");
    }
    for command in [&["info"][..], &["partition", "-k", "3"], &["compare"]] {
        let alone = |args: &[&str]| run(Launch::Alone, &[command, args].concat());
        let matrix = alone(&[&mesh("plate_hole.mtx"), "--source", "1"]);
        assert!(matrix.code == Some(2) && matrix.stderr.contains("need a mesh of Gmsh"), "{matrix:?}");
        let other = alone(&[&plate, "--dirichlet", "front=1"]);
        assert_eq!(other.code, Some(2), "{other:?}");
        assert!(other.stderr.contains("there is no physical group called front; there are left (curves)"));
    }
    // Before anything is solved.
    let (matrix, none) = (mesh("plate_hole.mtx"), folder.path("none.mtx"));
    for how in both(2) {
        let late = run(how, &["compare", &plate, &matrix, "--dirichlet", "hole=0"]);
        assert!(late.stdout.is_empty() && late.stderr.contains("need a mesh of Gmsh"), "{late:?}");
        let missing = run(how, &["compare", &matrix, &none]);
        assert!(missing.stdout.is_empty() && missing.stderr.contains("none.mtx: cannot read it"), "{missing:?}");
    }
    let foretold = run(Launch::Alone, &[&["predict", &plate, "--machine", &machine], &conditions[..]].concat());
    assert!(foretold.stderr.contains("machine.json: cannot read it"), "{foretold:?}");
}

#[test]
fn pictures_are_drawn_of_meshes_and_of_grids() {
    let folder = Folder::new("pictures");
    let (plate, bracket) = (mesh("plate.msh"), mesh("bracket.msh"));
    for how in both(3) {
        for (args, is_drawn) in [
            (&["solve", &plate][..], true),
            (&["solve", &bracket], true),
            (&["poisson", "--dim", "2", "-n", "20"], true),
            (&["poisson", "--dim", "3", "-n", "6"], false),
            (&["solve", &mesh("plate_hole.mtx")], false),
        ] {
            let [u, ranks] = ["u", "ranks"].map(|name| folder.path(&unique(name)) + ".png");
            let finished = run(how, &[args, &["--png", &u, "--png-partition", &ranks]].concat());
            if !is_drawn {
                assert_eq!(finished.code, Some(2), "{args:?}");
                assert!(finished.stderr.contains("--png needs a mesh, or a grid in two dimensions"), "{finished:?}");
                continue;
            }
            assert_eq!((finished.code, &*finished.stderr), (Some(0), ""), "{how:?} {args:?}");
            let [u, ranks] = [u, ranks].map(|path| std::fs::read(path).expect("it was drawn"));
            let magic = b"\x89PNG\r\n\x1a\n";
            assert!(u.starts_with(magic) && ranks.starts_with(magic) && u != ranks, "{how:?} {args:?}");
        }
    }
}
