//! What bodies are cut from, made once: a body is a copy, and its sum is looked up.

use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::Range;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// Numbers, bytes and texts of pseudo-random content, in the forms in which they are sent.
pub(super) struct Material {
    pub(super) numbers: Vec<f64>,
    /// The same as JSON: each takes as many bytes as `WIDTH`, the comma behind it included.
    text: Vec<u8>,
    pub(super) bytes: Vec<u8>,
    /// The same in base64: four bytes for three.
    pub(super) base64: Vec<u8>,
    number_sums: Sums,
    byte_sums: Sums,
    base64_sums: Sums,
}

/// The bytes of a number: `1234.25,`
pub(super) const WIDTH: usize = 8;

/// Sums over the start of a sequence, one for each block.
struct Sums(Vec<u64>);

const BLOCK: usize = 256;

impl Material {
    /// Enough for bodies of `largest` bytes.
    pub(super) fn new(largest: usize, random: &mut fastrand::Rng) -> Self {
        let count = largest / WIDTH + 1;
        let mut text = Vec::with_capacity(count * WIDTH);
        let mut numbers = Vec::with_capacity(count);
        for _ in 0..count {
            // Quarters, of which any sum is exact.
            let quarters = random.u32(4000..40_000);
            numbers.push(f64::from(quarters) / 4.0);
            let _ = write!(text, "{}.{:02},", quarters / 4, quarters % 4 * 25);
        }
        let mut bytes = vec![0; largest.next_multiple_of(3)];
        random.fill(&mut bytes);
        let base64 = BASE64_STANDARD.encode(&bytes).into_bytes();
        Self {
            number_sums: Sums::new(numbers.len(), |at| quarters(numbers[at])),
            byte_sums: Sums::new(bytes.len(), |at| bytes[at].into()),
            base64_sums: Sums::new(base64.len(), |at| base64[at].into()),
            numbers,
            text,
            bytes,
            base64,
        }
    }

    /// Numbers as JSON, with commas between.
    pub(super) fn text_of(&self, numbers: Range<usize>) -> &[u8] {
        let text = &self.text[numbers.start * WIDTH..numbers.end * WIDTH];
        text.strip_suffix(b",").unwrap_or(text)
    }

    pub(super) fn sum_of_numbers(&self, range: Range<usize>) -> f64 {
        let sum = self.number_sums.of(range, |at| quarters(self.numbers[at]));
        sum as f64 / 4.0
    }

    pub(super) fn sum_of_bytes(&self, range: Range<usize>) -> u64 {
        self.byte_sums.of(range, |at| self.bytes[at].into())
    }

    pub(super) fn sum_of_base64(&self, range: Range<usize>) -> u64 {
        self.base64_sums.of(range, |at| self.base64[at].into())
    }
}

/// In quarters, which are whole.
fn quarters(number: f64) -> u64 {
    (number * 4.0) as u64
}

impl Sums {
    fn new(length: usize, value: impl Fn(usize) -> u64) -> Self {
        let mut sums = vec![0];
        let mut sum = 0;
        for at in 0..length {
            sum += value(at);
            if (at + 1) % BLOCK == 0 {
                sums.push(sum);
            }
        }
        Self(sums)
    }

    fn of(&self, range: Range<usize>, value: impl Fn(usize) -> u64) -> u64 {
        let up_to = |end: usize| {
            let rest = end / BLOCK * BLOCK..end;
            self.0[end / BLOCK] + rest.map(&value).sum::<u64>()
        };
        up_to(range.end) - up_to(range.start)
    }
}

/// The header of a text: numbers in the order of their bytes, as digits.
pub(super) fn hex(header: &[u8]) -> String {
    header.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_and_sums_are_those_of_the_same_values() {
        let material = Material::new(10_000, &mut fastrand::Rng::with_seed(7));
        let range = 100..1100;
        let text = [b"[", material.text_of(range.clone()), b"]"].concat();
        let numbers: Vec<f64> = serde_json::from_slice(&text).unwrap();
        assert_eq!(numbers, material.numbers[range.clone()]);
        assert_eq!(
            material.sum_of_numbers(range.clone()),
            numbers.iter().sum::<f64>()
        );
        let bytes = &material.bytes[300..900];
        let sum: u64 = bytes.iter().map(|&byte| u64::from(byte)).sum();
        assert_eq!(material.sum_of_bytes(300..900), sum);
        assert_eq!(
            BASE64_STANDARD.encode(bytes).as_bytes(),
            &material.base64[400..1200]
        );
        let sum: u64 = material.base64[5..777].iter().map(|&b| u64::from(b)).sum();
        assert_eq!(material.sum_of_base64(5..777), sum);
        assert_eq!(hex(&[1, 0xab]), "01ab");
    }
}
