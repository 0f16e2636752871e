//! What becomes of solves when memory lies. Needs the feature `faults`.
//!
//! A test run tries some hundred flips and asserts what must hold. With HALOCG_RECORD `make reliability` runs everything at
//! full length, prints the figures and writes them into docs/reliability.md.

#[path = "../common/mod.rs"]
mod common;

#[path = "../cli/mutants.rs"]
mod mutants;
#[path = "../cli/support.rs"]
mod support;

mod campaign;
mod failing;
mod flips;
mod kills;
mod record;
mod survey;

fn main() {
    if std::env::var_os("HALOCG_RECORD").is_some() {
        record::all();
    } else {
        campaign::small();
    }
}
