//! The trace context in a caller's headers.
//!
//! A header that cannot be read is ignored: no request is refused for its trace context.

use streeling_core::Headers;

/// A format of a trace context in headers, or in metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// `uber-trace-id`.
    Jaeger,
    /// W3C `traceparent`.
    TraceContext,
    /// Zipkin's: `b3`, else `x-b3-traceid` and the headers that belong to it.
    B3,
}

/// The context that a caller has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Context {
    /// The trace and the caller's span. B3 can send a decision without them.
    pub(super) ids: Option<(u128, u64)>,
    /// The caller's decision whether the trace is recorded, if it has made one.
    pub(super) sampled: Option<bool>,
}

impl Carrier {
    /// Reads the headers; `None` if they are missing or invalid.
    pub(super) fn read(self, headers: Headers<'_>) -> Option<Context> {
        match self {
            Self::Jaeger => uber_trace_id(headers("uber-trace-id")?),
            Self::TraceContext => traceparent(headers("traceparent")?),
            Self::B3 => headers("b3").and_then(b3).or_else(|| b3_multi(headers)),
        }
    }
}

/// `trace:span:parent:flags` in hexadecimal digits, with or without leading zeros. The colons may
/// be escaped as in a URL.
fn uber_trace_id(text: &str) -> Option<Context> {
    let text = text.trim();
    let unescaped;
    let text = if text.contains('%') {
        unescaped = text.replace("%3A", ":").replace("%3a", ":");
        &unescaped
    } else {
        text
    };
    let mut parts = text.split(':');
    let (trace, span) = (hex(parts.next()?, 32)?, hex(parts.next()?, 16)?);
    // The caller's own parent is not used, but it must be valid.
    hex(parts.next()?, 16)?;
    let flags = hex(parts.next()?, 2)?;
    if parts.next().is_some() {
        return None;
    }
    Some(Context {
        ids: Some(ids(trace, span)?),
        // The second flag marks a debug trace, which must be recorded.
        sampled: Some(flags & 0b11 != 0),
    })
}

/// `version-trace-span-flags`, of fixed lengths, in lower case. Later versions may append fields.
fn traceparent(text: &str) -> Option<Context> {
    let text = text.trim();
    let mut parts = text.split('-');
    let mut next = |digits: usize| {
        let part = parts.next()?;
        let lower = !part.bytes().any(|byte| byte.is_ascii_uppercase());
        (part.len() == digits && lower).then(|| hex(part, digits))?
    };
    let (version, trace, span, flags) = (next(2)?, next(32)?, next(16)?, next(2)?);
    if version == 0xff || (version == 0 && parts.next().is_some()) {
        return None;
    }
    Some(Context {
        ids: Some(ids(trace, span)?),
        sampled: Some(flags & 1 != 0),
    })
}

/// `trace-span`, `trace-span-state`, `trace-span-state-parent` or `state`.
fn b3(text: &str) -> Option<Context> {
    let mut parts = text.trim().split('-');
    let first = parts.next()?;
    let Some(span) = parts.next() else {
        let sampled = Some(b3_state(first)?);
        return Some(Context { ids: None, sampled });
    };
    let sampled = match parts.next() {
        Some(state) => Some(b3_state(state)?),
        None => None,
    };
    if let Some(parent) = parts.next() {
        hex(parent, 16)?;
    }
    if parts.next().is_some() {
        return None;
    }
    let ids = Some(ids(hex(first, 32)?, hex(span, 16)?)?);
    Some(Context { ids, sampled })
}

fn b3_multi(headers: Headers<'_>) -> Option<Context> {
    let is_debug = headers("x-b3-flags").is_some_and(|flags| flags.trim() == "1");
    let sampled = match headers("x-b3-sampled") {
        _ if is_debug => Some(true),
        Some(state) => Some(b3_state(state.trim())?),
        None => None,
    };
    let ids = match (headers("x-b3-traceid"), headers("x-b3-spanid")) {
        (Some(trace), Some(span)) => Some(ids(hex(trace.trim(), 32)?, hex(span.trim(), 16)?)?),
        (None, None) => None,
        // An incomplete context is invalid, and so is its decision.
        _ => return None,
    };
    (ids.is_some() || sampled.is_some()).then_some(Context { ids, sampled })
}

fn b3_state(text: &str) -> Option<bool> {
    match text {
        "1" | "d" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    }
}

/// Checks the ids: zero is not a valid one.
fn ids(trace: u128, span: u128) -> Option<(u128, u64)> {
    let span = u64::try_from(span).ok()?;
    (trace != 0 && span != 0).then_some((trace, span))
}

/// Parses at most `max_digits` hexadecimal digits, without a sign.
fn hex(text: &str, max_digits: usize) -> Option<u128> {
    let fits = (1..=max_digits).contains(&text.len());
    (fits && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .then(|| u128::from_str_radix(text, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;
    const SPAN: u64 = 0x00f0_67aa_0ba9_02b7;

    fn read(carrier: Carrier, headers: &[(&str, &str)]) -> Option<Context> {
        carrier.read(&|name| {
            let found = headers.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| *value)
        })
    }

    fn context(trace: u128, span: u64, sampled: Option<bool>) -> Option<Context> {
        let ids = Some((trace, span));
        Some(Context { ids, sampled })
    }

    #[test]
    fn uber_trace_id_is_read_in_all_formats() {
        let read = |text: &str| read(Carrier::Jaeger, &[("uber-trace-id", text)]);
        for (text, sampled) in [
            ("0", false),
            ("1", true),
            ("2", true),
            ("3", true),
            ("01", true),
        ] {
            let whole = format!("4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:{text}");
            assert_eq!(read(&whole), context(TRACE, SPAN, Some(sampled)), "{text}");
        }
        // Leading zeros dropped, 64 bits, upper case, escaped, spaces around.
        let short = context(0xa3ce_929d_0e0e_4736, SPAN, Some(true));
        assert_eq!(read("a3ce929d0e0e4736:f067aa0ba902b7:0:1"), short);
        assert_eq!(read(" A3CE929D0E0E4736%3A00F067AA0BA902B7%3a0%3A1 "), short);
        assert_eq!(read("1:2:3:1"), context(1, 2, Some(true)));
        for text in [
            "",
            "1:2:3",
            "1:2:3:1:",
            "1:2::1",
            "0:2:0:1",
            "1:0:0:1",
            "x:2:0:1",
            "+1:2:0:1",
            "1:2:0:100",
            "1:2:0:-1",
            "1:12345678901234567:0:1",
            "123456789012345678901234567890123:2:0:1",
            "1:2:0:é",
            "%",
            "1 2 0 1",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn traceparent_is_read_as_w3c_recommends() {
        let read = |text: &str| read(Carrier::TraceContext, &[("traceparent", text)]);
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(read(good), context(TRACE, SPAN, Some(true)));
        let not_sampled = good.replace("-01", "-02");
        assert_eq!(read(&not_sampled), context(TRACE, SPAN, Some(false)));
        let later = good.replacen("00", "cc", 1);
        assert_eq!(read(&later), context(TRACE, SPAN, Some(true)));
        assert_eq!(
            read(&(later.clone() + "-more")),
            context(TRACE, SPAN, Some(true))
        );
        for text in [
            "",
            "00",
            &(good.to_owned() + "-more"),
            &(later + "more"),
            &good.replacen("00", "ff", 1),
            &good.to_uppercase(),
            &good.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            &good.replace("00f067aa0ba902b7", &"0".repeat(16)),
            &good.replace("00f067aa0ba902b7", "f067aa0ba902b7"),
            &good.replace('-', ":"),
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn b3_is_read_from_one_or_several_headers() {
        let one = |text: &str| read(Carrier::B3, &[("b3", text)]);
        let ids = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";
        for (state, sampled) in [
            ("", None),
            ("-0", Some(false)),
            ("-1", Some(true)),
            ("-d", Some(true)),
            ("-1-05e3ac9a4f6e3b90", Some(true)),
        ] {
            let text = format!("{ids}{state}");
            assert_eq!(one(&text), context(TRACE, SPAN, sampled), "{state}");
        }
        assert_eq!(
            one("0"),
            Some(Context {
                ids: None,
                sampled: Some(false)
            })
        );
        for text in [
            "",
            "2",
            "x",
            "1-",
            "0-2-1",
            "1-0-1",
            "1-2-x",
            "1-2-1-x",
            "1-2-1-3-4",
        ] {
            assert_eq!(one(text), None, "{text:?}");
        }
        let (trace, span) = ids.split_once('-').unwrap();
        let many = |more: &[(&str, &str)]| {
            let all = [&[("x-b3-traceid", trace), ("x-b3-spanid", span)], more].concat();
            read(Carrier::B3, &all)
        };
        assert_eq!(many(&[]), context(TRACE, SPAN, None));
        for (name, value, sampled) in [
            ("x-b3-sampled", "1", Some(true)),
            ("x-b3-sampled", "true", Some(true)),
            ("x-b3-sampled", "0", Some(false)),
            ("x-b3-flags", "1", Some(true)),
            ("x-b3-flags", "0", None),
        ] {
            assert_eq!(
                many(&[(name, value)]),
                context(TRACE, SPAN, sampled),
                "{name}"
            );
        }
        assert_eq!(many(&[("x-b3-sampled", "maybe")]), None);
        assert_eq!(read(Carrier::B3, &[("x-b3-traceid", trace)]), None);
        assert_eq!(read(Carrier::B3, &[]), None);
        assert_eq!(
            read(Carrier::B3, &[("x-b3-sampled", "0")]),
            Some(Context {
                ids: None,
                sampled: Some(false)
            })
        );
        // An invalid single header does not hide the others.
        assert_eq!(many(&[("b3", "x")]), context(TRACE, SPAN, None));
    }
}
