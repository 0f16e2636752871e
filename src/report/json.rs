//! The run as JSON.

use super::facts::Run;

/// The text of the JSON file. NaN and infinities become `null`.
pub fn to_json(run: &Run) -> String {
    let mut text = serde_json::to_string_pretty(run).expect("a run holds nothing that JSON cannot say");
    text.push('\n');
    text
}
