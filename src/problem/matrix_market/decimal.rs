//! Decimal numbers as most files write them, read eight digits at a time and rounded correctly.
//!
//! A number m / 10^k, m < 2^64, k < 28, is m times the reciprocal of 5^k, apart from powers of two. One product of 64
//! bits by 64 bits leaves the quotient uncertain in its 64th bit; that decides the rounding to 53 bits but for one number
//! in a thousand. Those, and all that are written otherwise, are left to the general parser.

/// 5^k as far as it fits in 64 bits.
const FIVES: [u64; 28] = {
    let mut powers = [1u64; 28];
    let mut k = 1;
    while k < 28 {
        powers[k] = 5 * powers[k - 1];
        k += 1;
    }
    powers
};

/// Reciprocals: the first 64 bits of 1 / 5^k, cut off, and how many bits 5^k has. Not for k = 0.
const RECIPROCALS: [(u64, i32); 28] = {
    let mut table = [(0, 0); 28];
    let mut k = 1;
    while k < 28 {
        let bits = 64 - FIVES[k].leading_zeros();
        table[k] = ((1u128 << (63 + bits)).wrapping_div(FIVES[k] as u128) as u64, bits as i32);
        k += 1;
    }
    table
};

const TENS: [u64; 20] = {
    let mut powers = [1u64; 20];
    let mut k = 1;
    while k < 20 {
        powers[k] = 10 * powers[k - 1];
        k += 1;
    }
    powers
};

/// The number at the start of `text`, and its length; None where the general parser has to look. What follows the number is
/// not looked at.
#[inline(always)]
pub(super) fn decimal(text: &[u8]) -> Option<(f64, usize)> {
    let is_negative = text.first() == Some(&b'-');
    let mut at = usize::from(is_negative);
    let (mut mantissa, mut digits) = eight_digits(text.get(at..)?.first_chunk()?);
    at += digits as usize;
    if digits == 0 || digits == 8 {
        return None;
    }
    let mut exponent = 0;
    if text.get(at) == Some(&b'.') {
        at += 1;
        let whole_digits = digits;
        loop {
            let (more, count) = eight_digits(text[at..].first_chunk()?);
            digits += count;
            if digits > 19 {
                return None;
            }
            mantissa = mantissa * TENS[count as usize] + more;
            at += count as usize;
            if count < 8 {
                break;
            }
        }
        exponent = whole_digits as i32 - digits as i32;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        let sign = text.get(at + 1)?;
        at += 1 + usize::from(matches!(sign, b'+' | b'-'));
        let (number, count) = eight_digits(text.get(at..)?.first_chunk()?);
        if count == 0 || count > 3 {
            return None;
        }
        at += count as usize;
        exponent += if *sign == b'-' { -(number as i32) } else { number as i32 };
    }
    let size = match exponent {
        0 => mantissa as f64,
        1..=19 => mantissa.checked_mul(TENS[exponent as usize])? as f64,
        -27..0 => quotient(mantissa, -exponent as usize)?,
        _ => return None,
    };
    Some((if is_negative { -size } else { size }, at))
}

/// mantissa / 10^k, 0 < k < 28, rounded to nearest; None where that takes more bits.
#[inline(always)]
fn quotient(mantissa: u64, k: usize) -> Option<f64> {
    if mantissa == 0 {
        return Some(0.0);
    }
    let (reciprocal, bits) = RECIPROCALS[k];
    let shift = mantissa.leading_zeros();
    // Between this and this + 2 lies the quotient, times a power of two.
    let product = ((u128::from(mantissa << shift) * u128::from(reciprocal)) >> 64) as u64;
    let surplus = 11 - product.leading_zeros();
    let (rest, half) = (product & ((1 << surplus) - 1), 1u64 << (surplus - 1));
    if rest == half || rest + 1 == half {
        return None;
    }
    let rounded = (product >> surplus) + u64::from(rest > half);
    let exponent = 1 + surplus as i32 - bits - shift as i32 - k as i32;
    Some(rounded as f64 * f64::from_bits(((1023 + exponent) as u64) << 52))
}

/// The number that up to eight leading digits form, and how many there are.
#[inline(always)]
pub(super) fn eight_digits(bytes: &[u8; 8]) -> (u64, u32) {
    let chunk = u64::from_le_bytes(*bytes) ^ 0x3030_3030_3030_3030;
    // The highest bit of a byte is set where it is not 0 ... 9; a carry reaches only bytes after such a one.
    let others = (chunk.wrapping_add(0x7676_7676_7676_7676) | chunk) & 0x8080_8080_8080_8080;
    let count = others.trailing_zeros() / 8;
    // Zeros in front, then neighbours are joined: digits to pairs, pairs to fours, fours to eight.
    let chunk = chunk.checked_shl(64 - 8 * count).unwrap_or(0);
    let pairs = (chunk.wrapping_mul(10) + (chunk >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100) + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    ((fours.wrapping_mul(10_000) + (fours >> 32)) & 0xffff_ffff, count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    /// Compares with the standard library; says whether the fast way took it.
    fn check(number: &str) -> bool {
        let found = decimal(format!("{number}\n1 1 1.0\n").as_bytes());
        if let Some((value, length)) = found {
            let expected: f64 = number.parse().unwrap();
            assert_eq!((value.to_bits(), length), (expected.to_bits(), number.len()), "{number}");
        }
        found.is_some()
    }

    #[test]
    fn numbers_are_rounded_correctly() {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let (mut taken, mut all) = (0, 0);
        for k in 0..400_000u32 {
            let bits = random.next_u64();
            let digits = (k % 19) as usize;
            let value = (bits >> 11) as f64 / (1u64 << 53) as f64 * 10f64.powi((bits % 9) as i32 - 4);
            let negative = if bits & 1 == 1 { "-" } else { "" };
            for number in [
                format!("{negative}{value}"),
                format!("{negative}{value:.digits$}"),
                format!("{negative}{value:.digits$e}"),
                format!("{negative}{}.{:0digits$}", bits % 1000, bits >> 40),
                format!("{}", f64::from_bits(bits % (1 << 62))),
            ] {
                taken += u32::from(check(&number));
                all += 1;
            }
        }
        assert!(taken > all / 2, "{taken} of {all}");
    }

    #[test]
    fn numbers_near_the_middle_of_two_are_rounded_correctly() {
        // Halves of the last bit, exactly and with one more or less in the last decimal place.
        let mut random = ChaCha8Rng::seed_from_u64(6);
        for _ in 0..200_000 {
            let odd = (1u64 << 53 | random.next_u64() >> 11) << 1 | 1;
            for k in 1..=10u32 {
                let number = u128::from(odd) * u128::from(FIVES[k as usize]);
                for near in [number - 1, number, number + 1] {
                    let digits = format!("{near:0>20}");
                    let (whole, rest) = digits.split_at(digits.len() - k as usize);
                    check(&format!(
                        "{}.{rest}",
                        whole.trim_start_matches('0').chars().next().map_or("0", |_| whole.trim_start_matches('0'))
                    ));
                }
            }
        }
    }

    #[test]
    fn special_forms() {
        for number in [
            "0.0",
            "-0.0",
            "0.5",
            "1.0",
            "100",
            "1e3",
            "1.5E+03",
            "-2.5e-300",
            "1e22",
            "1.e5",
            "4.35",
            "0.1",
            "9999999.0",
        ] {
            check(number);
        }
        for number in
            ["", ".5", "nan", "inf", "+1", "12345678", "1.23456789012345678901", "1e", "1e+", "1e4000", "1.0D+03"]
        {
            assert!(!check_refused(number), "{number}");
        }
    }

    fn check_refused(number: &str) -> bool {
        decimal(format!("{number}\n1 1 1.0\n").as_bytes()).is_some_and(|(_, length)| length == number.len())
    }
}
