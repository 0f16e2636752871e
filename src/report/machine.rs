//! A machine and its check, for people and as JSON.

use super::terminal::{bytes, seconds};
use crate::comm::measure::median;
use crate::performance::{Check, Machine};
use serde::Serialize;
use std::fmt::Write as _;

/// What `halocg machine` writes: the machine, and how far the model was from measured iterations.
#[derive(Clone, Debug, Serialize)]
pub struct MachineReport {
    /// The machine.
    #[serde(flatten)]
    pub machine: Machine,
    /// Iterations measured and predicted.
    pub checks: Vec<Check>,
    /// The median of their errors, as [`Check::error`].
    pub median_error: f64,
    /// The greatest.
    pub worst_error: f64,
}

impl MachineReport {
    /// Of a machine and its checks.
    pub fn new(machine: Machine, checks: Vec<Check>) -> MachineReport {
        let errors: Vec<f64> = checks.iter().map(Check::error).collect();
        let worst_error = errors.iter().copied().fold(0.0, f64::max);
        MachineReport { machine, checks, median_error: median(&errors), worst_error }
    }

    /// The text of the JSON file.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a machine holds nothing that JSON cannot say") + "\n"
    }

    /// The same for people.
    pub fn table(&self) -> String {
        let Machine { ranks, engine, processor, bandwidth, formats, sum, exchange, iteration_overhead, .. } =
            &self.machine;
        let mut text = format!("{engine}, {processor}; all figures per rank, all ranks busy\n\nmemory       ");
        let mut say = |words: std::fmt::Arguments| text.write_fmt(words).expect("writing to a string succeeds");
        say(format_args!("{:>12}{:>12}{:>12}\n", "working set", "read", "y + a x"));
        for point in bandwidth {
            let (read, update) = (point.read / 1e9, point.update / 1e9);
            say(format_args!("{:13}{:>12}{read:>7.1} GB/s{update:>7.1} GB/s\n", "", bytes(point.working_set)));
        }
        say(format_args!("\nproducts     in cache, ns per row + ns per entry: one; a pair\n"));
        for rate in formats {
            let [one, pair] = [0, 1].map(|k| format!("{:.2} + {:.3}", 1e9 * rate.per_row[k], 1e9 * rate.per_entry[k]));
            say(format_args!("  {:<11}{one}; {pair}\n", rate.format));
        }
        if *ranks > 1 {
            say(format_args!(
                "\nsum          {} waited for, {} non-blocking, {} of it not hidden by work\n",
                seconds(sum.blocking),
                seconds(sum.nonblocking),
                seconds(sum.hidden)
            ));
            say(format_args!(
                "exchange     {} + {} per message + 1 byte per {:.2} ns\n",
                seconds(exchange.latency),
                seconds(exchange.per_message),
                1e9 * exchange.per_byte
            ));
        }
        say(format_args!("overhead     {} per iteration\n", seconds(*iteration_overhead)));
        say(format_args!(
            "\nus per iteration, measured, and the model's over it; without M (with a diagonal M: in the JSON)\n"
        ));
        let plain = self.checks.iter().filter(|check| check.preconditioner == "none").collect::<Vec<_>>();
        let blocks = || plain.chunk_by(|a, b| (&a.problem, a.format) == (&b.problem, b.format));
        say(format_args!("{:<40}", ""));
        for check in blocks().next().unwrap_or_default() {
            say(format_args!("{:>15}", check.schedule.unwrap_or(check.solver)));
        }
        for block in blocks() {
            say(format_args!("\n{:<29}{:<11}", block[0].problem, block[0].format));
            for Check { measured_us, predicted_us, .. } in block {
                say(format_args!("{measured_us:>9.1} {:>5.2}", predicted_us / measured_us));
            }
        }
        say(format_args!(
            "\n\nthe model is off by {:.0} % in the median of {} cases, by {:.0} % in the worst\n",
            100.0 * self.median_error,
            self.checks.len(),
            100.0 * self.worst_error
        ));
        text
    }
}
