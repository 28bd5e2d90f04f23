//! Number literals, in the grammar of Python's `json`.

/// A number literal that has been read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Literal {
    /// Neither point nor exponent, and within 64 bits.
    Int(i64),
    /// Point, exponent, `NaN` or an infinity; correctly rounded.
    Float(f64),
    /// Neither point nor exponent, and beyond 64 bits.
    BigInt,
}

/// Powers of ten that a float holds exactly.
pub(super) const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Powers of ten by which eight digits or fewer move what stands before them.
const SHIFTS: [u64; 9] = [
    1,
    10,
    100,
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
];

/// Most digits that always fit 64 bits.
const DIGITS_IN_U64: usize = 19;

/// Largest integer up to which a float holds every integer.
const EXACT: u64 = 1 << 53;

/// Reads the number at `start`; its value and the position after it, or `None` without a number.
/// Stops, as Python does, before what cannot belong to it: of `01` it reads `0`, of `1.` `1`.
#[inline(never)]
pub(crate) fn scan(bytes: &[u8], start: usize) -> Option<(Literal, usize)> {
    scan_inline(bytes, start)
}

/// [`scan`], for loops that read little else.
#[inline(always)]
pub(crate) fn scan_inline(bytes: &[u8], start: usize) -> Option<(Literal, usize)> {
    let negative = bytes.get(start) == Some(&b'-');
    let first = start + usize::from(negative);
    let (mut mantissa, mut pos) = match bytes.get(first)? {
        b'0' => (0, first + 1),
        b'1'..=b'9' => digits(bytes, first, 0),
        _ => return special(bytes, start),
    };
    let mut count = pos - first;
    let mut exponent = 0_i64;
    let mut float = false;
    if bytes.get(pos) == Some(&b'.') {
        let (longer, end) = digits(bytes, pos + 1, mantissa);
        let fraction = end - (pos + 1);
        if fraction > 0 {
            mantissa = longer;
            count += fraction;
            exponent = -(fraction as i64);
            pos = end;
            float = true;
        }
    }
    if let Some(b'e' | b'E') = bytes.get(pos) {
        let signed = matches!(bytes.get(pos + 1), Some(b'+' | b'-'));
        let down = bytes.get(pos + 1) == Some(&b'-');
        let from = pos + 1 + usize::from(signed);
        let (size, end) = digits(bytes, from, 0);
        if end > from {
            pos = end;
            float = true;
            if end - from > 4 {
                // Beyond any float, or zeros that are not worth a fast path.
                return slow(bytes, start, pos);
            }
            exponent += if down { -(size as i64) } else { size as i64 };
        }
    }
    if !float {
        let literal = if count > DIGITS_IN_U64 {
            Literal::BigInt
        } else {
            int(negative, mantissa)
        };
        return Some((literal, pos));
    }
    // One rounding only: both sides are exact floats (Clinger's fast path).
    if count <= DIGITS_IN_U64
        && mantissa <= EXACT
        && let Some(&power) = POWERS.get(exponent.unsigned_abs() as usize)
    {
        let size = mantissa as f64;
        let size = if exponent < 0 {
            size / power
        } else {
            size * power
        };
        return Some((Literal::Float(if negative { -size } else { size }), pos));
    }
    let short = if count <= DIGITS_IN_U64 {
        divided(mantissa, -exponent)
    } else {
        None
    };
    match short {
        Some(size) => Some((Literal::Float(if negative { -size } else { size }), pos)),
        None => slow(bytes, start, pos),
    }
}

/// Bytes that [`decimal`] may read.
pub(crate) const WINDOW: usize = 40;

/// Reads what most of the numbers in large arrays look like: up to seven digits, a point, and up to
/// 18 more. `None` for anything else, which may be a number all the same. An exponent is not
/// read.
#[inline(always)]
pub(crate) fn decimal(window: &[u8; WINDOW]) -> Option<(f64, usize)> {
    const SCALE: u64 = SHIFTS[8];
    let negative = window[0] == b'-';
    let mut pos = usize::from(negative);
    let mut whole = u64::from(window[pos].wrapping_sub(b'0'));
    if whole > 9 {
        return None;
    }
    pos += 1;
    if window[pos] != b'.' {
        let (digits, count) = leading_digits(eight(window, pos - 1)?);
        pos += count - 1;
        if whole == 0 || count == 8 || window[pos] != b'.' {
            return None;
        }
        whole = digits;
    }
    pos += 1;
    let word = eight(window, pos)?;
    let odd = not_digits(word);
    let size = if odd != 0 {
        let count = odd.trailing_zeros() as usize / 8;
        if count == 0 {
            return None;
        }
        pos += count;
        // Missing digits count as zeros. Both sides are exact floats, so that there is one rounding
        // only.
        let fraction = value_of_eight(word & !(u64::MAX << (8 * count)));
        float(whole * SCALE + fraction) / float(SCALE)
    } else {
        let mut mantissa = whole * SCALE + value_of_eight(word & LOW_HALVES);
        let (digits, count) = leading_digits(eight(window, pos + 8)?);
        if whole >= SHIFTS[3] && count > 0 {
            // More digits than are sure to fit.
            return None;
        }
        mantissa = mantissa * SHIFTS[count] + digits;
        let mut places = 8 + count;
        if count == 8 {
            let (digits, count) = leading_digits(eight(window, pos + 16)?);
            if count > 2 || whole >= 10 {
                return None;
            }
            mantissa = mantissa * SHIFTS[count] + digits;
            places += count;
        }
        pos += places;
        if mantissa <= EXACT {
            float(mantissa) / POWERS[places]
        } else {
            divided(mantissa, places as i64)?
        }
    };
    let sign = u64::from(negative) << 63;
    Some((f64::from_bits(size.to_bits() | sign), pos))
}

/// An integer of at most 2^53 as a float. Signed integers convert in one instruction.
#[inline(always)]
fn float(value: u64) -> f64 {
    value.cast_signed() as f64
}

#[inline(always)]
fn eight(window: &[u8; WINDOW], at: usize) -> Option<u64> {
    let bytes = window.get(at..)?.first_chunk()?;
    Some(u64::from_le_bytes(*bytes))
}

fn int(negative: bool, mantissa: u64) -> Literal {
    if negative {
        0_i64
            .checked_sub_unsigned(mantissa)
            .map_or(Literal::BigInt, Literal::Int)
    } else {
        i64::try_from(mantissa).map_or(Literal::BigInt, Literal::Int)
    }
}

/// The float nearest to `mantissa / 10^power`, unless it takes more than 128 bits to tell.
///
/// Multiplies by a reciprocal of `5^power` that is cut off after 128 bits. The true product is then
/// less than two above the high 128 bits of this one, so unless the bits behind the rounded one are
/// all zeros or (almost) all ones the rounding is certain.
#[inline]
fn divided(mantissa: u64, power: i64) -> Option<f64> {
    let reciprocal = *RECIPROCALS.get(usize::try_from(power).ok()?)?;
    if power == 0 || mantissa == 0 {
        return None;
    }
    let zeros = mantissa.leading_zeros();
    let factor = u128::from(mantissa << zeros);
    let low = factor * (reciprocal.digits & u128::from(u64::MAX));
    let product = factor * (reciprocal.digits >> 64) + (low >> 64);
    // The bits of the product: 53 to keep, one to round by, and the rest.
    let top = 127 - product.leading_zeros();
    let rest = top - 53;
    let behind = product & ((1 << rest) - 1);
    if behind == 0 || behind >= (1 << rest) - 2 {
        return None;
    }
    let kept = (product >> rest) as u64;
    let rounded = (kept >> 1) + (kept & 1);
    let exponent = i64::from(top) + 64 - i64::from(zeros) - power - i64::from(reciprocal.scale);
    // The leading bit of `rounded` adds one to the exponent, as does a carry out of it.
    let bits = ((exponent + 1022) as u64) << 52;
    Some(f64::from_bits(bits + rounded))
}

/// `1 / 5^power`, as `digits / 2^scale`, cut off.
#[derive(Clone, Copy)]
struct Reciprocal {
    digits: u128,
    scale: u32,
}

/// Reciprocals up to a power at which the result is far from the smallest float.
static RECIPROCALS: [Reciprocal; 41] = {
    let mut table = [Reciprocal {
        digits: 0,
        scale: 0,
    }; 41];
    let mut divisor = 1_u128;
    let mut power = 0;
    while power < table.len() {
        let scale = 127 + (128 - divisor.leading_zeros());
        // Long division of 2^scale, one bit at a time.
        let mut digits = 0_u128;
        let mut rest = 1_u128;
        let mut bit = 0;
        while bit < scale {
            rest <<= 1;
            digits <<= 1;
            if rest >= divisor {
                rest -= divisor;
                digits |= 1;
            }
            bit += 1;
        }
        table[power] = Reciprocal { digits, scale };
        divisor *= 5;
        power += 1;
    }
    table
};

/// Rounds a literal whose grammar has been checked.
#[cold]
#[inline(never)]
fn slow(bytes: &[u8], start: usize, end: usize) -> Option<(Literal, usize)> {
    Some((Literal::Float(rounded(bytes, start, end)?), end))
}

/// The float nearest to a literal that has been scanned.
pub(crate) fn rounded(bytes: &[u8], start: usize, end: usize) -> Option<f64> {
    std::str::from_utf8(bytes.get(start..end)?)
        .ok()?
        .parse()
        .ok()
}

#[cold]
fn special(bytes: &[u8], start: usize) -> Option<(Literal, usize)> {
    [
        (&b"NaN"[..], f64::NAN),
        (b"Infinity", f64::INFINITY),
        (b"-Infinity", f64::NEG_INFINITY),
    ]
    .into_iter()
    .find(|(word, _)| bytes[start..].starts_with(word))
    .map(|(word, value)| (Literal::Float(value), start + word.len()))
}

/// Appends the digits at `pos` to `value` (wrapping: callers that care count them), and returns
/// where they end.
#[inline(always)]
fn digits(bytes: &[u8], mut pos: usize, mut value: u64) -> (u64, usize) {
    while let Some(eight) = bytes.get(pos..).and_then(<[u8]>::first_chunk::<8>) {
        let (eight, there) = leading_digits(u64::from_le_bytes(*eight));
        value = value.wrapping_mul(SHIFTS[there]).wrapping_add(eight);
        pos += there;
        if there < 8 {
            return (value, pos);
        }
    }
    while let Some(digit @ b'0'..=b'9') = bytes.get(pos) {
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        pos += 1;
    }
    (value, pos)
}

/// The lower half of each of eight bytes: of a digit, its value.
const LOW_HALVES: u64 = 0x0f0f_0f0f_0f0f_0f0f;

/// The value of the digits that eight bytes of text begin with, and how many those are.
#[inline(always)]
fn leading_digits(word: u64) -> (u64, usize) {
    let there = not_digits(word).trailing_zeros() as usize / 8;
    if there == 0 {
        return (0, 0);
    }
    // The digits move to the end, so that zeros stand before them.
    (value_of_eight(word << (64 - 8 * there)), there)
}

/// Eight bytes of text that has bits set in the first byte that is no digit, and none before it.
#[inline(always)]
fn not_digits(word: u64) -> u64 {
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    // A byte is a digit if its high half is 3 and stays so when 6 is added.
    (word & !LOW_HALVES ^ ZEROS) | (word.wrapping_add(0x0606_0606_0606_0606) & !LOW_HALVES ^ ZEROS)
}

/// The number that eight digits make, the first of them in the lowest byte. Only the lower halves
/// of the bytes count.
#[inline(always)]
fn value_of_eight(word: u64) -> u64 {
    const MASK: u64 = 0x0000_00ff_0000_00ff;
    let word = word & LOW_HALVES;
    let pairs = word.wrapping_mul(10).wrapping_add(word >> 8);
    let high = (pairs & MASK).wrapping_mul(100 + (1_000_000 << 32));
    let low = ((pairs >> 16) & MASK).wrapping_mul(1 + (10_000 << 32));
    high.wrapping_add(low) >> 32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<(Literal, usize)> {
        scan(text.as_bytes(), 0)
    }

    #[test]
    fn literals() {
        for (text, literal) in [
            ("0", Literal::Int(0)),
            ("-0", Literal::Int(0)),
            ("7", Literal::Int(7)),
            ("-12", Literal::Int(-12)),
            ("12345678", Literal::Int(12_345_678)),
            ("123456789", Literal::Int(123_456_789)),
            ("9223372036854775807", Literal::Int(i64::MAX)),
            ("-9223372036854775808", Literal::Int(i64::MIN)),
            ("9223372036854775808", Literal::BigInt),
            ("-9223372036854775809", Literal::BigInt),
            ("18446744073709551616", Literal::BigInt),
            ("99999999999999999999999", Literal::BigInt),
            ("0.5", Literal::Float(0.5)),
            ("-1.25", Literal::Float(-1.25)),
            ("1e2", Literal::Float(100.0)),
            ("1E+2", Literal::Float(100.0)),
            ("1.5e-3", Literal::Float(0.0015)),
            ("0e5", Literal::Float(0.0)),
            ("1e22", Literal::Float(1e22)),
            ("1e23", Literal::Float(1e23)),
            ("1e400", Literal::Float(f64::INFINITY)),
            ("-1e400", Literal::Float(f64::NEG_INFINITY)),
            ("1e-400", Literal::Float(0.0)),
            ("1e99999999999999999999", Literal::Float(f64::INFINITY)),
            ("0e99999999999999999999", Literal::Float(0.0)),
            ("1e0000000000000000000001", Literal::Float(10.0)),
            (
                "9007199254740993.0",
                Literal::Float(9_007_199_254_740_992.0),
            ),
            ("0.000000000000000000000000000001", Literal::Float(1e-30)),
            ("5e-324", Literal::Float(5e-324)),
            ("1.7976931348623157e308", Literal::Float(f64::MAX)),
            ("Infinity", Literal::Float(f64::INFINITY)),
            ("-Infinity", Literal::Float(f64::NEG_INFINITY)),
        ] {
            assert_eq!(read(text), Some((literal, text.len())), "{text}");
        }
        let Some((Literal::Float(zero), 4)) = read("-0.0") else {
            panic!("-0.0 is a float")
        };
        assert!(zero == 0.0 && zero.is_sign_negative());
        assert!(matches!(read("NaN"), Some((Literal::Float(value), 3)) if value.is_nan()));
    }

    #[test]
    fn what_is_no_number_is_left_standing() {
        for (text, length) in [
            ("01", 1),
            ("1.", 1),
            ("1.e5", 1),
            ("1e", 1),
            ("1e+", 1),
            ("-01", 2),
            ("1.5.2", 3),
        ] {
            assert_eq!(read(text).map(|(_, end)| end), Some(length), "{text}");
        }
        for text in [
            "", "-", "+1", ".5", "-.5", "nan", "Inf", "-NaN", "-inf", "e5", "x",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        /// Decimals of every length, as their correctly rounded value.
        #[test]
        fn floats_round_as_the_standard_library(
            digits in "[0-9]{1,22}", fraction in "[0-9]{1,25}", exponent in -60_i32..60, with: bool,
        ) {
            let whole = digits.trim_start_matches('0');
            let whole = if whole.is_empty() { "0" } else { whole };
            let mut text = format!("{whole}.{fraction}");
            if with {
                text.push_str(&format!("e{exponent}"));
            }
            let expected = Literal::Float(text.parse().unwrap());
            prop_assert_eq!(read(&text), Some((expected, text.len())));
        }

        /// What the short cut reads is what the general way reads.
        #[test]
        fn decimals_round_as_the_standard_library(
            negative: bool,
            whole in "0|[1-9][0-9]{0,7}",
            fraction in "[0-9]{1,19}",
            end in "[],e ]",
        ) {
            let sign = if negative { "-" } else { "" };
            let text = format!("{sign}{whole}.{fraction}");
            let mut window = [b'9'; WINDOW];
            window[..text.len()].copy_from_slice(text.as_bytes());
            window[text.len()..=text.len()].copy_from_slice(end.as_bytes());
            if let Some((value, length)) = decimal(&window) {
                prop_assert_eq!(length, text.len());
                let expected: f64 = text.parse().unwrap();
                prop_assert_eq!(value.to_bits(), expected.to_bits());
            } else {
                // Long ones, and the few whose rounding takes more than 128 bits to tell.
                prop_assert!(whole.len() + fraction.len() > 12 || whole.len() > 7);
            }
        }

        /// Every finite float, in the digits that Rust writes.
        #[test]
        fn shortest_digits_read_back(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            let text = format!("{value:e}");
            let read = match read(&text) {
                Some((Literal::Float(value), _)) => value.to_bits(),
                // `1e5` has an exponent, so there are no integers.
                other => panic!("{text}: {other:?}"),
            };
            prop_assert_eq!(read, bits, "{}", text);
        }

        #[test]
        fn integers_read_back(value: i64) {
            let text = value.to_string();
            prop_assert_eq!(read(&text), Some((Literal::Int(value), text.len())));
        }
    }
}
