//! Pixels under plotters: its own bitmap backend leaves thick zigzag lines jagged and holed, so lines
//! and letters are painted by tiny-skia, the letters from a font that comes with the program.

use plotters_backend::text_anchor::HPos;
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontTransform,
};
use std::convert::Infallible;
use tiny_skia::{
    Color, ColorU8, FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, Transform,
};
use ttf_parser::{Face, OutlineBuilder};

type Painted = Result<(), DrawingErrorKind<Infallible>>;

/// The letters of the pictures: DejaVu Sans, freely licensed, with every script that a file name may bring.
fn font() -> Face<'static> {
    Face::parse(dejavu::sans::regular(), 0).expect("the font that is compiled in is sound")
}

/// Width of a line of text, in units of its size.
pub(super) fn text_width(text: &str) -> f64 {
    let font = font();
    let units: u32 = text.chars().map(|letter| u32::from(advance(&font, letter))).sum();
    f64::from(units) / f64::from(font.units_per_em())
}

/// A line and its size, so that it takes no more than `room`: the size that is asked for, or a smaller one, or one still to
/// be read and the line without its middle.
pub(super) fn fitted(text: &str, size: f64, room: f64) -> (String, f64) {
    const LEAST: f64 = 0.65;
    let fits = |text: &str| text_width(text) * LEAST * size <= room;
    if fits(text) {
        return (text.into(), size.min(room / text_width(text).max(f64::MIN_POSITIVE)));
    }
    let letters: Vec<char> = text.chars().collect();
    // The end of a name tells more than its beginning.
    let without_middle = |kept: usize| {
        let (head, tail) = (kept / 3, kept - kept / 3);
        letters[..head].iter().chain(&['\u{2026}']).chain(&letters[letters.len() - tail..]).collect::<String>()
    };
    let short = (0..letters.len()).rev().map(without_middle).find(|text| fits(text)).unwrap_or_default();
    (short, LEAST * size)
}

fn advance(font: &Face, letter: char) -> u16 {
    font.glyph_hor_advance(font.glyph_index(letter).unwrap_or_default()).unwrap_or(0)
}

/// The PNG file of a drawing of `size` units, `scale` pixels each.
pub(super) fn png(size: (u32, u32), scale: f32, draw: impl FnOnce(Painter)) -> Vec<u8> {
    let pixels = |length: u32| (length as f32 * scale).round() as u32;
    let mut pixels = Pixmap::new(pixels(size.0), pixels(size.1)).expect("a picture has at least one pixel");
    pixels.fill(Color::WHITE);
    draw(Painter { pixels: &mut pixels, size, scale: Transform::from_scale(scale, scale) });
    pixels.encode_png().expect("writing to memory succeeds")
}

/// A drawing backend on pixels.
pub(super) struct Painter<'a> {
    pixels: &'a mut Pixmap,
    size: (u32, u32),
    scale: Transform,
}

impl Painter<'_> {
    /// Puts rows of `width` pixels at a place, in units of the drawing.
    pub(super) fn put(&mut self, at: BackendCoord, width: usize, pixels: &[[u8; 3]]) {
        let [left, top] = [at.0, at.1].map(|unit| (unit as f32 * self.scale.sx).round() as usize);
        let whole = self.pixels.width() as usize;
        let lines = self.pixels.pixels_mut().chunks_exact_mut(whole).skip(top);
        for (line, row) in lines.zip(pixels.chunks_exact(width)) {
            for (to, [red, green, blue]) in line[left..].iter_mut().zip(row) {
                *to = ColorU8::from_rgba(*red, *green, *blue, u8::MAX).premultiply();
            }
        }
    }

    fn fill(&mut self, path: Option<Path>, color: BackendColor, placed: Transform) -> Painted {
        if let Some(path) = path {
            let placed = placed.post_concat(self.scale);
            self.pixels.fill_path(&path, &paint(color), FillRule::Winding, placed, None);
        }
        Ok(())
    }

    fn stroke<S: BackendStyle>(&mut self, path: Option<Path>, style: &S) -> Painted {
        let stroke = Stroke {
            width: style.stroke_width() as f32,
            line_cap: LineCap::Round,
            line_join: LineJoin::Round,
            ..Stroke::default()
        };
        if let Some(path) = path {
            self.pixels.stroke_path(&path, &paint(style.color()), &stroke, self.scale, None);
        }
        Ok(())
    }
}

fn paint(color: BackendColor) -> Paint<'static> {
    let (red, green, blue) = color.rgb;
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color(Color::from_rgba8(red, green, blue, (color.alpha * 255.0).round() as u8));
    paint
}

fn polyline(points: impl IntoIterator<Item = BackendCoord>, closed: bool) -> Option<Path> {
    let mut path = PathBuilder::new();
    for (x, y) in points {
        let (x, y) = (x as f32, y as f32);
        if path.is_empty() { path.move_to(x, y) } else { path.line_to(x, y) }
    }
    if closed {
        path.close();
    }
    path.finish()
}

impl DrawingBackend for Painter<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Painted {
        Ok(())
    }

    fn present(&mut self) -> Painted {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Painted {
        self.draw_rect((x, y), (x + 1, y + 1), &color, true)
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Painted {
        self.stroke(polyline([from, to], false), style)
    }

    fn draw_rect<S: BackendStyle>(&mut self, a: BackendCoord, b: BackendCoord, style: &S, fill: bool) -> Painted {
        let path = Rect::from_ltrb(a.0 as f32, a.1 as f32, b.0 as f32, b.1 as f32).map(PathBuilder::from_rect);
        if fill { self.fill(path, style.color(), Transform::identity()) } else { self.stroke(path, style) }
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Painted {
        self.stroke(polyline(path, false), style)
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Painted {
        self.fill(polyline(path, true), style.color(), Transform::identity())
    }

    fn draw_circle<S: BackendStyle>(&mut self, center: BackendCoord, radius: u32, style: &S, fill: bool) -> Painted {
        let path = PathBuilder::from_circle(center.0 as f32, center.1 as f32, radius as f32);
        if fill { self.fill(path, style.color(), Transform::identity()) } else { self.stroke(path, style) }
    }

    /// As the SVG backend places text that is anchored at its top: the size of the letters is the style's
    /// divided by 1.24, and the base line lies 0.76 of that below the anchor.
    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Painted {
        let font = font();
        let size = style.size() / 1.24;
        let shift = match style.anchor().h_pos {
            HPos::Left => 0.0,
            HPos::Center => -0.5,
            HPos::Right => -1.0,
        };
        let mut letters = Letters { path: PathBuilder::new(), x: 0.0 };
        for letter in text.chars() {
            font.outline_glyph(font.glyph_index(letter).unwrap_or_default(), &mut letters);
            letters.x += f32::from(advance(&font, letter));
        }
        let turn = match style.transform() {
            FontTransform::None => 0.0,
            FontTransform::Rotate90 => 90.0,
            FontTransform::Rotate180 => 180.0,
            FontTransform::Rotate270 => 270.0,
        };
        // Font units point upwards.
        let unit = size as f32 / f32::from(font.units_per_em());
        let placed = Transform::from_row(unit, 0.0, 0.0, -unit, shift * letters.x * unit, 0.76 * size as f32)
            .post_concat(Transform::from_rotate(turn))
            .post_translate(x as f32, y as f32);
        self.fill(letters.path.finish(), style.color(), placed)
    }
}

/// Outlines of the letters of a line, one after the other, in font units.
struct Letters {
    path: PathBuilder,
    x: f32,
}

impl OutlineBuilder for Letters {
    fn move_to(&mut self, x: f32, y: f32) {
        self.path.move_to(self.x + x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.path.line_to(self.x + x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.path.quad_to(self.x + x1, y1, self.x + x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.path.cubic_to(self.x + x1, y1, self.x + x2, y2, self.x + x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_get_smaller_and_then_lose_their_middle() {
        let line = |letters: usize| "abcdefghij".repeat(letters / 10);
        assert_eq!(fitted(&line(10), 20.0, 400.0), (line(10), 20.0));
        let (text, size) = fitted(&line(40), 20.0, 400.0);
        assert!(text == line(40) && (13.0..20.0).contains(&size));
        let (text, size) = fitted(&line(200), 20.0, 400.0);
        let (head, tail) = text.split_once('\u{2026}').expect("something was left out");
        assert!(line(200).starts_with(head) && line(200).ends_with(tail) && head.len() < tail.len());
        assert!(size == 13.0 && (380.0..=400.0).contains(&(size * text_width(&text))), "{size} {text}");
        // Where there is no room at all.
        for text in [String::new(), line(30)] {
            assert!(fitted(&text, 20.0, 1.0).0.is_empty());
        }
    }
}
