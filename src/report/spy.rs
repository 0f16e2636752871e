//! Where a matrix has its entries, as a picture: the darker a cell, the more of its places hold one.

use super::paint::{fitted, png, text_width};
use super::plot::{Area, Drawn, PIXELS, POINT, write};
use super::terminal::grouped;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

/// Entries of an n x n matrix, counted in square cells.
#[derive(Clone, Debug)]
pub struct Spy {
    /// Above the picture.
    pub title: String,
    /// Rows of the matrix.
    pub n: u64,
    /// Entries of each cell, cells row by row; [`Spy::cells`] of them along an edge.
    pub counts: Vec<u64>,
}

const SIZE: (i32, i32) = (660 * POINT, 690 * POINT);
/// The matrix, a square.
const LEFT: i32 = 90 * POINT;
const TOP: i32 = 50 * POINT;
const EDGE: i32 = 540 * POINT;
/// Along an edge: no more than the picture can show.
const MOST_CELLS: u64 = 540;
const LETTERS: f64 = 17.0;

impl Spy {
    /// Cells along an edge of a matrix of `n` rows.
    pub fn cells(n: u64) -> usize {
        n.min(MOST_CELLS) as usize
    }

    /// The cell of row or column `index`.
    pub fn cell(n: u64, index: u64) -> usize {
        (u128::from(index) * Self::cells(n) as u128 / u128::from(n)) as usize
    }

    /// The picture as a PNG file.
    pub fn png(&self) -> Vec<u8> {
        png((SIZE.0 as u32, SIZE.1 as u32), PIXELS / POINT as f32, |painter| {
            let root = painter.into_drawing_area();
            self.draw_on(&root).and_then(|()| root.present()).expect("drawing into memory succeeds");
        })
    }

    /// How dark a cell is that holds `count` entries, from 0 to 1; None if it holds none. One entry in a large matrix
    /// is still to be seen.
    fn darkness(&self, count: u64) -> Option<f64> {
        const LEAST: f64 = 0.35;
        let places = (self.n as f64 / Self::cells(self.n) as f64).powi(2).max(1.0);
        let filled = if places > 1.0 { (count as f64).ln() / places.ln() } else { 1.0 };
        (count > 0).then_some(LEAST + (1.0 - LEAST) * filled.clamp(0.0, 1.0))
    }

    fn draw_on<DB: DrawingBackend>(&self, root: &Area<DB>) -> Drawn<DB> {
        root.fill(&WHITE)?;
        let along = Self::cells(self.n);
        let place = |cell: usize| (i64::from(EDGE) * cell as i64 / along.max(1) as i64) as i32;
        for (at, &count) in self.counts.iter().enumerate() {
            if let Some(darkness) = self.darkness(count) {
                let (row, column) = (at / along, at % along);
                let corners =
                    [(LEFT + place(column), TOP + place(row)), (LEFT + place(column + 1), TOP + place(row + 1))];
                let mixed = |light: f64, dark: f64| (light + (dark - light) * darkness) as u8;
                let color = RGBColor(mixed(190.0, 8.0), mixed(215.0, 20.0), mixed(240.0, 60.0));
                root.draw(&Rectangle::new(corners, color.filled()))?;
            }
        }
        let axis = RGBColor(60, 60, 60).stroke_width(12);
        root.draw(&Rectangle::new([(LEFT, TOP), (LEFT + EDGE, TOP + EDGE)], axis))?;
        // Both sides of the middle have as much room as the right one.
        let room = f64::from(2 * (SIZE.0 - LEFT - EDGE / 2) / POINT - 10);
        let (title, letters) = fitted(&self.title, 20.0, room);
        write(root, &title, (LEFT + EDGE / 2, 30 * POINT), letters, HPos::Center, &BLACK)?;
        for (label, at) in [("1".to_string(), 0), (grouped(self.n), EDGE)] {
            let half = (LETTERS * text_width(&label) / 2.0) as i32 + 5;
            let middle = (LEFT + at).min(SIZE.0 - half * POINT);
            write(root, &label, (middle, TOP + EDGE + 24 * POINT), LETTERS, HPos::Center, &BLACK)?;
            write(root, &label, (LEFT - 8 * POINT, TOP + at + 6 * POINT), fit_left(&label), HPos::Right, &BLACK)?;
        }
        let entries = format!("{} entries", grouped(self.counts.iter().sum()));
        write(root, &entries, (LEFT + EDGE / 2, TOP + EDGE + 48 * POINT), LETTERS, HPos::Center, &BLACK)
    }
}

/// Letters of a label that must fit beside the matrix.
fn fit_left(label: &str) -> f64 {
    LETTERS.min(f64::from(LEFT / POINT - 12) / text_width(label).max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_has_a_cell_and_every_cell_an_index() {
        for n in [1, 2, 539, 540, 541, 5000, 10_u64.pow(9) + 7] {
            let cells = Spy::cells(n);
            assert_eq!((Spy::cell(n, 0), Spy::cell(n, n - 1)), (0, cells - 1));
            if n < 10_000 {
                let all: std::collections::BTreeSet<usize> = (0..n).map(|index| Spy::cell(n, index)).collect();
                assert_eq!(all.len(), cells);
            }
        }
    }

    #[test]
    fn nothing_is_cut_off_at_the_edges() {
        let title = "Poisson 3D, 200 x 200 x 200 points, 7-point stencil, matrix-free";
        for (title, n) in [(title, 8_000_000), (&title[..9], 4_294_967_295), ("", 1)] {
            let along = Spy::cells(n);
            let png = Spy { title: title.into(), n, counts: vec![1; along * along] }.png();
            let picture = tiny_skia::Pixmap::decode_png(&png).expect("a picture");
            let (width, height) = (picture.width(), picture.height());
            let is_paper = |x, y| picture.pixel(x, y).is_some_and(|pixel| pixel.red() == 255 && pixel.blue() == 255);
            assert!((0..height).all(|y| is_paper(0, y) && is_paper(width - 1, y)), "{title} {n}");
        }
    }

    #[test]
    fn more_entries_are_darker_and_one_is_visible() {
        let spy = Spy { title: String::new(), n: 54_000, counts: Vec::new() };
        assert_eq!(spy.darkness(0), None);
        let [one, some, all] = [1, 100, 10_000].map(|count| spy.darkness(count).expect("not empty"));
        assert!(0.3 < one && one < some && some < all && all <= 1.0);
        let small = Spy { n: 3, ..spy };
        assert_eq!(small.darkness(1), Some(1.0));
        assert!(Spy { counts: vec![1, 0, 0, 0, 1, 0, 0, 0, 1], ..small }.png().starts_with(b"\x89PNG"));
    }
}
