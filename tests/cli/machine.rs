//! `halocg machine` and `--solver auto`: what is measured is written as documented, and what is taken follows from it.
//! No test asks how long anything took.

use crate::common::{Launch, RANKS};
use crate::support::*;
use serde_json::Value;

/// Launches with one rank, two, and an odd number.
fn launches() -> Vec<Launch> {
    [vec![Launch::Alone], both(2), both(3)].concat()
}

#[test]
fn the_machine_file_has_its_schema() {
    for how in launches() {
        let file = run_json(how, &["machine", "--quick"], 0);
        let at = |at: &str| number(&file, at);
        assert_eq!(file["schema"], "halocg-machine/1");
        let ranks = at("/ranks");
        assert!(!file["engine"].as_str().expect("text").is_empty() && file["processor"].is_string());
        let list = |name: &str| file[name].as_array().unwrap_or_else(|| panic!("{name}: {file:#}")).clone();

        let sizes: Vec<f64> = list("bandwidth").iter().map(|point| number(point, "/working_set")).collect();
        assert!(sizes.len() > 2 && sizes.is_sorted(), "{sizes:?}");
        for point in list("bandwidth") {
            assert!(number(&point, "/read") > 0.0 && number(&point, "/update") > 0.0);
        }
        let formats: Vec<Value> = list("formats").iter().map(|rate| rate["format"].clone()).collect();
        let known: Vec<&str> = halocg::operator::FORMATS.iter().map(|format| format.name).collect();
        assert_eq!(formats, known);
        for rate in list("formats") {
            for place in ["/per_row/0", "/per_row/1", "/per_entry/0", "/per_entry/1"] {
                assert!(number(&rate, place) >= 0.0, "{rate:#}");
            }
        }
        // Nothing to wait for on one rank, something on more.
        for place in ["/sum/blocking", "/sum/nonblocking"] {
            assert_eq!(at(place) > 0.0, ranks > 1.0, "{place}: {file:#}");
        }
        assert!(at("/sum/hidden") >= 0.0 && at("/sum/hidden") <= at("/sum/nonblocking"));
        let exchange = at("/exchange/latency") + at("/exchange/per_message");
        assert_eq!(exchange > 0.0, ranks > 1.0, "{file:#}");
        assert!(at("/exchange/per_byte") >= 0.0 && at("/iteration_overhead") > 0.0);

        let errors: Vec<f64> = list("checks")
            .iter()
            .map(|check| {
                let (measured, predicted) = (number(check, "/measured_us"), number(check, "/predicted_us"));
                assert!(measured > 0.0 && predicted > 0.0, "{check:#}");
                assert!(check["problem"].is_string() && number(check, "/rows") > 0.0);
                (measured / predicted).max(predicted / measured) - 1.0
            })
            .collect();
        let worst = errors.iter().copied().fold(0.0, f64::max);
        assert!(errors.len() > 20 && (worst - at("/worst_error")).abs() <= 1e-12 * worst);
        let not_worse = errors.iter().filter(|&&error| error <= at("/median_error")).count();
        assert!(2 * not_worse >= errors.len() && at("/median_error") <= worst);
    }
}

#[test]
fn people_are_told_and_unwritable_files_are_refused() {
    for how in launches() {
        let finished = run(how, &["machine", "--quick"]);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        for part in ["working set", "us per iteration, measured", "the model is off by"] {
            assert_eq!(finished.stdout.matches(part).count(), 1, "{part}: {finished:?}");
        }
        let finished = run(how, &["machine", "--quick", "--json", "no/such/folder/machine.json"]);
        assert_eq!(finished.code, Some(1), "{finished:?}");
        assert_eq!(finished.stderr.matches("halocg: error: no/such/folder/machine.json: cannot ").count(), 1);
    }
}

#[test]
fn auto_says_what_it_took_and_why() {
    let plate = mesh("plate_hole.mtx");
    let arguments: [&[&str]; 4] = [
        &["solve", &plate, "--pc", "jacobi"],
        &["solve", &plate, "--pc", "ssor"],
        &["poisson", "-n", "40", "--matrix-free", "--schedule", "one-sweep"],
        &["model", "-n", "50"],
    ];
    for how in RANKS.into_iter().flat_map(both).chain([Launch::Alone]) {
        for args in arguments {
            let file = run_json(how, &[args, &["--solver", "auto"]].concat(), 0);
            let choice = &file["method"]["choice"];
            let candidates = choice["candidates_us"].as_object().expect("candidates");
            // From the plainest on.
            let order = ["hs-cg", "pr-cg", "pipe-pr-cg"];
            assert_eq!(candidates.len(), order.len());
            let times = order.map(|name| number(choice, &format!("/candidates_us/{name}")));
            let least = times.into_iter().fold(f64::INFINITY, f64::min);
            let place = times.into_iter().position(|time| time <= 1.05 * least).expect("the least itself");
            assert_eq!(file["method"]["solver"], order[place], "{choice:#}");
            let reason = choice["reason"].as_str().expect("text");
            assert!(reason.starts_with(order[place]) && order.iter().all(|name| reason.contains(name)), "{reason}");
            for figure in ["/sum_us", "/product_us", "/pair_us", "/seconds"] {
                assert!(number(choice, figure) >= 0.0);
            }
        }
    }
    let finished = run(Launch::Threads(2), &["solve", &plate, "--ksp-type", "auto", "--pc", "jacobi"]);
    assert_eq!(finished.stdout.matches("auto: ").count(), 1, "{finished:?}");
    let file = run_json(Launch::Alone, &["solve", &plate, "--solver", "hs-cg"], 0);
    assert_eq!(file["method"]["choice"], Value::Null);
}

#[test]
fn a_prediction_is_the_same_on_any_ranks_and_needs_a_machine() {
    let folder = Folder::new("predict");
    let file = folder.path("machine.json");
    assert_eq!(run(Launch::Threads(2), &["machine", "--quick", "--json", &file]).code, Some(0));
    let plate = mesh("plate_hole.mtx");
    let slow = ["--hop-us", "1000000"];
    let predict =
        |how, more: &[&str]| run(how, &[&["predict", &plate, "--machine", &file, "--ranks", "16"], more].concat());
    let alone = predict(Launch::Alone, &slow);
    assert_eq!(alone.code, Some(0), "{alone:?}");
    // Beyond the two ranks of the machine a sum takes a second: there pipelining must pay against two sums.
    let from = alone.stdout.split("less than hs-cg from ").nth(1).and_then(|rest| rest.split(' ').next());
    let from: usize = from.expect("a number of ranks").parse().expect("a number");
    assert!(from <= 4, "{alone:?}");
    let rows: Vec<&str> = alone.stdout.lines().filter_map(|line| line.split_whitespace().next()).collect();
    for ranks in ["1", "2", "4", "8", "16"] {
        assert_eq!(rows.iter().filter(|first| **first == ranks).count(), 1, "{alone:?}");
    }
    for how in both(3) {
        let finished =
            run(how, &["predict", "poisson", "-n", "40", "--machine", &file, "--ranks", "4", "--pc", "jacobi"]);
        assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""), "{finished:?}");
        assert_eq!(predict(how, &["--partition", "blocks"]).code, Some(0));
    }
    let text = read(&file);
    for (broken, message) in [
        ("{}".to_string(), "not a machine as halocg machine --json writes it"),
        (text.replace("halocg-machine/1", "halocg-machine/99"), "measure the machine anew"),
    ] {
        let bad = folder.write("bad.json", broken);
        for how in both(2) {
            let finished = run(how, &["predict", &plate, "--machine", &bad]);
            assert_eq!((finished.code, finished.stderr.matches(message).count()), (Some(3), 1), "{finished:?}");
        }
    }
    let one = folder.path("one.json");
    assert_eq!(run(Launch::Alone, &["machine", "--quick", "--json", &one]).code, Some(0));
    let finished = run(Launch::Alone, &["predict", &plate, "--machine", &one]);
    assert_eq!((finished.code, finished.stderr.matches("give --hop-us").count()), (Some(2), 1), "{finished:?}");
}
