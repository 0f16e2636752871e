//! docs/json.md against the files that are written: every field, its type, and none besides.

use crate::common::Launch;
use crate::support::*;
use serde_json::Value;
use std::collections::BTreeMap;

/// The type of each field, by its path.
type Fields = BTreeMap<String, String>;

/// The fields of the tables under a heading, up to the next one of its kind. Names of a row share its type; one that
/// begins with a dot stands beside the one before.
fn section(text: &str, heading: &str) -> Fields {
    let start = text.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading} in docs/json.md"));
    let rest = &text[start + heading.len() + 2..];
    let end = rest.find("\n#").unwrap_or(rest.len());
    let mut fields = Fields::new();
    let mut is_table_of_fields = false;
    for line in rest[..end].lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        if !cells[0].starts_with('`') && !cells[0].starts_with('-') {
            is_table_of_fields = cells[0] == "Field";
        }
        let mut last = String::new();
        for name in cells[0].split('`').skip(1).step_by(2).filter(|_| is_table_of_fields) {
            let path = match name.strip_prefix('.') {
                Some(end) => format!("{}.{end}", last.rsplit_once('.').expect("a name with a dot before").0),
                None => name.into(),
            };
            assert!(fields.insert(path.clone(), cells[1].into()).is_none(), "{heading}: {path} is there twice");
            last = path;
        }
    }
    fields
}

/// Puts the fields of an object, or of the objects of an array, below its name.
fn below(fields: &mut Fields, name: &str, inner: &Fields) {
    fields.extend(inner.iter().map(|(path, kind)| (format!("{name}.{path}"), kind.clone())));
}

fn is(value: &Value, kind: &str) -> bool {
    if let Some(kind) = kind.strip_suffix(" or `null`") {
        return value.is_null() || is(value, kind);
    }
    let all = |is_one: fn(&Value) -> bool| value.as_array().is_some_and(|all| all.iter().all(is_one));
    match kind {
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64(),
        "number" => value.is_f64(),
        "object" => value.is_object(),
        "spread" => {
            ["min", "avg", "max"].iter().all(|name| value[name].is_f64()) && value.as_object().unwrap().len() == 3
        }
        "array of strings" => all(Value::is_string),
        "array of numbers" => all(Value::is_number),
        "array of objects" => all(Value::is_object),
        other => panic!("docs/json.md: {other} is no type"),
    }
}

/// Checks what is written below `at` and notes what was seen.
fn check(fields: &Fields, at: &str, value: &Value, seen: &mut Fields) {
    let Value::Object(object) = value else { panic!("{at} is no object") };
    let inside = |path: &str| format!("{path}.");
    for (name, value) in object {
        let path = format!("{at}{name}");
        let kind = fields.get(&path).unwrap_or_else(|| panic!("{path} is not in docs/json.md: {value}"));
        assert!(is(value, kind), "{path} should be of type {kind}: {value}");
        seen.insert(path.clone(), kind.clone());
        let has_fields = fields.keys().any(|other| other.starts_with(&inside(&path)));
        match value {
            Value::Object(_) if has_fields => check(fields, &inside(&path), value, seen),
            Value::Array(all) if has_fields => all.iter().for_each(|one| check(fields, &inside(&path), one, seen)),
            // Keys that depend on the run, or a spread.
            _ => (),
        }
    }
}

/// All files against the fields: each field must turn up in one of them, and each file must be of the version.
fn compare(text: &str, schema: &str, fields: &Fields, files: &[Value]) {
    let mut seen = Fields::new();
    for file in files {
        check(fields, "", file, &mut seen);
        let version = file["schema"].as_str().expect("checked");
        assert!(version.starts_with(schema) && text.contains(&format!("| `{version}` |")), "{version}");
    }
    let missing: Vec<&String> = fields.keys().filter(|path| !seen.contains_key(*path)).collect();
    assert!(missing.is_empty(), "{schema}: documented, and not written: {missing:?}");
}

#[test]
fn the_documented_fields_are_those_that_are_written() {
    let text = read(&format!("{}/docs/json.md", env!("CARGO_MANIFEST_DIR")));
    let folder = Folder::new("schema");
    let [plate, page] = [mesh("plate.msh"), folder.path("page")];
    let save = folder.path("saved.ckp");
    let mesh_fields: Fields =
        section(&text, "### problem").into_iter().filter(|(path, _)| path.starts_with("mesh.")).collect();

    let mut run = section(&text, "## Fields");
    for (name, kind) in run.clone() {
        let inner = ["object", "array of objects"].iter().any(|of| kind.starts_with(of)) && name != "options";
        if inner {
            below(&mut run, &name, &section(&text, &format!("### {name}")));
        }
    }
    let mut runs = Vec::new();
    for how in both(2) {
        runs.push(run_json(how, &["solve", &plate, "--pc", "jacobi", "--log-view", "--checkpoint", &save], 0));
        runs.push(run_json(how, &["poisson", "-n", "20", "--solver", "auto", "--sum", "auto", "--report", &page], 0));
        runs.push(json(&format!("{page}/run.json")));
        runs.push(run_json(how, &["model", "-n", "20", "--replace-every", "5", "--max-it", "7"], 4));
        runs.push(run_json(how, &["poisson", "-n", "20", "--pc", "bjacobi", "--format", "csr"], 0));
        runs.push(run_json(how, &["poisson", "-n", "20", "--stop-on", "error-a"], 0));
    }
    compare(&text, "halocg-run/", &run, &runs);

    let file = |command: &[&str]| {
        let path = folder.path(&unique("file"));
        let finished = crate::support::run(Launch::Threads(2), &[command, &["--json", &path]].concat());
        assert_eq!(finished.code, Some(0), "{finished:?}");
        json(&path)
    };
    let mut partition = section(&text, "## The JSON file of a partition");
    below(&mut partition, "machine", &section(&text, "### machine"));
    below(&mut partition, "partition", &section(&text, "### partition"));
    partition.extend(mesh_fields.clone());
    for name in ["load", "partition", "count", "write"] {
        partition.insert(format!("seconds.{name}"), "number".into());
    }
    compare(&text, "halocg-partition/", &partition, &[file(&["partition", &plate, "-k", "3"])]);

    let mut comparison = section(&text, "## The JSON file of a comparison");
    let outer = ["schema", "version", "command", "rows"];
    let inner: Fields = comparison
        .iter()
        .filter(|(path, _)| !outer.contains(&path.as_str()))
        .map(|(path, kind)| (path.clone(), kind.clone()))
        .collect();
    comparison.retain(|path, _| outer.contains(&path.as_str()));
    below(&mut comparison, "rows", &inner);
    compare(&text, "halocg-comparison/", &comparison, &[file(&["compare", &plate, "--solvers", "hs-cg,pr-cg"])]);

    let mut matrix = section(&text, "## The JSON file of a matrix");
    matrix.extend(mesh_fields);
    compare(&text, "halocg-info/", &matrix, &[file(&["info", &plate])]);
}
