//! Charts: what lies where, and that files hold it.

use super::*;

fn chart(curves: Vec<(&str, Vec<(f64, f64)>)>) -> Chart {
    let curves = curves.into_iter().map(|(name, points)| Curve::new(name, points)).collect();
    Chart { title: "A<b> & \"c\"".into(), x_label: "iteration".into(), y_label: "error".into(), curves }
}

/// Every element is closed in its turn, and no bare ampersand is left.
fn assert_well_formed(svg: &str) {
    let mut open = vec![];
    for part in svg.split('<').skip(1) {
        let (tag, text) = part.split_once('>').expect("a tag ends");
        let name = tag.split_whitespace().next().unwrap();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if !tag.ends_with('/') => open.push(name),
            None => (),
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        let escapes = ["&lt;", "&gt;", "&amp;", "&quot;", "&apos;"];
        assert!(text.match_indices('&').all(|(at, _)| escapes.iter().any(|escape| text[at..].starts_with(escape))));
    }
    assert!(open.is_empty(), "{open:?}");
}

/// Width and height, and colours of the pixels.
fn decoded(file: &[u8]) -> (u32, u32, Vec<u8>) {
    let pixels = tiny_skia::Pixmap::decode_png(file).unwrap();
    (pixels.width(), pixels.height(), pixels.take())
}

#[test]
fn both_formats_show_every_curve() {
    let names: Vec<String> = (0..9).map(|index| format!("P{index}-CG")).collect();
    let points = |shift: i32| (0..60).map(|i| (f64::from(i), 10f64.powf(f64::from(shift - i) / 5.0))).collect();
    let chart = chart(names.iter().zip(0..).map(|(name, shift)| (name.as_str(), points(shift))).collect());
    let svg = chart.svg();
    assert_well_formed(&svg);
    assert!(svg.starts_with("<svg width=\"900\" height=\"560\" ") && svg.contains("viewBox=\"0 0 9000 5600\""));
    assert!(names.iter().all(|name| svg.contains(&format!("\n{name}\n"))));
    assert!(svg.contains("A&lt;b&gt; &amp; &quot;c&quot;"));
    let (width, height, pixels) = decoded(&chart.png());
    assert_eq!((width, height), (1800, 1120));
    for RGBColor(red, green, blue) in COLORS {
        let found = pixels.chunks(4).filter(|pixel| pixel[..3] == [red, green, blue]).count();
        assert!(found > 500, "{found} pixels of {:?}", (red, green, blue));
    }
}

#[test]
fn each_point_has_its_mark_if_they_are_data() {
    let marks = |marks_points: bool| {
        let few = vec![(0.0, 1.0), (1.0, 0.3), (2.0, 0.02), (7.0, 1e-3)];
        let mut chart = chart(vec![("few", few)]);
        chart.curves[0].marks_points = marks_points;
        let axis = Axes::over(&chart.curves).x;
        let right = SIZE.0 - 36 * POINT - SAMPLE - points(8.0 + text_width("few") * SMALL);
        let x = |k: f64| axis.map(&k, (118 * POINT, right));
        let svg = chart.svg();
        [0.0, 1.0, 2.0, 7.0].map(|k| svg.contains(&format!("<circle cx=\"{}\"", x(k))))
    };
    assert_eq!((marks(true), marks(false)), ([true; 4], [false; 4]));
}

#[test]
fn nothing_that_a_solver_returns_breaks_the_picture() {
    let strange = [f64::NAN, f64::INFINITY, 0.0, -1.0, 1e-320, 1e-200, f64::MAX, 1.0];
    let gaps = (0..40).map(|i| (f64::from(i), strange[i as usize % strange.len()])).collect::<Vec<_>>();
    for curves in [
        vec![],
        vec![("no points", vec![])],
        vec![("one", vec![(0.0, 1.0)])],
        vec![("one, later", vec![(7.0, 3e-9)]), ("", vec![(0.0, 0.0), (f64::NAN, 1.0)])],
        vec![("gaps", gaps.clone())],
        vec![
            ("a name that is far too long to stand beside any plot of this width", gaps),
            ("flat", vec![(0.0, 1.0); 5]),
        ],
        vec![("backwards", vec![(5.0, 1.0), (-3.0, 0.1), (2.0, 0.01)])],
        vec![("far", vec![(0.0, 1.0), (1e300, 0.5)]), ("near", vec![(1e-9, 1.0)])],
    ] {
        let mut chart = chart(curves);
        chart.title.clear();
        assert_well_formed(&chart.svg());
        // Small: pixels are slow to make without an optimizer.
        assert!(!png((SIZE.0 as u32, SIZE.1 as u32), 0.02, |painter| chart.draw(painter)).is_empty());
    }
}

#[test]
fn axes_ignore_underflow_and_flight() {
    let range = |values: &[f64]| {
        let points = values.iter().zip(0..).map(|(&value, i)| (f64::from(i), value)).collect();
        Axes::over(&chart(vec![("", points)]).curves).y.range()
    };
    assert_eq!(range(&[1.0, 2e-5, 3e-9]), -9.0..0.0);
    assert_eq!(range(&[1.0, 40.0, 1e-13]), -13.0..2.0);
    assert_eq!(range(&[1.0, 1e-5, 1e-300]), -17.0..0.0);
    assert_eq!(range(&[1.0, 1e-5, 1e300]), -5.0..12.0);
    assert_eq!(range(&[]), 0.0..1.0);
}

#[test]
fn gaps_break_the_line_and_the_edge_ends_it() {
    let values = [1.0, 0.1, f64::NAN, 0.01, 0.001, 1e-30, 1e-31, 0.1];
    let curve = Curve::new("", (0..8).map(|i| (f64::from(i), values[i as usize])).collect());
    let axes = Axes { x: (0.0..7.0).into(), y: (-4.0..0.0).into() };
    let frame = Frame { left: 0, right: 700, top: 0, bottom: 400, axes };
    assert_eq!(frame.runs(&curve).iter().map(Vec::len).collect::<Vec<_>>(), [2, 3, 1]);
    assert_eq!(frame.runs(&curve)[1][2], (500, 400));
}

#[test]
fn long_histories_stay_small_and_keep_their_extremes() {
    let zigzag = |i: i32| if i == 20_011 { 1e-12 } else { 10f64.powi(-(i * 37 % 5)) };
    let chart = chart(vec![("", (0..45_000).map(|i| (f64::from(i), zigzag(i))).collect())]);
    let axes = Axes::over(&chart.curves);
    let runs = Frame { left: 0, right: 600 * POINT, top: 0, bottom: 1200, axes }.runs(&chart.curves[0]);
    assert!(runs[0].len() <= 1300);
    assert!(runs[0].iter().any(|place| place.1 == 1200));
    assert!(chart.svg().len() < 40_000, "{}", chart.svg().len());
}

#[test]
fn pieces_are_cut_between_places() {
    let run = [(0, 0), (10, 100), (10, 50), (20, 0)];
    assert_eq!(piece(&run, 5, 15), [(5, 50), (10, 100), (10, 50), (15, 25)]);
    assert_eq!(piece(&run, 4, 4), [(4, 40)]);
    assert!(piece(&run, 30, 40).is_empty());
    assert!(piece(&run[..1], 0, 0).is_empty());
}

#[test]
fn ticks_have_the_digits_they_need() {
    let labels = |ticks: &[f64]| ticks.iter().map(|&tick| tick_label(tick, ticks)).collect::<Vec<_>>();
    assert_eq!(labels(&[0.0, 20_000.0, 40_000.0]), ["0", "20 000", "40 000"]);
    assert_eq!(labels(&[0.0, 0.05, 0.1]), ["0.00", "0.05", "0.10"]);
    assert_eq!(labels(&[0.0, 0.5]), ["0.0", "0.5"]);
    assert_eq!(labels(&[1e-6, 1.5e-6]), ["1.0e-6", "1.5e-6"]);
}
