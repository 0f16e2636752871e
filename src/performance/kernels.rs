//! What is timed to know a machine, beside sums: loops over memory, exchanges, products, iterations.

use crate::comm::{Comm, Op, Part};
use crate::krylov::{self, Settings, Update};
use crate::operator::{DistMatrix, Format, MatrixOptions, Operator, Schedule};
use crate::partition::Owners;
use crate::preconditioner;
use crate::problem::{EvenSplit, Stencil};
use crate::simd::vectorized;
use crate::vector::{Lanes, blocks, dot, for_strips};
use std::hint::black_box;

/// A loop over memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// A sum over one array.
    Read,
    /// a ← b + q c; the model counts the write once, though it costs a read besides.
    Triad,
    /// a ← a + q b: a write to a line just read costs little.
    Update,
    /// a ← q a.
    Scale,
}

impl Stream {
    /// Arrays it goes through.
    pub fn arrays(self) -> usize {
        match self {
            Stream::Read | Stream::Scale => 1,
            Stream::Update => 2,
            Stream::Triad => 3,
        }
    }

    /// Words moved per entry, each array read and written once.
    pub fn words(self) -> usize {
        match self {
            Stream::Read => 1,
            Stream::Scale => 2,
            Stream::Update | Stream::Triad => 3,
        }
    }
}

/// Arrays for [`Streams::pass`].
pub struct Streams([Vec<f64>; 3]);

impl Streams {
    /// Of `len` numbers each.
    pub fn new(len: usize) -> Streams {
        Streams([0.0, 1.0, 2.0].map(|value| vec![value; len]))
    }

    /// One pass of `stream` over the first `len` numbers of its arrays.
    pub fn pass(&mut self, stream: Stream, len: usize) {
        let Streams([a, b, c]) = self;
        let (a, b, c) = (&mut a[..len], &b[..len], &c[..len]);
        let q = black_box(0.999);
        match stream {
            Stream::Read => {
                black_box(dot(b, b));
            }
            Stream::Triad => vectorized!(simd => for_strips!(i in len, {
                let [b, c] = Lanes::load_each(simd, [b, c], i);
                (b + q * c).store(a, i);
            })),
            Stream::Update => vectorized!(simd => for_strips!(i in len, {
                (Lanes::load(simd, a, i) + q * Lanes::load(simd, b, i)).store(a, i);
            })),
            Stream::Scale => vectorized!(simd => for_strips!(i in len, {
                (q * Lanes::load(simd, a, i)).store(a, i);
            })),
        }
        black_box(a);
    }
}

/// Vectors for [`Updates::pass`].
pub struct Updates {
    comm: Comm,
    x: Vec<f64>,
    p: Vec<f64>,
    rs_tilde: Vec<[f64; 2]>,
    wu: Vec<[f64; 2]>,
    m: Option<Vec<f64>>,
}

impl Updates {
    /// Of `len` rows, with a diagonal preconditioner or none.
    pub fn new(comm: &Comm, len: usize, has_diagonal: bool) -> Updates {
        let pairs = || vec![[1.0, 0.5]; len];
        let (x, p, m) = (vec![0.0; len], vec![1.0; len], has_diagonal.then(|| vec![2.0; len]));
        Updates { comm: comm.clone(), x, p, rs_tilde: pairs(), wu: pairs(), m }
    }

    /// Words moved per row: x, p, r, s read and written, w, u read, and the diagonal.
    pub fn words(&self) -> usize {
        10 + usize::from(self.m.is_some())
    }

    /// Every update and inner product of an iteration of PIPE-PR-CG, without its products of the matrix.
    pub fn pass(&mut self) {
        /// Rows at once, as in a solve.
        const ROWS: usize = 2048;
        let Updates { comm, x, p, rs_tilde, wu, m } = self;
        let (len, dots) = (x.len(), comm.dots());
        let mut update = Update { alpha: black_box(1e-3), beta: black_box(0.5), x, p, m: m.as_deref(), dots };
        for rows in blocks(len, ROWS) {
            update.rows(rows.clone(), &mut rs_tilde[rows.clone()], &wu[rows]);
        }
        black_box(update.dots.partials());
    }
}

/// An exchange of `words` numbers with each of `neighbours` ranks, those next to this one. Collective.
///
/// # Panics
/// If there are not so many other ranks.
pub fn ring(comm: &Comm, neighbours: usize, words: usize) -> Box<dyn crate::comm::Channel> {
    let size = comm.size();
    assert!(neighbours < size, "a rank has {} others", size - 1);
    // +1, −1, +2, −2, ...: what goes to distance d comes from distance −d.
    let distance = |k: usize| if k.is_multiple_of(2) { k / 2 + 1 } else { size - (k / 2 + 1) };
    let parts = |away: &dyn Fn(usize) -> usize| {
        let mut parts: Vec<Part> =
            (0..neighbours).map(|k| Part { rank: (comm.rank() + away(k)) % size, words }).collect();
        parts.sort_by_key(|part| part.rank);
        parts
    };
    comm.channel(&parts(&distance), &parts(&|k| size - distance(k)))
}

/// A grid's matrix that this rank has for itself, with no neighbours.
pub fn own_grid(grid: &Stencil, format: &'static Format) -> DistMatrix {
    let comm = Comm::alone();
    let options = MatrixOptions { format: Some(format), schedule: Schedule::Overlap, ..MatrixOptions::default() };
    let owners = Owners::Listed(EvenSplit { n: grid.n(), ranks: 1 }, vec![0; grid.n() as usize]);
    DistMatrix::with_options(&comm, grid.n(), grid.rows(0..grid.n()), &owners, &options)
        .expect("any format holds a grid")
}

/// Seconds per iteration of `kind`, for at least `iterations` of them: an experiment on the times, not a solve. Collective.
pub fn iteration(
    a: &mut dyn Operator,
    m: &mut dyn preconditioner::Preconditioner,
    kind: &krylov::Kind,
    iterations: u64,
) -> f64 {
    /// The first ones are left out.
    const WARM_UP: usize = 4;
    let comm = a.layout().comm().clone();
    let b: Vec<f64> = a.layout().rows().iter().map(|&row| ((row * 37) % 101) as f64).collect();
    let outcome = krylov::solve(a, m, &b, None, kind, &Settings::exactly(iterations + WARM_UP as u64), |_| ());
    let last = outcome.history.last().expect("a history");
    let first = &outcome.history[WARM_UP.min(outcome.history.len() - 1)];
    let steps = (last.iteration - first.iteration).max(1);
    let mut seconds = [(last.seconds - first.seconds) / steps as f64];
    comm.reduce_f64(Op::Max, &mut seconds);
    seconds[0]
}
