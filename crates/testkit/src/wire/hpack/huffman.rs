//! The code of compressed texts (RFC 7541, appendix B), which its lengths determine: shorter codes
//! come first, and those of one length follow each other in the order of their symbols.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Symbols by the length of their code and the code.
static SYMBOLS: LazyLock<BTreeMap<(u32, u32), usize>> = LazyLock::new(|| {
    let mut symbols: Vec<usize> = (0..LENGTHS.len()).collect();
    symbols.sort_by_key(|&symbol| LENGTHS[symbol]);
    let (mut code, mut length) = (0, LENGTHS[symbols[0]]);
    let mut codes = BTreeMap::new();
    for symbol in symbols {
        code <<= LENGTHS[symbol] - length;
        length = LENGTHS[symbol];
        codes.insert((length, code), symbol);
        code += 1;
    }
    codes
});

/// A compressed text.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    let (mut length, mut code) = (0, 0);
    let bits = bytes
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| u32::from(byte >> bit & 1)));
    for bit in bits {
        code = code << 1 | bit;
        length += 1;
        if let Some(&symbol) = SYMBOLS.get(&(length, code)) {
            let byte = u8::try_from(symbol).map_err(|_| "a text has its end in the middle")?;
            text.push(byte);
            (length, code) = (0, 0);
        } else if length == LONGEST {
            return Err("a text has an unknown code".to_owned());
        }
    }
    // The last byte is filled with ones.
    if length > 7 || code != (1 << length) - 1 {
        return Err("a text ends in the middle".to_owned());
    }
    Ok(text)
}

const LONGEST: u32 = 30;

/// Bits of the code of each byte, and of the end of a text.
const LENGTHS: [u32; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5,
    5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6,
    6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22,
    23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22,
    21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20,
    22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19,
    21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22,
    22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];
