//! Conjugate gradient methods: the table of them, and the driver that runs one.
//!
//! A method is one file and one row of [`TABLE`].

mod cg_cg;
mod cost;
mod course;
mod driver;
mod gv_cg;
mod gv_cg_rr;
mod health;
mod hs_cg;
mod m_cg;
mod method;
mod pipe_p_cg;
mod pipe_pr_cg;
mod pipe_pr_m_cg;
mod pr_cg;
mod reason;
mod repair;
mod saved;
mod scalars;
mod scaled;
mod strike;
mod trust;
mod truth;
mod watch;

pub use cost::{Cost, Preconditioning};
pub use driver::{ErrorA, Outcome, Record, Settings, Snapshot, StopOn, solve};
use method::Method;
pub(crate) use pipe_pr_cg::Update;
pub use reason::Reason;
pub use saved::Saved;
pub use scalars::{ErrorBounds, Spectrum};
pub(crate) use scaled::STEP as UNITS_STEP;
pub use scaled::solve_watched;
pub use trust::{Replacement, TRUE_RESIDUAL_FACTOR};
pub use truth::{norm, residual};
pub use watch::{Begin, Turn, Watch};

use crate::operator::Operator;
use crate::preconditioner::Preconditioner;

/// A row of the table of methods.
#[derive(Debug)]
pub struct Kind {
    /// What it is called on the command line and in reports.
    pub name: &'static str,
    /// Other names, PETSc's among them.
    pub aliases: &'static [&'static str],
    /// The name in the paper's tables.
    pub paper_name: &'static str,
    /// One line for the help text.
    pub about: &'static str,
    /// True if an iteration can be a single pass over memory, with a diagonal preconditioner: see
    /// [`OneSweep`](crate::operator::OneSweep).
    pub sweeps: bool,
    /// True if it may be chosen for the user: it takes about the iterations of classic CG and attains about its
    /// accuracy (see docs/accuracy.md), and no other such method does the same for less.
    pub is_candidate: bool,
    /// What an iteration takes.
    pub cost: Cost,
    start: Start,
}

/// Makes a method from the initial guess and its residual. Collective.
type Start = fn(&mut dyn Operator, &mut dyn Preconditioner, x: Vec<f64>, r: Vec<f64>) -> Box<dyn Method>;

/// Every method there is.
pub const TABLE: &[Kind] = &[
    Kind {
        name: "pipe-pr-cg",
        aliases: &["pipeprcg"],
        paper_name: "PIPE-PR-CG",
        about: "pipelined predict-and-recompute CG: one sum, hidden behind two products in one pass",
        sweeps: true,
        is_candidate: true,
        cost: Cost {
            sums: 1,
            sum_words: [4, 5, 5],
            hides: true,
            products: 2,
            vector_words: [10, 11, 16],
            kept: [6, 6, 10],
        },
        start: pipe_pr_cg::PipePrCg::start,
    },
    Kind {
        name: "pipe-pr-m-cg",
        aliases: &[],
        paper_name: "PIPE-PR-M-CG",
        about: "the same with Meurant's prediction: one word less, a little less stable",
        sweeps: true,
        is_candidate: false,
        cost: Cost {
            sums: 1,
            sum_words: [3, 4, 4],
            hides: true,
            products: 2,
            vector_words: [10, 11, 16],
            kept: [6, 6, 10],
        },
        start: pipe_pr_m_cg::start,
    },
    Kind {
        name: "pipe-p-cg",
        aliases: &[],
        paper_name: "PIPE-P-CG",
        about: "pipelined, predicting without recomputing: one product, loses accuracy",
        sweeps: false,
        is_candidate: false,
        cost: Cost {
            sums: 1,
            sum_words: [4, 5, 5],
            hides: true,
            products: 1,
            vector_words: [11, 21, 18],
            kept: [6, 10, 10],
        },
        start: pipe_p_cg::PipePCg::start,
    },
    Kind {
        name: "gv-cg",
        aliases: &["pipecg"],
        paper_name: "GV-CG",
        about: "pipelined CG (Ghysels-Vanroose): one sum hidden behind one product, loses accuracy",
        sweeps: false,
        is_candidate: false,
        cost: Cost {
            sums: 1,
            sum_words: [2, 3, 3],
            hides: true,
            products: 1,
            vector_words: [13, 21, 18],
            kept: [7, 10, 10],
        },
        start: gv_cg::GvCg::start,
    },
    Kind {
        name: "gv-cg-rr",
        aliases: &["pipecgrr"],
        paper_name: "GV-CG-RR",
        about: "the same, replacing its residual when its own error estimate says so",
        sweeps: false,
        is_candidate: false,
        cost: Cost {
            sums: 1,
            sum_words: [7, 11, 11],
            hides: true,
            products: 1,
            vector_words: [18, 29, 26],
            kept: [7, 10, 10],
        },
        start: gv_cg_rr::GvCgRr::start,
    },
    Kind {
        name: "pr-cg",
        aliases: &[],
        paper_name: "PR-CG",
        about: "predict-and-recompute CG: one sum, waited for",
        sweeps: false,
        is_candidate: true,
        cost: Cost {
            sums: 1,
            sum_words: [4, 5, 5],
            hides: false,
            products: 1,
            vector_words: [8, 18, 15],
            kept: [4, 6, 6],
        },
        start: pr_cg::PrCg::start,
    },
    Kind {
        name: "m-cg",
        aliases: &[],
        paper_name: "M-CG",
        about: "Meurant's CG: one sum, waited for",
        sweeps: false,
        is_candidate: false,
        cost: Cost {
            sums: 1,
            sum_words: [3, 4, 4],
            hides: false,
            products: 1,
            vector_words: [8, 18, 15],
            kept: [4, 6, 6],
        },
        start: m_cg::start,
    },
    Kind {
        name: "cg-cg",
        aliases: &["cg-single-reduction"],
        paper_name: "CG-CG",
        about: "Chronopoulos-Gear CG: one sum, waited for",
        sweeps: false,
        is_candidate: false,
        cost: Cost {
            sums: 1,
            sum_words: [2, 3, 3],
            hides: false,
            products: 1,
            vector_words: [9, 14, 11],
            kept: [5, 6, 6],
        },
        start: cg_cg::CgCg::start,
    },
    Kind {
        name: "hs-cg",
        aliases: &["cg"],
        paper_name: "HS-CG",
        about: "classic CG (Hestenes-Stiefel): two sums, both waited for",
        sweeps: false,
        is_candidate: true,
        cost: Cost {
            sums: 2,
            sum_words: [2, 3, 3],
            hides: false,
            products: 1,
            vector_words: [9, 11, 11],
            kept: [4, 4, 5],
        },
        start: hs_cg::HsCg::start,
    },
];

impl Kind {
    /// The row called `name`, or one of whose aliases is `name`.
    pub fn named(name: &str) -> Option<&'static Kind> {
        TABLE.iter().find(|kind| kind.name == name || kind.aliases.contains(&name))
    }
}
