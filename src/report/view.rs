//! Everything about how a run was set up, for people: `--view`.

use super::facts::{Run, Spread, StorageFacts};
use super::terminal::{bytes, grouped, partition_lines};
use std::fmt::Write as _;

/// Options in force, partition, storage, memory, spectrum.
pub fn view(run: &Run) -> String {
    let mut text = String::from("\n");
    let mut line =
        |name: &str, value: String| writeln!(text, "{name:<12} {value}").expect("writing to a string succeeds");
    line("options", "in force, by long name".into());
    for (name, values) in &run.options {
        line("", format!("{name:<20} {}", values.join(" ")));
    }
    line("sums", format!("{} ({})", run.sum.algorithm, run.sum.why));
    if let Some(partition) = &run.partition {
        line("partition", format!("{} (below: per rank, min / avg / max)", partition.method));
        partition_lines(partition, "ranks", &mut line);
    }
    if let Some(storage) = &run.storage {
        storage_lines(storage, run.machine.ranks, &mut line);
    }
    let spread = |value: &Spread| format!("{} / {} / {}", bytes(value.min), bytes(value.avg), bytes(value.max));
    let memory = &run.memory;
    line("memory", "per rank, min / avg / max".into());
    line("  matrix", spread(&memory.matrix_bytes));
    line("  vectors", spread(&memory.vector_bytes));
    if let Some(peak) = &memory.peak_bytes {
        line("  peak", format!("{}, of the process, everything included", spread(peak)));
    }
    if let Some(spectrum) = &run.outcome.spectrum {
        line(
            "spectrum",
            format!(
                "of the preconditioned matrix: {:.3e} ... {:.3e}, condition {:.2e} (estimated by the iteration)",
                spectrum.lambda_min, spectrum.lambda_max, spectrum.condition
            ),
        );
    }
    text
}

/// Which format the matrix is in and why, what others would take, and how it is swept.
fn storage_lines(storage: &StorageFacts, ranks: usize, line: &mut impl FnMut(&str, String)) {
    let formats: Vec<String> = match &storage.ranks_by_format {
        one if one.len() == 1 => one.keys().map(|name| (*name).into()).collect(),
        several => several
            .iter()
            .map(|(name, ranks)| format!("{name} on {ranks} rank{}", if *ranks == 1 { "" } else { "s" }))
            .collect(),
    };
    let order = match storage.reordered_ranks {
        0 => "rows in the order of the file".into(),
        some if some == ranks as u64 => "rows in reverse Cuthill-McKee order".into(),
        some => format!("rows in reverse Cuthill-McKee order on {} ranks", grouped(some)),
    };
    line("storage", format!("{}, {:.1} bytes per row; {order}", formats.join(", "), storage.bytes_per_row));
    match &storage.bytes_per_row_by_format {
        Some(all) => {
            let all: Vec<String> = all.iter().map(|(name, bytes)| format!("{name} {bytes:.1}")).collect();
            line("", format!("the format of the fewest bytes per interior row: {}", all.join(", ")));
        }
        None => line("", "no other format was considered".into()),
    }
    if let Some(schedule) = storage.schedule {
        line("  schedule", schedule.into());
    }
}
