//! Predicted times, and from which number of ranks on pipelining pays.

use super::terminal::grouped;
use std::fmt::Write as _;

/// What the model says of one matrix.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// The matrix.
    pub problem: String,
    /// How rows were given to ranks.
    pub partition: String,
    /// Ranks that the machine was measured on.
    pub measured_ranks: usize,
    /// True if a network lies between groups of so many ranks.
    pub has_network: bool,
    /// By number of ranks, increasing.
    pub lines: Vec<PredictionLine>,
}

/// On one number of ranks.
#[derive(Clone, Debug)]
pub struct PredictionLine {
    /// How many.
    pub ranks: usize,
    /// Rows of the largest part.
    pub rows: u64,
    /// Ghosts of the part with the most.
    pub ghosts: u64,
    /// Neighbours of the part with the most.
    pub neighbours: u64,
    /// Microseconds of a global sum.
    pub sum_us: f64,
    /// Microseconds per iteration, by method, the plainest first.
    pub times_us: Vec<(&'static str, f64)>,
}

impl Prediction {
    /// The least number of ranks from which on `method` is faster than each of `others`, up to the largest predicted.
    pub fn wins_from(&self, method: &str, others: &[&str]) -> Option<usize> {
        let time = |line: &PredictionLine, name: &str| line.times_us.iter().find(|(at, _)| *at == name).map(|at| at.1);
        let wins = |line: &&PredictionLine| {
            let own = time(line, method);
            others.iter().all(|other| own < time(line, other))
        };
        self.lines.iter().rev().take_while(wins).last().map(|line| line.ranks)
    }
}

/// The table, and the crossover in a sentence.
pub fn prediction_table(prediction: &Prediction) -> String {
    let Prediction { problem, partition, measured_ranks, has_network, lines } = prediction;
    let hops = if *has_network {
        format!("groups of {measured_ranks} ranks as measured, the network given between them")
    } else {
        format!("every step of a sum as measured on {measured_ranks} ranks")
    };
    let mut text = format!(
        "{problem}; partition {partition}, made for each number of ranks; {hops}\nus per iteration by the model, of the slowest rank\n\n"
    );
    let mut say = |words: std::fmt::Arguments| text.write_fmt(words).expect("writing to a string succeeds");
    say(format_args!("{:>8}{:>11}{:>9}{:>12}{:>9}", "ranks", "rows", "ghosts", "neighbours", "sum"));
    for (name, _) in lines.first().map_or(&[][..], |line| &line.times_us) {
        say(format_args!("{name:>13}"));
    }
    for PredictionLine { ranks, rows, ghosts, neighbours, sum_us, times_us } in lines {
        let (rows, ghosts) = (grouped(*rows), grouped(*ghosts));
        say(format_args!("\n{ranks:>8}{rows:>11}{ghosts:>9}{neighbours:>12}{sum_us:>9.1}"));
        for (_, time) in times_us {
            say(format_args!("{time:>13.1}"));
        }
    }
    let last = lines.last().map_or(0, |line| line.ranks);
    let wins = |others: &[&str]| match prediction.wins_from("pipe-pr-cg", others) {
        Some(ranks) => format!("from {ranks} ranks on"),
        None => format!("not up to {last} ranks"),
    };
    let (classic, all) = (wins(&["hs-cg"]), wins(&["hs-cg", "cg-cg", "pr-cg", "m-cg"]));
    say(format_args!(
        "\n\npipe-pr-cg takes less than hs-cg {classic}, less than every method that waits for its sums {all}.\n"
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crossover_is_where_it_wins_to_the_end() {
        let line = |ranks, classic, pipelined| PredictionLine {
            ranks,
            rows: 1,
            ghosts: 0,
            neighbours: 0,
            sum_us: 1.0,
            times_us: vec![("hs-cg", classic), ("pipe-pr-cg", pipelined)],
        };
        let prediction = |lines| Prediction {
            problem: "a".into(),
            partition: "metis".into(),
            measured_ranks: 2,
            has_network: true,
            lines,
        };
        let from = |lines| prediction(lines).wins_from("pipe-pr-cg", &["hs-cg"]);
        assert_eq!(from(vec![line(1, 5.0, 4.0), line(2, 4.0, 5.0), line(4, 4.0, 3.0), line(8, 4.0, 2.0)]), Some(4));
        assert_eq!(from(vec![line(1, 5.0, 4.0), line(2, 4.0, 5.0)]), None);
        assert_eq!(from(vec![line(1, 5.0, 4.0), line(2, 5.0, 4.0)]), Some(1));
        let text = prediction_table(&prediction(vec![line(1, 4.0, 5.0), line(2, 5.0, 4.0)]));
        assert!(text.contains("less than hs-cg from 2 ranks on, "), "{text}");
        let text = prediction_table(&prediction(vec![line(1, 4.0, 5.0)]));
        assert!(text.contains("less than hs-cg not up to 1 ranks, "), "{text}");
    }
}
