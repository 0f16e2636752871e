//! Solves in which one bit of one vector flips, and what becomes of them.

use halocg::comm::Comm;
use halocg::distributed::{Layout, LocalRows, rows_to_owners};
use halocg::faults::{Flip, Moment};
use halocg::krylov::{self, Outcome, Settings};
use halocg::operator::{DistMatrix, EachBlock, MatrixOptions, OneSweep, Operator, Schedule};
use halocg::partition::{self, Partition};
use halocg::preconditioner::{self, Preconditioner};
use halocg::problem::{self, Source};
use halocg::vector::Partial;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::ops::Range;

/// A solve with more iterations than this multiple of those of a sound one, and two, is late.
pub const ON_TIME: f64 = 1.1;
/// Relative tolerance of the solves, and what their true residual may be.
pub const TOLERANCE: f64 = 1e-8;
const TRUE_TOLERANCE: f64 = TOLERANCE * krylov::TRUE_RESIDUAL_FACTOR * 1.000001;

/// Kinds of bits: name, and which they are.
pub const KINDS: [(&str, Range<u32>); 5] = [
    ("sign", 63..64),
    ("exponent, high", 58..63),
    ("exponent, low", 52..58),
    ("mantissa, high", 26..52),
    ("mantissa, low", 0..26),
];

/// A method that is struck, and the vectors that it has.
#[derive(Debug)]
pub struct Target {
    pub method: &'static str,
    pub schedule: Schedule,
    /// Carried from one iterate to the next.
    pub carried: &'static [&'static str],
    /// Products, used up within the iteration.
    pub products: &'static [&'static str],
}

const PIPELINED: Target =
    Target { method: "pipe-pr-cg", schedule: Schedule::Overlap, carried: &["r", "s", "p", "x"], products: &["w", "u"] };

pub static TARGETS: [Target; 4] = [
    PIPELINED,
    Target { schedule: Schedule::OneSweep, ..PIPELINED },
    Target { method: "pr-cg", carried: &["r", "p", "x"], products: &["s"], ..PIPELINED },
    Target { method: "hs-cg", carried: &["r", "p", "x"], products: &["s"], ..PIPELINED },
];

impl Target {
    pub fn vectors(&self) -> impl Iterator<Item = &'static str> {
        self.carried.iter().chain(self.products).copied()
    }
}

/// What is solved.
#[derive(Clone)]
pub struct Case {
    pub name: String,
    pub source: Source,
    pub pc: &'static str,
}

/// A case on this rank, ready to be solved by a target.
pub struct Ready {
    a: DistMatrix,
    m: Box<dyn Preconditioner>,
    b: Vec<f64>,
    method: &'static krylov::Kind,
    /// Iterations without a flip.
    pub iterations: u64,
}

/// One flip: where and when, the row counted over all ranks.
#[derive(Clone, Copy, Debug)]
pub struct Strike {
    pub vector: &'static str,
    /// The vector is a product, used up within the iteration.
    pub is_product: bool,
    pub kind: usize,
    pub bit: u32,
    pub iteration: u64,
    pub moment: Moment,
    pub rank: usize,
    /// As a share of the rank's rows.
    pub row: f64,
}

/// How a corrupted vector came to light.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// By the scalars, within the solve.
    ByScalars,
    /// When the tolerance seemed to be met, by the true residual.
    AtTheEnd,
    Not,
}

/// What became of a solve.
#[derive(Clone, Copy, Debug)]
pub struct Fate {
    pub found: Found,
    pub converged: bool,
    /// It said that it had converged, and had not.
    pub wrong: bool,
    pub on_time: bool,
}

impl Case {
    /// Solves once without a flip. Collective.
    pub fn ready(&self, comm: &Comm, target: &Target) -> Ready {
        let problem = problem::load(comm, &self.source).expect("a problem");
        let owners = partition::assign(comm, &problem, &Partition::Blocks).expect("a partition");
        let options = MatrixOptions { schedule: target.schedule, ..MatrixOptions::default() };
        let rows = rows_to_owners(comm, &problem, &owners);
        let a = DistMatrix::with_options(comm, problem.n(), rows, &owners, &options).expect("any format suits");
        let m = preconditioner::Kind::named(self.pc).expect("in the table").build(&a).expect("it can be built");
        let b = a.layout().rows().iter().map(|row| Random::new(*row).real() - 0.5).collect();
        let method = krylov::Kind::named(target.method).expect("in the table");
        let mut ready = Ready { a, m, b, method, iterations: 0 };
        let (outcome, _) =
            ready.solve(None, &Settings { rtol: TOLERANCE, max_iterations: 20_000, ..Settings::default() });
        ready.iterations = outcome.iterations;
        assert_eq!(outcome.corruptions, 0, "{} {target:?}: no vector is corrupted", self.name);
        let is_sound = outcome.reason.is_converged() && outcome.replacements == 0;
        assert!(is_sound, "{} {target:?}: {:?}", self.name, outcome.reason);
        ready
    }
}

impl Ready {
    /// The outcome, and the iterates at which a residual was replaced with what the recurrence said there.
    fn solve(&mut self, strike: Option<&Strike>, settings: &Settings) -> (Outcome, Vec<f64>) {
        let Ready { a, m, b, method, .. } = self;
        let (n, rank) = (a.layout().len(), a.layout().comm().rank());
        let mine = strike.filter(|strike| strike.rank == rank && n > 0);
        let row = mine.map_or(0, |strike| ((strike.row * n as f64) as usize).min(n - 1));
        let product = mine.filter(|strike| strike.is_product);
        Flip::plan(mine.filter(|_| product.is_none()).map(|strike| Flip {
            iteration: strike.iteration,
            moment: strike.moment,
            vector: strike.vector,
            row,
            bit: strike.bit,
        }));
        let mut a = Struck {
            a,
            product: 0,
            strike: product.map(|strike| ProductStrike {
                product: strike.iteration,
                of_pair: ["w", "u"].iter().position(|vector| *vector == strike.vector),
                row,
                bit: strike.bit,
            }),
        };
        let mut seen: Vec<(u64, f64)> = Vec::new();
        let outcome = krylov::solve(&mut a, m.as_mut(), b, None, method, settings, |snapshot| {
            seen.push((snapshot.iteration, snapshot.record.residual));
        });
        Flip::plan(None);
        let twice = seen.windows(2).filter(|two| two[0].0 == two[1].0).map(|two| two[0].1).collect();
        (outcome, twice)
    }

    /// Solves with a flip. Collective.
    pub fn fate(&mut self, strike: &Strike, check_health: bool) -> Fate {
        let sound = self.iterations;
        let max_iterations = 10 * sound + 100;
        let settings = Settings { rtol: TOLERANCE, max_iterations, check_health, ..Settings::default() };
        let (outcome, replaced) = self.solve(Some(strike), &settings);
        let r = krylov::residual(&mut self.a, &self.b, &outcome.x);
        let truth = krylov::norm(&self.a, &r) / krylov::norm(&self.a, &self.b);
        let converged = outcome.reason.is_converged();
        let tolerance = TOLERANCE * outcome.reference_norm;
        let found = match replaced.first() {
            Some(residual) if *residual <= tolerance => Found::AtTheEnd,
            Some(_) => Found::ByScalars,
            None => Found::Not,
        };
        Fate {
            found,
            converged,
            wrong: converged && (truth > TRUE_TOLERANCE || truth.is_nan()),
            on_time: converged && outcome.iterations as f64 <= ON_TIME * sound as f64 + 2.0,
        }
    }

    /// A flip at random.
    pub fn strike(&self, target: &Target, seed: u64, trial: u64) -> Strike {
        let mut random = Random::new(seed << 32 | trial);
        let vectors: Vec<&str> = target
            .vectors()
            // In one sweep no product is ever in memory as a whole.
            .filter(|vector| target.schedule != Schedule::OneSweep || !target.products.contains(vector))
            .collect();
        // Each kind and each vector equally often.
        let kind = (trial % KINDS.len() as u64) as usize;
        let vector = vectors[(trial / KINDS.len() as u64) as usize % vectors.len()];
        let bits = &KINDS[kind].1;
        Strike {
            vector,
            is_product: target.products.contains(&vector),
            kind,
            bit: bits.start + random.below(u64::from(bits.end - bits.start)) as u32,
            iteration: random.below(self.iterations),
            moment: [Moment::BeforeProducts, Moment::AfterProducts][random.below(2) as usize],
            rank: random.below(self.a.layout().comm().size() as u64) as usize,
            row: random.real(),
        }
    }
}

/// Random numbers that are the same on every rank.
pub struct Random(ChaCha8Rng);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(ChaCha8Rng::seed_from_u64(seed))
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound.max(1)
    }

    /// In [0, 1).
    pub fn real(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A matrix one of whose products gets a bit flipped, after it was formed.
struct Struck<'a> {
    a: &'a mut DistMatrix,
    /// How many products of the kind that is struck there were.
    product: u64,
    strike: Option<ProductStrike>,
}

struct ProductStrike {
    product: u64,
    /// Which of a pair, if it is one.
    of_pair: Option<usize>,
    row: usize,
    bit: u32,
}

impl Struck<'_> {
    /// The flip that belongs to the product just formed.
    fn due(&mut self, is_pair: bool) -> Option<ProductStrike> {
        let strike = self.strike.as_ref().filter(|strike| strike.of_pair.is_some() == is_pair)?;
        let is_due = strike.product == self.product;
        self.product += 1;
        if is_due { self.strike.take() } else { None }
    }
}

fn flip(number: &mut f64, bit: u32) {
    *number = f64::from_bits(number.to_bits() ^ (1 << bit));
}

impl Operator for Struck<'_> {
    fn layout(&self) -> &Layout {
        self.a.layout()
    }

    fn apply_with(&mut self, x: &[f64], y: &mut [f64], each: &mut dyn FnMut(Range<usize>, &[f64])) {
        self.a.apply_with(x, y, each);
        if let Some(strike) = self.due(false) {
            flip(&mut y[strike.row], strike.bit);
        }
    }

    fn apply_pair(&mut self, x: &[[f64; 2]], y: &mut [[f64; 2]]) {
        self.a.apply_pair(x, y);
    }

    fn apply_pair_summing(
        &mut self,
        x: &[[f64; 2]],
        y: &mut [[f64; 2]],
        sums: &mut [Partial],
        meanwhile: &mut dyn FnMut(&[[f64; 2]]),
    ) {
        self.a.apply_pair_summing(x, y, sums, meanwhile);
        if let Some(strike) = self.due(true) {
            flip(&mut y[strike.row][strike.of_pair.unwrap_or(0)], strike.bit);
        }
    }

    fn apply_summing(
        &mut self,
        prepare: &mut dyn FnMut(&mut [f64]),
        x: &mut [f64],
        y: &mut [f64],
        sums: &mut [Partial],
        meanwhile: &mut dyn FnMut(&[f64]),
    ) {
        self.a.apply_summing(prepare, x, y, sums, meanwhile);
    }

    fn each_block(&self, each: &mut dyn FnMut(Range<usize>)) {
        self.a.each_block(each);
    }

    fn one_sweep(&mut self) -> Option<&mut dyn OneSweep> {
        if self.a.is_one_sweep() { Some(self) } else { None }
    }

    fn diagonal(&self) -> Vec<f64> {
        self.a.diagonal()
    }

    fn own_block(&self) -> LocalRows {
        self.a.own_block()
    }

    fn norm_infinity(&self) -> f64 {
        self.a.norm_infinity()
    }

    fn bytes_per_pass(&self, vectors: usize) -> u64 {
        self.a.bytes_per_pass(vectors)
    }

    fn stored_entries(&self) -> u64 {
        self.a.stored_entries()
    }
}

impl OneSweep for Struck<'_> {
    fn exchange_summing(&mut self, x: &[[f64; 2]], sums: &mut [Partial]) {
        self.a.one_sweep().expect("asked before").exchange_summing(x, sums);
    }

    fn sweep(&mut self, x: &mut [[f64; 2]], each: &mut EachBlock<[f64; 2]>) {
        self.a.one_sweep().expect("asked before").sweep(x, each);
    }
}
