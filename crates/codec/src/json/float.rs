//! Floats as Python's `repr` writes them: the shortest digits that read back as the same value.

/// Two digits each, from `00` to `99`.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut value = 0;
    while value < 100 {
        pairs[value] = [b'0' + (value / 10) as u8, b'0' + (value % 10) as u8];
        value += 1;
    }
    pairs
};

/// Writes a float64.
#[inline]
pub(super) fn write_f64(value: f64, out: &mut Vec<u8>) {
    let size = value.abs();
    if !(few_decimals(value, size, out)) {
        if value.is_finite() {
            let mut digits = zmij::Buffer::new();
            relaid(digits.format_finite(value), plain_layout(size), out);
        } else {
            not_finite(value, out);
        }
    }
}

/// Writes a float32 with the digits that tell it from other float32 values.
pub(crate) fn write_f32(value: f32, out: &mut Vec<u8>) {
    if value.is_finite() {
        let mut digits = zmij::Buffer::new();
        let plain = plain_layout(f64::from(value).abs());
        relaid(digits.format_finite(value), plain, out);
    } else {
        not_finite(value.into(), out);
    }
}

/// The value of an IEEE 754 binary16.
pub(crate) fn f16_to_f64(bits: u16) -> f64 {
    let sign = if bits >> 15 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::from(bits >> 10 & 0x1f);
    let fraction = f64::from(bits & 0x3ff);
    sign * match exponent {
        0 => fraction * 2_f64.powi(-24),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        _ => (1024.0 + fraction) * 2_f64.powi(exponent - 25),
    }
}

/// Writes a float that is a decimal of at most 15 digits, six of them behind the point; false for
/// any other. No two decimals of 15 digits are the same float, so one that reads back as the value
/// is the shortest there is.
#[inline]
fn few_decimals(value: f64, size: f64, out: &mut Vec<u8>) -> bool {
    const SCALE: f64 = 1e6;
    /// Bytes of the longest: a sign, ten digits, a point, six digits, two that are cut off.
    const ROOM: usize = 24;
    if !(plain_layout(size) && size < 1e9) {
        return false;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rounds; what comes out is checked"
    )]
    let scaled = (size * SCALE + 0.5) as u64;
    #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
    if scaled as f64 / SCALE != size {
        return false;
    }
    let whole = scaled / 1_000_000;
    let rest = (scaled % 1_000_000) as usize;
    let mut room = [0_u8; ROOM];
    let mut at = 0;
    if value.is_sign_negative() {
        room[0] = b'-';
        at = 1;
    }
    if whole < 10 {
        room[at] = b'0' + whole as u8;
        at += 1;
    } else {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(whole).as_bytes();
        room[at..at + digits.len()].copy_from_slice(digits);
        at += digits.len();
    }
    room[at] = b'.';
    at += 1;
    let [a, b] = PAIRS[rest / 10_000];
    let [c, d] = PAIRS[rest / 100 % 100];
    let [e, f] = PAIRS[rest % 100];
    let digits = [a, b, c, d, e, f, b'0', b'0'];
    room[at..at + 8].copy_from_slice(&digits);
    // The zeros at the end are left out, all but the one right after the point.
    let beyond_zero = u64::from_le_bytes(digits) ^ 0x3030_3030_3030_3030;
    let used = (71 - beyond_zero.leading_zeros() as usize) / 8;
    at += used.max(1);
    // All of it at once, since a copy of known length is the cheaper one.
    let end = out.len() + at;
    out.extend_from_slice(&room);
    out.truncate(end);
    true
}

/// Whether a float of this size is written without an exponent.
fn plain_layout(size: f64) -> bool {
    (1e-4..1e16).contains(&size) || size == 0.0
}

/// Writes what `zmij` has written in Python's layout. They differ in small numbers, where Python
/// takes to exponents earlier, and in how exponents are written: `1e-05`, `1e+16`.
fn relaid(text: &str, plain: bool, out: &mut Vec<u8>) {
    if plain {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return small(text, out);
    };
    out.extend_from_slice(mantissa.as_bytes());
    out.push(b'e');
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => (b'-', digits),
        None => (b'+', exponent.trim_start_matches('+')),
    };
    out.push(sign);
    if digits.len() < 2 {
        out.push(b'0');
    }
    out.extend_from_slice(digits.as_bytes());
}

/// Writes `0.0000123` as `1.23e-05`.
#[cold]
fn small(text: &str, out: &mut Vec<u8>) {
    let (sign, size) = match text.strip_prefix('-') {
        Some(size) => ("-", size),
        None => ("", text),
    };
    let digits = size.trim_start_matches(['0', '.']);
    // What stands before the digits is `0.` and the zeros.
    let exponent = size.len() - digits.len() - 1;
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    out.extend_from_slice(format!("{sign}{first}{point}{rest}e-{exponent:02}").as_bytes());
}

#[cold]
fn not_finite(value: f64, out: &mut Vec<u8>) {
    let word: &[u8] = if value.is_nan() {
        b"NaN"
    } else if value > 0.0 {
        b"Infinity"
    } else {
        b"-Infinity"
    };
    out.extend_from_slice(word);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(value: f64) -> String {
        let mut out = Vec::new();
        write_f64(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// The right-hand sides are what Python's `repr` says.
    #[test]
    fn layout_is_that_of_python() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-1.5, "-1.5"),
            (0.1, "0.1"),
            (10.25, "10.25"),
            (123_456.789, "123456.789"),
            (999_999_999.999_999, "999999999.999999"),
            (1_000_000_000.0, "1000000000.0"),
            (0.000_1, "0.0001"),
            (0.000_123, "0.000123"),
            (0.000_123_456_7, "0.0001234567"),
            (0.000_01, "1e-05"),
            (-0.000_012_3, "-1.23e-05"),
            (0.000_099_999, "9.9999e-05"),
            (1.234e-7, "1.234e-07"),
            (1e-10, "1e-10"),
            (1e15, "1000000000000000.0"),
            (9_999_999_999_999_998.0, "9999999999999998.0"),
            (1e16, "1e+16"),
            (1.234_5e16, "1.2345e+16"),
            (1e100, "1e+100"),
            (-1e300, "-1e+300"),
            (1.0 / 3.0, "0.3333333333333333"),
            (0.1 + 0.2, "0.30000000000000004"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (5e-324, "5e-324"),
            (f64::from(0.1_f32), "0.10000000149011612"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(written(value), text);
        }
    }

    #[test]
    fn float32_has_its_own_digits() {
        for (value, text) in [
            (0.1_f32, "0.1"),
            (1.0, "1.0"),
            (1e-5, "1e-05"),
            (3e20, "3e+20"),
            (f32::NAN, "NaN"),
        ] {
            let mut out = Vec::new();
            write_f32(value, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn half_floats() {
        for (bits, value) in [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_953_125),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_477_539_063e-8),
            (0x03ff, 6.097_555_160_522_461e-5),
            (0x7c00, f64::INFINITY),
            (0xfc00, f64::NEG_INFINITY),
        ] {
            assert_eq!(f16_to_f64(bits), value, "{bits:#06x}");
        }
        assert!(f16_to_f64(0x8000).is_sign_negative());
        assert!(f16_to_f64(0x7e00).is_nan());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn every_float_reads_back(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            prop_assert_eq!(written(value).parse::<f64>().unwrap().to_bits(), bits);
        }

        /// The fast path for few decimals says what the general one says.
        #[test]
        fn few_decimals_are_the_shortest(
            whole in -1_000_000_000_i64..1_000_000_000, shift in 0..9,
        ) {
            let value = whole as f64 / 10_f64.powi(shift);
            let mut general = Vec::new();
            let mut digits = zmij::Buffer::new();
            relaid(digits.format_finite(value), plain_layout(value.abs()), &mut general);
            prop_assert_eq!(written(value).into_bytes(), general);
        }
    }
}
