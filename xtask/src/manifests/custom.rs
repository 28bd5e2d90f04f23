//! Kinds that Kubernetes does not have itself, as far as the manifests use them.

use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde::{Deserialize, Serialize};

/// `PodMonitor` of the Prometheus operator.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct PodMonitor {
    api_version: String,
    kind: String,
    metadata: ObjectMeta,
    pub(super) spec: PodMonitorSpec,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct PodMonitorSpec {
    pub(super) selector: LabelSelector,
    pub(super) pod_metrics_endpoints: Vec<MetricsEndpoint>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MetricsEndpoint {
    pub(super) port: String,
    pub(super) path: String,
    interval: String,
}

/// `SeldonDeployment` of Seldon Core.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct SeldonDeployment {
    api_version: String,
    kind: String,
    metadata: ObjectMeta,
    pub(super) spec: SeldonSpec,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeldonSpec {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    protocol: Option<Protocol>,
    pub(super) predictors: Vec<Predictor>,
}

/// What the orchestrator and the units speak; Seldon's own where it is not said. The operator knows
/// more, which the server does not speak.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Protocol {
    Seldon,
    V2,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Predictor {
    name: String,
    replicas: u32,
    pub(super) component_specs: Vec<PodTemplateSpec>,
    pub(super) graph: Unit,
    labels: std::collections::BTreeMap<String, String>,
}

/// A node of the graph.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unit {
    pub(super) name: String,
    pub(super) r#type: UnitType,
    endpoint: Endpoint,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parameters: Vec<Parameter>,
    pub(super) children: Vec<Self>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum UnitType {
    Model,
    Router,
    Transformer,
    OutputTransformer,
    Combiner,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Endpoint {
    r#type: EndpointType,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum EndpointType {
    Rest,
    Grpc,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Parameter {
    name: String,
    value: String,
    r#type: ParameterType,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum ParameterType {
    Int,
    Float,
    Double,
    String,
    Bool,
}

impl Unit {
    /// This unit and all below it.
    pub(super) fn all(&self) -> Vec<&Self> {
        let below = self.children.iter().flat_map(Self::all);
        [self].into_iter().chain(below).collect()
    }

    /// How the orchestrator calls it.
    pub(super) fn endpoint(&self) -> EndpointType {
        self.endpoint.r#type
    }

    /// What is wrong with a unit of a graph whose first unit is called in this way.
    pub(super) fn problems(&self, endpoint: EndpointType) -> Vec<String> {
        let name = &self.name;
        let mut problems = Vec::new();
        if self.endpoint() != endpoint {
            problems.push(format!(
                "{name}: endpoint.type must be the same in the whole graph"
            ));
        }
        let children = self.children.len();
        let good = match self.r#type {
            UnitType::Model => children <= 1,
            UnitType::Router | UnitType::Combiner => children >= 2,
            UnitType::Transformer | UnitType::OutputTransformer => children == 1,
        };
        if !good {
            problems.push(format!("{name}: {children} children are not for its type"));
        }
        problems
    }
}
