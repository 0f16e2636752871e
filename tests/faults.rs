//! One rank fails in one stage. Needs the feature `faults`.

mod common;

#[path = "reliability/failing.rs"]
#[allow(dead_code)] // the record is that of the test `reliability`
mod failing;

/// Under mpirun one rank per stage; `make reliability` takes all.
#[test]
fn a_panic_or_a_refused_allocation_ends_every_rank() {
    failing::panics_and_refused_allocations(false);
}

#[test]
fn an_error_of_one_rank_is_the_error_of_all() {
    failing::errors(false);
}

#[test]
fn a_rank_killed_in_the_middle_of_a_write_leaves_the_checkpoint_before() {
    failing::kills_in_writes(false);
}
