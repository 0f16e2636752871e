//! The communication matrix as a picture: who sends how many words to whom.

use super::paint::{fitted, png, text_width};
use super::plot::{Area, Drawn, PIXELS, POINT, Place, points, svg, write};
use super::terminal::grouped;
use crate::partition::Message;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

/// Messages of an exchange of one vector, as a matrix of senders and receivers.
#[derive(Clone, Debug)]
pub struct CommMatrix {
    /// Above the picture; may be empty.
    pub title: String,
    /// Ranks, or parts.
    pub parts: usize,
    /// In any order; none occurs twice.
    pub messages: Vec<Message>,
}

const SIZE: (i32, i32) = (760 * POINT, 700 * POINT);
/// The matrix, a square.
const LEFT: i32 = 96 * POINT;
const TOP: i32 = 72 * POINT;
const EDGE: i32 = 540 * POINT;
/// Colours from few words to many, brightness falling. No message at all stays white.
const COLORS: [[f64; 3]; 5] =
    [[255.0, 225.0, 150.0], [252.0, 165.0, 75.0], [225.0, 75.0, 45.0], [150.0, 15.0, 60.0], [50.0, 0.0, 60.0]];
/// More cells than this along an edge cannot be told apart: they are then sums over neighbouring ranks.
const MOST_CELLS: usize = 270;
/// So few cells have room for their numbers.
const MOST_NUMBERED: usize = 10;
const LETTERS: f64 = 17.0;

impl CommMatrix {
    /// The picture as an SVG file.
    pub fn svg(&self) -> String {
        svg(SIZE, |backend| self.draw(backend))
    }

    /// The picture as a PNG file.
    pub fn png(&self) -> Vec<u8> {
        png((SIZE.0 as u32, SIZE.1 as u32), PIXELS / POINT as f32, |painter| self.draw(painter))
    }

    fn draw<DB: DrawingBackend>(&self, backend: DB) {
        let root = backend.into_drawing_area();
        self.draw_on(&root).and_then(|()| root.present()).expect("drawing into memory succeeds");
    }

    /// Ranks along the edge of a cell.
    fn ranks_per_cell(&self) -> usize {
        self.parts.div_ceil(MOST_CELLS).max(1)
    }

    /// Words of the cells that have any: (sender's row, receiver's column, words), sorted.
    fn cells(&self) -> Vec<(usize, usize, u64)> {
        let cell = |part: u32| part as usize / self.ranks_per_cell();
        let mut cells: Vec<_> = self.messages.iter().map(|m| (cell(m.from), cell(m.to), m.rows)).collect();
        cells.sort_unstable();
        cells
            .chunk_by(|a, b| (a.0, a.1) == (b.0, b.1))
            .map(|same| (same[0].0, same[0].1, same.iter().map(|cell| cell.2).sum()))
            .collect()
    }

    fn draw_on<DB: DrawingBackend>(&self, root: &Area<DB>) -> Drawn<DB> {
        root.fill(&WHITE)?;
        let (group, cells) = (self.ranks_per_cell(), self.cells());
        let along = self.parts.div_ceil(group).max(1);
        let place = |cell: usize| (i64::from(EDGE) * cell as i64 / along as i64) as i32;
        let words = || cells.iter().map(|cell| cell.2);
        let scale = Scale::over(words().min().unwrap_or(1), words().max().unwrap_or(1));
        for &(row, column, words) in &cells {
            let corners = [(LEFT + place(column), TOP + place(row)), (LEFT + place(column + 1), TOP + place(row + 1))];
            let share = scale.share(words);
            root.draw(&Rectangle::new(corners, color(share).filled()))?;
            if along <= MOST_NUMBERED {
                let (size, text) = (LETTERS.min(300.0 / along as f64), grouped(words));
                let size = size.min(0.9 * f64::from(EDGE / POINT) / along as f64 / text_width(&text));
                let middle =
                    ((corners[0].0 + corners[1].0) / 2, (corners[0].1 + corners[1].1) / 2 + points(0.36 * size));
                write(root, &text, middle, size, HPos::Center, if share > 0.4 { &WHITE } else { &BLACK })?;
            }
        }
        self.draw_frame(root, along, group, place)?;
        draw_scale(root, &scale)
    }

    fn draw_frame<DB: DrawingBackend>(
        &self,
        root: &Area<DB>,
        along: usize,
        group: usize,
        place: impl Fn(usize) -> i32,
    ) -> Drawn<DB> {
        let axis = RGBColor(60, 60, 60).stroke_width(12);
        let grid = RGBColor(225, 225, 225).stroke_width(8);
        let line = |from: Place, to: Place, style| root.draw(&PathElement::new([from, to], style));
        if along <= 32 {
            for at in (1..along).map(&place) {
                line((LEFT + at, TOP), (LEFT + at, TOP + EDGE), grid)?;
                line((LEFT, TOP + at), (LEFT + EDGE, TOP + at), grid)?;
            }
        }
        let corners = [(LEFT, TOP), (LEFT + EDGE, TOP + EDGE)];
        root.draw(&Rectangle::new(corners, axis))?;
        let step = [1, 2, 4].into_iter().cycle().zip(0..).map(|(digit, k)| digit << (3 * (k / 3)));
        let step = step.into_iter().find(|step| self.parts.div_ceil(*step) <= 9).expect("steps grow");
        for part in (0..self.parts).step_by(step) {
            let at = place(part / group) + place(1) / 2;
            line((LEFT + at, TOP + EDGE), (LEFT + at, TOP + EDGE + 5 * POINT), axis)?;
            line((LEFT - 5 * POINT, TOP + at), (LEFT, TOP + at), axis)?;
            let label = part.to_string();
            write(root, &label, (LEFT + at, TOP + EDGE + 24 * POINT), LETTERS, HPos::Center, &BLACK)?;
            write(root, &label, (LEFT - 9 * POINT, TOP + at + 6 * POINT), LETTERS, HPos::Right, &BLACK)?;
        }
        let room = f64::from(EDGE / POINT + 90);
        let middle = LEFT + EDGE / 2;
        let (title, size) = fitted(&self.title, 20.0, room);
        write(root, &title, (middle, 30 * POINT), size, HPos::Center, &BLACK)?;
        let mut what = String::from("words sent in one exchange of a vector");
        if group > 1 {
            what += &format!("; a cell is the sum over {group} x {group} ranks");
        }
        let (what, size) = fitted(&what, LETTERS, room);
        write(root, &what, (middle, 56 * POINT), size, HPos::Center, &BLACK)?;
        write(root, "receiving rank", (middle, TOP + EDGE + 52 * POINT), LETTERS, HPos::Center, &BLACK)?;
        let upwards = super::plot::style(LETTERS, HPos::Center).transform(FontTransform::Rotate270);
        root.draw_text("sending rank", &upwards, (10 * POINT, TOP + EDGE / 2))
    }
}

/// The bar beside the matrix that says which colour means how many words.
fn draw_scale<DB: DrawingBackend>(root: &Area<DB>, scale: &Scale) -> Drawn<DB> {
    const STEPS: i32 = 100;
    let (left, right) = (LEFT + EDGE + 24 * POINT, LEFT + EDGE + 42 * POINT);
    let height = |share: f64| TOP + EDGE - (share * f64::from(EDGE)).round() as i32;
    // From the top, each step down to the bottom and under the next: no seams.
    for step in (0..STEPS).rev() {
        let [middle, end] = [0.5, 1.0].map(|part| (f64::from(step) + part) / f64::from(STEPS));
        let corners = [(left, height(end)), (right, height(0.0))];
        root.draw(&Rectangle::new(corners, color(middle).filled()))?;
    }
    for words in scale.ticks() {
        let at = height(scale.share(words));
        root.draw(&PathElement::new([(right, at), (right + 5 * POINT, at)], RGBColor(60, 60, 60).stroke_width(12)))?;
        write(root, &grouped(words), (right + 8 * POINT, at + 6 * POINT), LETTERS.min(15.0), HPos::Left, &BLACK)?;
    }
    Ok(())
}

/// Words on a logarithmic scale.
struct Scale {
    least: u64,
    most: u64,
}

impl Scale {
    fn over(least: u64, most: u64) -> Scale {
        Scale { least: least.max(1), most: most.max(1) }
    }

    /// 0 for the least, 1 for the most; in between if all are the same.
    fn share(&self, words: u64) -> f64 {
        let (low, high) = ((self.least as f64).ln(), (self.most as f64).ln());
        if high > low { ((words.max(1) as f64).ln() - low) / (high - low) } else { 0.5 }
    }

    /// Both ends, and round numbers that keep away from them and from each other.
    fn ticks(&self) -> Vec<u64> {
        let mut ticks = vec![self.least, self.most];
        ticks.dedup();
        let powers = || (0..19).map(|power| 10u64.pow(power));
        for factor in [1, 5, 2] {
            for words in powers().map(|power| factor * power).filter(|words| (self.least..self.most).contains(words)) {
                if ticks.iter().all(|&tick| (self.share(tick) - self.share(words)).abs() > 0.05) {
                    ticks.push(words);
                }
            }
        }
        ticks
    }
}

fn color(share: f64) -> RGBColor {
    let at = share.clamp(0.0, 1.0) * (COLORS.len() - 1) as f64;
    let low = (at as usize).min(COLORS.len() - 2);
    let mixed = |k: usize| (COLORS[low][k] + (COLORS[low + 1][k] - COLORS[low][k]) * (at - low as f64)).round() as u8;
    RGBColor(mixed(0), mixed(1), mixed(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(parts: u32) -> CommMatrix {
        let neighbours = |from: u32| [(from + 1) % parts, (from + parts - 1) % parts];
        let message = |from, to| Message { from, to, rows: 10 + u64::from(from) };
        let messages = (0..parts).flat_map(|from| neighbours(from).map(|to| message(from, to))).collect();
        CommMatrix { title: "a ring".into(), parts: parts as usize, messages }
    }

    #[test]
    fn every_message_is_in_one_cell_and_no_word_is_lost() {
        for parts in [3, 8, 270, 271, 1024, 4096] {
            let matrix = matrix(parts);
            let cells = matrix.cells();
            assert!(cells.iter().all(|cell| cell.0.max(cell.1) < MOST_CELLS));
            let words: u64 = cells.iter().map(|cell| cell.2).sum();
            assert_eq!(words, matrix.messages.iter().map(|message| message.rows).sum::<u64>());
            let svg = matrix.svg();
            let squares = svg.matches("<rect").count();
            assert!(squares > cells.len() && squares < cells.len() + 110, "{parts}: {squares} for {}", cells.len());
        }
        assert!(matrix(8).svg().contains(">17</text>") || matrix(8).svg().contains("\n17\n"), "cells with numbers");
    }

    #[test]
    fn no_message_at_all_is_a_picture_too() {
        for parts in [1, 2, 500] {
            let empty = CommMatrix { title: String::new(), parts, messages: Vec::new() };
            assert!(empty.svg().contains("sending rank") && empty.png().starts_with(b"\x89PNG"));
        }
    }

    #[test]
    fn the_scale_is_logarithmic() {
        let scale = Scale::over(10, 1000);
        assert_eq!((scale.share(10), scale.share(1000)), (0.0, 1.0));
        assert!((scale.share(100) - 0.5).abs() < 1e-12);
        assert!(scale.ticks().contains(&100) && scale.ticks().len() < 20);
        assert!(COLORS.is_sorted_by(|a, b| a.iter().sum::<f64>() > b.iter().sum::<f64>()), "darker and darker");
    }
}
