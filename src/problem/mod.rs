//! What is to be solved: read from a file or generated, and held in even shares by the ranks.

mod arrivals;
mod binary;
pub(crate) mod checks;
mod fingerprint;
mod format;
mod hcg;
pub(crate) mod matrix_market;
pub mod mesh;
mod petsc;
mod poisson;
mod rows;
mod spectrum;
mod write;

pub(crate) use fingerprint::fingerprint;
pub use format::FileFormat;
pub use mesh::{Conditions, MeshFacts, MeshProblem};
pub use poisson::Stencil;
pub use rows::{EvenSplit, Rows};
pub use spectrum::Spectrum;

use crate::comm::Comm;
use crate::error::{Error, Result};
use bytemuck::{AnyBitPattern, NoUninit};
use std::path::{Path, PathBuf};

/// Where a problem comes from.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Source {
    /// A matrix in one of the formats, or a mesh without conditions.
    File(PathBuf),
    /// A mesh, and the problem on it.
    Mesh(PathBuf, Conditions),
    /// A Poisson problem, assembled row by row.
    Poisson(Stencil),
    /// The same, its matrix not assembled.
    PoissonMatrixFree(Stencil),
    /// The model problem, its diagonal matrix stored dense.
    ModelDense(Spectrum),
    /// The same matrix stored sparse: its diagonal only.
    ModelSparse(Spectrum),
}

/// A problem before partitioning. Rows are held in even shares ([`EvenSplit`]); what can be written
/// down from a formula is not held at all.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Problem {
    /// A sparse matrix: global number of rows, and this rank's even share of them.
    Matrix(u64, Rows),
    /// Finite elements on a mesh.
    Mesh(Box<MeshProblem>),
    /// A Poisson problem on a regular grid.
    Stencil(Stencil),
    /// The dense model problem.
    Dense(Spectrum),
}

impl Problem {
    /// Global number of rows.
    pub fn n(&self) -> u64 {
        match self {
            Problem::Matrix(n, _) => *n,
            Problem::Mesh(mesh) => mesh.n,
            Problem::Stencil(stencil) => stencil.n(),
            Problem::Dense(spectrum) => spectrum.n,
        }
    }

    /// What is worth knowing of the mesh, if it is one.
    pub fn mesh_facts(&self) -> Option<&MeshFacts> {
        match self {
            Problem::Mesh(mesh) => Some(&mesh.facts),
            _ => None,
        }
    }

    /// This rank's even share of the sparse rows, generated if need be. Not for the dense problem.
    ///
    /// # Panics
    /// On the dense problem.
    pub fn even_share(&self, comm: &Comm) -> std::borrow::Cow<'_, Rows> {
        let share = EvenSplit { n: self.n(), ranks: comm.size() }.share(comm.rank());
        match self {
            Problem::Matrix(_, rows) => std::borrow::Cow::Borrowed(rows),
            Problem::Mesh(mesh) => {
                let mut rows = mesh.rows.clone();
                rows.drop_zeros();
                std::borrow::Cow::Owned(rows)
            }
            Problem::Stencil(stencil) => std::borrow::Cow::Owned(stencil.rows(share)),
            Problem::Dense(_) => panic!("the dense model problem has no sparse rows"),
        }
    }

    /// The same rows for a partition to look at: on a mesh every node is coupled to its neighbours there, by a zero where
    /// one of them holds its value. Not for the dense problem.
    ///
    /// # Panics
    /// On the dense problem.
    pub fn graph_share(&self, comm: &Comm) -> std::borrow::Cow<'_, Rows> {
        match self {
            Problem::Mesh(mesh) => std::borrow::Cow::Borrowed(&mesh.rows),
            _ => self.even_share(comm),
        }
    }
}

/// How a matrix is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Takes the matrix as it is, without comparing its two triangles.
    pub assume_symmetric: bool,
    /// Takes a diagonal that no positive definite matrix has: to look at, not to solve with.
    pub any_diagonal: bool,
    /// How much text a rank reads at a time; no result depends on it.
    pub piece_bytes: usize,
}

impl Default for Reading {
    fn default() -> Reading {
        Reading { assume_symmetric: false, any_diagonal: false, piece_bytes: crate::text::PIECE_BYTES }
    }
}

/// A problem, and what was noticed while it was read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Loaded {
    /// The problem.
    pub problem: Problem,
    /// Entries of the file that were added to one before at the same place; of all ranks.
    pub duplicates: u64,
}

impl From<Problem> for Loaded {
    fn from(problem: Problem) -> Loaded {
        Loaded { problem, duplicates: 0 }
    }
}

/// Reads or generates the problem. Collective.
///
/// # Errors
/// Whatever is wrong with the file; the same error on every rank.
pub fn load(comm: &Comm, source: &Source) -> Result<Problem> {
    Ok(load_with(comm, source, &Reading::default())?.problem)
}

/// The same, told how to read. Collective.
///
/// # Errors
/// As for [`load`].
pub fn load_with(comm: &Comm, source: &Source, reading: &Reading) -> Result<Loaded> {
    Ok(match source {
        Source::File(path) => {
            let head = format::head(comm, path)?;
            if mesh::is_head(&head) {
                Problem::Mesh(Box::new(mesh::read(comm, path, &Conditions::default())?)).into()
            } else if path.extension().is_some_and(|ending| ending == "geo") {
                let file = path.display();
                return Err(Error::input(format!(
                    "{file}: a geometry; `gmsh -2 {file}` (or -3) makes a mesh of it, in a .msh file"
                )));
            } else {
                read_matrix(comm, path, FileFormat::of_head(&head), reading)?
            }
        }
        Source::Mesh(path, conditions) => {
            check(comm, source)?;
            Problem::Mesh(Box::new(mesh::read(comm, path, conditions)?)).into()
        }
        Source::Poisson(stencil) | Source::PoissonMatrixFree(stencil) => Problem::Stencil(*stencil).into(),
        Source::ModelDense(spectrum) => Problem::Dense(*spectrum).into(),
        Source::ModelSparse(spectrum) => {
            let mut rows = Rows::new();
            for row in (EvenSplit { n: spectrum.n, ranks: comm.size() }).share(comm.rank()) {
                rows.push(row, [(row, spectrum.eigenvalue(row))]);
            }
            Problem::Matrix(spectrum.n, rows).into()
        }
    })
}

/// Refuses, by its first bytes, a file that is not there or is not of the kind that it must be. Collective.
///
/// # Errors
/// The same on every rank.
pub(crate) fn check(comm: &Comm, source: &Source) -> Result<()> {
    match source {
        Source::File(path) => format::head(comm, path).map(|_| ()),
        Source::Mesh(path, _) if !mesh::is_head(&format::head(comm, path)?) => Err(Error::usage(format!(
            "{}: --dirichlet, --neumann, --source and --conductivity need a mesh of Gmsh, and this file is none",
            path.display()
        ))),
        _ => Ok(()),
    }
}

/// Reads a symmetric matrix, in any of the formats. Collective.
fn read_matrix(comm: &Comm, path: &Path, format: FileFormat, reading: &Reading) -> Result<Loaded> {
    match format {
        FileFormat::MatrixMarket => matrix_market::read_matrix(comm, path, reading),
        FileFormat::Hcg => checked(comm, path, hcg::read_matrix(comm, path)?, reading, "write both"),
        FileFormat::Petsc | FileFormat::Petsc64 => {
            checked(comm, path, petsc::read_matrix(comm, path)?, reading, "write both, with PETSc as a MATAIJ")
        }
    }
}

/// The rows of a binary file, if they are those of a symmetric matrix; the remedy is for those of one triangle. Collective.
fn checked(comm: &Comm, path: &Path, (n, rows): (u64, Rows), reading: &Reading, remedy: &str) -> Result<Loaded> {
    match symmetric(comm, n, rows, reading, &format!("the file holds only one triangle; {remedy}")) {
        Ok(rows) => Ok(Problem::Matrix(n, rows).into()),
        Err(what) => Err(Error::not_spd(format!("{}: {what}", path.display()))),
    }
}

/// A problem of which this rank holds `rows`, its even share ([`EvenSplit`]) of a matrix of `n` rows: both triangles, as
/// one would find in a file, and looked at alike. Collective.
///
/// # Errors
/// Columns outside the matrix or not increasing, values that are not finite, a matrix that is not symmetric (unless
/// `assume_symmetric`) or has a bad diagonal; the same on every rank.
pub fn of_rows(comm: &Comm, n: u64, rows: Rows, assume_symmetric: bool) -> Result<Problem> {
    comm.agree(rows.fault(n).map_or(Ok(()), |what| Err(Error::input(what))))?;
    let reading = Reading { assume_symmetric, ..Reading::default() };
    symmetric(comm, n, rows, &reading, "one triangle is missing; both are needed")
        .map(|rows| Problem::Matrix(n, rows))
        .map_err(Error::not_spd)
}

/// The rows, if they are those of a symmetric matrix with a positive diagonal, as far as that is asked; else what is
/// wrong, for which `one_triangle` is what to say where one is missing. Collective; the same on every rank.
fn symmetric(
    comm: &Comm,
    n: u64,
    mut rows: Rows,
    reading: &Reading,
    one_triangle: &str,
) -> std::result::Result<Rows, String> {
    let looks = checks::Looks::at(&rows);
    if !looks.is_exactly_symmetric(comm) {
        if !reading.assume_symmetric
            && let Some(found) = checks::asymmetry(comm, n, &rows)
        {
            return Err(found.words(one_triangle));
        }
        // One of them may have no partner; partitions ask for a symmetric pattern.
        rows.drop_zeros();
    }
    if reading.any_diagonal { Ok(rows) } else { looks.bad_diagonal(comm).map_or(Ok(rows), Err) }
}

/// This rank's even share of a vector of `n` values, read from a file in any of the formats. Collective.
///
/// # Errors
/// Whatever is wrong with the file, or another length; the same error on every rank.
pub fn read_vector(comm: &Comm, path: &Path, n: u64) -> Result<Vec<f64>> {
    let head = format::head(comm, path)?;
    if mesh::is_head(&head) {
        return Err(Error::input(format!("{}: the file holds a mesh, where a vector is needed", path.display())));
    }
    match FileFormat::of_head(&head) {
        FileFormat::MatrixMarket => matrix_market::read_vector(comm, path, n, &Reading::default()),
        FileFormat::Hcg => hcg::read_vector(comm, path, n),
        FileFormat::Petsc | FileFormat::Petsc64 => petsc::read_vector(comm, path, n),
    }
}

/// None if a file holds a matrix or a mesh; the length of the vector that it holds. Collective.
///
/// # Errors
/// When that cannot be told; the same on every rank.
pub fn vector_length(comm: &Comm, path: &Path) -> Result<Option<u64>> {
    let head = format::head(comm, path)?;
    if mesh::is_head(&head) {
        return Ok(None);
    }
    match FileFormat::of_head(&head) {
        FileFormat::MatrixMarket => matrix_market::vector_length(comm, path),
        FileFormat::Hcg => hcg::vector_length(comm, path),
        FileFormat::Petsc | FileFormat::Petsc64 => petsc::vector_length(comm, path),
    }
}

/// Writes a matrix from even shares. Collective.
///
/// # Errors
/// When a rank cannot write, or the matrix is too large for the format; the same on every rank.
///
/// # Panics
/// On the dense problem.
pub fn write_matrix(comm: &Comm, problem: &Problem, path: &Path, format: FileFormat) -> Result<()> {
    let rows = problem.even_share(comm);
    match format {
        FileFormat::MatrixMarket => write::write_matrix(comm, problem, path),
        FileFormat::Hcg => hcg::write_matrix(comm, problem.n(), &rows, path),
        FileFormat::Petsc => petsc::write_matrix(comm, problem.n(), &rows, path, petsc::Width::Four),
        FileFormat::Petsc64 => petsc::write_matrix(comm, problem.n(), &rows, path, petsc::Width::Eight),
    }
}

/// Writes a vector that is held in even shares. Collective.
///
/// # Errors
/// When a rank cannot write; the same on every rank.
pub fn write_vector(comm: &Comm, share: &[f64], path: &Path, format: FileFormat) -> Result<()> {
    match format {
        FileFormat::MatrixMarket => matrix_market::write_vector(comm, share, path),
        FileFormat::Hcg => hcg::write_vector(comm, share, path),
        FileFormat::Petsc => petsc::write_vector(comm, share, path, petsc::Width::Four),
        FileFormat::Petsc64 => petsc::write_vector(comm, share, path, petsc::Width::Eight),
    }
}

/// Deals a list that rank 0 holds (the others pass None) into even shares. Collective.
pub(crate) fn deal<T: NoUninit + AnyBitPattern>(comm: &Comm, n: u64, whole: Option<&[T]>) -> Vec<T> {
    let split = EvenSplit { n, ranks: comm.size() };
    let share = |whole: &[T], rank| whole[split.share(rank).start as usize..split.share(rank).end as usize].to_vec();
    let shares = whole.map(|whole| (0..split.ranks).map(|rank| (rank, share(whole, rank))).collect());
    comm.sparse_exchange(shares.unwrap_or_default()).pop().expect("rank 0 sends to every rank").1
}

/// Items of a list of `n` that is held in even shares; `wanted` are their numbers, increasing. Collective; costs a rank
/// messages only with the holders of what it wants.
pub(crate) fn fetch<T: NoUninit + AnyBitPattern>(comm: &Comm, n: u64, share: &[T], wanted: &[u64]) -> Vec<T> {
    let split = EvenSplit { n, ranks: comm.size() };
    let first = split.share(comm.rank()).start;
    let questions = wanted.chunk_by(|a, b| split.holder(*a) == split.holder(*b));
    let questions = questions.map(|numbers| (split.holder(numbers[0]), numbers.to_vec())).collect();
    let reply = |numbers: Vec<u64>| numbers.into_iter().map(|number| share[(number - first) as usize]).collect();
    let replies = comm.sparse_exchange(questions).into_iter().map(|(from, numbers)| (from, reply(numbers))).collect();
    comm.sparse_exchange(replies).into_iter().flat_map(|(_, items)| items).collect()
}
