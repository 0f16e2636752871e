//! Round numbers along an axis or a scale, and labels that tell them apart.

/// A round number of which a range holds about `count`; 0 if it is empty.
pub(super) fn step(range: f64, count: f64) -> f64 {
    if !(range > 0.0 && range.is_finite()) {
        return 0.0;
    }
    let power = 10f64.powf((range / count).log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .map(|digit| digit * power)
        .into_iter()
        .find(|step| range / step <= count * 1.2)
        .unwrap_or(range)
}

/// Round numbers within a range, about so many, each with a label that tells it from its neighbours.
pub(super) fn ticks(low: f64, high: f64, count: f64) -> Vec<(f64, String)> {
    let step = step(high - low, count);
    if step == 0.0 {
        return Vec::new();
    }
    let first = (low / step - 1e-9).ceil();
    let all = (0..100).map(|k| (first + f64::from(k)) * step).take_while(|tick| *tick <= high + 1e-9 * step);
    all.map(|tick| (tick, short(tick, step))).collect()
}

/// With the digits that tell it from a number a step away, and four at least; six where all numbers are the same. Without zeros
/// at the end.
pub(super) fn short(value: f64, step: f64) -> String {
    let size = value.abs();
    let power = |number: f64| (number.log10() + 1e-9).floor();
    let digits = if step > 0.0 { (power(size) - power(step) + 1.0).clamp(4.0, 16.0) } else { 6.0 };
    // A tick is a multiple of its step; what is far below one is rounding.
    let is_plain = size < 1e7 && (size >= 1e-3 || step >= 1e-4 && size >= 0.5 * step);
    let text = match size {
        0.0 => return "0".into(),
        _ if is_plain => format!("{value:.*}", (digits - 1.0 - power(size)).max(0.0) as usize),
        _ => format!("{value:.*e}", (digits as usize).saturating_sub(1)),
    };
    let (number, exponent) = text.split_once('e').map_or((&text[..], None), |(n, e)| (n, Some(e)));
    let number = if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
    let text = exponent.map_or(number.to_string(), |exponent| format!("{number}e{exponent}"));
    text.replace('-', "\u{2212}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_ticks_round() {
        let shorts = [(0.0, 1.0), (1.0, 0.1), (-0.25, 0.05), (0.073_671_3, 0.01), (1234.56, 100.0), (1e-7, 1e-8)];
        let shorts = shorts.map(|(value, step)| short(value, step));
        assert_eq!(shorts, ["0", "1", "\u{2212}0.25", "0.07367", "1235", "1e\u{2212}7"]);
        let shorts =
            [(123_456.0, 1e4), (1.23456e8, 1e7), (293.15, 0.0), (1e-17, 0.2)].map(|(value, step)| short(value, step));
        assert_eq!(shorts, ["123456", "1.235e8", "293.15", "1e\u{2212}17"]);
        assert_eq!(labels(-3.2, 3.2, 3.0), ["\u{2212}2", "0", "2"]);
        assert_eq!(labels(0.0, 1.0, 5.0), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert!(ticks(1.0, 1.0, 5.0).is_empty() && ticks(f64::NAN, 1.0, 5.0).is_empty());
    }

    fn labels(low: f64, high: f64, count: f64) -> Vec<String> {
        ticks(low, high, count).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn neighbours_are_told_apart_by_their_labels() {
        assert_eq!(labels(293.15, 293.25, 5.0), ["293.16", "293.18", "293.2", "293.22", "293.24"]);
        assert_eq!(labels(500_000.0, 500_900.0, 4.0), ["500000", "500200", "500400", "500600", "500800"]);
        assert_eq!(labels(1e8, 1e8 + 4.0, 4.0)[1], "1.00000001e8");
        for (low, range) in [(293.15, 1e-6), (-5e5, 0.3), (0.0, 3e-9), (7e12, 1.0), (1e-4, 1e-8), (0.9995, 0.001)] {
            for count in [2.0, 5.0, 10.0] {
                let mut all = labels(low, low + range, count);
                assert!(all.len() >= 2, "{low} {range}");
                all.dedup();
                assert_eq!(all.len(), labels(low, low + range, count).len(), "{all:?}");
            }
        }
    }
}
