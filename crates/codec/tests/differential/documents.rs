//! Documents that resemble requests, most of them valid.

/// Numbers that are the same in every run (`SplitMix64`).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn pick<'a>(&mut self, items: &[&'a str]) -> &'a str {
        items[self.below(items.len())]
    }

    /// True once in `times`.
    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// The next document.
pub(crate) fn any(random: &mut Random) -> Vec<u8> {
    let mut out = String::new();
    let kind = random.below(8);
    let depth = 1 + random.below(4);
    let sides: Vec<usize> = (0..depth).map(|_| side(random)).collect();
    out.push_str("{\"data\":{");
    if random.once_in(5) {
        out.push_str("\"names\":[\"a\",\"\\u00e9\"],");
    }
    if random.once_in(3) {
        let count: usize = sides.iter().product();
        let mut shape: Vec<String> = sides.iter().map(ToString::to_string).collect();
        if random.once_in(8) {
            shape.push("2".to_owned());
        }
        out.push_str("\"tensor\":{\"shape\":[");
        out.push_str(&shape.join(","));
        out.push_str("],\"values\":");
        array(random, &[count], kind, &mut out);
        out.push('}');
    } else {
        out.push_str("\"ndarray\":");
        array(random, &sides, kind, &mut out);
    }
    out.push_str("}}");
    let mut bytes = out.into_bytes();
    if random.once_in(5) {
        spoil(random, &mut bytes);
    }
    bytes
}

/// A side, seldom 0, and so that no array gets large.
fn side(random: &mut Random) -> usize {
    if random.once_in(25) {
        0
    } else {
        1 + random.below(5)
    }
}

fn array(random: &mut Random, sides: &[usize], kind: usize, out: &mut String) {
    let Some((&side, inner)) = sides.split_first() else {
        return element(random, kind, out);
    };
    // Now and then a list of another length, or an element where a list is expected.
    let side = if random.once_in(150) { side + 1 } else { side };
    if random.once_in(300) {
        return element(random, kind, out);
    }
    out.push('[');
    for index in 0..side {
        if index > 0 {
            out.push(',');
        }
        space(random, out);
        array(random, inner, kind, out);
        space(random, out);
    }
    out.push(']');
}

fn space(random: &mut Random, out: &mut String) {
    if random.once_in(6) {
        out.push_str(random.pick(&[" ", "\n", "\t", "  ", "\r\n"]));
    }
}

/// An element of an array: `kind` says which most of them are.
fn element(random: &mut Random, kind: usize, out: &mut String) {
    if random.once_in(120) {
        out.push_str(random.pick(&[
            "null",
            "true",
            "\"a\"",
            "\"\\ud800\"",
            "{}",
            "[]",
            "NaN",
            "Infinity",
            "-Infinity",
            "-0",
            "-0.0",
            "1e400",
            "9223372036854775808",
            "18446744073709551616",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "-",
            "nan",
            "5e-324",
            "1e-400",
            "9007199254740993.0",
            "-9223372036854775808",
        ]));
        return;
    }
    let sign = if random.once_in(2) { "-" } else { "" };
    let number = random.next();
    match kind {
        0 => out.push_str(if number & 1 == 0 { "true" } else { "false" }),
        1 => out.push_str(&format!("{sign}{}", number % 256)),
        2 => out.push_str(&format!("{sign}{}", number >> (1 + random.below(63)))),
        3 => {
            let float = f64::from_bits(number);
            let float = if float.is_finite() { float } else { 0.5 };
            out.push_str(&format!("{float:e}"));
        }
        4 => out.push_str(&format!(
            "{:?}",
            (number >> 11) as f64 / (1_u64 << 53) as f64
        )),
        5 => out.push_str(&format!(
            "{sign}{}.{:06}",
            number % 10,
            random.below(1_000_000)
        )),
        _ => {
            let digits = random.below(20);
            let whole = number >> random.below(64);
            out.push_str(&format!("{sign}{whole}"));
            if digits > 0 {
                out.push('.');
                for _ in 0..digits {
                    out.push(char::from(b'0' + random.below(10) as u8));
                }
            }
            if random.once_in(3) {
                let exponent = random.below(340);
                out.push_str(&format!(
                    "{}{exponent}",
                    random.pick(&["e", "E", "e-", "e+"])
                ));
            }
        }
    }
}

/// Changes a byte, cuts something out or puts something in.
fn spoil(random: &mut Random, bytes: &mut Vec<u8>) {
    const WITH: &[u8] = b"[]{},:\" 0159.eE+-\\ntfNI/\x00\x7f\xc3\n";
    let at = random.below(bytes.len());
    let byte = WITH[random.below(WITH.len())];
    match random.below(4) {
        0 => bytes[at] = byte,
        1 => bytes.insert(at, byte),
        2 => {
            bytes.remove(at);
        }
        _ => bytes.truncate(at),
    }
}
