//! The form of URLs and headers.

/// The URL of a collector, with its scheme.
pub(super) fn url(text: &str, is_grpc: bool) -> Result<String, Option<String>> {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme @ ("http" | "https"), rest)) => (scheme, rest),
        None if is_grpc => ("http", text),
        _ => return Err(None),
    };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let is_plain = |c: char| {
        c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}')
    };
    if authority.contains('@') {
        let why =
            "user and password go into OTEL_EXPORTER_OTLP_HEADERS, as authorization=Basic%20…";
        return Err(Some(why.to_owned()));
    }
    if !rest.chars().all(is_plain) {
        return Err(None);
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port != 0);
    if host.is_empty() || !port.is_none_or(is_port) {
        return Err(None);
    }
    Ok(format!("{scheme}://{rest}"))
}

/// A URL as a message may show it: user, password and query are secrets, and logs are read by many.
pub(super) fn without_secrets(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), text),
    };
    let (place, query) = match rest.find(['?', '#']) {
        Some(at) => (&rest[..at], Some(&rest[at..])),
        None => (rest, None),
    };
    match (place.rsplit_once('@'), query) {
        // A password with a question mark in it looks like this, too.
        (_, Some(query)) if query.contains('@') => format!("{scheme}…"),
        (Some((_, place)), None) => format!("{scheme}…@{place}"),
        (Some((_, place)), Some(_)) => format!("{scheme}…@{place}?…"),
        (None, None) => format!("{scheme}{place}"),
        (None, Some(_)) => format!("{scheme}{place}?…"),
    }
}

/// An error names the pair that is wrong, and shows nothing of it, as it may be a secret.
pub(super) fn headers(text: &str) -> Result<Vec<(String, String)>, String> {
    let parts = text.split(',').filter(|part| !part.trim().is_empty());
    let mut headers = Vec::new();
    for (index, part) in parts.enumerate() {
        let place = index + 1;
        let (name, value) = part
            .split_once('=')
            .ok_or_else(|| format!("pair {place} is no name=value"))?;
        let name = name.trim();
        if name.is_empty() || !name.bytes().all(is_of_names) {
            return Err(format!("the name in pair {place} is none of a header"));
        }
        let value = unescaped(value.trim())
            .filter(|value| value.chars().all(|c| c.is_ascii_graphic() || c == ' '))
            .ok_or_else(|| format!("the value in pair {place} is none of a header"))?;
        // Binary metadata would have to be encoded once more.
        if !name.to_ascii_lowercase().ends_with("-bin") {
            headers.push((name.to_owned(), value));
        }
    }
    Ok(headers)
}

fn is_of_names(c: u8) -> bool {
    c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c)
}

/// Text of which some bytes are escaped as in a URL.
pub(super) fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, more)) = rest.split_first() {
        rest = more;
        if *byte == b'%' {
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            if digits.starts_with('+') {
                return None;
            }
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &rest[2..];
        } else {
            bytes.push(*byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_collectors_are_plain() {
        let read = |text: &str, is_grpc| url(text, is_grpc).ok();
        assert_eq!(read("http://a:1/x", false).as_deref(), Some("http://a:1/x"));
        assert_eq!(
            read("http://[::1]:4317", true).as_deref(),
            Some("http://[::1]:4317")
        );
        assert_eq!(read("a:4317", true).as_deref(), Some("http://a:4317"));
        assert_eq!(read("http://a", true).as_deref(), Some("http://a"));
        assert_eq!(read("https://a:1", true).as_deref(), Some("https://a:1"));
        assert_eq!(read("https://a/x", false).as_deref(), Some("https://a/x"));
        for text in [
            "a:1",
            "https://",
            "http://",
            "http://:1",
            "http://a:x",
            "http://a:0",
            "http://a b",
            "ftp://a",
            "http://user:word@a:1",
            "",
        ] {
            assert_eq!(read(text, false), None, "{text}");
        }
    }

    #[test]
    fn values_are_unescaped() {
        assert_eq!(unescaped("a%20b%2Cc").as_deref(), Some("a b,c"));
        assert_eq!(unescaped("%c3%A9").as_deref(), Some("é"));
        for text in ["%", "%2", "%zz", "%ff", "%+f"] {
            assert_eq!(unescaped(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_with_headers_is_said_without_them() {
        for (text, why) in [
            ("secret", "pair 1 is no name=value"),
            ("a=b,,sec ret=c", "the name in pair 2 is none of a header"),
            ("=secret", "the name in pair 1 is none of a header"),
            ("a=b,c=secret%0a", "the value in pair 2 is none of a header"),
        ] {
            assert_eq!(headers(text), Err(why.to_owned()));
        }
        assert_eq!(
            headers("a=b, c=d=e").unwrap(),
            [
                ("a".to_owned(), "b".to_owned()),
                ("c".to_owned(), "d=e".to_owned())
            ]
        );
    }

    #[test]
    fn urls_are_displayed_without_secrets() {
        for (text, displayed) in [
            ("http://a:1/x", "http://a:1/x"),
            ("a:4317", "a:4317"),
            ("http://user:word@a:1/x", "http://…@a:1/x"),
            ("https://user:w/rd@a:1", "https://…@a:1"),
            ("user:word@a:1", "…@a:1"),
            ("http://a:1/x?key=word", "http://a:1/x?…"),
            ("http://user@a?key=word", "http://…@a?…"),
            ("http://user:w?rd@a", "http://…"),
            ("http://user:w#rd@a", "http://…"),
        ] {
            assert_eq!(without_secrets(text), displayed);
        }
    }
}
