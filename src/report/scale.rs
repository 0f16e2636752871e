//! Colours of values, and of parts.

use super::plot::COLORS;
use super::ticks::{short, step};
use plotters::prelude::*;

/// Values as colours.
pub(super) struct Scale {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) step: f64,
    /// But for less than a millionth.
    is_constant: bool,
}

impl Scale {
    pub(super) fn over(values: &[f64]) -> Scale {
        let finite = || values.iter().copied().filter(|value| value.is_finite());
        let low = finite().fold(f64::INFINITY, f64::min);
        let high = finite().fold(f64::NEG_INFINITY, f64::max);
        let (low, high) = if low <= high { (low, high) } else { (0.0, 0.0) };
        // What differs by less is what the solve left, and would be drawn as if it were something.
        let is_constant = high > low && high - low < 1e-6 * low.abs().max(high.abs());
        let (low, high) = if is_constant { [low + 0.5 * (high - low); 2].into() } else { (low, high) };
        // Halves: the difference of huge numbers may overflow.
        Scale { low, high, step: 2.0 * step(0.5 * high - 0.5 * low, 10.0), is_constant }
    }

    /// The labels of the least and the most.
    pub(super) fn ends(&self) -> [String; 2] {
        [self.low, self.high].map(|end| short(end, self.step / 10.0))
    }

    /// From what to what.
    pub(super) fn words(&self) -> String {
        let [low, high] = self.ends();
        match self.high > self.low {
            true => format!("u from {low} to {high}, isolines every {}", short(self.step, self.step)),
            false if self.is_constant => format!("u = {low}, constant to a millionth"),
            false => format!("u = {low} everywhere"),
        }
    }

    /// 0 for the least, 1 for the most; in between if all are the same.
    pub(super) fn share(&self, value: f64) -> f64 {
        let above = |value: f64| 0.5 * value - 0.5 * self.low;
        if self.high > self.low { above(value) / above(self.high) } else { 0.5 }
    }

    /// Grey if it is no number.
    pub(super) fn color(&self, value: f64) -> [f64; 3] {
        if !value.is_finite() {
            return [128.0; 3];
        }
        let RgbOf(RGBColor(red, green, blue)) = viridis(self.share(value));
        [red, green, blue].map(f64::from)
    }

    /// The number of the band between two isolines; what is at a level but for rounding is above it.
    pub(super) fn band(&self, value: f64) -> i64 {
        if self.step > 0.0 { (value / self.step + 1e-6).floor() as i64 } else { 0 }
    }
}

pub(super) struct RgbOf(pub(super) RGBColor);

impl From<[f64; 3]> for RgbOf {
    fn from(color: [f64; 3]) -> RgbOf {
        let [red, green, blue] = color.map(|channel| channel.round() as u8);
        RgbOf(RGBColor(red, green, blue))
    }
}

/// Perceptually uniform, and readable for the colour-blind.
pub(super) fn viridis(share: f64) -> RgbOf {
    RgbOf(ViridisRGB.get_color(share.clamp(0.0, 1.0)))
}

/// Colours that are far from each other for parts whose numbers are near.
pub(super) fn part_color(part: usize, parts: usize) -> [f64; 3] {
    let lightened = |color: [f64; 3], by: f64| color.map(|channel| channel + by * (255.0 - channel));
    if parts < COLORS.len() {
        let RGBColor(red, green, blue) = COLORS[part];
        return lightened([red, green, blue].map(f64::from), 0.25);
    }
    // Each hue is a golden section of the circle from the one before, and every third is darker.
    let hue = part as f64 * 0.618_034 % 1.0 * 6.0;
    let channel = |shift: f64| (255.0 * ((hue + shift) % 6.0 - 3.0).abs() - 255.0).clamp(0.0, 255.0);
    lightened([channel(0.0), channel(4.0), channel(2.0)], 0.15).map(|c| c * [0.95, 0.75, 0.58][part % 3])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_the_scale_are_told_apart() {
        assert_eq!(Scale::over(&[293.1512, 293.2487]).ends(), ["293.151", "293.249"]);
    }

    #[test]
    fn a_range_beyond_the_largest_number_has_its_colours() {
        let scale = Scale::over(&[-1.5e308, 1.5e308]);
        assert_eq!([-1.5e308, 0.0, 1.5e308].map(|value| scale.share(value)), [0.0, 0.5, 1.0]);
        assert!(scale.step.is_finite() && scale.color(1.5e308) != scale.color(-1.5e308));
        assert!(scale.words().starts_with("u from \u{2212}1.5e308 to 1.5e308, isolines every "), "{}", scale.words());
    }
}
