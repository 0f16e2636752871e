//! How many iterations a solve may still take, from the residuals so far.

/// Points kept of the history; when there are more, every second one goes.
const POINTS: usize = 128;
/// Iterations before anything is said.
const FEWEST: u64 = 10;

/// The least residual so far against iterations, on a logarithmic scale.
///
/// The residual of conjugate gradients goes up and down, its least value so far only down. A line through the later half
/// of that forgets the plateau that many solves begin with, and still averages over what comes and goes.
pub struct Forecast {
    /// ln of the residual that ends the solve.
    target: f64,
    least: f64,
    /// Iteration and ln of the least residual up to it.
    points: Vec<(f64, f64)>,
    /// Iterations between points.
    stride: u64,
    last: u64,
}

impl Forecast {
    /// Of a solve that ends when the residual, in the measure of those passed to `see`, falls to `target`.
    pub fn new(target: f64) -> Forecast {
        Forecast { target: target.ln(), least: f64::INFINITY, points: Vec::new(), stride: 1, last: 0 }
    }

    /// An iterate's residual.
    pub fn see(&mut self, iteration: u64, residual: f64) {
        self.least = self.least.min(residual.ln());
        self.last = iteration;
        if !iteration.is_multiple_of(self.stride) || !self.least.is_finite() {
            return;
        }
        self.points.push((iteration as f64, self.least));
        if self.points.len() > POINTS {
            self.stride *= 2;
            let stride = self.stride as f64;
            self.points.retain(|(iteration, _)| iteration % stride == 0.0);
        }
    }

    /// Iterations left; None while too little is known, and where the residual does not fall.
    pub fn iterations_left(&self) -> Option<u64> {
        let (first, _) = *self.points.first()?;
        let now = self.last as f64;
        if now - first < FEWEST as f64 || !self.target.is_finite() {
            return None;
        }
        let half = first + (now - first) / 2.0;
        let later = self.points.iter().filter(|(iteration, _)| *iteration >= half);
        let (mut count, mut x_mean, mut y_mean) = (0.0, 0.0, 0.0);
        for (x, y) in later.clone() {
            count += 1.0;
            x_mean += x;
            y_mean += y;
        }
        (x_mean, y_mean) = (x_mean / count, y_mean / count);
        let (above, below) = later.fold((0.0, 0.0), |(above, below), (x, y)| {
            (above + (x - x_mean) * (y - y_mean), below + (x - x_mean) * (x - x_mean))
        });
        let slope = above / below;
        let left = (self.target - self.least) / slope;
        // A slope of nothing would give a number that nobody can use.
        (slope < 0.0 && left < 1e12).then_some(left.max(0.0).ceil() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said after `at` iterations of a solve to 1e-8 with these residuals.
    fn left(at: u64, residual: impl Fn(f64) -> f64) -> Option<u64> {
        let mut forecast = Forecast::new(1e-8);
        (0..=at).for_each(|iteration| forecast.see(iteration, residual(iteration as f64)));
        forecast.iterations_left()
    }

    #[test]
    fn a_straight_line_is_foreseen_exactly() {
        // 1000 iterations to 1e-8, whatever was thinned out.
        for at in [10, 100, 129, 500, 999] {
            let said = left(at, |k| 10_f64.powf(-8.0 * k / 1000.0)).expect("it falls");
            assert!(said.abs_diff(1000 - at) <= 1, "{said} after {at}");
        }
        assert_eq!(left(1000, |k| 10_f64.powf(-8.0 * k / 999.0)), Some(0));
    }

    #[test]
    fn ups_and_downs_do_not_matter_much() {
        let said = left(600, |k| 10_f64.powf(-8.0 * k / 1000.0 + (k * 0.9).sin())).expect("it falls");
        // The valleys are a digit deeper than the line: the first of them to reach the target ends it.
        assert!((225..325).contains(&said), "{said}");
    }

    #[test]
    fn a_plateau_at_the_start_is_forgotten() {
        let said =
            left(600, |k| if k < 300.0 { 1.0 } else { 10_f64.powf(-8.0 * (k - 300.0) / 700.0) }).expect("it falls");
        assert!((350..450).contains(&said), "{said}");
    }

    #[test]
    fn what_gets_faster_is_overestimated_and_corrected() {
        let faster = |k: f64| 10_f64.powf(-8.0 * (k / 1000.0).powi(2));
        let (early, late) = (left(300, faster).expect("it falls"), left(900, faster).expect("it falls"));
        assert!(early > 700 && (100..200).contains(&late), "{early} {late}");
    }

    #[test]
    fn nothing_is_said_without_reason() {
        assert_eq!(left(5, |k| 0.1_f64.powf(k)), None, "too early");
        assert_eq!(left(500, |_| 1.0), None, "it does not fall");
        assert_eq!(left(500, |k| 1.0 + k), None, "it grows");
        assert_eq!(left(500, |_| f64::NAN), None);
        assert_eq!(left(500, |_| 0.0), None, "nothing is left to fall");
        let mut without_target = Forecast::new(0.0);
        (0..100).for_each(|k| without_target.see(k, 0.5_f64.powi(k as i32)));
        assert_eq!(without_target.iterations_left(), None);
    }

    #[test]
    fn a_long_history_takes_little_memory() {
        let mut forecast = Forecast::new(1e-8);
        (0..1_000_000).for_each(|k| forecast.see(k, (-1e-5 * k as f64).exp()));
        assert!(forecast.points.len() <= POINTS + 1);
        let left = forecast.iterations_left().expect("it falls");
        assert!(left.abs_diff(842_068) < 10_000, "{left}");
    }
}
