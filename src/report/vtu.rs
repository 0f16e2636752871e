//! Fields on a mesh in VTK's XML format for unstructured grids, for ParaView and its like.
//!
//! The arrays follow the XML head as they are (`appended`, `raw`, little-endian), so that every rank writes its share of
//! each at its place. No crate that writes the format does that: they take the whole mesh on one rank.

use crate::comm::{Comm, Op};
use crate::error::Result;
use crate::problem::MeshProblem;
use crate::shared_file::write_together;
use std::path::Path;

/// Fields on a mesh, each in even shares.
pub struct MeshFields<'a> {
    /// The mesh.
    pub mesh: &'a MeshProblem,
    /// Names, and a value for each node.
    pub of_nodes: &'a [(&'a str, &'a [f64])],
    /// Names, and a number for each cell.
    pub of_cells: &'a [(&'a str, &'a [u32])],
}

/// VTK's numbers for triangles and tetrahedra.
const TRIANGLE: u8 = 5;
const TETRAHEDRON: u8 = 10;

struct Array {
    /// The tags before and behind it.
    tags: [&'static str; 2],
    /// Its type and name, and the components of an item.
    words: String,
    bytes: Vec<u8>,
}

impl MeshFields<'_> {
    /// Writes the file. Collective.
    ///
    /// # Errors
    /// When a rank cannot write; the same on every rank.
    pub fn write_vtu(&self, comm: &Comm, path: &Path) -> Result<()> {
        let mut arrays = self.arrays(comm);
        let mut head = format!(
            "<?xml version=\"1.0\"?>\n<VTKFile type=\"UnstructuredGrid\" version=\"1.0\" byte_order=\"LittleEndian\" \
             header_type=\"UInt64\">\n<UnstructuredGrid>\n<Piece NumberOfPoints=\"{}\" NumberOfCells=\"{}\">\n",
            self.mesh.n, self.mesh.facts.cells
        );
        let mut offset = 0;
        for Array { tags: [before, behind], words, bytes } in &mut arrays {
            head += &format!("{before}<DataArray {words} format=\"appended\" offset=\"{offset}\"/>\n{behind}");
            let length = comm.reduced(Op::Sum, bytes.len() as u64);
            offset += size_of::<u64>() as u64 + length;
            if comm.is_root() {
                bytes.splice(0..0, length.to_le_bytes());
            }
        }
        head += "</Piece>\n</UnstructuredGrid>\n<AppendedData encoding=\"raw\">\n_";
        let tail = "\n</AppendedData>\n</VTKFile>\n";
        let of_root = |text: &str| if comm.is_root() { text.as_bytes().to_vec() } else { Vec::new() };
        let (head, tail) = (of_root(&head), of_root(tail));
        let sections: Vec<&[u8]> =
            [&head[..]].into_iter().chain(arrays.iter().map(|array| &array.bytes[..])).chain([&tail[..]]).collect();
        write_together(comm, path, &sections)
    }

    /// In the order of the file. Collective.
    fn arrays(&self, comm: &Comm) -> Vec<Array> {
        let mesh = self.mesh;
        let corners = mesh.dim + 1;
        let (cells_before, _) = comm.sum_before(mesh.cells.len() as u64);
        let reals = |values: &[f64]| values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let integers = |values: &mut dyn Iterator<Item = u64>| values.flat_map(u64::to_le_bytes).collect();
        let array = |words: String, bytes: Vec<u8>| Array { tags: [""; 2], words, bytes };
        let between = |tags: [&'static str; 2], mut arrays: Vec<Array>| {
            if let [first, ..] = &mut arrays[..] {
                first.tags[0] = tags[0];
            }
            if let [.., last] = &mut arrays[..] {
                last.tags[1] = tags[1];
            }
            arrays
        };
        let of_nodes = self.of_nodes.iter().map(|(name, values)| {
            array(format!("type=\"Float64\" Name=\"{name}\""), reals(values)) //
        });
        let of_cells = self.of_cells.iter().map(|(name, values)| {
            let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            array(format!("type=\"UInt32\" Name=\"{name}\""), bytes)
        });
        let points = array(
            "type=\"Float64\" Name=\"Points\" NumberOfComponents=\"3\"".into(),
            reals(mesh.points.as_flattened()),
        );
        let nodes = &mut mesh.cells.iter().flat_map(|cell| &cell[..corners]).map(|&node| u64::from(node));
        let ends = &mut (1..=mesh.cells.len() as u64).map(|cell| (cells_before + cell) * corners as u64);
        let kind = if mesh.dim == 2 { TRIANGLE } else { TETRAHEDRON };
        let cells = vec![
            array("type=\"Int64\" Name=\"connectivity\"".into(), integers(nodes)),
            array("type=\"Int64\" Name=\"offsets\"".into(), integers(ends)),
            array("type=\"UInt8\" Name=\"types\"".into(), vec![kind; mesh.cells.len()]),
        ];
        [
            between(["<PointData>\n", "</PointData>\n"], of_nodes.collect()),
            between(["<CellData>\n", "</CellData>\n"], of_cells.collect()),
            between(["<Points>\n", "</Points>\n"], vec![points]),
            between(["<Cells>\n", "</Cells>\n"], cells),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
