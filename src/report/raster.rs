//! Triangles as pixels: values between their corners, isolines, edges and light, each pixel the mean of four samples.

/// Triangles as they are seen: x to the right and y downwards in samples, z towards the viewer.
pub(super) struct Scene<'a> {
    pub(super) points: &'a [[f64; 3]],
    pub(super) triangles: &'a [[u32; 3]],
    /// Whether some may lie before others.
    pub(super) is_solid: bool,
}

/// Samples along the edge of a pixel.
pub(super) const SAMPLES: usize = 2;
const NOTHING: u32 = u32::MAX;

/// What is seen at each sample.
pub(super) struct Raster {
    width: usize,
    height: usize,
    /// The triangle seen, or [`NOTHING`].
    triangle: Vec<u32>,
    /// Shares of its first two corners.
    shares: Vec<[f32; 2]>,
    /// Samples so near to an edge of their triangle that it is seen there.
    is_edge: Vec<bool>,
}

impl Raster {
    /// Of a scene within `width` x `height` samples; an edge is so many samples wide.
    pub(super) fn new(scene: &Scene, width: usize, height: usize, edge: f64) -> Raster {
        let mut raster = Raster {
            width,
            height,
            triangle: vec![NOTHING; width * height],
            shares: vec![[0.0; 2]; width * height],
            is_edge: vec![false; width * height],
        };
        let mut depth = vec![f64::NEG_INFINITY; if scene.is_solid { width * height } else { 0 }];
        for (index, corners) in (0..).zip(scene.triangles) {
            let [a, b, c] = corners.map(|node| scene.points[node as usize]);
            let area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
            if area == 0.0 || !area.is_finite() {
                continue; // seen from its side
            }
            // Twice the area over the length of an edge is the height above it.
            let length = |p: [f64; 3], q: [f64; 3]| (q[0] - p[0]).hypot(q[1] - p[1]);
            let heights = [length(b, c), length(c, a), length(a, b)].map(|length| area.abs() / length);
            let range = |axis: usize, most: usize| {
                let low = a[axis].min(b[axis]).min(c[axis]).floor().max(0.0) as usize;
                let high = a[axis].max(b[axis]).max(c[axis]).ceil().clamp(0.0, most as f64) as usize;
                low..high
            };
            for row in range(1, height) {
                for column in range(0, width) {
                    let (x, y) = (column as f64 + 0.5, row as f64 + 0.5);
                    let share = |p: [f64; 3], q: [f64; 3]| ((p[0] - x) * (q[1] - y) - (p[1] - y) * (q[0] - x)) / area;
                    let shares = [share(b, c), share(c, a), share(a, b)];
                    // A little beyond: between two triangles is no gap.
                    if shares.iter().any(|share| *share < -1e-9) {
                        continue;
                    }
                    let at = row * width + column;
                    if scene.is_solid {
                        let z = shares[0] * a[2] + shares[1] * b[2] + shares[2] * c[2];
                        if z <= depth[at] {
                            continue;
                        }
                        depth[at] = z;
                    }
                    raster.triangle[at] = index;
                    raster.shares[at] = [shares[0] as f32, shares[1] as f32];
                    raster.is_edge[at] = shares.iter().zip(heights).any(|(share, height)| share * height < 0.5 * edge);
                }
            }
        }
        raster
    }

    /// The triangle seen at each sample where there is one, and shares of its corners.
    pub(super) fn places(&self) -> impl Iterator<Item = (u32, [f64; 3])> {
        (0..self.triangle.len()).filter(|&at| self.triangle[at] != NOTHING).map(|at| self.place(at))
    }

    fn place(&self, at: usize) -> (u32, [f64; 3]) {
        let [a, b] = self.shares[at].map(f64::from);
        (self.triangle[at], [a, b, 1.0 - a - b])
    }

    /// The pixels. `color` says which colour a triangle has at a place within it, given as shares of its corners, and
    /// `same` whether two neighbouring samples show one and the same area: if not, a line is drawn between them.
    pub(super) fn pixels(
        &self,
        color: impl Fn(u32, [f64; 3]) -> [f64; 3],
        same: impl Fn([(u32, [f64; 3]); 2]) -> bool,
        edges: f64,
    ) -> Vec<[u8; 3]> {
        let is_line = |row: usize, column: usize| {
            let at = row * self.width + column;
            let mut beside = [(1, 0), (0, 1), (-1, 0), (0, -1)].into_iter().filter_map(|(dx, dy)| {
                let column = column.checked_add_signed(dx).filter(|&column| column < self.width)?;
                let row = row.checked_add_signed(dy).filter(|&row| row < self.height)?;
                Some(row * self.width + column)
            });
            beside.any(|other| match [self.triangle[at], self.triangle[other]] {
                [NOTHING, _] => false,
                [_, NOTHING] => true,
                _ => !same([self.place(at), self.place(other)]),
            })
        };
        let sample = |row: usize, column: usize| {
            let at = row * self.width + column;
            if self.triangle[at] == NOTHING {
                return [255.0; 3];
            }
            let (triangle, shares) = self.place(at);
            let plain = color(triangle, shares);
            let strength = match (is_line(row, column), self.is_edge[at]) {
                (true, _) => 0.5,
                (false, true) => edges,
                (false, false) => 0.0,
            };
            // A line is darker than what it lies on, or lighter where that is dark.
            let bright = 0.3 * plain[0] + 0.6 * plain[1] + 0.1 * plain[2];
            let line = if bright > 90.0 { 0.0 } else { 255.0 };
            plain.map(|channel| channel + strength * (line - channel))
        };
        let mut pixels = Vec::with_capacity(self.width * self.height / SAMPLES / SAMPLES);
        for row in (0..self.height).step_by(SAMPLES) {
            for column in (0..self.width).step_by(SAMPLES) {
                let mut sum = [0.0; 3];
                for (dy, dx) in (0..SAMPLES).flat_map(|dy| (0..SAMPLES).map(move |dx| (dy, dx))) {
                    let sample = sample(row + dy, column + dx);
                    (0..3).for_each(|channel| sum[channel] += sample[channel]);
                }
                pixels.push(sum.map(|channel| (channel / (SAMPLES * SAMPLES) as f64).round() as u8));
            }
        }
        pixels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_of_a_square_is_in_one_of_its_triangles() {
        let points = [[0.0, 0.0, 0.0], [20.0, 0.0, 0.0], [20.0, 20.0, 0.0], [0.0, 20.0, 0.0]];
        let scene = Scene { points: &points, triangles: &[[0, 1, 2], [3, 2, 0]], is_solid: false };
        let raster = Raster::new(&scene, 20, 20, 0.0);
        assert!(raster.triangle.iter().all(|&triangle| triangle < 2));
        // x as the value: 0.5 in the first column of samples.
        let value = |triangle: u32, shares: [f64; 3]| {
            let corners = scene.triangles[triangle as usize];
            (0..3).map(|k| shares[k] * points[corners[k] as usize][0]).sum::<f64>()
        };
        let pixels = raster.pixels(|triangle, shares| [value(triangle, shares); 3], |_| true, 0.0);
        assert_eq!(pixels.len(), 100);
        for (at, pixel) in pixels.iter().enumerate() {
            assert_eq!(pixel[0] as usize, 2 * (at % 10) + 1, "{at}");
        }
    }

    #[test]
    fn what_is_nearer_hides_what_is_behind() {
        let points =
            [[0.0, 0.0, 1.0], [8.0, 0.0, 1.0], [0.0, 8.0, 1.0], [0.0, 0.0, 0.0], [8.0, 0.0, 0.0], [8.0, 8.0, 0.0]];
        for triangles in [[[0, 1, 2], [3, 4, 5]], [[3, 4, 5], [0, 1, 2]]] {
            let front = triangles.iter().position(|triangle| triangle[0] == 0).unwrap() as u32;
            let raster = Raster::new(&Scene { points: &points, triangles: &triangles, is_solid: true }, 8, 8, 0.0);
            assert_eq!(raster.triangle[0], front);
            assert_eq!(raster.triangle[7 * 8 + 7], 1 - front);
            assert_eq!(raster.triangle[7 * 8], front);
            assert_eq!(raster.triangle[6 * 8 + 3], NOTHING);
        }
    }
}
