//! A run as one page for a browser, with everything in it: no network, no scripts, no other file.

use super::facts::{Run, Spread};
use super::terminal::{bytes, grouped, seconds};
use super::{Chart, CommMatrix, Curve, Spy, log_view, quoted, view};
use crate::krylov::Outcome;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use std::fmt::Write as _;

/// Pictures of the matrix and of its distribution.
#[derive(Clone, Debug, Default)]
pub struct Pictures {
    /// Where the matrix has its entries; none of the dense problem.
    pub spy: Option<Spy>,
    /// Who sends how much to whom; none on one rank.
    pub comm_matrix: Option<CommMatrix>,
    /// The solution where its rows lie, as a PNG file, if they lie anywhere.
    pub solution: Option<Vec<u8>>,
    /// Why it was not drawn, though they do.
    pub no_solution: Option<String>,
    /// Who owns what, likewise; none on one rank.
    pub owners: Option<Vec<u8>>,
}

/// Points of the curve on the page: more than pixels, and few enough for a history of a million.
const POINTS: usize = 2000;

const STYLE: &str = "\
:root{color-scheme:light}*{box-sizing:border-box}
body{margin:0 auto;max-width:70rem;padding:1rem;font:16px/1.5 system-ui,sans-serif;color:#1b1f24;background:#fff}
h1{font-size:1.5rem;margin:.2rem 0;overflow-wrap:anywhere}h2{font-size:1.15rem;margin:2rem 0 .6rem;border-bottom:1px solid #d5dae0}
.good,.bad{display:inline-block;padding:.15rem .6rem;border-radius:.3rem;font-weight:600}
.good{background:#dff3e4;color:#0b5d22}.bad{background:#fbe3e1;color:#8c1710}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(10rem,1fr));gap:.6rem;margin:1rem 0}
.tiles div{border:1px solid #d5dae0;border-radius:.4rem;padding:.5rem .7rem}
.tiles b{display:block;font-size:1.15rem;overflow-wrap:anywhere}.tiles span{color:#57606a;font-size:.85rem}
.pair figure{max-width:44rem}.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));gap:1rem}
svg,img{display:block;width:100%;height:auto}figure{margin:0}figcaption{color:#57606a;font-size:.85rem}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .6rem .2rem 0;vertical-align:top;overflow-wrap:anywhere}
td.n,th.n{text-align:right;white-space:nowrap}tr+tr td{border-top:1px solid #eceff2}
.scroll{overflow-x:auto}.scroll td,.scroll th{overflow-wrap:normal;white-space:nowrap}.chart{max-width:48rem}.bar{min-width:8rem;width:50%}
.bar i{display:block;height:1rem;border-radius:.15rem;background:#0072b2}
pre{overflow-x:auto;background:#f5f7f9;padding:.7rem;border-radius:.4rem;font-size:.8rem;line-height:1.35}
.wrap{white-space:pre-wrap;overflow-wrap:anywhere}.wrap i{font-style:normal;display:inline-block;max-width:100%}
";

/// The page.
pub fn page(run: &Run, outcome: &Outcome, pictures: &Pictures) -> String {
    let title = escaped(&run.problem.name);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <title>halocg: {title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    );
    page += &headline(run);
    if let Some(solution) = &pictures.solution {
        let figures = figure(solution, "the solution", "The solution.")
            + &pictures
                .owners
                .as_ref()
                .map_or(String::new(), |owners| figure(owners, "which rank owns what", "Which rank owns what."));
        section(&mut page, "Solution", &format!("<div class=\"pair\">\n{figures}</div>\n"));
    } else if let Some(why) = &pictures.no_solution {
        section(&mut page, "Solution", &format!("<p>{}</p>\n", escaped(why)));
    }
    section(&mut page, "Convergence", &convergence(run, outcome));
    section(&mut page, "Where the time went", &phases(run));
    if pictures.spy.is_some() || pictures.comm_matrix.is_some() || run.partition.is_some() {
        section(&mut page, "Matrix and distribution", &matrix(run, pictures));
    }
    section(&mut page, "Environment", &environment(run));
    section(&mut page, "Options in force", &options(run));
    let details = format!("{}{}", view(run), log_view(run));
    section(&mut page, "In words", &format!("<pre>{}</pre>\n", escaped(details.trim())));
    page + "</body>\n</html>\n"
}

fn section(page: &mut String, title: &str, body: &str) {
    let _ = write!(page, "<section>\n<h2>{title}</h2>\n{body}</section>\n");
}

/// Text as it may stand in an element or an attribute.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Words between which a line may break, but not within them, as browsers like to after a dash.
fn unbroken(text: &str) -> String {
    let words: Vec<String> = text.split(' ').map(|word| format!("<i>{}</i>", escaped(word))).collect();
    words.join(" ")
}

/// A picture in the page itself.
fn figure(png: &[u8], what: &str, caption: &str) -> String {
    format!(
        "<figure><img alt=\"{what}\" src=\"data:image/png;base64,{}\"><figcaption>{caption}</figcaption></figure>\n",
        BASE64_STANDARD.encode(png)
    )
}

fn headline(run: &Run) -> String {
    let outcome = &run.outcome;
    let class = if outcome.converged { "good" } else { "bad" };
    let mut text = format!(
        "<p><span class=\"{class}\">{}</span> {}</p>\n<div class=\"tiles\">\n",
        escaped(outcome.petsc_reason),
        escaped(outcome.reason)
    );
    let mut tile = |name: &str, value: String| {
        let _ = writeln!(text, "<div><b>{}</b><span>{name}</span></div>", escaped(&value));
    };
    tile("rows", grouped(run.problem.rows));
    tile("nonzeros", grouped(run.problem.nonzeros));
    let sub = run.method.sub_preconditioner.map_or(String::new(), |sub| format!(" ({sub})"));
    tile("method", format!("{}, {}{sub}", run.method.solver, run.method.preconditioner));
    tile("ranks", grouped(run.machine.ranks as u64));
    tile("iterations", grouped(outcome.iterations));
    tile("‖b − Ax‖ / ‖b‖, true", format!("{:.3e}", outcome.true_relative_residual));
    tile("solve", seconds(outcome.solve_seconds));
    tile("per iteration", seconds(outcome.microseconds_per_iteration / 1e6));
    if let Some(error) = &outcome.error {
        tile(&escaped(&format!("relative error against {}", error.against)), format!("{:.3e}", error.relative_2_norm));
    }
    if let Some(error) = &outcome.error_a {
        let what = if error.is_bound { "upper bound" } else { "estimate" };
        tile(&format!("relative A-norm of the error, {what}"), format!("{:.3e}", error.relative_a_norm));
    }
    if let Some(spectrum) = &outcome.spectrum {
        tile("condition of the preconditioned matrix, estimated", format!("{:.2e}", spectrum.condition));
    }
    text + "</div>\n"
}

fn convergence(run: &Run, outcome: &Outcome) -> String {
    let scale = if outcome.reference_norm > 0.0 { outcome.reference_norm } else { 1.0 };
    let stride = outcome.history.len().div_ceil(POINTS).max(1);
    let residuals = outcome.history.iter().step_by(stride).chain(outcome.history.last());
    let mut points: Vec<(f64, f64)> =
        residuals.map(|record| (record.iteration as f64, record.residual / scale)).collect();
    points.dedup();
    let ends = [points.first(), points.last()].map(|point| point.map_or(0.0, |point| point.0));
    let mut curves = vec![Curve::new("residual", points)];
    // What ends the solve, be it the relative or the absolute tolerance.
    let tolerance = run.method.tolerance(outcome.reference_norm) / scale;
    if tolerance > 0.0 {
        curves.push(Curve::new("tolerance", ends.map(|end| (end, tolerance)).to_vec()));
    }
    let chart = Chart {
        title: String::new(),
        x_label: "iterations".into(),
        y_label: "‖r‖ / ‖b‖ of the recurrence".into(),
        curves,
    };
    format!("<figure class=\"chart\">{}</figure>\n", chart.svg())
}

/// A bar for each phase, and its bandwidth beside the machine's.
fn phases(run: &Run) -> String {
    let total = run.outcome.solve_seconds.max(f64::MIN_POSITIVE);
    let mut text = String::from(
        "<div class=\"scroll\"><table>\n<tr><th>phase</th><th class=\"n\">share</th><th></th>\
         <th class=\"n\">avg</th><th class=\"n\">max</th><th class=\"n\">GB/s</th><th class=\"n\">of bandwidth</th></tr>\n",
    );
    let mut row = |name: &str, Spread { avg, max, .. }: Spread, rate: Option<f64>| {
        let share = 100.0 * avg / total;
        let width = share.clamp(0.0, 100.0);
        let gigabytes = rate.map_or(String::new(), |rate| format!("{rate:.1}"));
        let of = rate.zip(run.bandwidth).map_or(String::new(), |(rate, all)| format!("{:.0} %", all.percent(rate)));
        let _ = writeln!(
            text,
            "<tr><td>{name}</td><td class=\"n\">{share:.1} %</td>\
             <td class=\"bar\"><i style=\"width:{width:.1}%\"></i></td><td class=\"n\">{}</td><td class=\"n\">{}</td>\
             <td class=\"n\">{gigabytes}</td><td class=\"n\">{of}</td></tr>",
            seconds(avg),
            seconds(max)
        );
    };
    for phase in run.phases.iter().filter(|phase| phase.seconds.max > 0.0) {
        row(phase.name, phase.seconds, phase.gigabytes_per_second);
    }
    let saving = run.checkpoint.seconds;
    if saving > 0.0 {
        row("checkpoints", Spread { min: saving, avg: saving, max: saving }, None);
    }
    let other = (total - saving - run.phases.iter().map(|phase| phase.seconds.avg).sum::<f64>()).max(0.0);
    row("other", Spread { min: other, avg: other, max: other }, None);
    text += "</table></div>\n";
    let hidden = &run.hidden_sum_seconds;
    let _ = writeln!(
        text,
        "<p>Sums were in flight behind other work for {} (of the average rank), beside the time of the phase <i>sum</i>. {} \
         sums, {} of them waited for at once; {:.1} messages and {} per iteration, all ranks together. Set-up: {}.</p>",
        seconds(hidden.avg),
        grouped(run.traffic.sums),
        grouped(run.traffic.blocking_sums),
        run.traffic.messages_per_iteration,
        bytes(run.traffic.halo_bytes_per_iteration),
        run.setup_seconds.stages().map(|(name, spent)| format!("{name} {}", seconds(spent))).join(", ")
    );
    if let Some(bandwidth) = &run.bandwidth {
        let _ = writeln!(
            text,
            "<p>Bandwidth, measured after the solve with arrays updated in place by all ranks at once: {:.1} GB/s with the \
             solve's {} per rank, {:.1} GB/s with {}{}.</p>",
            bandwidth.gigabytes_per_second,
            bytes(bandwidth.working_set_bytes as f64),
            bandwidth.memory_gigabytes_per_second,
            bytes(bandwidth.memory_working_set_bytes as f64),
            bandwidth.excess(&run.phases).map_or(String::new(), |why| format!("; {why}"))
        );
    }
    text
}

fn matrix(run: &Run, pictures: &Pictures) -> String {
    let mut text = String::from("<div class=\"pair\">\n");
    if let Some(spy) = &pictures.spy {
        let caption = "Where the matrix has entries, in the order of the input.";
        text += &figure(&spy.png(), "where the matrix has entries", caption);
    }
    if let Some(comm_matrix) = &pictures.comm_matrix {
        let _ = writeln!(
            text,
            "<figure>{}<figcaption>Who sends how many words to whom.</figcaption></figure>",
            comm_matrix.svg()
        );
    }
    text += "</div>\n";
    if let Some(partition) = &run.partition {
        let counts = |value: &Spread| [value.min, value.avg, value.max].map(|count| grouped(count.round() as u64));
        let sizes = |value: &Spread| [value.min, value.avg, value.max].map(bytes);
        let rows = [
            ("rows", counts(&partition.rows)),
            ("nonzeros", counts(&partition.nonzeros)),
            ("ghost rows", counts(&partition.ghost_rows)),
            ("sent rows", counts(&partition.sent_rows)),
            ("neighbours", counts(&partition.neighbours)),
            ("matrix", sizes(&run.memory.matrix_bytes)),
            ("vectors", sizes(&run.memory.vector_bytes)),
        ];
        let _ = write!(
            text,
            "<p>Partition: {}, imbalance {:.3} by nonzeros, edge cut {}.</p>\n<table>\n<tr><th>per rank</th>\
             <th class=\"n\">min</th><th class=\"n\">avg</th><th class=\"n\">max</th></tr>\n",
            escaped(&partition.method),
            partition.imbalance,
            grouped(partition.edge_cut)
        );
        for (name, values) in rows {
            let cells = values.map(|value| format!("<td class=\"n\">{value}</td>")).concat();
            let _ = writeln!(text, "<tr><td>{name}</td>{cells}</tr>");
        }
        text += "</table>\n";
    }
    text
}

fn environment(run: &Run) -> String {
    let origin = &run.origin;
    let mut rows = vec![
        ("halocg", run.version.to_owned()),
        ("begun", format!("{} (UTC)", origin.started.replace('T', " ").trim_end_matches('Z'))),
        ("ranks", run.machine.engine.clone()),
        ("computer of rank 0", origin.host.clone()),
        ("its processor", format!("{}, {} to run on", origin.processor, grouped(origin.processors as u64))),
        ("folder", origin.folder.clone()),
        ("system", format!("{} on {}", std::env::consts::OS, std::env::consts::ARCH)),
        ("right-hand side", run.problem.rhs.clone()),
    ];
    if let Some(mesh) = &run.problem.mesh {
        rows.push(("mesh", format!("{} {}", grouped(mesh.cells), mesh.cell_kind)));
        rows.push(("conditions", mesh.conditions.clone()));
    }
    let mut text = String::from("<table>\n");
    for (name, value) in rows {
        let _ = writeln!(text, "<tr><td>{name}</td><td>{}</td></tr>", escaped(&value));
    }
    let _ = write!(
        text,
        "</table>\n<p>The same run again:</p>\n<pre class=\"wrap\">cd {}\n{}</pre>\n",
        escaped(&quoted(&origin.folder)),
        unbroken(&origin.again)
    );
    text
}

fn options(run: &Run) -> String {
    let mut text = String::from("<table>\n");
    for (name, values) in &run.options {
        let dashes = if name == "matrix" { "" } else { "--" }; // the one that is no option
        let _ = writeln!(text, "<tr><td>{dashes}{}</td><td>{}</td></tr>", escaped(name), escaped(&values.join(" ")));
    }
    text + "</table>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_users_name_cannot_become_markup() {
        assert_eq!(escaped("<b>&\"'"), "&lt;b&gt;&amp;&quot;'");
        assert_eq!(unbroken("a --b '<c d>'"), "<i>a</i> <i>--b</i> <i>'&lt;c</i> <i>d&gt;'</i>");
    }
}
