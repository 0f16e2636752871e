//! Powers of two: multiplying by them rounds nothing, as long as nothing overflows or becomes subnormal.

/// The k of the largest 2^k that is no greater than |`number`|; None of zero, infinities and NaN.
pub fn exponent(number: f64) -> Option<i32> {
    let of_normal = |number: f64| (number.to_bits() >> 52 & 0x7ff) as i32 - 1023;
    match number.classify() {
        std::num::FpCategory::Normal => Some(of_normal(number)),
        std::num::FpCategory::Subnormal => Some(of_normal(number * power_of_two(64)) - 64),
        _ => None,
    }
}

/// 2^`exponent`, from the least f64 to the greatest power.
///
/// # Panics
/// Beyond them.
pub const fn power_of_two(exponent: i32) -> f64 {
    assert!(-1074 <= exponent && exponent <= 1023);
    if exponent < -1022 {
        f64::from_bits(1 << (exponent + 1074))
    } else {
        f64::from_bits(((1023 + exponent) as u64) << 52)
    }
}

/// 2^`exponent` · `number`, for any exponent.
pub fn times_power_of_two(mut number: f64, mut exponent: i32) -> f64 {
    const STEP: i32 = 1000;
    while exponent.abs() > STEP {
        let step = STEP * exponent.signum();
        number *= power_of_two(step);
        exponent -= step;
    }
    number * power_of_two(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_size() {
        for k in -1074..=1023 {
            assert_eq!(exponent(power_of_two(k)), Some(k));
            assert_eq!(exponent(-1.5 * power_of_two(k)), Some(if k == -1074 { k + 1 } else { k }));
            assert_eq!(times_power_of_two(1.0, k), power_of_two(k));
            assert_eq!(times_power_of_two(power_of_two(k), -k), 1.0);
        }
        assert_eq!([0.0, f64::INFINITY, f64::NAN].map(exponent), [None; 3]);
        assert_eq!(times_power_of_two(0.0, 5000), 0.0);
        assert_eq!(times_power_of_two(1.0, 2500), f64::INFINITY);
        assert_eq!(times_power_of_two(-1.0, -2500), 0.0);
    }
}
