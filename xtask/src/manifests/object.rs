//! A document of YAML as the object that a cluster would make of it. A cluster drops keys that it
//! does not know; here each is an error that says where it stands.

use anyhow::{Context as _, anyhow, bail};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde::de::DeserializeOwned;
use serde::{Deserialize as _, Serialize};
use serde_json::Value;

use super::custom::{PodMonitor, SeldonDeployment};
use super::kserve::{InferenceService, ServingRuntime};

/// An object, and where it stands.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// The file, and which of its documents.
    pub(super) origin: String,
    pub(super) object: Object,
    json: Value,
}

#[derive(Debug)]
pub(super) enum Object {
    Deployment(Box<Deployment>),
    Service(Box<Service>),
    Autoscaler(Box<HorizontalPodAutoscaler>),
    Budget(Box<PodDisruptionBudget>),
    Policy(Box<NetworkPolicy>),
    Monitor(Box<PodMonitor>),
    Seldon(Box<SeldonDeployment>),
    Runtime(Box<ServingRuntime>),
    Inference(Box<InferenceService>),
}

impl Manifest {
    /// Reads all documents of a file.
    pub(super) fn read(file: &str, text: &str) -> anyhow::Result<Vec<Self>> {
        let mut manifests = Vec::new();
        for (index, document) in serde_yaml_ng::Deserializer::from_str(text).enumerate() {
            let origin = format!("{file}, document {}", index + 1);
            // By YAML's own value, which takes no key twice.
            let yaml = serde_yaml_ng::Value::deserialize(document);
            let json = serde_json::to_value(yaml.with_context(|| origin.clone())?)?;
            // Nothing but a comment between two lines of dashes.
            if json.is_null() {
                continue;
            }
            let object = typed(&json).with_context(|| origin.clone())?;
            manifests.push(Self {
                origin,
                object,
                json,
            });
        }
        Ok(manifests)
    }

    /// Version, kind and name, of which a cluster has one in a namespace.
    pub(crate) fn identity(&self) -> [&str; 3] {
        [
            &self.json["apiVersion"],
            &self.json["kind"],
            &self.json["metadata"]["name"],
        ]
        .map(|word| word.as_str().unwrap_or_default())
    }

    /// Where two objects differ, each place with what the one and the other have there.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        lost(&self.json, &other.json, String::new(), &mut found);
        let mut differences: Vec<String> = found
            .into_iter()
            .map(|lost| match lost.taken {
                None => format!("{}: only in {}", lost.path, self.origin),
                Some([one, two]) => format!("{}: {one}, and {two}", lost.path),
            })
            .collect();
        let mut found = Vec::new();
        lost(&other.json, &self.json, String::new(), &mut found);
        differences.extend(
            found
                .into_iter()
                .filter(|lost| lost.taken.is_none())
                .map(|lost| format!("{}: only in {}", lost.path, other.origin)),
        );
        differences
    }
}

fn typed(json: &Value) -> anyhow::Result<Object> {
    let word = |key: &str| json[key].as_str().unwrap_or_default();
    Ok(match (word("apiVersion"), word("kind")) {
        ("apps/v1", "Deployment") => Object::Deployment(whole(json)?),
        ("v1", "Service") => Object::Service(whole(json)?),
        ("autoscaling/v2", "HorizontalPodAutoscaler") => Object::Autoscaler(whole(json)?),
        ("policy/v1", "PodDisruptionBudget") => Object::Budget(whole(json)?),
        ("networking.k8s.io/v1", "NetworkPolicy") => Object::Policy(whole(json)?),
        ("monitoring.coreos.com/v1", "PodMonitor") => Object::Monitor(whole(json)?),
        // Both are the same to the operator.
        (
            "machinelearning.seldon.io/v1" | "machinelearning.seldon.io/v1alpha2",
            "SeldonDeployment",
        ) => Object::Seldon(whole(json)?),
        ("serving.kserve.io/v1alpha1", "ServingRuntime") => Object::Runtime(whole(json)?),
        ("serving.kserve.io/v1beta1", "InferenceService") => Object::Inference(whole(json)?),
        (version, kind) => bail!(
            "apiVersion {version:?} with kind {kind:?} is none of those that are checked, see \
             xtask/src/manifests/object.rs"
        ),
    })
}

/// The object, if nothing of the source is lost in it.
fn whole<T: DeserializeOwned + Serialize>(source: &Value) -> anyhow::Result<Box<T>> {
    let object: T = serde_path_to_error::deserialize(source)
        .map_err(|error| anyhow!("{}: {}", error.path(), error.inner()))?;
    let kept = serde_json::to_value(&object)?;
    let mut found = Vec::new();
    lost(source, &kept, String::new(), &mut found);
    if !found.is_empty() {
        let problems = found.into_iter().map(|lost| match lost.taken {
            None => format!("{}: there is no such field here", lost.path),
            Some([source, kept]) => format!("{}: {source} is taken as {kept}", lost.path),
        });
        bail!("{}", problems.collect::<Vec<_>>().join("; "));
    }
    Ok(Box::new(object))
}

/// What of a source is not in another value, or is otherwise in it.
struct Lost {
    path: String,
    /// What the source has, and what the other.
    taken: Option<[Value; 2]>,
}

/// Finds all that is lost of a source that lies at this path.
fn lost(source: &Value, kept: &Value, path: String, found: &mut Vec<Lost>) {
    match (source, kept) {
        (Value::Object(source), Value::Object(kept)) => {
            for (key, value) in source {
                let path = match path.as_str() {
                    "" => key.clone(),
                    path => format!("{path}.{key}"),
                };
                match kept.get(key) {
                    Some(kept) => lost(value, kept, path, found),
                    None => found.push(Lost { path, taken: None }),
                }
            }
        }
        (Value::Array(source), Value::Array(kept)) if source.len() == kept.len() => {
            for (index, (source, kept)) in source.iter().zip(kept).enumerate() {
                lost(source, kept, format!("{path}[{index}]"), found);
            }
        }
        _ if source == kept => {}
        _ => found.push(Lost {
            path,
            taken: Some([source.clone(), kept.clone()]),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POD: &str = "apiVersion: apps/v1\n\
                       kind: Deployment\n\
                       metadata: {name: a}\n\
                       spec:\n  \
                         selector: {}\n  \
                         template:\n    \
                           spec:\n      \
                             containers:\n        \
                               - name: a\n          \
                                 ";

    fn error(text: &str) -> String {
        format!("{:#}", Manifest::read("a.yaml", text).unwrap_err())
    }

    #[test]
    fn key_that_does_not_exist_is_named_with_its_place() {
        assert_eq!(
            error(&format!("{POD}livenessProb: {{periodSeconds: 1}}\n")),
            "a.yaml, document 1: spec.template.spec.containers[0].livenessProb: there is no such \
             field here"
        );
        // It exists, but not here.
        let misplaced = format!("---\n# Nothing.\n---\n{POD}terminationGracePeriodSeconds: 1\n");
        assert_eq!(
            error(&misplaced),
            "a.yaml, document 2: spec.template.spec.containers[0].terminationGracePeriodSeconds: \
             there is no such field here"
        );
        assert!(Manifest::read("a.yaml", &format!("{POD}image: b\n")).is_ok());
    }

    #[test]
    fn value_of_another_type_is_named_with_its_place() {
        let said = error(&format!("{POD}env: [{{name: A, value: 4}}]\n"));
        assert!(
            said.starts_with("a.yaml, document 1: spec.template.spec.containers[0].env[0].value: ")
                && said.contains("expected a string"),
            "{said}"
        );
    }

    #[test]
    fn key_that_is_there_twice_is_an_error() {
        let said = error("kind: Service\nkind: Service\n");
        assert!(said.contains("duplicate"), "{said}");
    }

    #[test]
    fn kinds_of_others_are_as_strict() {
        let monitor = "apiVersion: monitoring.coreos.com/v1\n\
                       kind: PodMonitor\n\
                       metadata: {name: a}\n\
                       spec:\n  \
                         selector: {}\n  \
                         podMetricsEndpoints: [{port: a, path: /, interval: 1s, scheme: http}]\n";
        assert!(error(monitor).contains("spec.podMetricsEndpoints[0].scheme: unknown field"));
        let unknown = "apiVersion: v1\nkind: Pod\n";
        assert!(error(unknown).contains("is none of those that are checked"));
    }
}
