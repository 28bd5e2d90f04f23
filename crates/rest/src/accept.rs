//! What a client accepts.

use http::HeaderMap;
use http::header::ACCEPT;

/// Whether a client says that it accepts HTML. Browsers do so when they show a page; `*/*`, which
/// programs send, does not say it.
pub(crate) fn html(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT).into_iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).any(is_html)
}

/// Whether a range of media types is HTML, and is not refused by its weight (`q=0`).
fn is_html(range: &str) -> bool {
    let mut parts = range.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    media.eq_ignore_ascii_case("text/html") && !parts.any(is_refusal)
}

fn is_refusal(parameter: &str) -> bool {
    let Some((name, weight)) = parameter.split_once('=') else {
        return false;
    };
    let weight = weight.trim();
    name.trim().eq_ignore_ascii_case("q")
        && weight.starts_with('0')
        && weight.bytes().all(|byte| matches!(byte, b'0' | b'.'))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn accepts(values: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT, HeaderValue::from_static(value));
        }
        html(&headers)
    }

    #[test]
    fn browsers_accept_html_and_programs_do_not_say_so() {
        for values in [
            &["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"][..],
            &["TEXT/HTML"],
            &["application/json", "text/html ; charset=utf-8 ; q=0.001"],
        ] {
            assert!(accepts(values), "{values:?}");
        }
        for values in [
            &[][..],
            &["*/*"],
            &["text/*"],
            &["application/json, text/plain, */*"],
            &["text/html;q=0, */*"],
            &["text/html; Q = 0.000"],
            &["text/htmlx", "x/text/html"],
        ] {
            assert!(!accepts(values), "{values:?}");
        }
    }
}
