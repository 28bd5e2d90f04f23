//! The operator's part: it checks a manifest, and passes variables to the container.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use streeling_testkit::ServerCommand;

use crate::support::root;

/// Both versions of the kind are the same to the server.
const VERSIONS: [&str; 2] = [
    "machinelearning.seldon.io/v1",
    "machinelearning.seldon.io/v1alpha2",
];

/// The folder of the manifests: of one unit, and below it those of graphs.
pub(crate) fn folder() -> PathBuf {
    root().join("deploy/seldon")
}

/// A manifest; fields that the kind does not have are refused, as are values of another type.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Manifest {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    name: String,
    #[serde(default)]
    protocol: Protocol,
    predictors: Vec<Predictor>,
}

/// What the orchestrator and the units speak.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Protocol {
    #[default]
    Seldon,
    V2,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Predictor {
    name: String,
    replicas: u32,
    component_specs: Vec<ComponentSpec>,
    graph: Node,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ComponentSpec {
    spec: PodSpec,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PodSpec {
    containers: Vec<Container>,
    termination_grace_period_seconds: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Container {
    name: String,
    image: String,
    #[serde(default)]
    env: Vec<Variable>,
    readiness_probe: Option<Probe>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Probe {
    http_get: Page,
    #[expect(dead_code, reason = "how often the kubelet calls")]
    period_seconds: u32,
}

/// A page of a container, by the name of the port.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    pub(crate) path: String,
    pub(crate) port: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Variable {
    name: String,
    value: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Node {
    name: String,
    r#type: UnitType,
    endpoint: Endpoint,
    #[serde(default)]
    parameters: Vec<Parameter>,
    children: Vec<Self>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum UnitType {
    Model,
    Router,
    Transformer,
    OutputTransformer,
    Combiner,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Endpoint {
    r#type: EndpointType,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum EndpointType {
    Rest,
    Grpc,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Parameter {
    name: String,
    value: String,
    r#type: String,
}

/// A unit of a manifest, as it is deployed.
#[derive(Debug)]
pub(crate) struct Deployed {
    deployment: String,
    pub(crate) protocol: Protocol,
    predictor: String,
    labels: BTreeMap<String, String>,
    /// Those of the whole pod.
    containers: Vec<Container>,
    unit: Node,
}

impl Deployed {
    /// Reads a manifest of the folder whose graph is one unit.
    ///
    /// # Panics
    ///
    /// When an operator would refuse it.
    pub(crate) fn read(file: &str) -> Self {
        let deployed = Self::graph(file);
        assert!(
            deployed.unit.children.is_empty(),
            "{file}: the graph is one unit"
        );
        deployed
    }

    /// Reads a manifest of the folder; the first unit of its graph.
    ///
    /// # Panics
    ///
    /// When an operator would refuse it.
    pub(crate) fn graph(file: &str) -> Self {
        let text = fs::read_to_string(folder().join(file)).unwrap();
        let manifest: Manifest =
            serde_yaml_ng::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(VERSIONS.contains(&manifest.api_version.as_str()), "{file}");
        assert_eq!(manifest.kind, "SeldonDeployment", "{file}");
        for name in [&manifest.metadata.name, &manifest.spec.name] {
            assert!(is_label(name), "{file}: {name:?} is no name in Kubernetes");
        }
        let [predictor] = <[Predictor; 1]>::try_from(manifest.spec.predictors)
            .unwrap_or_else(|all| panic!("{file}: {} predictors, want one", all.len()));
        assert!(predictor.replicas > 0, "{file}: nothing runs");
        assert!(is_label(&predictor.name), "{file}");
        // The operator's pre-stop hook sleeps for 10 seconds of it.
        for component in &predictor.component_specs {
            let grace = component.spec.termination_grace_period_seconds;
            assert!(
                grace > 10,
                "{file}: {grace} s leave none for requests in flight"
            );
        }
        let components = predictor.component_specs.into_iter();
        let deployed = Self {
            deployment: manifest.metadata.name,
            protocol: manifest.spec.protocol,
            predictor: predictor.name,
            labels: predictor.labels,
            containers: components
                .flat_map(|component| component.spec.containers)
                .collect(),
            unit: predictor.graph,
        };
        let units = deployed.count_units();
        assert_eq!(units, deployed.containers.len(), "{file}: containers");
        deployed
    }

    /// The units below this one.
    pub(crate) fn children(&self) -> Vec<Self> {
        let below = |unit: &Node| Self {
            deployment: self.deployment.clone(),
            protocol: self.protocol,
            predictor: self.predictor.clone(),
            labels: self.labels.clone(),
            containers: self.containers.clone(),
            unit: unit.clone(),
        };
        self.unit.children.iter().map(below).collect()
    }

    /// This unit and all below it, each of which has a container of its name.
    fn count_units(&self) -> usize {
        assert!(is_label(&self.container().name));
        let below = self.children();
        1 + below.iter().map(Self::count_units).sum::<usize>()
    }

    fn container(&self) -> &Container {
        let name = &self.unit.name;
        let all = self.containers.iter();
        let named: Vec<&Container> = all.filter(|container| container.name == *name).collect();
        let [container] = named[..] else {
            let count = named.len();
            panic!("{count} containers have the name of the unit, {name:?}");
        };
        container
    }

    /// Its name in the graph.
    pub(crate) fn name(&self) -> &str {
        &self.unit.name
    }

    pub(crate) fn unit_type(&self) -> UnitType {
        self.unit.r#type
    }

    /// The page that says whether it is ready, if the manifest names one.
    pub(crate) fn readiness(&self) -> Option<&Page> {
        let probe = self.container().readiness_probe.as_ref()?;
        Some(&probe.http_get)
    }

    /// The folder of the example that the image holds, and the name of its class:
    /// `mean_classifier` and `MeanClassifier` in `registry.example.com/mean-classifier:0.1`.
    pub(crate) fn example(&self) -> (PathBuf, String) {
        let image = &self.container().image;
        let (registry, repository) = image.split_once('/').unwrap();
        assert!(registry.contains('.'), "{image} names no registry");
        let (name, tag) = repository.split_once(':').unwrap();
        assert!(!tag.is_empty(), "{image} has no tag");
        let folder = root().join("examples").join(name.replace('-', "_"));
        let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{image}: {error}"));
        let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let classes: Vec<String> = files
            .filter(|file| file.starts_with(|first: char| first.is_ascii_uppercase()))
            .filter_map(|file| Some(file.strip_suffix(".py")?.to_owned()))
            .collect();
        let [class] = <[String; 1]>::try_from(classes)
            .unwrap_or_else(|all| panic!("{image}: the example has the classes {all:?}"));
        (folder, class)
    }

    /// Whether the orchestrator calls the unit over gRPC, and not over REST.
    pub(crate) fn called_over_grpc(&self) -> bool {
        matches!(self.unit.endpoint.r#type, EndpointType::Grpc)
    }

    /// Gives a server what the container would have: the operator's variables, the manifest's own,
    /// and the unit's type. The system chooses the ports, since tests run beside each other.
    pub(crate) fn apply(&self, mut command: ServerCommand) -> ServerCommand {
        let injected = [
            ("PREDICTIVE_UNIT_HTTP_SERVICE_PORT", "0".to_owned()),
            ("PREDICTIVE_UNIT_GRPC_SERVICE_PORT", "0".to_owned()),
            ("PREDICTIVE_UNIT_METRICS_SERVICE_PORT", "0".to_owned()),
            ("PREDICTIVE_UNIT_METRICS_ENDPOINT", "/prometheus".to_owned()),
            ("PREDICTIVE_UNIT_ID", self.unit.name.clone()),
            ("PREDICTIVE_UNIT_IMAGE", self.container().image.clone()),
            (
                "PREDICTIVE_UNIT_PARAMETERS",
                serde_json::to_string(&self.unit.parameters).unwrap(),
            ),
            ("PREDICTOR_ID", self.predictor.clone()),
            (
                "PREDICTOR_LABELS",
                serde_json::to_string(&self.labels).unwrap(),
            ),
            ("SELDON_DEPLOYMENT_ID", self.deployment.clone()),
            ("SELDON_EXECUTOR_ENABLED", "true".to_owned()),
            // The other tests switch gRPC off; here the manifest decides.
            ("GRPC_WORKERS", String::new()),
        ];
        for (name, value) in injected {
            command = command.env(name, value);
        }
        // The same again, for a server that has no other names for them.
        for (name, value) in [
            ("MLSERVER_HTTP_PORT", "0"),
            ("MLSERVER_GRPC_PORT", "0"),
            ("MLSERVER_METRICS_PORT", "0"),
            ("MLSERVER_METRICS_ENDPOINT", "/prometheus"),
            ("MLSERVER_MODEL_NAME", &self.unit.name),
        ] {
            command = command.env(name, value);
        }
        for Variable { name, value } in &self.container().env {
            command = command.env(name, value);
        }
        // As the command of the image has it, which is one for transformers of either side.
        let service_type = match self.unit.r#type {
            UnitType::Model => "MODEL",
            UnitType::Router => "ROUTER",
            UnitType::Transformer | UnitType::OutputTransformer => "TRANSFORMER",
            UnitType::Combiner => "COMBINER",
        };
        command.args(["--service-type", service_type])
    }
}

/// Whether a name may be a DNS label, which those of Kubernetes' objects are.
fn is_label(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 63
        && !name.starts_with('-')
        && !name.ends_with('-')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
