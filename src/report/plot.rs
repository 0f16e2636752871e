//! Convergence curves as a picture for a paper: a logarithmic axis, a legend beside the plot, colours that colour-blind
//! readers tell apart, and marks that survive a black-and-white printer.
//!
//! Both formats come from one drawing. plotters rounds every coordinate to an integer, so the drawing is done in tenths
//! of a point.

use super::paint::{fitted, png, text_width};
use super::terminal::grouped;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// A named curve.
#[derive(Clone, Debug)]
pub struct Curve {
    /// What the legend calls it.
    pub name: String,
    /// Iteration or seconds, ascending, and the value there. A value that is not finite and positive leaves a gap.
    pub points: Vec<(f64, f64)>,
    /// Whether each point has its mark, as it should where they are few and the curves apart. Else marks only tell which
    /// curve is which, and lie where they can be seen.
    pub marks_points: bool,
}

impl Curve {
    /// With marks that are no data.
    pub fn new(name: &str, points: Vec<(f64, f64)>) -> Curve {
        Curve { name: name.into(), points, marks_points: false }
    }
}

/// Curves over a common axis, the values on a logarithmic scale.
#[derive(Clone, Debug)]
pub struct Chart {
    /// Above the plot; may be empty.
    pub title: String,
    /// Below the plot.
    pub x_label: String,
    /// To its left.
    pub y_label: String,
    /// Nine can be told apart; a tenth looks like the first, dashed.
    pub curves: Vec<Curve>,
}

/// A point of the picture, in units of the drawing.
pub(super) const POINT: i32 = 10;
const SIZE: (i32, i32) = (900 * POINT, 560 * POINT);
/// Pixels of the PNG file per point: about 540 dots per inch in half a page's width.
pub(super) const PIXELS: f32 = 2.0;
/// Sizes of letters in points: some six points printed half a page wide.
const SMALL: f64 = 22.0;
const LARGE: f64 = 24.0;
/// The PNG has the first; a reader of the SVG without it sees one of about its widths.
const FONT: &str = "DejaVu Sans, Verdana, Arial, Helvetica, sans-serif";
/// Length of the legend's samples.
const SAMPLE: i32 = 40 * POINT;

/// The palette of Okabe and Ito; brown for its yellow, which fades on white paper, and a grey to make nine.
pub(super) const COLORS: [RGBColor; 9] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(204, 121, 167),
    RGBColor(122, 75, 0),
    RGBColor(100, 100, 100),
    RGBColor(0, 0, 0),
];

/// Corners of the marks, beside the first, which is round.
#[rustfmt::skip]
const MARKS: [&[(f64, f64)]; 8] = [
    &[(-4.7, -4.7), (4.7, -4.7), (4.7, 4.7), (-4.7, 4.7)],
    &[(0.0, -6.3), (5.8, 4.1), (-5.8, 4.1)],
    &[(0.0, -6.6), (6.6, 0.0), (0.0, 6.6), (-6.6, 0.0)],
    &[(0.0, 6.3), (5.8, -4.1), (-5.8, -4.1)],
    &[
        (-2.2, -6.0), (2.2, -6.0), (2.2, -2.2), (6.0, -2.2), (6.0, 2.2), (2.2, 2.2),
        (2.2, 6.0), (-2.2, 6.0), (-2.2, 2.2), (-6.0, 2.2), (-6.0, -2.2), (-2.2, -2.2),
    ],
    &[(-6.3, 0.0), (4.1, -5.8), (4.1, 5.8)],
    &[(6.3, 0.0), (-4.1, -5.8), (-4.1, 5.8)],
    &[
        (0.0, -6.8), (1.6, -2.2), (6.5, -2.1), (2.6, 0.8), (4.0, 5.5),
        (0.0, 2.7), (-4.0, 5.5), (-2.6, 0.8), (-6.5, -2.1), (-1.6, -2.2),
    ],
];

pub(super) type Area<DB> = DrawingArea<DB, Shift>;
pub(super) type Drawn<DB> = Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;
pub(super) type Place = (i32, i32);

impl Chart {
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

    fn draw_on<DB: DrawingBackend>(&self, root: &Area<DB>) -> Drawn<DB> {
        root.fill(&WHITE)?;
        let widest = self.curves.iter().map(|curve| text_width(&curve.name)).fold(0.0, f64::max);
        let letters = SMALL.min(300.0 / widest);
        let legend = if self.curves.is_empty() { 0 } else { SAMPLE + points(8.0 + widest * letters) };
        let frame = Frame {
            left: 118 * POINT,
            right: SIZE.0 - 36 * POINT - legend,
            top: 46 * POINT,
            bottom: SIZE.1 - 82 * POINT,
            axes: Axes::over(&self.curves),
        };
        self.draw_frame(root, &frame)?;
        self.draw_curves(root, &frame)?;

        let step = (29 * POINT).min((frame.bottom - frame.top) / self.curves.len().max(1) as i32);
        let (x, mut y) = (frame.right + 18 * POINT, frame.top + 12 * POINT);
        for (index, curve) in self.curves.iter().enumerate() {
            draw_line(root, index, &[(x, y), (x + SAMPLE, y)])?;
            draw_mark(root, index, (x + SAMPLE / 2, y))?;
            write(
                root,
                &curve.name,
                (x + SAMPLE + 8 * POINT, y + points(0.36 * letters)),
                letters,
                HPos::Left,
                &BLACK,
            )?;
            y += step;
        }
        Ok(())
    }

    fn draw_frame<DB: DrawingBackend>(&self, root: &Area<DB>, frame: &Frame) -> Drawn<DB> {
        let &Frame { left, right, top, bottom, ref axes } = frame;
        let grid = RGBColor(225, 225, 225).stroke_width(10);
        let axis = RGBColor(60, 60, 60).stroke_width(12);
        let line = |places: &[Place], style| root.draw(&PathElement::new(places, style));
        let ticks = axes.x.key_points(((right - left) / (90 * POINT)) as usize);
        for tick in &ticks {
            let x = axes.x.map(tick, (left, right));
            line(&[(x, top), (x, bottom)], grid)?;
            line(&[(x, bottom), (x, bottom + 6 * POINT)], axis)?;
            write(root, &tick_label(*tick, &ticks), (x, bottom + 29 * POINT), SMALL, HPos::Center, &BLACK)?;
        }
        for decade in axes.decades() {
            let y = axes.y.map(&f64::from(decade), (bottom, top));
            line(&[(left, y), (right, y)], grid)?;
            line(&[(left - 6 * POINT, y), (left, y)], axis)?;
            // Ten and exponent meet at a fixed place, so that no width of letters needs to be known.
            let exponent = decade.to_string().replace('-', "\u{2212}");
            write(root, "10", (left - 46 * POINT, y + 9 * POINT), SMALL, HPos::Right, &BLACK)?;
            write(root, &exponent, (left - 45 * POINT, y - POINT), 0.7 * SMALL, HPos::Left, &BLACK)?;
        }
        line(&[(left, top), (right, top), (right, bottom), (left, bottom), (left, top)], axis)?;

        let middle = ((left + right) / 2, (top + bottom) / 2);
        let fit = |text: &str, length: i32| fitted(text, LARGE, f64::from(length / POINT));
        let [wide, high] = [right - left, bottom - top];
        for (text, y) in [(&self.title, 29 * POINT), (&self.x_label, SIZE.1 - 16 * POINT)] {
            let (text, size) = fit(text, wide);
            write(root, &text, (middle.0, y), size, HPos::Center, &BLACK)?;
        }
        let (text, size) = fit(&self.y_label, high);
        let upwards = style(size, HPos::Center).transform(FontTransform::Rotate270);
        root.draw_text(&text, &upwards, (8 * POINT, middle.1))
    }

    /// Curves of methods that agree lie on each other. So each comes to the front at places of its own, which its marks show.
    fn draw_curves<DB: DrawingBackend>(&self, root: &Area<DB>, frame: &Frame) -> Drawn<DB> {
        let curves: Vec<Vec<Vec<Place>>> = self.curves.iter().map(|curve| frame.runs(curve)).collect();
        let count = curves.len().max(1) as i32;
        let spacing = (15 * POINT * count).clamp(75 * POINT, 135 * POINT);
        let share = spacing / count;
        let fronts =
            |index: usize| (frame.left + share / 2 + share * index as i32..frame.right).step_by(spacing as usize);
        for (index, runs) in curves.iter().enumerate() {
            for run in runs {
                draw_line(root, index, run)?;
            }
        }
        for (index, runs) in curves.iter().enumerate() {
            for (run, x) in runs.iter().flat_map(|run| fronts(index).map(move |x| (run, x))) {
                draw_line(root, index, &piece(run, x - share / 2, x + share / 2))?;
            }
        }
        for (index, runs) in curves.iter().enumerate() {
            let told_apart = |run: &[Place]| fronts(index).filter_map(|x| piece(run, x, x).first().copied()).collect();
            let marked = |run: &Vec<Place>| if self.curves[index].marks_points { run.clone() } else { told_apart(run) };
            let mut places: Vec<Place> = runs.iter().flat_map(marked).collect();
            if places.is_empty() {
                places.extend(runs.iter().flatten().last());
            }
            for place in places {
                draw_mark(root, index, place)?;
            }
        }
        Ok(())
    }
}

/// The SVG file of a drawing of `size` units.
pub(super) fn svg(size: (i32, i32), draw: impl FnOnce(SVGBackend)) -> String {
    let mut text = String::new();
    draw(SVGBackend::with_string(&mut text, (size.0 as u32, size.1 as u32)));
    // plotters has no word for a scaled drawing or for round joins, and calls every element opaque.
    let of_size = |unit| format!("width=\"{}\" height=\"{}\"", size.0 / unit, size.1 / unit);
    let head = of_size(POINT) + " stroke-linejoin=\"round\" stroke-linecap=\"round\"";
    text.replacen(&of_size(1), &head, 1).replace(" opacity=\"1\"", "")
}

/// A length in points, in units of the drawing.
pub(super) fn points(length: f64) -> i32 {
    (length * f64::from(POINT)).round() as i32
}

pub(super) fn style(size: f64, anchor: HPos) -> TextStyle<'static> {
    // plotters calls the height of a line the size of the font.
    (FONT, size * f64::from(POINT) * 1.24).into_font().color(&BLACK).pos(Pos::new(anchor, VPos::Top))
}

/// Writes with the base line at a place: it is 0.76 letter sizes below a top anchor.
pub(super) fn write<DB: DrawingBackend>(
    root: &Area<DB>,
    text: &str,
    (x, y): Place,
    size: f64,
    anchor: HPos,
    color: &RGBColor,
) -> Drawn<DB> {
    root.draw_text(text, &style(size, anchor).color(color), (x, y - points(0.76 * size)))
}

/// A label of the horizontal axis, with the digits that tell it from its neighbours.
fn tick_label(tick: f64, ticks: &[f64]) -> String {
    let step = if ticks.len() > 1 { ticks[1] - ticks[0] } else { 1.0 };
    match (-step.log10() - 1e-9).ceil() {
        digits if digits > 4.0 || tick.abs() >= 1e15 => format!("{tick:.1e}"),
        digits if digits > 0.0 => format!("{tick:.*}", digits as usize),
        _ if tick >= 1e4 => grouped(tick.round() as u64),
        _ => format!("{tick:.0}"),
    }
}

/// The line of the curve of an index, dashed from the tenth on.
fn draw_line<DB: DrawingBackend>(root: &Area<DB>, index: usize, places: &[Place]) -> Drawn<DB> {
    let style = COLORS[index % 9].stroke_width(22);
    let length: i32 = places.windows(2).map(|pair| (pair[1].0 - pair[0].0).abs() + (pair[1].1 - pair[0].1).abs()).sum();
    // Every dash is an element of the file: not in a dense zigzag, where none would be seen.
    if index / 9 % 2 == 1 && length < 5000 * POINT {
        root.draw(&DashedPathElement::new(places.to_vec(), 7 * POINT, 6 * POINT, style))
    } else {
        root.draw(&PathElement::new(places, style))
    }
}

/// The mark of the curve of an index.
fn draw_mark<DB: DrawingBackend>(root: &Area<DB>, index: usize, (x, y): Place) -> Drawn<DB> {
    let (fill, edge) = (COLORS[index % 9].filled(), WHITE.stroke_width(8));
    let Some(shape) = (index % 9).checked_sub(1) else {
        root.draw(&Circle::new((x, y), points(5.2), fill))?;
        return root.draw(&Circle::new((x, y), points(5.2), edge));
    };
    let mut corners: Vec<Place> = MARKS[shape].iter().map(|&(dx, dy)| (x + points(dx), y + points(dy))).collect();
    root.draw(&Polygon::new(corners.clone(), fill))?;
    corners.push(corners[0]);
    root.draw(&PathElement::new(corners, edge))
}

/// The ranges of the axes: iterations or seconds, and decimal logarithms of the values.
struct Axes {
    x: RangedCoordf64,
    y: RangedCoordf64,
}

impl Axes {
    /// From the start to the least value, if that is not an underflow, and to the greatest, if nothing ran away.
    fn over(curves: &[Curve]) -> Axes {
        fn drawn(curve: &Curve) -> impl Iterator<Item = (f64, f64)> {
            curve.points.iter().copied().filter(|&(x, value)| x.is_finite() && log(value).is_some())
        }
        let start = curves.iter().filter_map(|curve| drawn(curve).next()).map(|point| point.1).fold(0.0, f64::max);
        let (mut low, mut high, mut begin, mut end) = (start, start, 0.0_f64, 0.0_f64);
        for (x, value) in curves.iter().flat_map(drawn) {
            (low, high) = (low.min(value), high.max(value));
            (begin, end) = (begin.min(x), end.max(x));
        }
        if end - begin < 1e-12 {
            end = begin + 1.0;
        }
        // A little more than a power of ten does not open another decade.
        let decade = |value: f64, shift: f64| log(value).unwrap_or(0.0) + shift;
        let low = decade(low.max(start * 1e-17), 1e-6).floor();
        let high = decade(high.min(start * 1e12), -1e-6).ceil().max(low + 1.0);
        Axes { x: (begin..end).into(), y: (low..high).into() }
    }

    /// The powers of ten that get a label.
    fn decades(&self) -> impl Iterator<Item = i32> {
        let (low, high) = (self.y.range().start as i32, self.y.range().end as i32);
        let step = (high - low + 9) / 10;
        (low..=high).filter(move |decade| decade.rem_euclid(step) == 0)
    }
}

/// The decimal logarithm of what can be drawn.
fn log(value: f64) -> Option<f64> {
    Some(value.log10()).filter(|log| log.is_finite())
}

/// Axes and their place in the picture.
struct Frame {
    left: i32,
    right: i32,
    top: i32,
    bottom: i32,
    axes: Axes,
}

impl Frame {
    /// The connected parts of a curve, no more than two places per column. Where it leaves the frame it ends at the edge.
    fn runs(&self, curve: &Curve) -> Vec<Vec<Place>> {
        let range = self.axes.y.range();
        let (mut runs, mut run, mut inside) = (vec![], vec![], true);
        for &(x, value) in &curve.points {
            let (before, y) = (inside, log(value).filter(|_| x.is_finite()));
            inside = y.is_some_and(|y| range.start - 1e-3 < y && y < range.end + 1e-3);
            if let Some(y) = y.filter(|_| inside || before) {
                let y = self.axes.y.map(&y.clamp(range.start, range.end), (self.bottom, self.top));
                run.push((self.axes.x.map(&x, (self.left, self.right)), y));
            }
            if !inside {
                runs.push(std::mem::take(&mut run));
            }
        }
        runs.push(run);
        runs.iter().filter(|run| !run.is_empty()).map(|run| thinned(run)).collect()
    }
}

/// The highest and the lowest place of every column, a point wide.
fn thinned(run: &[Place]) -> Vec<Place> {
    let mut thin = vec![];
    for column in run.chunk_by(|a, b| a.0 / POINT == b.0 / POINT) {
        let least = (0..column.len()).min_by_key(|&at| column[at].1).unwrap_or(0);
        let most = (0..column.len()).max_by_key(|&at| column[at].1).unwrap_or(0);
        thin.push(column[least.min(most)]);
        if least != most {
            thin.push(column[least.max(most)]);
        }
    }
    thin
}

/// The piece of a line between two verticals; the place on it if they are one.
fn piece(run: &[Place], from: i32, to: i32) -> Vec<Place> {
    let mut piece = vec![];
    for pair in run.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        if x0 <= to && from <= x1 {
            let on = |x: i32| (x, y0 + (y1 - y0) * (x - x0) / (x1 - x0).max(1));
            piece.extend([on(from.max(x0)), on(to.min(x1))]);
        }
    }
    piece.dedup();
    piece
}

#[cfg(test)]
mod tests;
