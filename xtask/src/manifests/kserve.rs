//! Kinds of KServe, as far as the manifests use them.

use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec, Volume};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};

/// What KServe puts the name of an `InferenceService` for.
pub(super) const NAME: &str = "{{.Name}}";

/// `ServingRuntime`: how models of some format are served.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct ServingRuntime {
    api_version: String,
    kind: String,
    metadata: ObjectMeta,
    pub(super) spec: RuntimeSpec,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RuntimeSpec {
    supported_model_formats: Vec<SupportedFormat>,
    protocol_versions: Vec<ProtocolVersion>,
    multi_model: bool,
    containers: Vec<Container>,
    #[serde(default)]
    volumes: Vec<Volume>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SupportedFormat {
    name: String,
    version: String,
    auto_select: bool,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
enum ProtocolVersion {
    #[serde(rename = "v2")]
    V2,
    #[serde(rename = "grpc-v2")]
    GrpcV2,
}

/// `InferenceService`: a model, and what serves it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct InferenceService {
    api_version: String,
    kind: String,
    metadata: ObjectMeta,
    pub(super) spec: InferenceSpec,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InferenceSpec {
    pub(super) predictor: ModelPredictor,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct ModelPredictor {
    min_replicas: u32,
    termination_grace_period_seconds: i64,
    model: Model,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Model {
    model_format: Format,
    protocol_version: ProtocolVersion,
    runtime: String,
    storage_uri: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Format {
    name: String,
    version: String,
}

impl RuntimeSpec {
    /// The pods that it makes by itself.
    pub(super) fn template(&self) -> PodTemplateSpec {
        PodTemplateSpec {
            metadata: None,
            spec: Some(PodSpec {
                containers: self.containers.clone(),
                volumes: Some(self.volumes.clone()),
                ..PodSpec::default()
            }),
        }
    }
}

impl ModelPredictor {
    /// The name of its runtime.
    pub(super) fn runtime(&self) -> &str {
        &self.model.runtime
    }

    /// The pods that serve the model.
    pub(super) fn template(&self, runtime: &RuntimeSpec) -> PodTemplateSpec {
        let mut template = runtime.template();
        if let Some(pod) = &mut template.spec {
            pod.termination_grace_period_seconds = Some(self.termination_grace_period_seconds);
        }
        template
    }

    /// Why the runtime does not serve the model.
    pub(super) fn problems(&self, runtime: &RuntimeSpec) -> Vec<String> {
        let mut problems = Vec::new();
        let format = &self.model.model_format;
        let mut formats = runtime.supported_model_formats.iter();
        if !formats.any(|one| (&one.name, &one.version) == (&format.name, &format.version)) {
            problems.push(format!(
                "modelFormat: the runtime has no {} of version {}",
                format.name, format.version
            ));
        }
        let protocol = self.model.protocol_version;
        if !runtime.protocol_versions.contains(&protocol) {
            problems.push(format!(
                "protocolVersion: the runtime does not speak {protocol:?}"
            ));
        }
        problems
    }
}
