//! Flips by the hundred, and tables of what became of the solves.

use crate::flips::*;
use halocg::comm::Comm;
use halocg::operator::Schedule;
use halocg::problem::{Source, Stencil};
use std::fmt::Write as _;
use std::path::Path;

/// Flips of one target, with the check or without.
pub struct Campaign {
    target: &'static Target,
    check: bool,
    trials: Vec<(Strike, Fate)>,
}

/// Grids without a matrix file.
pub fn grids() -> Vec<Case> {
    let grid = |name: &str, points, dim, size, pc| {
        let source = Source::Poisson(Stencil::new(points, dim, size).expect("a grid"));
        Case { name: name.into(), source, pc }
    };
    vec![grid("Poisson 40 x 40", [40, 40, 1], 2, 5, "none"), grid("Poisson 14 x 14 x 14", [14, 14, 14], 3, 7, "jacobi")]
}

/// Real ones, of up to 4900 rows.
pub fn real(folder: &Path) -> Vec<Case> {
    let names = [
        ("nos1", "jacobi"),
        ("nos4", "none"),
        ("nos7", "jacobi"),
        ("494_bus", "jacobi"),
        ("685_bus", "none"),
        ("1138_bus", "jacobi"),
        ("bcsstk03", "jacobi"),
        ("bcsstk15", "jacobi"),
        ("bcsstk16", "jacobi"),
        ("poisson_ca", "none"),
        ("model_48_8_3", "none"),
    ];
    let case = |(name, pc): (&str, _)| {
        let source = Source::File(folder.join(format!("{name}.mtx")));
        Case { name: name.into(), source, pc }
    };
    names.into_iter().map(case).collect()
}

impl Campaign {
    /// About `count` flips, as many in every case. Collective.
    pub fn run(comm: &Comm, cases: &[Case], target: &'static Target, check: bool, count: usize) -> Campaign {
        let each = count.div_ceil(cases.len());
        let mut trials = Vec::new();
        for (seed, case) in cases.iter().enumerate() {
            let mut ready = case.ready(comm, target);
            for trial in 0..each {
                let strike = ready.strike(target, seed as u64, trial as u64);
                trials.push((strike, ready.fate(&strike, check)));
            }
        }
        Campaign { target, check, trials }
    }

    fn shares(&self, counts: impl Fn(&Strike) -> bool) -> Shares {
        let mut shares = Shares::default();
        let mut all = 0.0;
        for (strike, fate) in self.trials.iter().filter(|(strike, _)| counts(strike)) {
            // Kinds come equally often, bits do not.
            let weight = KINDS[strike.kind].1.len() as f64;
            all += weight;
            *match fate {
                Fate { wrong: true, .. } => &mut shares.wrong,
                Fate { converged: false, .. } => &mut shares.lost,
                Fate { found: Found::ByScalars, .. } => &mut shares.by_scalars,
                Fate { found: Found::AtTheEnd, .. } => &mut shares.at_the_end,
                Fate { on_time: true, .. } => &mut shares.harmless,
                _ => &mut shares.late,
            } += weight;
            if fate.on_time && !fate.wrong {
                shares.on_time += weight;
            }
        }
        let Shares { by_scalars, at_the_end, harmless, late, lost, wrong, on_time } = &mut shares;
        for share in [by_scalars, at_the_end, harmless, late, lost, wrong, on_time] {
            *share *= 100.0 / all;
        }
        shares
    }
}

/// In percent of all flips.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shares {
    pub by_scalars: f64,
    pub at_the_end: f64,
    /// Not found, and of no consequence.
    pub harmless: f64,
    /// Not found, and it took longer.
    pub late: f64,
    pub lost: f64,
    pub wrong: f64,
    /// Found or not: converged, and took no longer.
    pub on_time: f64,
}

impl Shares {
    fn cells(&self) -> String {
        let Shares { by_scalars, at_the_end, harmless, late, lost, wrong, on_time } = self;
        let cells = [by_scalars, at_the_end, harmless, late, lost, wrong, on_time];
        cells.iter().map(|share| format!(" {share:.1} |")).collect()
    }
}

const COLUMNS: &str = " found by scalars | found at the end | harmless | missed: slower | missed: no answer | missed: wrong answer | on time |\n";

/// The tables, in Markdown.
pub fn tables(campaigns: &[Campaign], cases: &[Case]) -> String {
    let mut text = String::new();
    let count = campaigns.iter().map(|campaign| campaign.trials.len()).min().unwrap_or(0);
    let names: Vec<String> = cases.iter().map(|case| format!("{} ({})", case.name, case.pc)).collect();
    writeln!(text, "{count} flips per row of the first table, on {}.\n", names.join(", ")).expect("memory");
    writeln!(text, "| method | `--check-health` |{COLUMNS}|---|---|---:|---:|---:|---:|---:|---:|---:|")
        .expect("memory");
    for campaign in campaigns {
        let (name, check) = (campaign.name(), on_off(campaign.check));
        writeln!(text, "| {name} | {check} |{}", campaign.shares(|_| true).cells()).expect("memory");
    }
    for campaign in campaigns {
        // The other schedule differs in nothing but the vectors that there are.
        if campaign.target.schedule == Schedule::OneSweep || campaign.target.method == "pr-cg" {
            continue;
        }
        let (name, check) = (campaign.name(), on_off(campaign.check));
        writeln!(text, "\n{name}, `--check-health {check}`:\n").expect("memory");
        writeln!(text, "| of |{COLUMNS}|---|---:|---:|---:|---:|---:|---:|---:|").expect("memory");
        for vector in campaign.target.vectors() {
            let cells = campaign.shares(|strike| strike.vector == vector).cells();
            writeln!(text, "| {vector} |{cells}").expect("memory");
        }
        for (kind, (name, _)) in KINDS.iter().enumerate() {
            writeln!(text, "| {name} |{}", campaign.shares(|strike| strike.kind == kind).cells()).expect("memory");
        }
    }
    text
}

fn on_off(check: bool) -> &'static str {
    if check { "on" } else { "off" }
}

impl Campaign {
    fn name(&self) -> String {
        let schedule = match (self.target.method, self.target.schedule) {
            ("pipe-pr-cg", Schedule::OneSweep) => ", one sweep",
            ("pipe-pr-cg", _) => ", overlap",
            _ => "",
        };
        format!("`{}`{schedule}", self.target.method)
    }
}

/// A few flips, for every test run: with the check those that matter are found, and every solve ends well and in time.
pub fn small() {
    for (target, ranks) in [(&TARGETS[0], 1), (&TARGETS[1], 1), (&TARGETS[2], 1), (&TARGETS[0], 3)] {
        let run =
            |check, count| Comm::threads(ranks, |comm| Campaign::run(comm, &grids(), target, check, count)).remove(0);
        let with = run(true, if ranks == 1 { 300 } else { 60 });
        let name = format!("{} on {ranks} ranks", with.name());
        let all = with.shares(|_| true);
        println!("{name}: {all:?}");
        assert!(all.lost + all.wrong + all.late == 0.0, "{name}: {all:?}");
        assert!(all.on_time > 90.0, "{name}: {all:?}");
        // An exponent's high bits change a number beyond recognition.
        let high = with.shares(|strike| strike.kind == 1 && strike.vector != "x");
        assert!(high.by_scalars >= 90.0, "{name}: {high:?}");
        // p is put right, unless an exponent's high bits have left nothing of it.
        for vector in
            target.vectors().filter(|vector| ["r", "s", "p"].contains(vector) && target.method == "pipe-pr-cg")
        {
            let of = with.shares(|strike| strike.vector == vector && strike.kind != 1);
            assert!(of.on_time >= 98.0, "{name}, {vector}: {of:?}");
        }
        let x = with.shares(|strike| strike.kind == 1 && strike.vector == "x");
        assert!(x.by_scalars + x.at_the_end >= 95.0 && x.on_time >= 95.0, "{name}: {x:?}");
        if ranks == 1 {
            let without = run(false, 100).shares(|_| true);
            assert!(without.by_scalars < 0.5 * all.by_scalars && without.on_time < all.on_time, "{name}: {without:?}");
        }
    }
}
