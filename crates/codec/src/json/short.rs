//! Short decimals, digit by digit: where a text ends before what is read at once of a longer one.

use super::number::POWERS;

/// Digits that make an integer which a float holds exactly, whatever they are.
const DIGITS: usize = 15;

/// Reads a number with a point and at most 15 digits. `None` for anything else, which may be a
/// number all the same. An exponent is not read.
#[inline(never)]
pub(super) fn decimal(text: &[u8]) -> Option<(f64, usize)> {
    let is_negative = text.first() == Some(&b'-');
    let start = usize::from(is_negative);
    let (whole, point) = digits(text, start, 0);
    let (mantissa, end) = digits(text, point + 1, whole);
    let (wholes, places) = (point - start, end - point - 1);
    if text.get(point) != Some(&b'.')
        || wholes == 0
        || places == 0
        || wholes + places > DIGITS
        || (wholes > 1 && text[start] == b'0')
    {
        return None;
    }
    // Both sides are exact floats, so that there is one rounding only.
    #[expect(clippy::cast_precision_loss, reason = "it has 15 digits")]
    let size = mantissa as f64 / POWERS[places];
    Some((if is_negative { -size } else { size }, end))
}

/// Appends the digits at `pos` to `value`, which wraps around where there are too many, and returns
/// where they end.
fn digits(text: &[u8], mut pos: usize, mut value: u64) -> (u64, usize) {
    while let Some(digit @ b'0'..=b'9') = text.get(pos) {
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        pos += 1;
    }
    (value, pos)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_none_of_them_is_left_to_others() {
        for text in [
            "",
            "-",
            ".",
            "1",
            "-1",
            "1.",
            "1.e5",
            ".5",
            "-.5",
            "01.5",
            "00.5",
            "1e5",
            "NaN",
            "x1.5",
            "1,5",
            "1234567890.123456",
        ] {
            assert_eq!(decimal(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn they_round_as_the_standard_library(
            is_negative: bool,
            whole in "0|[1-9][0-9]{0,8}",
            fraction in "[0-9]{1,6}",
            end in "|[],e ]|\\.",
        ) {
            let sign = if is_negative { "-" } else { "" };
            let text = format!("{sign}{whole}.{fraction}");
            let (value, length) = decimal(format!("{text}{end}").as_bytes()).unwrap();
            prop_assert_eq!(length, text.len());
            let expected: f64 = text.parse().unwrap();
            prop_assert_eq!(value.to_bits(), expected.to_bits());
        }
    }
}
