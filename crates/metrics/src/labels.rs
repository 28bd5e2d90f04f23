//! Labels: those that say where a metric comes from, and the component's tags.

use std::fmt::Write as _;

use crate::store::Which;

/// Stands for what the server was not told.
const UNKNOWN: &str = "NOT_IMPLEMENTED";

/// What the unit is in its deployment, as the operator told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Name of the deployment.
    pub deployment: Option<String>,
    /// Name of the unit in the graph.
    pub unit: Option<String>,
    /// The unit's image, with its version behind a colon.
    pub image: Option<String>,
    /// Name of the predictor.
    pub predictor: Option<String>,
    /// Version of the predictor.
    pub predictor_version: Option<String>,
}

/// The labels that every series has, and how they and the others are written.
#[derive(Debug)]
pub(crate) struct Labels(Vec<(&'static str, String)>);

impl Labels {
    pub(crate) fn new(identity: &Identity) -> Self {
        let (image, version) = match identity.image.as_deref().map(split) {
            Some((image, version)) => (Some(image), version),
            None => (None, None),
        };
        let deployment = identity.deployment.as_deref();
        let labels = [
            ("deployment_name", deployment),
            ("image_name", image),
            ("image_version", version),
            ("model_image", image),
            ("model_name", identity.unit.as_deref()),
            ("model_version", version),
            ("predictor_name", identity.predictor.as_deref()),
            ("predictor_version", identity.predictor_version.as_deref()),
            ("seldon_deployment_name", deployment),
        ];
        Self(
            labels
                .map(|(name, value)| (name, value.unwrap_or(UNKNOWN).to_owned()))
                .into(),
        )
    }

    /// All labels of a series, by name: `a="x",b="y"`. A tag that has the name of one of the
    /// server's is not shown.
    pub(crate) fn text(&self, which: Which<'_>) -> String {
        let worker = which.worker.to_string();
        let mut labels: Vec<(&str, &str)> = self
            .0
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .chain([("method", which.method.label()), ("worker_id", &worker)])
            .collect();
        let own = labels.len();
        for (tag, value) in which.tags.into_iter().flatten() {
            if !labels[..own].iter().any(|(name, _)| name == tag) {
                labels.push((tag, value));
            }
        }
        labels.sort_unstable();
        let mut text = String::new();
        for (name, value) in labels {
            let comma = if text.is_empty() { "" } else { "," };
            // Writing to a string does not fail.
            let _ = write!(text, "{comma}{name}=\"");
            escaped(&mut text, value);
            text.push('"');
        }
        text
    }
}

/// Writes the value of a label, as both text formats want it.
pub(crate) fn escaped(text: &mut String, value: &str) {
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
}

/// Whether a name is the server's own: no component can have it.
pub(crate) fn is_own(name: &str) -> bool {
    // In OpenMetrics a counter's family is called without its ending.
    let base = |name: &'static str| name.strip_suffix("_total").unwrap_or(name);
    let mut own = crate::process::OWN.into_iter();
    name.starts_with("streeling_") || own.any(|own| own == name || base(own) == name)
}

/// Name and version of an image; the colon of a registry's port is none of a version.
fn split(image: &str) -> (&str, Option<&str>) {
    match image.rsplit_once(':') {
        Some((name, version)) if !version.contains('/') => (name, Some(version)),
        _ => (image, None),
    }
}

/// Whether Prometheus takes it as the name of a metric.
pub(crate) fn is_name(text: &str) -> bool {
    is_word(text, |byte| {
        byte.is_ascii_alphabetic() || matches!(byte, b'_' | b':')
    })
}

/// Whether Prometheus takes it as the name of a label that is not its own.
pub(crate) fn is_label(text: &str) -> bool {
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
    fn images_and_their_versions() {
        for (image, expected) in [
            ("img:0.3", ("img", Some("0.3"))),
            ("reg:5000/img:0.3", ("reg:5000/img", Some("0.3"))),
            ("reg:5000/img", ("reg:5000/img", None)),
            ("img", ("img", None)),
            ("img@sha256:abc", ("img@sha256", Some("abc"))),
        ] {
            assert_eq!(split(image), expected, "{image}");
        }
    }

    #[test]
    fn names_that_prometheus_refuses() {
        assert!(is_name("a:b_C9") && is_label("a_C9"));
        for bad in ["", "9a", "a-b", "a b", "ä", "a\n"] {
            assert!(!is_name(bad) && !is_label(bad), "{bad:?}");
        }
        assert!(is_name("__a") && !is_label("__a") && !is_label("a:b"));
    }
}
