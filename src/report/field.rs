//! A field on a mesh as a picture: in its plane, if that is one of two axes; else as a body, of which the surface is seen from
//! the front, above and one side.

use super::paint::{Painter, fitted, png, text_width};
use super::plot::{Area, Drawn, PIXELS, POINT, Place, points, write};
use super::raster::{Raster, SAMPLES, Scene};
use super::scale::{RgbOf, Scale, part_color, viridis};
use super::terminal::grouped;
use super::ticks::{short, ticks};
use crate::problem::mesh::plane;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

/// Triangles in space, and what is to be seen on them.
#[derive(Clone, Debug)]
pub struct FieldPicture {
    /// Above the picture; may be empty.
    pub title: String,
    /// Corners.
    pub points: Vec<[f64; 3]>,
    /// Their indices.
    pub triangles: Vec<[u32; 3]>,
    /// What is seen.
    pub field: Field,
    /// Whether the edges of the triangles mean anything.
    pub has_edges: bool,
    /// Axis and place of the plane along which a body is cut open, if it is.
    pub cut: Option<(usize, f64)>,
}

/// What is seen on a surface.
#[derive(Clone, Debug)]
pub enum Field {
    /// A value for each point, linear between them.
    Values(Vec<f64>),
    /// For each triangle the part, below `parts`, that it belongs to.
    Parts {
        /// One for each triangle.
        part_of: Vec<u32>,
        /// How many parts there are.
        parts: usize,
    },
}

/// The most that the field itself may take, in points.
const MOST: (f64, f64) = (760.0, 600.0);
/// Room beside it, in points: left for labels, and more for long ones, top for the title, right for the scale, bottom for
/// labels.
const ROOM: [f64; 4] = [62.0, 74.0, 138.0, 46.0];
const MOST_LEFT: f64 = 130.0;
/// Between the end of a label on the left and what it belongs to.
const GAP: f64 = 16.0;
/// Between its beginning and the edge of the picture.
const MARGIN: f64 = 6.0;
const LETTERS: f64 = 15.0;
const INK: RGBColor = RGBColor(60, 60, 60);
/// So many parts have a line each beside the picture.
const MOST_NAMED: usize = 16;
/// Edges of triangles are drawn where they are this long on average, in points.
const SEEN_EDGE: f64 = 9.0;

/// Cosine of the bend, about 30 degrees, from which on an edge is drawn.
const LEAST_BEND: f64 = 0.86;

const AXES: [&str; 3] = ["x", "y", "z"];

/// From which side bodies are seen: a unit vector towards the viewer, and those to the right and upwards.
pub(super) const TOWARDS: [f64; 3] = [0.48, -0.72, 0.501_198_563];

impl FieldPicture {
    /// The picture as a PNG file.
    pub fn png(&self) -> Vec<u8> {
        let seen = Seen::of(&self.points, &self.triangles);
        let [left, top, right, bottom] = seen.room;
        let size = [left + seen.width.max(self.narrowest()) + right, top + seen.height + bottom]
            .map(|length| (length.ceil() as u32) * POINT as u32);
        png((size[0], size[1]), PIXELS / POINT as f32, |mut painter| {
            self.paint(&mut painter, &seen);
            let root = painter.into_drawing_area();
            self.draw(&root, &seen).and_then(|()| root.present()).expect("drawing into memory succeeds");
        })
    }

    /// The triangles.
    fn paint(&self, painter: &mut Painter, seen: &Seen) {
        let per_point = f64::from(PIXELS) * SAMPLES as f64;
        let samples = |length: f64| (length * f64::from(PIXELS)).ceil() as usize * SAMPLES;
        let (width, height) = (samples(seen.width), samples(seen.height));
        let scaled: Vec<[f64; 3]> = seen.points.iter().map(|point| point.map(|x| x * per_point)).collect();
        let scene = Scene { points: &scaled, triangles: &self.triangles, is_solid: seen.axes.is_none() };
        let edge = (seen.width * seen.height * 2.0 / self.triangles.len().max(1) as f64).sqrt();
        let edges_seen = self.has_edges && edge > SEEN_EDGE;
        let raster = Raster::new(&scene, width, height, if edges_seen { SAMPLES as f64 } else { 0.0 });

        let normals: Vec<[f64; 3]> = match seen.axes {
            Some(_) => Vec::new(),
            None => self.triangles.iter().map(|triangle| normal(triangle.map(|k| seen.points[k as usize]))).collect(),
        };
        let lit = |triangle: u32, color: [f64; 3]| {
            let light = normals.get(triangle as usize).map_or(1.0, brightness);
            color.map(|channel| channel * light)
        };
        // A bend in the surface is an edge of the body.
        let bends = |one: u32, other: u32| {
            let pair = normals.get(one as usize).zip(normals.get(other as usize));
            pair.is_some_and(|(one, other)| cosine(one, other) < LEAST_BEND)
        };
        let pixels = match &self.field {
            Field::Values(values) => {
                let scale = Scale::over(values);
                let value = |triangle: u32, shares| value_at(values, self.triangles[triangle as usize], shares);
                raster.pixels(
                    |triangle, shares| lit(triangle, scale.color(value(triangle, shares))),
                    |[one, other]| {
                        let bands = [one, other].map(|(triangle, shares)| scale.band(value(triangle, shares)));
                        bands[0] == bands[1] && !bends(one.0, other.0)
                    },
                    0.0,
                )
            }
            Field::Parts { part_of, parts } => raster.pixels(
                |triangle, _| lit(triangle, part_color(part_of[triangle as usize] as usize, *parts)),
                |[one, other]| part_of[one.0 as usize] == part_of[other.0 as usize] && !bends(one.0, other.0),
                0.25,
            ),
        };
        painter.put((points(seen.room[0]), points(seen.room[1])), width / SAMPLES, &pixels);
    }

    /// Title, frame and scale.
    fn draw<DB: DrawingBackend>(&self, root: &Area<DB>, seen: &Seen) -> Drawn<DB> {
        let [left, top, ..] = seen.room;
        let room = seen.width.max(self.narrowest()) + ROOM[2] - MARGIN;
        let (title, size) = fitted(&self.title, 18.0, room);
        write(root, &title, (points(left), points(28.0)), size, HPos::Left, &BLACK)?;
        let (what, size) = fitted(&self.what(), LETTERS, room);
        write(root, &what, (points(left), points(52.0)), size, HPos::Left, &INK)?;
        if let Some(axes) = seen.axes {
            draw_axes(root, seen, axes)?;
        }
        let at = (points(left + seen.width + 26.0), points(top));
        match &self.field {
            Field::Values(values) => draw_scale(root, at, seen.height, &Scale::over(values)),
            Field::Parts { parts, .. } => draw_parts(root, at, seen.height, *parts),
        }
    }

    /// So wide that the words fit, letters somewhat smaller.
    fn narrowest(&self) -> f64 {
        0.8 * LETTERS * text_width(&self.what()) - ROOM[2] + MARGIN
    }

    /// What is seen, in words.
    fn what(&self) -> String {
        let what = match &self.field {
            Field::Values(values) if !values.iter().any(|u| u.is_finite()) => "u is nowhere a finite number".into(),
            Field::Values(values) => Scale::over(values).words(),
            Field::Parts { .. } => "which rank owns what".into(),
        };
        match self.cut {
            Some((axis, place)) => format!("{what}; cut open at {} = {}", AXES[axis], short(place, 0.0)),
            None => what,
        }
    }
}

fn draw_axes<DB: DrawingBackend>(root: &Area<DB>, seen: &Seen, axes: [usize; 2]) -> Drawn<DB> {
    let [left, top, ..] = seen.room;
    let bottom = top + seen.height + 8.0;
    let line = |from: [f64; 2], to: [f64; 2]| {
        let ends = [from, to].map(|[x, y]| (points(x), points(y)));
        root.draw(&PathElement::new(ends, INK.stroke_width(10)))
    };
    for axis in 0..2 {
        let ticks = seen.ticks(axis);
        let apart = ticks.windows(2).map(|two| (two[1].0 - two[0].0) * seen.scale).fold(f64::INFINITY, f64::min);
        for (tick, label) in ticks {
            let along = (tick - seen.corner[axis]) * seen.scale;
            let letters = |room: f64| LETTERS.min(room / text_width(&label));
            if axis == 0 {
                line([left + along, bottom], [left + along, bottom + 5.0])?;
                let at = (points(left + along), points(bottom + 22.0));
                write(root, &label, at, letters(0.9 * apart), HPos::Center, &INK)?;
            } else {
                let y = top + seen.height - along;
                line([left - 13.0, y], [left - 8.0, y])?;
                let at = (points(left - GAP), points(y + 5.0));
                write(root, &label, at, letters(left - GAP - MARGIN), HPos::Right, &INK)?;
            }
        }
    }
    line([left, bottom], [left + seen.width, bottom])?;
    line([left - 8.0, top], [left - 8.0, top + seen.height])?;
    let [along, up] = axes.map(|axis| AXES[axis]);
    write(root, along, (points(left + seen.width + 9.0), points(bottom + 5.0)), LETTERS, HPos::Left, &INK)?;
    write(root, up, (points(left - 8.0), points(top - 7.0)), LETTERS, HPos::Center, &INK)
}

/// The bar that says which colour means which value.
fn draw_scale<DB: DrawingBackend>(root: &Area<DB>, at: Place, height: f64, scale: &Scale) -> Drawn<DB> {
    const STEPS: u32 = 128;
    let y = |value: f64| at.1 + points(height * (1.0 - scale.share(value)));
    let right = at.0 + 20 * POINT;
    // From the top, each step down to the bottom and under the next: no seams.
    for step in (0..STEPS).rev() {
        let [middle, end] = [0.5, 1.0].map(|part| (f64::from(step) + part) / f64::from(STEPS));
        let RgbOf(color) = viridis(middle);
        let corners = [(at.0, at.1 + points(height * (1.0 - end))), (right, at.1 + points(height))];
        root.draw(&Rectangle::new(corners, color.filled()))?;
    }
    let [low, high] = scale.ends();
    let mut labels = vec![(scale.low, low)];
    if scale.high > scale.low {
        labels.push((scale.high, high));
        // The ends have their labels, and others keep away from them.
        let room = 16.0 / height;
        let free = |(tick, _): &(f64, String)| scale.share(*tick) > room && scale.share(*tick) < 1.0 - room;
        labels.extend(ticks(scale.low, scale.high, (height / 24.0).min(10.0)).into_iter().filter(free));
    }
    for (value, label) in labels {
        let tick = [(right, y(value)), (right + 5 * POINT, y(value))];
        root.draw(&PathElement::new(tick, INK.stroke_width(10)))?;
        let letters = LETTERS.min(78.0 / text_width(&label));
        write(root, &label, (right + 9 * POINT, y(value) + 5 * POINT), letters, HPos::Left, &INK)?;
    }
    Ok(())
}

/// The colours of the parts, or how many there are.
fn draw_parts<DB: DrawingBackend>(root: &Area<DB>, at: Place, height: f64, parts: usize) -> Drawn<DB> {
    if parts > MOST_NAMED || height < 22.0 * parts as f64 {
        let text = format!("{} ranks", grouped(parts as u64));
        return write(root, &text, (at.0, at.1 + 14 * POINT), LETTERS, HPos::Left, &INK);
    }
    for part in 0..parts {
        let y = at.1 + 22 * POINT * part as i32;
        let RgbOf(color) = RgbOf::from(part_color(part, parts));
        root.draw(&Rectangle::new([(at.0, y), (at.0 + 18 * POINT, y + 16 * POINT)], color.filled()))?;
        write(root, &format!("rank {part}"), (at.0 + 26 * POINT, y + 13 * POINT), LETTERS, HPos::Left, &INK)?;
    }
    Ok(())
}

/// Of values at the corners of triangles in space those that are seen, here and there.
pub(super) fn values_seen(points: &[[f64; 3]], triangles: &[[u32; 3]], values: &[f64]) -> Vec<f64> {
    /// Samples for each point of the picture.
    const SHARE: f64 = 0.4;
    if triangles.is_empty() {
        return Vec::new();
    }
    let seen = Seen::of(points, triangles);
    let scaled: Vec<[f64; 3]> = seen.points.iter().map(|point| point.map(|x| x * SHARE)).collect();
    let scene = Scene { points: &scaled, triangles, is_solid: seen.axes.is_none() };
    let [width, height] = [seen.width, seen.height].map(|length| (length * SHARE).ceil() as usize);
    let raster = Raster::new(&scene, width, height, 0.0);
    raster.places().map(|(triangle, shares)| value_at(values, triangles[triangle as usize], shares)).collect()
}

/// The value within a triangle, at a place given as shares of its corners.
fn value_at(values: &[f64], corners: [u32; 3], shares: [f64; 3]) -> f64 {
    (0..3).map(|k| shares[k] * values[corners[k] as usize]).sum()
}

/// Points as they are seen: x to the right and y downwards in points of the picture, z towards the viewer.
struct Seen {
    points: Vec<[f64; 3]>,
    width: f64,
    height: f64,
    /// Points of the picture in a unit of length.
    scale: f64,
    /// Of what is flat, the least coordinates.
    corner: [f64; 2],
    /// Where all lies in a plane of two axes, to the right and upwards, these; it is seen as it lies there.
    axes: Option<[usize; 2]>,
    /// As [`ROOM`].
    room: [f64; 4],
}

impl Seen {
    /// So that the triangles fill the picture.
    fn of(points: &[[f64; 3]], triangles: &[[u32; 3]]) -> Seen {
        let axes = plane(points);
        let [tx, ty, tz] = TOWARDS;
        let level = tx.hypot(ty);
        let right = [-ty / level, tx / level, 0.0];
        let up = [-tz * tx / level, -tz * ty / level, level];
        let along = |point: &[f64; 3], way: [f64; 3]| (0..3).map(|axis| point[axis] * way[axis]).sum::<f64>();
        let turned = |point: &[f64; 3]| match axes {
            Some([one, other]) => [point[one], point[other], 0.0],
            None => [along(point, right), along(point, up), along(point, TOWARDS)],
        };
        let mut points: Vec<[f64; 3]> = points.iter().map(turned).collect();
        let ends = |axis: usize| {
            let values = || triangles.iter().flatten().map(|&node| points[node as usize][axis]);
            (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max))
        };
        let [x, y] = [0, 1].map(ends);
        let scale = (MOST.0 / (x.1 - x.0)).min(MOST.1 / (y.1 - y.0));
        // What is very long and thin still gets its scale.
        let [width, height] = [x, y].map(|(low, high)| ((high - low) * scale).max(60.0));
        for point in &mut points {
            *point = [(point[0] - x.0) * scale, height - (point[1] - y.0) * scale, point[2] * scale];
        }
        let mut seen = Seen { points, width, height, scale, corner: [x.0, y.0], axes, room: ROOM };
        if axes.is_some() {
            let widest = seen.ticks(1).iter().map(|(_, label)| text_width(label)).fold(0.0, f64::max);
            seen.room[0] = (GAP + MARGIN + widest * LETTERS).clamp(ROOM[0], MOST_LEFT);
        }
        seen
    }

    /// Round numbers to the right or upwards, each with its label.
    fn ticks(&self, axis: usize) -> Vec<(f64, String)> {
        let size = [self.width, self.height][axis];
        ticks(self.corner[axis], self.corner[axis] + size / self.scale, (size / 90.0).max(2.0))
    }
}

/// The unit vector on the triangle with these corners that points towards the viewer.
fn normal(corners: [[f64; 3]; 3]) -> [f64; 3] {
    let [a, b, c] = corners;
    let [u, v] = [b, c].map(|p| [p[0] - a[0], p[1] - a[1], p[2] - a[2]]);
    let normal = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
    let length = cosine(&normal, &normal).sqrt().max(f64::MIN_POSITIVE);
    normal.map(|x| if normal[2] < 0.0 { -x / length } else { x / length })
}

/// The cosine between unit vectors.
fn cosine(one: &[f64; 3], other: &[f64; 3]) -> f64 {
    (0..3).map(|axis| one[axis] * other[axis]).sum()
}

/// How bright a triangle is: most if it faces a light above the viewer's left shoulder.
fn brightness(normal: &[f64; 3]) -> f64 {
    // y points downwards.
    0.7 + 0.3 * cosine(normal, &[-0.42, -0.63, 0.65]).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_a_plane_of_two_axes_is_seen_as_it_lies() {
        let level = seen(square(1e-17));
        assert_eq!((level.axes, level.corner), (Some([0, 1]), [0.0, 0.0]));
        for (order, axes) in [([0, 2, 1], [0, 2]), ([2, 0, 1], [1, 2])] {
            let upright: Vec<[f64; 3]> = square(1e-17).iter().map(|point| order.map(|axis| point[axis])).collect();
            let seen = seen(upright);
            assert_eq!((seen.axes, seen.width, seen.height), (Some(axes), level.width, level.height));
            assert_eq!(seen.points, level.points);
        }
        assert_eq!(seen(square(0.1)).axes, None);
        // Long labels get their room.
        let far: Vec<[f64; 3]> = square(0.0).iter().map(|[x, y, z]| [*x, y + 5e5, *z]).collect();
        assert!(seen(far).room[0] > ROOM[0] && level.room == ROOM);
    }

    #[test]
    fn what_is_thin_lies_where_its_axes_say() {
        for far in [[1000.0, 1.0], [1.0, 1000.0]] {
            let seen = seen(square(0.0).iter().map(|[x, y, _]| [x * far[0], y * far[1], 0.0]).collect());
            for (point, place) in seen.points.iter().zip([[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [0.0, 1.0]]) {
                let [x, y] = [0, 1].map(|axis| place[axis] * far[axis] * seen.scale);
                assert!((point[0] - x).abs() < 1e-9 && (point[1] - (seen.height - y)).abs() < 1e-9);
            }
            assert!(seen.width >= 60.0 && seen.height >= 60.0);
        }
        // Words are wider than it.
        let column =
            picture(square(0.0).iter().map(|[x, y, z]| [x * 0.01, *y, *z]).collect(), Field::Values(vec![0.0; 4]));
        let width = decoded(&column.png()).width();
        assert!(f64::from(width) >= f64::from(PIXELS) * (ROOM[0] + column.narrowest() + ROOM[2]));
    }

    fn seen(points: Vec<[f64; 3]>) -> Seen {
        Seen::of(&points, &[[0, 1, 2], [0, 2, 3]])
    }

    #[test]
    fn what_no_triangle_has_takes_no_room() {
        let mut points = square(0.0);
        points.push([-50.0, 3.0, 0.0]);
        assert_eq!(seen(points).width, seen(square(0.0)).width);
    }

    #[test]
    fn the_line_below_the_title_says_what_is_seen() {
        let said =
            |values: [f64; 4], cut| FieldPicture { cut, ..picture(square(0.3), Field::Values(values.to_vec())) }.what();
        assert_eq!(said([0.0, 1.0, 2.0, 1.0], None), "u from 0 to 2, isolines every 0.2");
        assert_eq!(
            said([0.0, 1.0, 2.0, 1.0], Some((1, 20.0))),
            "u from 0 to 2, isolines every 0.2; cut open at y = 20"
        );
        assert_eq!(said([2.5; 4], None), "u = 2.5 everywhere");
        assert_eq!(said([20.0, 20.000_001, 20.0, 19.999_999], None), "u = 20, constant to a millionth");
        assert_eq!(said([f64::NAN; 4], None), "u is nowhere a finite number");
    }

    fn picture(points: Vec<[f64; 3]>, field: Field) -> FieldPicture {
        FieldPicture {
            title: "a square".into(),
            points,
            triangles: vec![[0, 1, 2], [0, 2, 3]],
            field,
            has_edges: false,
            cut: None,
        }
    }

    fn square(height: f64) -> Vec<[f64; 3]> {
        vec![[0.0, 0.0, 0.0], [2.0, 0.0, 0.0], [2.0, 1.0, height], [0.0, 1.0, height]]
    }

    fn decoded(file: &[u8]) -> tiny_skia::Pixmap {
        tiny_skia::Pixmap::decode_png(file).unwrap()
    }

    #[test]
    fn low_values_are_dark_and_high_ones_bright() {
        let pixels = decoded(&picture(square(0.0), Field::Values(vec![0.0, 1.0, 1.0, 0.0])).png());
        let at = |x: f64, y: f64| {
            let pixel = pixels.pixel((PIXELS * x as f32) as u32, (PIXELS * y as f32) as u32).unwrap();
            [pixel.red(), pixel.green(), pixel.blue()]
        };
        let [left, top, ..] = ROOM;
        // The first and the last colour of viridis are (68, 1, 84) and (254, 232, 37).
        assert_eq!(at(left + 2.5, top + 200.0), [68, 2, 85]);
        assert_eq!(at(left + 757.5, top + 200.0), [252, 232, 37]);
        // The gap to the axes.
        assert_eq!(at(left + 300.0, top - 3.0), [255; 3]);
    }

    #[test]
    fn parts_have_colours_of_their_own() {
        for parts in [1, 2, 8, 9, 100] {
            let mut colors: Vec<[u8; 3]> =
                (0..parts).map(|part| part_color(part, parts).map(|channel| channel as u8)).collect();
            colors.sort_unstable();
            colors.dedup();
            assert_eq!(colors.len(), parts);
        }
        let drawn = |part_of: Vec<u32>| picture(square(0.0), Field::Parts { part_of, parts: 2 }).png();
        assert_ne!(drawn(vec![0, 1]), drawn(vec![0, 0]));
    }

    #[test]
    fn nothing_that_a_solver_returns_breaks_the_picture() {
        for values in
            [[f64::NAN; 4], [f64::INFINITY; 4], [7.0; 4], [0.0, 1e-300, -1e300, 1e300], [0.0, f64::NAN, 1.0, 2.0]]
        {
            for height in [0.0, 1.5] {
                assert!(picture(square(height), Field::Values(values.to_vec())).png().starts_with(b"\x89PNG"));
            }
        }
        // A line, seen from its side.
        let line = vec![[0.0; 3], [1.0, 0.0, 0.0], [2.0, 0.0, 0.0], [3.0, 0.0, 0.0]];
        assert!(picture(line, Field::Values(vec![0.0; 4])).png().starts_with(b"\x89PNG"));
    }
}
