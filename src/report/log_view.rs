//! Where the time of a solve went, for people: `--log-view`.

use super::facts::{Run, Spread};
use super::resources::PhaseSeconds;
use super::terminal::{bytes, grouped, seconds};
use crate::comm::Phase;
use std::fmt::Write as _;

/// Phases with their share and their bandwidth, sums and exchanges, and the stages of the set-up.
pub fn log_view(run: &Run) -> String {
    let Run { phases, traffic, outcome, .. } = run;
    let total = outcome.solve_seconds;
    let mut text = format!(
        "\n{:<16}{:>11}{:>11}{:>11}{:>8}{:>10}{:>15}\n",
        "solve", "min", "avg", "max", "share", "GB/s", "of bandwidth"
    );
    let mut say = |words: std::fmt::Arguments| text.write_fmt(words).expect("writing to a string succeeds");
    let share = |spent: f64| format!("{:.1} %", 100.0 * spent / total.max(f64::MIN_POSITIVE));
    for PhaseSeconds { name, seconds: spent, gigabytes_per_second } in phases.iter().filter(|p| p.seconds.max > 0.0) {
        say(format_args!("  {name:<14}{}{:>8}", columns(spent), share(spent.avg)));
        if let Some(rate) = gigabytes_per_second {
            let of = run.bandwidth.map_or(String::new(), |all| format!("{:.0} %", all.percent(*rate)));
            say(format_args!("{rate:>10.1}{of:>15}"));
        }
        say(format_args!("\n"));
    }
    let saving = run.checkpoint.seconds;
    if saving > 0.0 {
        say(format_args!("  {:<14}{:>11}{:>11}{:>11}{:>8}\n", "checkpoints", "", seconds(saving), "", share(saving)));
    }
    let other = total - saving - phases.iter().map(|phase| phase.seconds.avg).sum::<f64>();
    say(format_args!(
        "  {:<14}{:>11}{:>11}{:>11}{:>8}\n",
        "other",
        "",
        seconds(other.max(0.0)),
        "",
        share(other.max(0.0))
    ));
    say(format_args!("  {:<14}{:>11}{:>11}{:>11}{:>8}\n", "whole", "", "", seconds(total), share(total)));
    if let Some(bandwidth) = &run.bandwidth {
        say(format_args!(
            "{:<16}{:.1} GB/s with the solve's {} per rank, {:.1} GB/s with {} (arrays updated in place, all ranks at once)\n",
            "bandwidth",
            bandwidth.gigabytes_per_second,
            bytes(bandwidth.working_set_bytes as f64),
            bandwidth.memory_gigabytes_per_second,
            bytes(bandwidth.memory_working_set_bytes as f64)
        ));
        if let Some(why) = bandwidth.excess(phases) {
            say(format_args!("{:<16}{why}\n", ""));
        }
    }
    say(format_args!(
        "{:<16}{}, {} of them waited for at once; {:.1} words per iteration\n",
        "sums",
        grouped(traffic.sums),
        grouped(traffic.blocking_sums),
        traffic.sum_words_per_iteration
    ));
    let sum = &phases[Phase::Sum as usize].seconds;
    say(format_args!("  {:<14}{}{:>8}\n", "exposed", columns(sum), share(sum.avg)));
    say(format_args!("  {:<14}{}  behind the phases above\n", "hidden", columns(&run.hidden_sum_seconds)));
    say(format_args!(
        "{:<16}{:.1} messages, {} per iteration, all ranks together\n",
        "exchange",
        traffic.messages_per_iteration,
        bytes(traffic.halo_bytes_per_iteration)
    ));
    say(format_args!("{:<16}{:>33}  of the slowest rank\n", "set-up", "max"));
    for (name, spent) in run.setup_seconds.stages() {
        say(format_args!("  {name:<14}{:>33}\n", seconds(spent)));
    }
    text
}

fn columns(Spread { min, avg, max }: &Spread) -> String {
    format!("{:>11}{:>11}{:>11}", seconds(*min), seconds(*avg), seconds(*max))
}
