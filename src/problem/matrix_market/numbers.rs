//! Numbers as text.

use super::decimal::decimal;

/// A piece of the file for a message: short, and without what a terminal would obey.
pub(crate) fn shown(word: &[u8]) -> String {
    let text = String::from_utf8_lossy(&word[..word.len().min(200)]);
    let harmless = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let start: String = text.chars().take(40).map(harmless).collect();
    let dots = if text.chars().nth(40).is_some() { "..." } else { "" };
    format!("`{start}{dots}`")
}

/// The next whitespace-separated word; the rest of the line moves on.
#[inline]
pub(super) fn word<'a>(line: &mut &'a [u8]) -> &'a [u8] {
    let start = line.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(line.len());
    let rest = &line[start..];
    let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
    *line = &rest[end..];
    &rest[..end]
}

/// A whole number, not negative.
pub(super) fn whole(word: &[u8]) -> Option<u64> {
    let digits = word.strip_prefix(b"+").unwrap_or(word);
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |number, &byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// A finite real number.
pub(super) fn real(word: &[u8]) -> Option<f64> {
    let word = word.strip_prefix(b"+").unwrap_or(word);
    let parsed = fast_float2::parse::<f64, _>(word).or_else(|error| {
        // Fortran writes exponents with a D.
        let exponent = word.iter().position(|byte| matches!(byte, b'd' | b'D')).ok_or(error)?;
        let mut word = word.to_vec();
        word[exponent] = b'e';
        fast_float2::parse(word)
    });
    parsed.ok().filter(|value| value.is_finite())
}

/// An entry as nearly all files write it, at the start of `text`: two numbers of digits only and, unless `pattern`, a
/// finite value, blanks between them, and the line end; with the bytes that they take. None for any other line, good or
/// not: the words of that line decide.
#[inline(always)]
pub(super) fn usual_entry(text: &[u8], pattern: bool) -> Option<(u64, u64, f64, usize)> {
    let (i, rest) = digits(blanks(text))?;
    let (j, rest) = digits(blanks(rest.strip_prefix(b" ")?))?;
    let (value, rest) = if pattern {
        (1.0, rest)
    } else {
        let rest = blanks(rest.strip_prefix(b" ")?);
        let (value, length) = match decimal(rest) {
            Some(found) => found,
            None => fast_float2::parse_partial(rest).ok()?,
        };
        (value, &rest[length..])
    };
    let rest = match rest {
        [b'\n', rest @ ..] | [b'\r', b'\n', rest @ ..] => rest,
        _ => return None,
    };
    value.is_finite().then_some((i, j, value, text.len() - rest.len()))
}

#[inline(always)]
fn blanks(mut text: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] = text {
        text = rest;
    }
    text
}

/// One to fifteen digits, eight at a time, and what follows. None near the end of `text`, or without a digit.
#[inline(always)]
fn digits(text: &[u8]) -> Option<(u64, &[u8])> {
    let (mut number, mut count) = eight_digits(text.first_chunk()?);
    if count == 8 {
        let (more, more_digits) = eight_digits(text[8..].first_chunk()?);
        if more_digits == 8 {
            return None;
        }
        number = number * 10u64.pow(more_digits) + more;
        count += more_digits;
    }
    (count > 0).then(|| (number, &text[count as usize..]))
}

/// The number that up to eight leading digits form, and how many there are.
#[inline(always)]
fn eight_digits(bytes: &[u8; 8]) -> (u64, u32) {
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

    #[test]
    fn digits_are_read_eight_at_a_time() {
        for number in [0, 7, 10, 99, 12345678, 87654321, 123456789, 4294967295, 99999999, 123456789012345] {
            for end in [" ", "\n", ".", "/", ":", "a", "\u{80}", "\0"] {
                let text = format!("{number}{end} and what follows it");
                let (found, rest) = digits(text.as_bytes()).expect("digits");
                assert_eq!((found, rest.len()), (number, text.len() - number.to_string().len()), "{text}");
            }
        }
        for text in [" 12 and what follows it", "-1 and what follows it", "1234567890123456 and more", "1 2", ""] {
            assert_eq!(digits(text.as_bytes()), None, "{text}");
        }
        for byte in 0..=255u8 {
            let bytes = [b'1', byte, b'2', b'3', b'4', b'5', b'6', 0xff];
            let text = bytes.iter().take_while(|byte| byte.is_ascii_digit()).map(|&byte| byte as char);
            let text: String = text.collect();
            assert_eq!(eight_digits(&bytes), (text.parse().unwrap(), text.len() as u32), "{byte}");
        }
    }

    #[test]
    fn the_fast_way_takes_nothing_that_the_words_would_refuse() {
        let tail = "1 1 1\n".repeat(4);
        for (line, found) in [
            ("3 4 5.25\n", Some((3, 4, 5.25))),
            ("  3   4   -5e-3\r\n", Some((3, 4, -5e-3))),
            ("0 4 .5\n", Some((0, 4, 0.5))),
            ("3 4 5 \n", None),
            ("3\t4 5\n", None),
            ("+3 4 5\n", None),
            ("3 4 nan\n", None),
            ("3 4 1e999\n", None),
            ("3 4 1.0D+03\n", None),
            ("3 4\n", None),
            ("3 4 \n", None),
            ("3.0 4 5\n", None),
            ("3 4 5 6\n", None),
            ("34 5\n", None),
            ("\n", None),
            ("% 3 4 5\n", None),
        ] {
            let expected = found.map(|(i, j, value)| (i, j, value, line.len()));
            assert_eq!(usual_entry(format!("{line}{tail}").as_bytes(), false), expected, "{line:?}");
        }
        assert_eq!(usual_entry(format!("3 4\n{tail}").as_bytes(), true), Some((3, 4, 1.0, 4)));
        assert_eq!(usual_entry(format!("3 4 5\n{tail}").as_bytes(), true), None);
    }
}
