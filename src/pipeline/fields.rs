//! The solution where its rows lie: files for ParaView, and pictures.

use super::Files;
use crate::distributed::Layout;
use crate::error::{Error, Result};
use crate::problem::{MeshProblem, Problem, Source, Stencil, fetch};
use crate::report::{Field, FieldPicture, MeshFields, Pictures, Surface, grouped};
use std::path::Path;

/// Rows of the largest problem that a page shows a picture of: it is drawn on one rank, and nobody asked for it.
const MOST_ON_PAGE: u64 = 1_000_000;

impl Files {
    /// Whether one of them wants to know where rows lie.
    pub(super) fn draws(&self) -> bool {
        self.png.is_some() || self.png_partition.is_some() || self.vtu.is_some() || self.report.is_some()
    }
}

/// Whether there is a picture of it.
fn is_drawn(problem: &Problem) -> bool {
    matches!(problem, Problem::Mesh(_)) || matches!(problem, Problem::Stencil(grid) if grid.dim == 2)
}

/// Refuses files that the problem has nothing for, before it is solved.
pub(super) fn check(files: &Files, source: &Source, problem: &Problem) -> Result<()> {
    let name = || super::describe(source);
    if files.comm_matrix.is_some() && matches!(problem, Problem::Dense(_)) {
        return Err(Error::usage(format!(
            "{}: --comm-matrix needs a sparse matrix: no rank has neighbours here",
            name()
        )));
    }
    let refused = |option: &str, needs: &str| {
        let name = name();
        Err(Error::usage(format!("{name}: {option} needs {needs}; the solution itself is written by --output FILE")))
    };
    if files.vtu.is_some() && !matches!(problem, Problem::Mesh(_)) {
        return refused("--vtu", "a mesh");
    }
    for (option, file) in [("--png", &files.png), ("--png-partition", &files.png_partition)] {
        if file.is_some() && !is_drawn(problem) {
            return refused(option, "a mesh, or a grid in two dimensions");
        }
    }
    Ok(())
}

/// Pictures as PNG files, as far as they are wanted; on rank 0.
#[derive(Default)]
pub(super) struct Drawn {
    pub(super) solution: Option<Vec<u8>>,
    pub(super) owners: Option<Vec<u8>>,
    /// Whether the page has them too.
    is_on_page: bool,
    /// Why it has not.
    reason: Option<String>,
}

impl Drawn {
    /// Adds solution and owners to what the page has, or why there are none.
    pub(super) fn add_to(self, pictures: &mut Pictures) {
        if self.is_on_page {
            (pictures.solution, pictures.owners) = (self.solution, self.owners);
        }
        pictures.no_solution = self.reason;
    }
}

/// Draws what files and page ask for, on rank 0, which gathers what is seen; `places` is the problem if anything is asked
/// for. Collective.
pub(super) fn draw(files: &Files, title: &str, places: Option<&Problem>, layout: &Layout, x: &[f64]) -> Drawn {
    let Some(problem) = places.filter(|problem| is_drawn(problem)) else { return Drawn::default() };
    let is_on_page = files.report.is_some() && problem.n() <= MOST_ON_PAGE;
    let has_solution = files.png.is_some() || is_on_page;
    let has_owners = files.png_partition.is_some() || is_on_page && layout.comm().size() > 1;
    let reason = (!is_on_page)
        .then(|| format!("{} points are too many to be drawn on this page; --png draws them.", grouped(problem.n())));
    if !has_solution && !has_owners {
        return Drawn { reason, ..Drawn::default() };
    }
    let views = match problem {
        Problem::Mesh(mesh) => view_mesh(title, mesh, layout, x),
        Problem::Stencil(grid) => view_grid(title, grid, layout, x),
        _ => None,
    };
    let Some((mut picture, show_owners)) = views else { return Drawn::default() };
    let solution = has_solution.then(|| picture.png());
    let owners = has_owners.then(|| {
        show_owners(&mut picture);
        picture.png()
    });
    Drawn { solution, owners, is_on_page, reason }
}

/// Writes the fields on a mesh. Collective.
///
/// # Errors
/// When the file cannot be written; the same on every rank.
pub(super) fn write_vtu(
    path: &Path,
    places: Option<&Problem>,
    layout: &Layout,
    x: &[f64],
    residual: &[f64],
) -> Result<()> {
    let Some(Problem::Mesh(mesh)) = places else { return Ok(()) };
    let owners = cell_owners(mesh, layout);
    let (u, residual) = (layout.to_even(x), layout.to_even(residual));
    let of_nodes: &[(&str, &[f64])] = &[("u", &u), ("residual", &residual)];
    MeshFields { mesh, of_nodes, of_cells: &[("rank", &owners)] }.write_vtu(layout.comm(), path)
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

/// The solution as seen, and what makes of it the owners as seen.
type Views = (FieldPicture, Box<dyn FnOnce(&mut FieldPicture)>);

/// On the root. Collective.
fn view_mesh(title: &str, mesh: &MeshProblem, layout: &Layout, x: &[f64]) -> Option<Views> {
    let comm = layout.comm();
    let points = comm.gather(0, &mesh.points).concat();
    let cells = comm.gather(0, &mesh.cells).concat();
    let part_of_cell = comm.gather(0, &cell_owners(mesh, layout)).concat();
    let u = layout.to_root(x);
    let parts = comm.size();
    comm.is_root().then(|| {
        let surface = match mesh.dim {
            2 => Surface::flat(points, &cells, u),
            _ => Surface::around(points, &cells, u),
        };
        let triangles = surface.triangles.clone();
        let part_of = surface.cell_of.iter().map(|&cell| part_of_cell[cell as usize]).collect();
        let seen = if mesh.dim == 2 { surface } else { surface.opened(&cells) };
        let solution = FieldPicture {
            title: format!("{title}, {} {}", grouped(mesh.facts.cells), mesh.facts.cell_kind),
            points: seen.points,
            triangles: seen.triangles,
            field: Field::Values(seen.values),
            has_edges: false,
            cut: seen.cut,
        };
        let show_owners = Box::new(move |picture: &mut FieldPicture| {
            (picture.triangles, picture.cut) = (triangles, None);
            picture.has_edges = true;
            picture.field = Field::Parts { part_of, parts };
        });
        (solution, show_owners as Box<dyn FnOnce(&mut FieldPicture)>)
    })
}

/// On the root. Collective.
fn view_grid(title: &str, grid: &Stencil, layout: &Layout, x: &[f64]) -> Option<Views> {
    let comm = layout.comm();
    let u = layout.to_root(x);
    let owners = layout.to_root(&vec![comm.rank() as f64; layout.len()]);
    let parts = comm.size();
    comm.is_root().then(|| {
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
        let solution = FieldPicture {
            title: title.into(),
            points: whole.iter().map(|&(column, row)| at(column, row)).collect(),
            triangles: squares(nx + 1, ny + 1),
            field: Field::Values(whole.iter().map(value).collect()),
            has_edges: false,
            cut: None,
        };
        let show_owners = Box::new(move |picture: &mut FieldPicture| {
            // A square around each point.
            let corners = (0..=ny).flat_map(|row| (0..=nx).map(move |column| (column, row)));
            picture.points = corners.map(|(column, row)| [column as f64 + 0.5, row as f64 + 0.5, 0.0]).collect();
            picture.triangles = squares(nx, ny);
            let part_of = owners.iter().flat_map(|&owner| [owner as u32; 2]).collect();
            picture.field = Field::Parts { part_of, parts };
        });
        (solution, show_owners as Box<dyn FnOnce(&mut FieldPicture)>)
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
