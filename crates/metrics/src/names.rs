//! Which names a component's metrics and tags may have.

use crate::process;

/// Whether the server has this name for itself: no component can use it.
pub(crate) fn is_reserved(name: &str) -> bool {
    // In OpenMetrics the name of a counter's family lacks `_total`.
    let base = |name: &'static str| name.strip_suffix("_total").unwrap_or(name);
    let mut reserved = process::NAMES.into_iter();
    name.starts_with("streeling_")
        || reserved.any(|reserved| reserved == name || base(reserved) == name)
}

/// Whether Prometheus accepts it as the name of a metric.
pub(crate) fn is_metric_name(text: &str) -> bool {
    is_word(text, |byte| {
        byte.is_ascii_alphabetic() || matches!(byte, b'_' | b':')
    })
}

/// Whether Prometheus accepts it as the name of a label that is not one of its own.
pub(crate) fn is_label_name(text: &str) -> bool {
    !text.starts_with("__") && is_word(text, |byte| byte.is_ascii_alphabetic() || byte == b'_')
}

fn is_word(text: &str, letter: impl Fn(u8) -> bool) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(&letter) && bytes.all(|byte| letter(byte) || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_prometheus_refuses() {
        assert!(is_metric_name("a:b_C9") && is_label_name("a_C9"));
        for bad in ["", "9a", "a-b", "a b", "ä", "a\n"] {
            assert!(!is_metric_name(bad) && !is_label_name(bad), "{bad:?}");
        }
        assert!(is_metric_name("__a") && !is_label_name("__a") && !is_label_name("a:b"));
    }
}
