//! Decimal numbers of up to 19 digits, and near 1, as most files hold them.
//!
//! Lemire, "Number parsing at a gigabyte per second" (Softw. Pract. Exper. 51(8), 2021): the digits as a whole number, times
//! a power of ten of which 128 bits are known, give the nearest double. Here without the powers for which 128 bits might
//! not be enough, in line, and eight digits at a time in the fraction; fast-float2 reads all other numbers.

/// Powers of ten from 10^-27 to 10^27: for these the product of 64 and 128 bits always decides.
const MOST: i64 = 27;

/// 5^q for q = -27 ... 27, scaled by a power of two to 128 bits of which the first is set; rounded up if q < 0.
const FIVES: [u128; 2 * MOST as usize + 1] = {
    let mut fives = [0; 2 * MOST as usize + 1];
    let mut power = 1u128;
    let mut q = 0;
    while q <= MOST {
        fives[(MOST + q) as usize] = power << power.leading_zeros();
        // The reciprocal by long division: 128 bits from the first one that is set.
        let (mut quotient, mut rest) = (0u128, 1u128);
        while q > 0 && quotient >> 127 == 0 {
            rest *= 2;
            quotient = quotient << 1 | (rest >= power) as u128;
            if rest >= power {
                rest -= power;
            }
        }
        if q > 0 {
            fives[(MOST - q) as usize] = quotient + 1;
        }
        power *= 5;
        q += 1;
    }
    fives
};

/// The number at the start of `text`, and its length. None for other numbers than described above, for what is none, and
/// near the end of `text`; an `e` or more digits may follow what was read.
///
/// Branches on how many digits there are, rather than arithmetic: they are nearly always predicted, and then nothing
/// that comes later waits for it.
#[inline(always)]
pub(super) fn decimal(text: &[u8]) -> Option<(f64, usize)> {
    // The longest number: sign, 19 digits, point, exponent.
    let text: &[u8; 32] = text.first_chunk()?;
    let digit_at = |at: usize| Some(text[at & 31].wrapping_sub(b'0')).filter(|digit| *digit < 10);
    let is_negative = text[0] == b'-';
    let mut at = usize::from(is_negative);
    let start = at;
    let mut digits = 0;
    while let Some(digit) = digit_at(at) {
        if at > 8 {
            return None;
        }
        digits = 10 * digits + u64::from(digit);
        at += 1;
    }
    if at == start {
        return None;
    }
    // A zero before the point is no digit that counts.
    let whole_digits = if digits == 0 { 0 } else { at - start };
    let mut decimals = 0;
    if text[at] == b'.' {
        at += 1;
        let point = at;
        while at - point < 16
            && let Some(more) = eight_digits(text[at..].first_chunk()?)
        {
            digits = digits.wrapping_mul(100_000_000).wrapping_add(more);
            at += 8;
        }
        while let Some(digit) = digit_at(at) {
            if at - point > 18 {
                return None;
            }
            digits = digits.wrapping_mul(10).wrapping_add(u64::from(digit));
            at += 1;
        }
        decimals = at - point;
        if whole_digits + decimals > 19 {
            return None;
        }
    }
    let mut power = -(decimals as i64);
    if text[at & 31] | 0x20 == b'e' {
        let sign = text[(at + 1) & 31];
        at += 1 + usize::from(sign == b'-' || sign == b'+');
        let (begin, mut exponent) = (at, 0);
        while let Some(digit) = digit_at(at)
            && at - begin < 3
        {
            exponent = 10 * exponent + i64::from(digit);
            at += 1;
        }
        if at == begin || at > 31 {
            return None;
        }
        power += if sign == b'-' { -exponent } else { exponent };
    }
    if !(-MOST..=MOST).contains(&power) {
        return None;
    }
    let bits = nearest(digits, power) | u64::from(is_negative) << 63;
    Some((f64::from_bits(bits), at))
}

/// The number that eight digits form, if that is what they are.
#[inline(always)]
fn eight_digits(bytes: &[u8; 8]) -> Option<u64> {
    let chunk = u64::from_le_bytes(*bytes);
    let digits = chunk.wrapping_sub(0x3030_3030_3030_3030);
    if (chunk.wrapping_add(0x4646_4646_4646_4646) | digits) & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    // Neighbours are joined: digits to pairs, and pairs with their weights by two products.
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let low = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(0x000f_4240_0000_0064);
    let high = (pairs >> 16 & 0x0000_00ff_0000_00ff).wrapping_mul(0x0000_2710_0000_0001);
    Some(low.wrapping_add(high) >> 32)
}

/// The bits of the double nearest to digits times 10^power, |power| <= 27; of two, the one that ends with 0.
#[inline(always)]
fn nearest(digits: u64, power: i64) -> u64 {
    /// Bits of a significand that are stored, and what is added to an exponent.
    const STORED: u32 = 52;
    const BIAS: i64 = 1023;
    if digits == 0 {
        return 0;
    }
    let zeros = digits.leading_zeros();
    let five = FIVES[(MOST + power) as usize];
    let digits = u128::from(digits << zeros);
    let mut product = digits * (five >> 64);
    // Unless the bits after those that count are all set, the lower half of the power cannot change those.
    if (product >> 64) as u64 & 0x1ff == 0x1ff {
        product += (digits * (five & u128::from(u64::MAX))) >> 64;
    }
    let (low, high) = (product as u64, (product >> 64) as u64);
    let upper = (high >> 63) as u32;
    let shift = upper + 64 - STORED - 3;
    let mut significand = high >> shift;
    // floor(power log2 10), exact in this range.
    let mut exponent = ((power * 217_706) >> 16) + 63 + i64::from(upper) - i64::from(zeros) + BIAS;
    // Halfway between two doubles: possible only where the product is exact.
    if low <= 1 && (-4..=23).contains(&power) && significand & 3 == 1 && significand << shift == high {
        significand &= !1;
    }
    significand = (significand + (significand & 1)) >> 1;
    if significand >> (STORED + 1) != 0 {
        significand >>= 1;
        exponent += 1;
    }
    significand & !(1 << STORED) | (exponent as u64) << STORED
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    /// Read as the standard library reads it; true if it is a number for this function.
    fn check(number: &str) -> bool {
        let text = format!("{number}\n1 1 1.0\n1 1 1.0\n1 1 1.0\n1 1 1.0\n");
        let Some((value, length)) = decimal(text.as_bytes()) else { return false };
        assert_eq!(length, number.len(), "{number}");
        let expected: f64 = number.parse().unwrap();
        assert_eq!(value.to_bits(), expected.to_bits(), "{number}: {value:?} and {expected:?}");
        true
    }

    #[test]
    fn random_numbers_are_read_to_the_last_bit() {
        let mut random = ChaCha8Rng::seed_from_u64(17);
        let mut read = 0;
        for round in 0..300_000 {
            let bits = random.next_u64();
            // All signs and significands, exponents near 1 (and of any size, which are left to others).
            let near = bits & !(0x7ff << 52) | (1023 - 40 + (random.next_u64() % 80)) << 52;
            let value = f64::from_bits(if round % 16 == 0 { bits } else { near });
            let places = (random.next_u64() % 20) as usize;
            for number in [
                format!("{value:?}"),
                format!("{value:.places$}"),
                format!("{value:.16e}"),
                format!("{value:.places$E}"),
            ] {
                read += u32::from(value.is_finite() && check(&number));
            }
        }
        assert!(read > 800_000, "{read}");
    }

    #[test]
    fn numbers_halfway_between_two_doubles_go_to_the_even_one() {
        let mut random = ChaCha8Rng::seed_from_u64(18);
        for _ in 0..100_000 {
            // 54 bits, of which the last one is set, and neighbours; over a power of two, so that it takes few decimals.
            let halfway = random.next_u64() >> 10 | 1 << 53 | 1;
            let decimals = (random.next_u64() % 4) as usize;
            for digits in [halfway - 1, halfway, halfway + 1] {
                let number = (u128::from(digits) * 5u128.pow(decimals as u32)).to_string();
                let exponent = number.len() - 1 - decimals;
                assert!(check(&format!("{}.{}e{exponent}", &number[..1], &number[1..])), "{number}");
            }
        }
        for number in ["0.000000000000000000", "0", "-0", "-0.0", "1e22", "1.0e+23", "5e-27"] {
            assert!(check(number), "{number}");
        }
    }

    #[test]
    fn what_is_no_number_is_left_to_others() {
        for text in
            ["", "-", ".5", "+1.5", "e5", "--1", "nan", "inf", " 1", "1234567890", "1.e", "1.5e", "1.5e+", "1e1234"]
        {
            assert!(decimal(format!("{text}\n1 1 1.0\n1 1 1.0\n1 1 1.0\n1 1 1.0\n").as_bytes()).is_none(), "{text}");
        }
        for length in 0..20 {
            assert!(decimal(&b"-1.2345678901234567"[..length.min(19)]).is_none(), "too near the end: {length}");
        }
    }
}
