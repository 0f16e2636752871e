//! Everything at full length, into docs/reliability.md.

use crate::campaign::{self, Campaign};
use crate::flips::TARGETS;
use crate::{common, failing, kills, mutants, survey};
use halocg::comm::Comm;
use std::path::Path;

/// Of each row of the first table of flips.
const FLIPS: usize = 2000;
const MUTANTS: u64 = 500;

type Part = (&'static str, fn() -> String);
const PARTS: [Part; 5] = [
    ("kills", kills::record),
    ("failing", failing::record),
    ("mutants", mutants),
    ("survey", survey::record),
    ("flips", flips),
];

/// What HALOCG_RECORD names: one part, or all.
pub fn all() {
    let only = std::env::var("HALOCG_RECORD").expect("set");
    for (name, part) in PARTS.iter().filter(|(name, _)| only == "all" || only == *name) {
        let text = part();
        println!("{text}");
        put(name, &text);
    }
}

/// Puts a text between the marks called `name`.
fn put(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reliability.md");
    let page = std::fs::read_to_string(&path).expect("the page");
    let marks = [format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->\n")];
    let [begin, end] = marks.map(|mark| page.find(&mark).map(|at| (at, at + mark.len())).expect("a mark"));
    let page = format!("{}\n{text}\n{}", &page[..begin.1], &page[end.0..]);
    std::fs::write(&path, page).expect("the page can be written");
}

fn mutants() -> String {
    let codes = mutants::mutate(MUTANTS);
    let codes: Vec<String> = codes.iter().map(|(code, times)| format!("exit code {code}: {times}")).collect();
    format!("{MUTANTS} damaged files on four ranks: {}.\n", codes.join(", "))
}

fn flips() -> String {
    let mut cases = campaign::grids();
    cases.extend(common::matrices().map(|folder| campaign::real(&folder)).unwrap_or_default());
    let mut campaigns = Vec::new();
    for target in &TARGETS {
        for check in [true, false] {
            eprintln!("{} {:?}, check {check}", target.method, target.schedule);
            campaigns.push(Campaign::run(&Comm::alone(), &cases, target, check, FLIPS));
        }
    }
    campaign::tables(&campaigns, &cases)
}
