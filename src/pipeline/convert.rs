//! A matrix or a vector from one file format to another.

use super::describe;
use super::outputs::{check_files, of_source};
use crate::comm::{Comm, Op};
use crate::error::{ExitCode, Result};
use crate::problem::{self, FileFormat, Source};
use std::io::Write as _;
use std::path::PathBuf;

/// What to convert to what.
#[derive(Clone, Debug)]
pub struct Conversion {
    /// A file of any format, recognised by its content; of a mesh, with conditions or without, the matrix is meant.
    pub input: Source,
    /// The file to write.
    pub output: PathBuf,
    /// Its format.
    pub format: FileFormat,
}

/// Reads the one file and writes the other, every rank its even share, and prints a line about it. Collective.
///
/// # Errors
/// Whatever is wrong with the input; an output that cannot be written. The same on every rank.
pub fn convert(comm: &Comm, conversion: &Conversion) -> Result<ExitCode> {
    let Conversion { input, output, format } = conversion;
    let (_, read) = of_source(input);
    check_files(comm, &[("the input", read)], &[("the output", Some(output))])?;
    let start = comm.clock_seconds();
    let vector = match input {
        Source::File(path) => problem::vector_length(comm, path)?.map(|n| (path, n)),
        _ => None,
    };
    let what = match vector {
        Some((path, n)) => {
            let share = problem::read_vector(comm, path, n)?;
            problem::write_vector(comm, &share, output, *format)?;
            format!("vector of {n} values")
        }
        None => {
            let matrix = problem::load(comm, input)?;
            let entries = comm.reduced(Op::Sum, matrix.even_share(comm).columns.len() as u64);
            problem::write_matrix(comm, &matrix, output, *format)?;
            format!("matrix of {} rows and {entries} entries", matrix.n())
        }
    };
    let seconds = comm.clock_seconds() - start;
    if comm.is_root() {
        // Written to a pipe, it has no size.
        let size = std::fs::metadata(output).ok().filter(|there| there.is_file());
        let size = size.map_or(String::new(), |there| format!(", {} bytes", there.len()));
        let _ = writeln!(
            std::io::stderr(),
            "{}: {what} as {}{size}; from {}, {} rank{}, {seconds:.3} s",
            output.display(),
            format.name(),
            describe(input),
            comm.size(),
            if comm.size() == 1 { "" } else { "s" }
        );
    }
    Ok(ExitCode::Converged)
}
