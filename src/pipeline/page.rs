//! A run as a page in a folder: `--report`.

use super::{info, partition};
use crate::comm::Comm;
use crate::partition::Message;
use crate::problem::Problem;
use crate::report::Pictures;

/// What the folder gets: the page, and the same for programs.
pub(super) const FILES: [&str; 2] = ["report.html", "run.json"];

/// What the page shows of the matrix and of its distribution; on the root. Collective.
pub(super) fn pictures(comm: &Comm, problem: &Problem, messages: &[Message], name: &str) -> Pictures {
    let is_sparse = !matches!(problem, Problem::Dense(_));
    Pictures {
        spy: is_sparse.then(|| info::spy(comm, problem, name.into())),
        comm_matrix: (is_sparse && comm.size() > 1).then(|| partition::picture(comm, messages, comm.size(), name)),
        ..Pictures::default()
    }
}
