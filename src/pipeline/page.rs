//! A run as a page in a folder: `--report`.

use super::{info, partition};
use crate::comm::Comm;
use crate::error::{Error, Result};
use crate::files::write_file;
use crate::krylov::Outcome;
use crate::partition::Message;
use crate::problem::Problem;
use crate::report::{self, Pictures, Run};
use std::path::Path;

/// What the page shows of the matrix and of its distribution; on the root. Collective.
pub(super) fn pictures(comm: &Comm, problem: &Problem, messages: &[Message], name: &str) -> Pictures {
    let is_sparse = !matches!(problem, Problem::Dense(_));
    Pictures {
        spy: is_sparse.then(|| info::spy(comm, problem, name.into())),
        comm_matrix: (is_sparse && comm.size() > 1).then(|| partition::picture(comm, messages, comm.size(), name)),
        ..Pictures::default()
    }
}

/// Makes the folder if there is none, and in it `report.html` and `run.json`.
///
/// # Errors
/// When something cannot be written.
pub(super) fn write(folder: &Path, run: &Run, outcome: &Outcome, pictures: &Pictures) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| Error::io("make the folder", folder, &error))?;
    write_file(&folder.join("run.json"), report::to_json(run).as_bytes())?;
    write_file(&folder.join("report.html"), report::page(run, outcome, pictures).as_bytes())
}
