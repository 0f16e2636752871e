//! Gmsh's mesh files, as text and as bytes: format 4.1, and 2.2 with its older sisters 2.0 and 2.1.
//!
//! The format: <https://gmsh.info/doc/texinfo/gmsh.html#Gmsh-file-formats>. Read are the names of the physical groups,
//! the entities (which say, in 4.1, what belongs to which group), the nodes and the elements; other sections are left
//! out. Elements are points, lines, triangles and tetrahedra of first order.

use super::scanner::{Form, Scanner};
use super::{Element, Group, Mesh};
use crate::error::{Error, Result};
use crate::problem::matrix_market::shown;
use std::collections::{BTreeMap, HashMap};

/// The mesh in the bytes of a file that messages call `name`. Local.
///
/// # Errors
/// What is wrong with the file, with the line or the byte.
pub(super) fn parse(name: &str, bytes: &[u8]) -> Result<Mesh> {
    let mut scanner = Scanner::new(name, bytes);
    let mut file = Raw::default();
    let mut format = None;
    while let Some(word) = scanner.next_word() {
        if scanner.form != Form::Text {
            // Bytes begin right behind the line end.
            scanner.rest_of_line();
        }
        let section = word.strip_prefix(b"$").and_then(|section| std::str::from_utf8(section).ok());
        match (section, format) {
            (Some("MeshFormat"), None) => format = Some(read_format(&mut scanner)?),
            (Some("NOD" | "ELM"), None) => return Err(scanner.error(format!("this is format 1 of Gmsh: {NEWER}"))),
            (Some("Comments"), _) => scanner.skip_section("Comments")?,
            (Some("PhysicalNames"), Some(_)) => read_names(&mut scanner, &mut file)?,
            (Some("Entities"), Some(Format::Four)) => read_entities(&mut scanner, &mut file)?,
            (Some("PartitionedEntities"), Some(_)) => {
                return Err(scanner.error(
                    "the mesh is cut into partitions: save it without them (gmsh -part 0); halocg makes its own",
                ));
            }
            (Some("Nodes"), Some(Format::Four)) => read_nodes_4(&mut scanner, &mut file)?,
            (Some("Nodes"), Some(Format::Two)) => read_nodes_2(&mut scanner, &mut file)?,
            (Some("Elements"), Some(Format::Four)) => read_elements_4(&mut scanner, &mut file)?,
            (Some("Elements"), Some(Format::Two)) => read_elements_2(&mut scanner, &mut file)?,
            (Some(other), Some(_)) if !other.starts_with("End") => scanner.skip_section(other)?,
            _ => return Err(scanner.error(format!("found {} where a section should begin", shown(word)))),
        }
    }
    if format.is_none() {
        return Err(scanner.error("the file has no $MeshFormat: it is no mesh of Gmsh"));
    }
    file.into_mesh(name)
}

const NEWER: &str = "save it in format 4.1 (gmsh -save -format msh41 MESH -o NEW)";
const FIRST_ORDER: &str =
    "halocg takes lines, triangles and tetrahedra of first order: mesh with gmsh -order 1, without Recombine";

#[derive(Clone, Copy)]
enum Format {
    Two,
    Four,
}

/// What the sections hold, nodes still under the numbers of the file.
#[derive(Default)]
struct Raw {
    groups: BTreeMap<(u8, i32), Group>,
    /// The physical groups of each entity: of 4.1 as said by $Entities; of 2.2 each group is an entity of its own.
    entities: Vec<Vec<(u8, i32)>>,
    entity_of: HashMap<(u8, i32), u32>,
    node_numbers: Vec<u64>,
    points: Vec<[f64; 3]>,
    elements: Vec<(Element, [u64; 4])>,
}

fn read_format(scanner: &mut Scanner) -> Result<Format> {
    let version: f64 = scanner.text("a version number")?;
    let format = match version {
        4.1 => Format::Four,
        2.0..2.3 => Format::Two,
        _ => return Err(scanner.error(format!("this is format {version} of Gmsh: {NEWER}"))),
    };
    let is_binary = match scanner.text("0 (text) or 1 (bytes)")? {
        0 => false,
        1 => true,
        other => return Err(scanner.error(format!("{other} is neither 0 (text) nor 1 (bytes)"))),
    };
    let width: u32 = scanner.text("the size of a number")?;
    if width != 8 {
        return Err(scanner.error(format!("numbers of {width} bytes: halocg reads those of 8")));
    }
    if is_binary {
        scanner.rest_of_line();
        scanner.form = Form::Bytes { big_endian: false };
        match scanner.int("the number 1")? {
            1 => (),
            0x0100_0000 => scanner.form = Form::Bytes { big_endian: true },
            other => return Err(scanner.error(format!("found {other} where the number 1 shows the order of bytes"))),
        }
    }
    scanner.end_of("MeshFormat")?;
    Ok(format)
}

/// Always text.
fn read_names(scanner: &mut Scanner, file: &mut Raw) -> Result<()> {
    let count: u64 = scanner.text("the number of physical groups")?;
    for _ in 0..scanner.bounded(count, "the number of physical groups")? {
        let dim = scanner.text("the dimension of a physical group")?;
        let tag = scanner.text("the number of a physical group")?;
        let line = scanner.rest_of_line();
        let name = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\""));
        let name = name.ok_or_else(|| scanner.error(format!("{} is not a name in quotes", shown(line))))?;
        let name = String::from_utf8_lossy(name).chars().filter(|letter| !letter.is_control()).collect();
        if dim > 3 {
            return Err(scanner.error(format!("{dim} is not the dimension of a physical group")));
        }
        file.groups.insert((dim, tag), Group { dim, name });
    }
    scanner.end_of("PhysicalNames")
}

fn read_entities(scanner: &mut Scanner, file: &mut Raw) -> Result<()> {
    let mut counts = [0; 4];
    for count in &mut counts {
        *count = scanner.count("the number of entities")?;
    }
    for (dim, count) in (0..).zip(counts) {
        for _ in 0..count {
            let tag = scanner.int("the number of an entity")?;
            // Its place, or the corners of its box.
            for _ in 0..if dim == 0 { 3 } else { 6 } {
                scanner.real("a coordinate")?;
            }
            let mut groups = Vec::new();
            for _ in 0..scanner.count("the number of its physical groups")? {
                // A sign says which way round.
                groups.push((dim, scanner.int("the number of a physical group")?.saturating_abs()));
            }
            if dim > 0 {
                for _ in 0..scanner.count("the number of its bounding entities")? {
                    scanner.int("the number of an entity")?;
                }
            }
            let entity = file.entity(dim, tag);
            file.entities[entity as usize] = groups;
        }
    }
    scanner.end_of("Entities")
}

fn read_nodes_4(scanner: &mut Scanner, file: &mut Raw) -> Result<()> {
    let blocks = scanner.count("the number of blocks of nodes")?;
    let announced = scanner.count("the number of nodes")?;
    let before = file.points.len();
    scanner.size("the least number of a node")?;
    scanner.size("the greatest number of a node")?;
    for _ in 0..blocks {
        let dim = scanner.int("the dimension of an entity")?;
        scanner.int("the number of an entity")?;
        let parametric = scanner.int("0 or 1")?;
        let count = scanner.count("the number of nodes in a block")?;
        for _ in 0..count {
            file.node_numbers.push(scanner.size("the number of a node")?);
        }
        for _ in 0..count {
            file.points.push(point(scanner)?);
            for _ in 0..if parametric == 1 { dim.clamp(0, 3) } else { 0 } {
                scanner.real("a parameter")?;
            }
        }
    }
    match file.points.len() - before {
        found if found == announced => scanner.end_of("Nodes"),
        found => Err(scanner.error(format!("$Nodes announces {announced} nodes and holds {found}"))),
    }
}

fn read_nodes_2(scanner: &mut Scanner, file: &mut Raw) -> Result<()> {
    let count = text_count(scanner, "the number of nodes")?;
    for _ in 0..count {
        let number = scanner.int("the number of a node")?;
        let number = u64::try_from(number).map_err(|_| scanner.error(format!("{number} is not a node's number")))?;
        file.node_numbers.push(number);
        file.points.push(point(scanner)?);
    }
    scanner.end_of("Nodes")
}

/// A count on a line of its own, written as text in files of either form.
fn text_count(scanner: &mut Scanner, wanted: &str) -> Result<usize> {
    let count = scanner.text(wanted)?;
    let count = scanner.bounded(count, wanted);
    scanner.rest_of_line();
    count
}

fn point(scanner: &mut Scanner) -> Result<[f64; 3]> {
    let mut coordinate = || scanner.real("a finite coordinate");
    Ok([coordinate()?, coordinate()?, coordinate()?])
}

fn read_elements_4(scanner: &mut Scanner, file: &mut Raw) -> Result<()> {
    let blocks = scanner.count("the number of blocks of elements")?;
    let announced = scanner.count("the number of elements")?;
    let before = file.elements.len();
    scanner.size("the least number of an element")?;
    scanner.size("the greatest number of an element")?;
    for _ in 0..blocks {
        let dim = scanner.int("the dimension of an entity")?;
        let tag = scanner.int("the number of an entity")?;
        let kind = scanner.int("the type of elements")?;
        let entity = file.entity(dim.clamp(0, 3) as u8, tag);
        for _ in 0..scanner.count("the number of elements in a block")? {
            let number = scanner.size("the number of an element")?;
            let corners = corners(scanner, kind, number)?;
            let mut nodes = [u64::MAX; 4];
            for node in &mut nodes[..corners] {
                *node = scanner.size("the number of a node")?;
            }
            file.elements.push((Element { number, entity, corners: corners as u8, nodes: [u32::MAX; 4] }, nodes));
        }
    }
    match file.elements.len() - before {
        found if found == announced => scanner.end_of("Elements"),
        found => Err(scanner.error(format!("$Elements announces {announced} elements and holds {found}"))),
    }
}

fn read_elements_2(scanner: &mut Scanner, file: &mut Raw) -> Result<()> {
    let count = text_count(scanner, "the number of elements")?;
    let mut read = 0;
    while read < count {
        // As text every element is a block of its own, and its number comes first.
        let (mut number, mut following) = (0, 1);
        if scanner.form == Form::Text {
            number = scanner.int("the number of an element")?;
        }
        let kind = scanner.int("the type of an element")?;
        if scanner.form != Form::Text {
            following = scanner.int("the number of elements in a block")?;
        }
        let tags = scanner.int("the number of tags")?;
        if following < 1 || following as usize > count - read || !(0..1 << 20).contains(&tags) {
            return Err(scanner.error(format!("a block of {following} elements with {tags} tags: the file is damaged")));
        }
        for _ in 0..following {
            if scanner.form != Form::Text {
                number = scanner.int("the number of an element")?;
            }
            let number = number.unsigned_abs().into();
            let corners = corners(scanner, kind, number)?;
            let dim = corners as u8 - 1;
            let mut group = 0;
            for k in 0..tags {
                let tag = scanner.int("a tag")?;
                if k == 0 {
                    group = tag.saturating_abs();
                }
            }
            let entity = file.entity(dim, group);
            if group != 0 && file.entities[entity as usize].is_empty() {
                file.entities[entity as usize].push((dim, group));
            }
            let mut nodes = [u64::MAX; 4];
            for node in &mut nodes[..corners] {
                // A negative number becomes one that no node has.
                *node = scanner.int("the number of a node")? as u64;
            }
            file.elements.push((Element { number, entity, corners: corners as u8, nodes: [u32::MAX; 4] }, nodes));
        }
        read += following as usize;
    }
    scanner.end_of("Elements")
}

/// How many corners elements of a type have.
fn corners(scanner: &Scanner, kind: i32, number: u64) -> Result<usize> {
    let what = match kind {
        15 => return Ok(1),
        1 => return Ok(2),
        2 => return Ok(3),
        4 => return Ok(4),
        3 => "a quadrangle",
        5 => "a hexahedron",
        6 => "a prism",
        7 => "a pyramid",
        8 => "a line of second order",
        9 => "a triangle of second order",
        10 => "a quadrangle of second order",
        11 => "a tetrahedron of second order",
        _ => "of another kind",
    };
    Err(scanner.error(format!("element {number} is {what} (type {kind}): {FIRST_ORDER}")))
}

impl Raw {
    /// The index of an entity.
    fn entity(&mut self, dim: u8, tag: i32) -> u32 {
        *self.entity_of.entry((dim, tag)).or_insert_with(|| {
            self.entities.push(Vec::new());
            self.entities.len() as u32 - 1
        })
    }

    /// Nodes get their index in the file instead of their number, entities their groups by index.
    fn into_mesh(mut self, name: &str) -> Result<Mesh> {
        let error = |what: String| Error::input(format!("{name}: {what}"));
        if self.points.len() >= u32::MAX as usize {
            return Err(error(format!("{} nodes: more than 4 294 967 294 are not supported", self.points.len())));
        }
        let mut index_of: Vec<(u64, u32)> = self.node_numbers.iter().copied().zip(0..).collect();
        index_of.sort_unstable();
        if let Some(pair) = index_of.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(error(format!("node {} is given more than once", pair[0].0)));
        }
        let first = index_of.first().map_or(0, |node| node.0);
        let index = |number: u64| {
            // Nearly always the numbers follow one another.
            let near = index_of.get(number.wrapping_sub(first) as usize).filter(|node| node.0 == number);
            near.map(|node| node.1).or_else(|| {
                let at = index_of.binary_search_by_key(&number, |node| node.0).ok()?;
                Some(index_of[at].1)
            })
        };
        for (element, numbers) in &mut self.elements {
            let corners = usize::from(element.corners);
            for (node, number) in element.nodes[..corners].iter_mut().zip(&numbers[..corners]) {
                *node = index(*number).ok_or_else(|| {
                    error(format!(
                        "element {} has a node {} which the file does not define",
                        element.number, *number as i64
                    ))
                })?;
            }
        }
        for (dim, tag) in self.entities.iter().flatten() {
            self.groups.entry((*dim, *tag)).or_insert_with(|| Group { dim: *dim, name: tag.to_string() });
        }
        let keys: Vec<(u8, i32)> = self.groups.keys().copied().collect();
        let place = |key: &(u8, i32)| keys.binary_search(key).expect("every group was put into the table") as u32;
        Ok(Mesh {
            name: name.into(),
            node_numbers: self.node_numbers,
            points: self.points,
            elements: self.elements.into_iter().map(|(element, _)| element).collect(),
            entities: self.entities.iter().map(|groups| groups.iter().map(place).collect()).collect(),
            groups: self.groups.into_values().collect(),
        })
    }
}

#[cfg(test)]
pub(super) mod tests;
