//! The report of a partition made beforehand.

use super::facts::{Machine, PartitionFacts};
use super::terminal::{grouped, mesh_lines, partition_lines, seconds};
use crate::problem::MeshFacts;
use serde::Serialize;
use std::fmt::Write as _;

/// Version of the schema of its JSON file.
pub const PARTITION_SCHEMA: &str = "halocg-partition/1";

/// A partition for a later run. The JSON file is this structure, field by field; see docs/json.md.
#[derive(Clone, Debug, Serialize)]
pub struct PartitionRun {
    /// [`PARTITION_SCHEMA`].
    pub schema: &'static str,
    /// Version of halocg.
    pub version: &'static str,
    /// The command line.
    pub command: Vec<String>,
    /// Where the partition was made.
    pub machine: Machine,
    /// File name or description of the problem.
    pub name: String,
    /// Global number of rows.
    pub rows: u64,
    /// Stored entries, both triangles.
    pub nonzeros: u64,
    /// The mesh, if it is one.
    pub mesh: Option<MeshFacts>,
    /// Ranks of the later run.
    pub parts: usize,
    /// What each of them will own.
    pub partition: PartitionFacts,
    /// The file that holds the part of every row, if one was asked for.
    pub output: Option<String>,
    /// What it took, on the slowest rank.
    pub seconds: PartitionSeconds,
}

/// Seconds of the stages, of the slowest rank.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PartitionSeconds {
    /// Reading or generating the matrix.
    pub load: f64,
    /// Deciding who owns what.
    pub partition: f64,
    /// Counting what that costs.
    pub count: f64,
    /// Writing the file.
    pub write: f64,
}

/// The summary for people.
pub fn partition_summary(run: &PartitionRun) -> String {
    let mut text = String::new();
    let mut line =
        |name: &str, value: String| writeln!(text, "{name:<12} {value}").expect("writing to a string succeeds");
    line("problem", run.name.clone());
    line("", format!("{} rows, {} nonzeros", grouped(run.rows), grouped(run.nonzeros)));
    if let Some(mesh) = &run.mesh {
        mesh_lines(mesh, &mut line);
    }
    line("ranks", run.machine.engine.clone());
    let heading = format!("{} into {} parts (below: per part, min / avg / max)", run.partition.method, run.parts);
    line("partition", heading);
    partition_lines(&run.partition, "parts", &mut line);
    let spent = run.seconds;
    let [load, partition, count, write] = [spent.load, spent.partition, spent.count, spent.write].map(seconds);
    line("time", format!("load {load}, partition {partition}, count {count}, write {write}"));
    text
}

/// The JSON text.
pub fn partition_json(run: &PartitionRun) -> String {
    serde_json::to_string_pretty(run).expect("a report has no keys that are not strings") + "\n"
}
