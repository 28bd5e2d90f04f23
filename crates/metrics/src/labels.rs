//! The labels of components' metrics: the identity of the unit, and the component's tags.

use std::sync::Arc;

use crate::series_key::SeriesKey;
use crate::text;

/// The value of a label whose setting is absent.
const UNKNOWN: &str = "NOT_IMPLEMENTED";

/// What the unit is in its deployment, as the operator has set it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Name of the deployment.
    pub deployment: Option<String>,
    /// Name of the unit in the graph.
    pub unit: Option<String>,
    /// The unit's image, with its version after a colon.
    pub image: Option<String>,
    /// Name of the predictor.
    pub predictor: Option<String>,
    /// Version of the predictor.
    pub predictor_version: Option<String>,
}

/// The labels that every series has.
#[derive(Debug)]
pub(crate) struct Labels(Vec<(&'static str, String)>);

impl Labels {
    pub(crate) fn new(identity: &Identity) -> Self {
        let (image, version) = match identity.image.as_deref().map(split_image) {
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

    /// All labels of a series, sorted by name, as text. The server's labels hide tags of the same
    /// name.
    pub(crate) fn text(&self, key: SeriesKey<'_>) -> Arc<str> {
        let worker = key.worker.to_string();
        let mut labels: Vec<(&str, &str)> = self
            .0
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .chain([("method", key.method.label()), ("worker_id", &worker)])
            .collect();
        let server_labels = labels.len();
        for (tag, value) in key.tags.into_iter().flatten() {
            if !labels[..server_labels].iter().any(|(name, _)| name == tag) {
                labels.push((tag, value));
            }
        }
        labels.sort_unstable();
        text::labels(labels)
    }
}

/// Name and version of an image. The colon of a registry's port starts no version.
fn split_image(image: &str) -> (&str, Option<&str>) {
    match image.rsplit_once(':') {
        Some((name, version)) if !version.contains('/') => (name, Some(version)),
        _ => (image, None),
    }
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
            assert_eq!(split_image(image), expected, "{image}");
        }
    }
}
