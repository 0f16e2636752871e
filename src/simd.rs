//! Vector instructions, chosen for the processor when the program runs.
//!
//! A kernel is written once for any [`Simd`] and compiled for each of them; `vectorized!`
//! runs the one for this processor. They calculate with [`LANES`] numbers at a time in the same order,
//! without fused multiply-add: all give the same bits.
//!
//! Instructions are named, not left to the compiler: of the same sweep it vectorised one variant and
//! left another, simpler one in single numbers, at half the speed.

use std::sync::LazyLock;

/// Numbers calculated with at once: independent accumulators of an inner product, enough to hide the
/// latency of an addition, and a fixed number of them, so that a sum over the same rows has the same
/// bits on every processor.
pub const LANES: usize = 8;

/// Arithmetic on [`LANES`] numbers.
pub trait Simd: Copy {
    /// They, in registers.
    type Numbers: Copy;
    /// The same number in every lane.
    fn splat(self, number: f64) -> Self::Numbers;
    /// From memory.
    fn read(self, from: &[f64; LANES]) -> Self::Numbers;
    /// To memory.
    fn write(self, numbers: Self::Numbers, to: &mut [f64; LANES]);
    /// Two vectors that lie side by side.
    fn read_pairs(self, from: &[[f64; 2]; LANES]) -> [Self::Numbers; 2];
    /// Two vectors side by side.
    fn write_pairs(self, numbers: [Self::Numbers; 2], to: &mut [[f64; 2]; LANES]);
    /// From all over memory.
    fn collect(self, from: [&f64; LANES]) -> Self::Numbers;
    /// From all over memory, the two numbers of a pair side by side: those of the first half of the pairs, and of the
    /// second half.
    fn collect_pairs(self, from: [&[f64; 2]; LANES]) -> [Self::Numbers; 2];
    /// Every number twice, side by side: those of the first half, and of the second half.
    fn twice(self, numbers: Self::Numbers) -> [Self::Numbers; 2];
    /// a + b
    fn add(self, a: Self::Numbers, b: Self::Numbers) -> Self::Numbers;
    /// a − b
    fn sub(self, a: Self::Numbers, b: Self::Numbers) -> Self::Numbers;
    /// a b
    fn mul(self, a: Self::Numbers, b: Self::Numbers) -> Self::Numbers;
    /// a / b
    fn div(self, a: Self::Numbers, b: Self::Numbers) -> Self::Numbers;
    /// a + b of the bit patterns, as integers.
    fn add_bits(self, a: Self::Numbers, b: Self::Numbers) -> Self::Numbers;
    /// a or (b exclusive or c) of the bit patterns.
    fn or_differing(self, a: Self::Numbers, b: Self::Numbers, c: Self::Numbers) -> Self::Numbers;
    /// Whether any lane has any of the bits of `mask`.
    fn has_bits(self, numbers: Self::Numbers, mask: u64) -> bool;
}

/// No particular instructions: what the compiler makes of plain arrays.
#[derive(Clone, Copy, Debug)]
pub struct Portable;

/// An array of [`LANES`] numbers, `$number` for each `$lane`: a plain loop, since what an array's own `map` and
/// `from_fn` call is not always inlined.
macro_rules! each_lane {
    ($lane:ident, $zero:expr, $number:expr) => {{
        let mut numbers = [$zero; LANES];
        for $lane in 0..LANES {
            numbers[$lane] = $number;
        }
        numbers
    }};
}

/// The methods that calculate, one instruction each for the numbers in `$registers`.
macro_rules! arithmetic {
    ($($name:ident($self:ident, $a:ident, $b:ident) = $result:expr;)*) => {
        $(#[inline(always)]
        fn $name($self, $a: Self::Numbers, $b: Self::Numbers) -> Self::Numbers {
            $result
        })*
    };
}

impl Simd for Portable {
    type Numbers = [f64; LANES];

    #[inline(always)]
    fn splat(self, number: f64) -> [f64; LANES] {
        [number; LANES]
    }

    #[inline(always)]
    fn read(self, from: &[f64; LANES]) -> [f64; LANES] {
        *from
    }

    #[inline(always)]
    fn write(self, numbers: [f64; LANES], to: &mut [f64; LANES]) {
        *to = numbers;
    }

    #[inline(always)]
    fn read_pairs(self, from: &[[f64; 2]; LANES]) -> [[f64; LANES]; 2] {
        [each_lane!(lane, 0.0, from[lane][0]), each_lane!(lane, 0.0, from[lane][1])]
    }

    #[inline(always)]
    fn write_pairs(self, [first, second]: [[f64; LANES]; 2], to: &mut [[f64; 2]; LANES]) {
        *to = each_lane!(lane, [0.0; 2], [first[lane], second[lane]]);
    }

    #[inline(always)]
    fn collect(self, from: [&f64; LANES]) -> [f64; LANES] {
        each_lane!(lane, 0.0, *from[lane])
    }

    #[inline(always)]
    fn collect_pairs(self, from: [&[f64; 2]; LANES]) -> [[f64; LANES]; 2] {
        let half = LANES / 2;
        [each_lane!(lane, 0.0, from[lane / 2][lane % 2]), each_lane!(lane, 0.0, from[half + lane / 2][lane % 2])]
    }

    #[inline(always)]
    fn twice(self, numbers: [f64; LANES]) -> [[f64; LANES]; 2] {
        [each_lane!(lane, 0.0, numbers[lane / 2]), each_lane!(lane, 0.0, numbers[LANES / 2 + lane / 2])]
    }

    arithmetic! {
        add(self, a, b) = each_lane!(lane, 0.0, a[lane] + b[lane]);
        sub(self, a, b) = each_lane!(lane, 0.0, a[lane] - b[lane]);
        mul(self, a, b) = each_lane!(lane, 0.0, a[lane] * b[lane]);
        div(self, a, b) = each_lane!(lane, 0.0, a[lane] / b[lane]);
        add_bits(self, a, b) = each_lane!(lane, 0.0, f64::from_bits(a[lane].to_bits().wrapping_add(b[lane].to_bits())));
    }

    #[inline(always)]
    fn or_differing(self, a: [f64; LANES], b: [f64; LANES], c: [f64; LANES]) -> [f64; LANES] {
        each_lane!(lane, 0.0, f64::from_bits(a[lane].to_bits() | (b[lane].to_bits() ^ c[lane].to_bits())))
    }

    #[inline(always)]
    fn has_bits(self, numbers: [f64; LANES], mask: u64) -> bool {
        let mut all = 0;
        for number in numbers {
            all |= number.to_bits();
        }
        all & mask != 0
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{LANES, Simd};
    use pulp::cast;
    use pulp::x86::{V3, V4};
    use std::arch::x86_64::{__m128d, __m256d, __m512d, __m512i};

    /// AVX2: two registers of four numbers.
    impl Simd for V3 {
        type Numbers = [__m256d; 2];

        #[inline(always)]
        fn splat(self, number: f64) -> [__m256d; 2] {
            [self.avx._mm256_set1_pd(number); 2]
        }

        #[inline(always)]
        fn read(self, from: &[f64; LANES]) -> [__m256d; 2] {
            cast(*from)
        }

        #[inline(always)]
        fn write(self, numbers: [__m256d; 2], to: &mut [f64; LANES]) {
            *to = cast(numbers);
        }

        #[inline(always)]
        fn read_pairs(self, from: &[[f64; 2]; LANES]) -> [[__m256d; 2]; 2] {
            let (a, b) = (four_pairs(self, from, 0), four_pairs(self, from, 4));
            [[a[0], b[0]], [a[1], b[1]]]
        }

        #[inline(always)]
        fn write_pairs(self, [first, second]: [[__m256d; 2]; 2], to: &mut [[f64; 2]; LANES]) {
            for half in 0..2 {
                let even = self.avx._mm256_unpacklo_pd(first[half], second[half]);
                let odd = self.avx._mm256_unpackhi_pd(first[half], second[half]);
                to[4 * half] = cast(self.avx._mm256_castpd256_pd128(even));
                to[4 * half + 1] = cast(self.avx._mm256_castpd256_pd128(odd));
                to[4 * half + 2] = cast(self.avx._mm256_extractf128_pd::<1>(even));
                to[4 * half + 3] = cast(self.avx._mm256_extractf128_pd::<1>(odd));
            }
        }

        #[inline(always)]
        fn collect(self, [a, b, c, d, e, f, g, h]: [&f64; LANES]) -> [__m256d; 2] {
            [
                join(self, two_numbers(self, a, b), two_numbers(self, c, d)),
                join(self, two_numbers(self, e, f), two_numbers(self, g, h)),
            ]
        }

        #[inline(always)]
        fn collect_pairs(self, [a, b, c, d, e, f, g, h]: [&[f64; 2]; LANES]) -> [[__m256d; 2]; 2] {
            [
                [join(self, cast(*a), cast(*b)), join(self, cast(*c), cast(*d))],
                [join(self, cast(*e), cast(*f)), join(self, cast(*g), cast(*h))],
            ]
        }

        #[inline(always)]
        fn twice(self, [low, high]: [__m256d; 2]) -> [[__m256d; 2]; 2] {
            let avx2 = self.avx2;
            [
                [avx2._mm256_permute4x64_pd::<0b01_01_00_00>(low), avx2._mm256_permute4x64_pd::<0b11_11_10_10>(low)],
                [avx2._mm256_permute4x64_pd::<0b01_01_00_00>(high), avx2._mm256_permute4x64_pd::<0b11_11_10_10>(high)],
            ]
        }

        arithmetic! {
            add(self, a, b) = [self.avx._mm256_add_pd(a[0], b[0]), self.avx._mm256_add_pd(a[1], b[1])];
            sub(self, a, b) = [self.avx._mm256_sub_pd(a[0], b[0]), self.avx._mm256_sub_pd(a[1], b[1])];
            mul(self, a, b) = [self.avx._mm256_mul_pd(a[0], b[0]), self.avx._mm256_mul_pd(a[1], b[1])];
            div(self, a, b) = [self.avx._mm256_div_pd(a[0], b[0]), self.avx._mm256_div_pd(a[1], b[1])];
            add_bits(self, a, b) = [
                cast(self.avx2._mm256_add_epi64(cast(a[0]), cast(b[0]))),
                cast(self.avx2._mm256_add_epi64(cast(a[1]), cast(b[1]))),
            ];
        }

        #[inline(always)]
        fn or_differing(self, a: [__m256d; 2], b: [__m256d; 2], c: [__m256d; 2]) -> [__m256d; 2] {
            let half = |half: usize| self.avx._mm256_or_pd(a[half], self.avx._mm256_xor_pd(b[half], c[half]));
            [half(0), half(1)]
        }

        #[inline(always)]
        fn has_bits(self, numbers: [__m256d; 2], mask: u64) -> bool {
            let all = self.avx._mm256_or_pd(numbers[0], numbers[1]);
            self.avx._mm256_testz_si256(cast(all), self.avx._mm256_set1_epi64x(mask as i64)) == 0
        }
    }

    /// The first and the second numbers of four pairs, beginning at `at`.
    #[inline(always)]
    fn four_pairs(simd: V3, from: &[[f64; 2]; LANES], at: usize) -> [__m256d; 2] {
        let [a, b, c, d]: [__m128d; 4] = [cast(from[at]), cast(from[at + 1]), cast(from[at + 2]), cast(from[at + 3])];
        let even = simd.avx._mm256_insertf128_pd::<1>(simd.avx._mm256_castpd128_pd256(a), c);
        let odd = simd.avx._mm256_insertf128_pd::<1>(simd.avx._mm256_castpd128_pd256(b), d);
        [simd.avx._mm256_unpacklo_pd(even, odd), simd.avx._mm256_unpackhi_pd(even, odd)]
    }

    #[inline(always)]
    fn two_numbers(simd: V3, a: &f64, b: &f64) -> __m128d {
        simd.sse2._mm_unpacklo_pd(simd.sse2._mm_set_sd(*a), simd.sse2._mm_set_sd(*b))
    }

    #[inline(always)]
    fn join(simd: V3, low: __m128d, high: __m128d) -> __m256d {
        simd.avx._mm256_insertf128_pd::<1>(simd.avx._mm256_castpd128_pd256(low), high)
    }

    #[inline(always)]
    fn join_halves(simd: V4, [low, high]: [__m256d; 2]) -> __m512d {
        simd.avx512f._mm512_insertf64x4::<1>(simd.avx512f._mm512_castpd256_pd512(low), high)
    }

    /// AVX-512: one register.
    impl Simd for V4 {
        type Numbers = __m512d;

        #[inline(always)]
        fn splat(self, number: f64) -> __m512d {
            self.avx512f._mm512_set1_pd(number)
        }

        #[inline(always)]
        fn read(self, from: &[f64; LANES]) -> __m512d {
            cast(*from)
        }

        #[inline(always)]
        fn write(self, numbers: __m512d, to: &mut [f64; LANES]) {
            *to = cast(numbers);
        }

        #[inline(always)]
        fn read_pairs(self, from: &[[f64; 2]; LANES]) -> [__m512d; 2] {
            let [low, high]: [__m512d; 2] = cast(*from);
            let [first, second]: [__m512i; 2] =
                [cast([0_u64, 2, 4, 6, 8, 10, 12, 14]), cast([1_u64, 3, 5, 7, 9, 11, 13, 15])];
            let pick = self.avx512f;
            [pick._mm512_permutex2var_pd(low, first, high), pick._mm512_permutex2var_pd(low, second, high)]
        }

        #[inline(always)]
        fn write_pairs(self, [first, second]: [__m512d; 2], to: &mut [[f64; 2]; LANES]) {
            let [low, high]: [__m512i; 2] =
                [cast([0_u64, 8, 1, 9, 2, 10, 3, 11]), cast([4_u64, 12, 5, 13, 6, 14, 7, 15])];
            let pick = self.avx512f;
            *to = cast([
                pick._mm512_permutex2var_pd(first, low, second),
                pick._mm512_permutex2var_pd(first, high, second),
            ]);
        }

        #[inline(always)]
        fn collect(self, from: [&f64; LANES]) -> __m512d {
            join_halves(self, (*self).collect(from))
        }

        #[inline(always)]
        fn collect_pairs(self, from: [&[f64; 2]; LANES]) -> [__m512d; 2] {
            let [low, high] = (*self).collect_pairs(from);
            [join_halves(self, low), join_halves(self, high)]
        }

        #[inline(always)]
        fn twice(self, numbers: __m512d) -> [__m512d; 2] {
            let [first, second]: [__m512i; 2] =
                [cast([0_u64, 0, 1, 1, 2, 2, 3, 3]), cast([4_u64, 4, 5, 5, 6, 6, 7, 7])];
            [self.avx512f._mm512_permutexvar_pd(first, numbers), self.avx512f._mm512_permutexvar_pd(second, numbers)]
        }

        arithmetic! {
            add(self, a, b) = self.avx512f._mm512_add_pd(a, b);
            sub(self, a, b) = self.avx512f._mm512_sub_pd(a, b);
            mul(self, a, b) = self.avx512f._mm512_mul_pd(a, b);
            div(self, a, b) = self.avx512f._mm512_div_pd(a, b);
            add_bits(self, a, b) = cast(self.avx512f._mm512_add_epi64(cast(a), cast(b)));
        }

        #[inline(always)]
        fn or_differing(self, a: __m512d, b: __m512d, c: __m512d) -> __m512d {
            // The bit of the result for each combination of the bits of a, b, c.
            const A_OR_B_XOR_C: i32 = 0b1111_0110;
            cast(self.avx512f._mm512_ternarylogic_epi64::<A_OR_B_XOR_C>(cast(a), cast(b), cast(c)))
        }

        #[inline(always)]
        fn has_bits(self, numbers: __m512d, mask: u64) -> bool {
            let mask = self.avx512f._mm512_set1_epi64(mask as i64);
            self.avx512f._mm512_test_epi64_mask(cast(numbers), mask) != 0
        }
    }
}

/// `$work` with `$simd` standing for the best [`Simd`] of this processor. It is compiled for each of them,
/// as far as it is inlined: so should be everything in it.
macro_rules! vectorized {
    ($simd:ident => $work:expr) => {
        match $crate::simd::Processor::new() {
            // Closures that are not marked so may be compiled on their own, for any processor.
            #[cfg(target_arch = "x86_64")]
            $crate::simd::Processor::Avx512($simd) => $simd.vectorize(
                #[inline(always)]
                || $work,
            ),
            #[cfg(target_arch = "x86_64")]
            $crate::simd::Processor::Avx2($simd) => $simd.vectorize(
                #[inline(always)]
                || $work,
            ),
            $crate::simd::Processor::Other($simd) => $work,
        }
    };
}
pub(crate) use vectorized;

/// What `vectorized!` chooses among.
#[derive(Clone, Copy, Debug)]
pub enum Processor {
    /// One with AVX-512.
    #[cfg(target_arch = "x86_64")]
    Avx512(pulp::x86::V4),
    /// One with AVX2.
    #[cfg(target_arch = "x86_64")]
    Avx2(pulp::x86::V3),
    /// Any.
    Other(Portable),
}

impl Processor {
    /// This one. Asks it once; further calls cost a load.
    #[inline(always)]
    pub fn new() -> Processor {
        static HERE: LazyLock<Processor> = LazyLock::new(Processor::ask);
        *HERE
    }

    fn ask() -> Processor {
        #[cfg(target_arch = "x86_64")]
        match pulp::x86::Arch::new() {
            pulp::x86::Arch::V4(simd) => return Processor::Avx512(simd),
            pulp::x86::Arch::V3(simd) => return Processor::Avx2(simd),
            _ => (),
        }
        Processor::Other(Portable)
    }
}

impl Default for Processor {
    fn default() -> Processor {
        Processor::new()
    }
}

/// `$work` once for each [`Simd`] that this processor has.
#[cfg(test)]
macro_rules! with_every_simd {
    ($simd:ident => $work:expr) => {{
        {
            let $simd = $crate::simd::Portable;
            $work;
        }
        #[cfg(target_arch = "x86_64")]
        if let Some($simd) = pulp::x86::V3::try_new() {
            $simd.vectorize(|| $work);
        }
        #[cfg(target_arch = "x86_64")]
        if let Some($simd) = pulp::x86::V4::try_new() {
            $simd.vectorize(|| $work);
        }
    }};
}
#[cfg(test)]
pub(crate) use with_every_simd;

#[cfg(test)]
mod tests {
    use super::*;

    /// Bits of everything a [`Simd`] can do.
    fn everything(simd: impl Simd) -> Vec<u64> {
        let x: [f64; LANES] = std::array::from_fn(|lane| 1.0 / (lane as f64 + 3.0));
        let pairs: [[f64; 2]; LANES] = std::array::from_fn(|lane| [lane as f64 + 0.1, 0.7 - lane as f64]);
        let ([a, b], c) = (simd.read_pairs(&pairs), simd.read(&x));
        let results =
            [simd.splat(0.3), a, b, c, simd.add(a, c), simd.sub(b, c), simd.mul(a, b), simd.div(c, b), simd.div(a, c)];
        let scattered: [usize; LANES] = std::array::from_fn(|lane| (3 * lane + 1) % LANES);
        let [d, e] = simd.collect_pairs(scattered.map(|lane| &pairs[lane]));
        let [f, g] = simd.twice(c);
        let moved = [d, e, f, g, simd.collect(scattered.map(|lane| &x[lane]))];
        let of_bits = [simd.add_bits(a, c), simd.or_differing(a, b, c), simd.or_differing(c, a, a)];
        let mut swapped = pairs;
        simd.write_pairs([b, a], &mut swapped);
        let mut bits: Vec<u64> = swapped.as_flattened().iter().map(|number| number.to_bits()).collect();
        for result in results.into_iter().chain(of_bits).chain(moved) {
            let mut numbers = [0.0; LANES];
            simd.write(result, &mut numbers);
            bits.extend(numbers.map(f64::to_bits));
        }
        bits.extend((0..64).map(|bit| u64::from(simd.has_bits(of_bits[1], 1 << bit))));
        bits
    }

    #[test]
    fn all_instructions_give_the_same_bits() {
        let portable = everything(Portable);
        assert_eq!(portable[..2], [(0.7_f64 - 0.0).to_bits(), 0.1_f64.to_bits()]);
        assert_eq!(vectorized!(simd => everything(simd)), portable);
        with_every_simd!(simd => assert_eq!(everything(simd), portable));
    }
}
