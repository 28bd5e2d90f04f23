//! JSON in the Unicode encodings that its first RFC allowed, as UTF-8.

use bytes::Bytes;

/// Gives a JSON text back as UTF-8 without a byte order mark, and without a copy where it was UTF-8
/// already. JSON starts with ASCII, so where the zeros are in its first bytes tells its encoding.
///
/// `None` when the text is UTF-16 or UTF-32, and broken. UTF-8 is not checked here.
pub(crate) fn utf8(text: Bytes) -> Option<Bytes> {
    let wide: Option<String> = match *text {
        [0xEF, 0xBB, 0xBF, ..] => return Some(text.slice(3..)),
        [0xFF, 0xFE, 0, 0, ..] => utf32(&text[4..], u32::from_le_bytes),
        [0, 0, 0xFE, 0xFF, ..] => utf32(&text[4..], u32::from_be_bytes),
        [0xFF, 0xFE, ..] => utf16(&text[2..], u16::from_le_bytes),
        [0xFE, 0xFF, ..] => utf16(&text[2..], u16::from_be_bytes),
        [0, 0, 0, _, ..] => utf32(&text, u32::from_be_bytes),
        [_, 0, 0, 0, ..] => utf32(&text, u32::from_le_bytes),
        [0, _, ..] => utf16(&text, u16::from_be_bytes),
        [_, 0, ..] => utf16(&text, u16::from_le_bytes),
        _ => return Some(text),
    };
    wide.map(Bytes::from)
}

fn utf16(text: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (units, []) = text.as_chunks() else {
        return None;
    };
    char::decode_utf16(units.iter().copied().map(unit))
        .collect::<Result<_, _>>()
        .ok()
}

fn utf32(text: &[u8], unit: fn([u8; 4]) -> u32) -> Option<String> {
    let (units, []) = text.as_chunks() else {
        return None;
    };
    units
        .iter()
        .copied()
        .map(|bytes| char::from_u32(unit(bytes)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    fn wide32(text: &str, bytes: fn(u32) -> [u8; 4]) -> Vec<u8> {
        text.chars().flat_map(|c| bytes(u32::from(c))).collect()
    }

    #[test]
    fn every_encoding_with_and_without_mark() {
        let plain = "[\"\u{e9}\u{1f600}\"]";
        let marked = format!("\u{feff}{plain}");
        for text in [plain, &marked] {
            for bytes in [
                text.as_bytes().to_vec(),
                wide16(text, u16::to_le_bytes),
                wide16(text, u16::to_be_bytes),
                wide32(text, u32::to_le_bytes),
                wide32(text, u32::to_be_bytes),
            ] {
                assert_eq!(
                    utf8(Bytes::from(bytes.clone())).unwrap(),
                    plain,
                    "{bytes:?}"
                );
            }
        }
    }

    #[test]
    fn single_digit_and_nothing() {
        assert_eq!(utf8(Bytes::from_static(b"")).unwrap(), "");
        assert_eq!(utf8(Bytes::from_static(b"5")).unwrap(), "5");
        assert_eq!(utf8(Bytes::from_static(b"5\0")).unwrap(), "5");
    }

    #[test]
    fn broken_wide_text() {
        assert_eq!(utf8(Bytes::from_static(b"[\0]")), None);
        assert_eq!(utf8(Bytes::from_static(b"\xff\xfe\x00\xd8")), None);
        assert_eq!(utf8(Bytes::from_static(b"[\0\0\0\xff\xff\xff\xff")), None);
    }
}
