//! The solution where its rows lie: files for ParaView, and pictures.

use super::Files;
use crate::distributed::Layout;
use crate::error::{Error, Result};
use crate::files::write_file;
use crate::problem::mesh::boundary;
use crate::problem::{MeshProblem, Problem, Source, Stencil, fetch};
use crate::report::{Field, FieldPicture, MeshFields, grouped};

impl Files {
    /// Whether one of them wants to know where rows lie.
    pub(super) fn draws(&self) -> bool {
        self.png.is_some() || self.png_partition.is_some() || self.vtu.is_some()
    }
}

/// Refuses files that the problem has nothing for, before it is solved.
pub(super) fn check(files: &Files, source: &Source, problem: &Problem) -> Result<()> {
    let refused = |option: &str, needs: &str| {
        let name = super::describe(source);
        Err(Error::usage(format!("{name}: {option} needs {needs}; the solution itself is written by --output FILE")))
    };
    let is_mesh = matches!(problem, Problem::Mesh(_));
    if files.vtu.is_some() && !is_mesh {
        return refused("--vtu", "a mesh");
    }
    let is_drawn = is_mesh || matches!(problem, Problem::Stencil(stencil) if stencil.dim == 2);
    for (option, file) in [("--png", &files.png), ("--png-partition", &files.png_partition)] {
        if file.is_some() && !is_drawn {
            return refused(option, "a mesh, or a grid in two dimensions");
        }
    }
    Ok(())
}

/// Writes what is asked for; `places` is the problem if anything is. Pictures are drawn on rank 0, which gathers what they
/// show. Collective.
///
/// # Errors
/// When a file cannot be written; the same on every rank.
pub(super) fn write(
    files: &Files,
    title: &str,
    places: Option<&Problem>,
    layout: &Layout,
    x: &[f64],
    residual: &[f64],
) -> Result<()> {
    let comm = layout.comm();
    match places {
        Some(Problem::Mesh(mesh)) => {
            let owners = cell_owners(mesh, layout);
            let vtu = files.vtu.as_ref().map_or(Ok(()), |path| {
                let (u, residual) = (layout.to_even(x), layout.to_even(residual));
                let of_nodes: &[(&str, &[f64])] = &[("u", &u), ("residual", &residual)];
                MeshFields { mesh, of_nodes, of_cells: &[("rank", &owners)] }.write_vtu(comm, path)
            });
            let is_drawn = files.png.is_some() || files.png_partition.is_some();
            let drawn = if is_drawn { draw_mesh(files, title, mesh, layout, x, &owners) } else { Ok(()) };
            vtu.and(drawn)
        }
        Some(Problem::Stencil(grid)) => draw_grid(files, title, grid, layout, x),
        _ => Ok(()),
    }
}

/// The owner of each cell of this rank's share: of most of its nodes, the lowest of several. Collective.
fn cell_owners(mesh: &MeshProblem, layout: &Layout) -> Vec<u32> {
    let comm = layout.comm();
    let owner_of_row = layout.to_even(&vec![comm.rank() as f64; layout.len()]);
    let mut nodes: Vec<u64> = mesh.cells.iter().flat_map(|cell| &cell[..=mesh.dim]).map(|&node| node.into()).collect();
    nodes.sort_unstable();
    nodes.dedup();
    let owners = fetch(comm, mesh.n, &owner_of_row, &nodes);
    let owner = |node: &u32| owners[nodes.binary_search(&u64::from(*node)).expect("asked for")] as u32;
    let of_cell = |cell: &[u32; 4]| {
        let mut of_corners: Vec<u32> = cell[..=mesh.dim].iter().map(owner).collect();
        of_corners.sort_unstable();
        let same = of_corners.chunk_by(|a, b| a == b);
        same.rev().max_by_key(|same| same.len()).expect("a cell has corners")[0]
    };
    mesh.cells.iter().map(of_cell).collect()
}

/// Collective.
fn draw_mesh(files: &Files, title: &str, mesh: &MeshProblem, layout: &Layout, x: &[f64], owners: &[u32]) -> Result<()> {
    let comm = layout.comm();
    let points = comm.gather(0, &mesh.points).concat();
    let cells = comm.gather(0, &mesh.cells).concat();
    let part_of_cell = comm.gather(0, owners).concat();
    let u = layout.to_root(x);
    comm.agree(if comm.is_root() {
        // Of tetrahedra the outer faces are seen, each with its cell.
        let (triangles, part_of) = if mesh.dim == 2 {
            (cells.iter().map(|cell| [cell[0], cell[1], cell[2]]).collect(), part_of_cell)
        } else {
            boundary(3, &cells).into_iter().map(|face| (face.nodes, part_of_cell[face.cell as usize])).unzip()
        };
        let title = format!("{title}, {} {}", grouped(mesh.facts.cells), mesh.facts.cell_kind);
        let picture = FieldPicture { title, points, triangles, field: Field::Values(u), has_edges: false };
        draw(files, picture, |picture| {
            picture.has_edges = true;
            picture.field = Field::Parts { part_of, parts: comm.size() };
        })
    } else {
        Ok(())
    })
}

/// Collective.
fn draw_grid(files: &Files, title: &str, grid: &Stencil, layout: &Layout, x: &[f64]) -> Result<()> {
    let comm = layout.comm();
    let u = layout.to_root(x);
    let owners = layout.to_root(&vec![comm.rank() as f64; layout.len()]);
    comm.agree(if comm.is_root() {
        let [nx, ny, _] = grid.points;
        let (nx, ny) = (nx as usize, ny as usize);
        // The boundary, on which u is 0, is not a part of the grid.
        let at = |column: usize, row: usize| [column as f64, row as f64, 0.0];
        let whole: Vec<(usize, usize)> =
            (0..ny + 2).flat_map(|row| (0..nx + 2).map(move |column| (column, row))).collect();
        let is_inner = |column: usize, row: usize| (1..=nx).contains(&column) && (1..=ny).contains(&row);
        let value = |&(column, row): &(usize, usize)| match is_inner(column, row) {
            true => u[(row - 1) * nx + column - 1],
            false => 0.0,
        };
        let picture = FieldPicture {
            title: title.into(),
            points: whole.iter().map(|&(column, row)| at(column, row)).collect(),
            triangles: squares(nx + 1, ny + 1),
            field: Field::Values(whole.iter().map(value).collect()),
            has_edges: false,
        };
        draw(files, picture, |picture| {
            // A square around each point.
            let corners = (0..=ny).flat_map(|row| (0..=nx).map(move |column| (column, row)));
            picture.points = corners.map(|(column, row)| [column as f64 + 0.5, row as f64 + 0.5, 0.0]).collect();
            picture.triangles = squares(nx, ny);
            let part_of = owners.iter().flat_map(|&owner| [owner as u32; 2]).collect();
            picture.field = Field::Parts { part_of, parts: comm.size() };
        })
    } else {
        Ok(())
    })
}

/// Two triangles for each square of so many columns and rows.
fn squares(columns: usize, rows: usize) -> Vec<[u32; 3]> {
    let corner = |column: usize, row: usize| (row * (columns + 1) + column) as u32;
    let two = |(column, row)| {
        let [a, b] = [corner(column, row), corner(column + 1, row)];
        let [c, d] = [corner(column, row + 1), corner(column + 1, row + 1)];
        [[a, b, d], [a, d, c]]
    };
    (0..rows).flat_map(|row| (0..columns).map(move |column| (column, row))).flat_map(two).collect()
}

/// Draws the picture, and once more as `partition` changes it.
fn draw(files: &Files, mut picture: FieldPicture, partition: impl FnOnce(&mut FieldPicture)) -> Result<()> {
    let solution = files.png.as_ref().map_or(Ok(()), |path| write_file(path, &picture.png()));
    let owners = files.png_partition.as_ref().map_or(Ok(()), |path| {
        partition(&mut picture);
        write_file(path, &picture.png())
    });
    solution.and(owners)
}
