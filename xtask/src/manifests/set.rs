//! Manifests that are applied together: what one of them says of another must be so.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{PodTemplateSpec, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::custom::SeldonDeployment;
use super::kserve::ModelPredictor;
use super::object::{Manifest, Object};
use super::pod::{self, Platform};

type Labels = BTreeMap<String, String>;

/// What is wrong with manifests, each line with its place; `offered` are the metrics by which
/// something may be scaled.
pub(super) fn problems(manifests: &[Manifest], offered: &BTreeSet<String>) -> Vec<String> {
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    for manifest in manifests {
        let mut found = of_object(manifest, manifests, offered);
        if !seen.insert(manifest.identity()) {
            found.push(format!("{:?} is there twice", manifest.identity()));
        }
        let origin = &manifest.origin;
        problems.extend(
            found
                .into_iter()
                .map(|problem| format!("{origin}: {problem}")),
        );
    }
    problems
}

fn of_object(manifest: &Manifest, others: &[Manifest], offered: &BTreeSet<String>) -> Vec<String> {
    match &manifest.object {
        Object::Deployment(deployment) => of_deployment(deployment),
        Object::Service(service) => of_service(service, others),
        Object::Autoscaler(autoscaler) => of_autoscaler(autoscaler, others, offered),
        Object::Budget(budget) => {
            let spec = budget.spec.as_ref();
            selected(spec.and_then(|spec| spec.selector.as_ref()), [], others)
        }
        Object::Policy(policy) => {
            let Some(spec) = &policy.spec else {
                return vec!["spec is missing".to_owned()];
            };
            let rules = spec.ingress.iter().flatten();
            let ports = rules.flat_map(|rule| rule.ports.iter().flatten());
            let ports = ports.filter_map(|port| port.port.as_ref());
            selected(spec.pod_selector.as_ref(), ports.filter_map(name), others)
        }
        Object::Monitor(monitor) => {
            let endpoints = &monitor.spec.pod_metrics_endpoints;
            let ports = endpoints.iter().map(|endpoint| endpoint.port.as_str());
            let mut problems = selected(Some(&monitor.spec.selector), ports, others);
            problems.extend(
                endpoints
                    .iter()
                    .filter(|endpoint| endpoint.path != "/metrics")
                    .map(|endpoint| format!("{:?} is not scraped by this path", endpoint.path)),
            );
            problems
        }
        Object::Seldon(seldon) => of_seldon(seldon),
        Object::Runtime(runtime) => pod::problems(&runtime.spec.template(), Platform::KServe),
        Object::Inference(service) => of_inference(&service.spec.predictor, others),
    }
}

fn of_deployment(deployment: &Deployment) -> Vec<String> {
    let Some(spec) = &deployment.spec else {
        return vec!["spec is missing".to_owned()];
    };
    let labels = labels(&spec.template);
    let mut problems = pod::problems(&spec.template, Platform::Kubernetes);
    if !selects(&spec.selector, &labels) {
        problems.push("spec.selector does not select the labels of its own template".to_owned());
    }
    let startup = pod::startup(&spec.template);
    let deadline = spec.progress_deadline_seconds.unwrap_or(600);
    if deadline <= startup {
        problems.push(format!(
            "progressDeadlineSeconds is {deadline}, and must be more than the {startup} of the \
             startup probe"
        ));
    }
    let pod = spec.template.spec.iter();
    for spread in pod.flat_map(|pod| pod.topology_spread_constraints.iter().flatten()) {
        if !spread
            .label_selector
            .as_ref()
            .is_some_and(|selector| selects(selector, &labels))
        {
            let key = &spread.topology_key;
            problems.push(format!(
                "topologySpreadConstraints: {key} does not select the pods themselves"
            ));
        }
    }
    problems
}

fn of_service(service: &Service, others: &[Manifest]) -> Vec<String> {
    let Some(spec) = &service.spec else {
        return vec!["spec is missing".to_owned()];
    };
    let selector = LabelSelector {
        match_labels: spec.selector.clone(),
        match_expressions: None,
    };
    let ports = spec.ports.iter().flatten();
    let targets = ports
        .clone()
        .filter_map(|port| port.target_port.as_ref())
        .filter_map(name);
    let mut problems = selected(Some(&selector), targets, others);
    let names: BTreeSet<_> = ports.clone().map(|port| &port.name).collect();
    if names.len() != ports.count() || names.contains(&&None) {
        problems.push("spec.ports must all have a name of their own".to_owned());
    }
    problems
}

fn of_autoscaler(
    autoscaler: &HorizontalPodAutoscaler,
    others: &[Manifest],
    offered: &BTreeSet<String>,
) -> Vec<String> {
    let Some(spec) = &autoscaler.spec else {
        return vec!["spec is missing".to_owned()];
    };
    let mut problems = Vec::new();
    let target = &spec.scale_target_ref;
    let wanted = [
        target.api_version.as_deref().unwrap_or_default(),
        &target.kind,
        &target.name,
    ];
    match others.iter().find(|other| other.identity() == wanted) {
        None => problems.push(format!("scaleTargetRef: there is no {wanted:?}")),
        Some(other) => {
            if let Object::Deployment(deployment) = &other.object
                && deployment
                    .spec
                    .as_ref()
                    .is_some_and(|spec| spec.replicas.is_some())
            {
                let origin = &other.origin;
                problems.push(format!("{origin} sets replicas, which each apply resets"));
            }
        }
    }
    let least = spec.min_replicas.unwrap_or(1);
    if least > spec.max_replicas {
        problems.push(format!("minReplicas {least} is above maxReplicas"));
    }
    let metrics = spec.metrics.as_deref().unwrap_or_default();
    if metrics.is_empty() {
        problems.push("metrics are missing".to_owned());
    }
    for metric in metrics {
        let name = metric.pods.as_ref().map(|pods| pods.metric.name.as_str());
        if !name.is_some_and(|name| offered.contains(name)) {
            problems.push(format!(
                "metrics: {name:?} is none that deploy/prometheus/adapter.yml offers of a pod \
                 ({offered:?})"
            ));
        }
    }
    problems
}

/// The runtime beside it serves the model.
fn of_inference(predictor: &ModelPredictor, others: &[Manifest]) -> Vec<String> {
    let name = predictor.runtime();
    let runtime = others.iter().find_map(|other| match &other.object {
        Object::Runtime(runtime) if other.identity()[2] == name => Some(&runtime.spec),
        _ => None,
    });
    let Some(runtime) = runtime else {
        return vec![format!("there is no runtime {name:?} beside it")];
    };
    let mut problems = predictor.problems(runtime);
    let template = predictor.template(runtime);
    problems.extend(pod::problems(&template, Platform::KServe));
    problems
}

/// Every unit has a container of its name, and every container is a unit.
fn of_seldon(seldon: &SeldonDeployment) -> Vec<String> {
    let mut problems = Vec::new();
    for predictor in &seldon.spec.predictors {
        let mut units: Vec<&str> = Vec::new();
        for unit in predictor.graph.all() {
            units.push(&unit.name);
            problems.extend(unit.problems(predictor.graph.endpoint()));
        }
        let templates = &predictor.component_specs;
        let pods = templates
            .iter()
            .filter_map(|template| template.spec.as_ref());
        let mut containers: Vec<&str> = pods
            .flat_map(|pod| &pod.containers)
            .map(|container| container.name.as_str())
            .collect();
        units.sort_unstable();
        containers.sort_unstable();
        if units != containers {
            problems.push(format!(
                "the graph's units are {units:?}, the containers {containers:?}"
            ));
        }
        for template in templates {
            problems.extend(pod::problems(template, Platform::SeldonCore));
        }
    }
    problems
}

/// Whether a selector finds pods among the manifests, which have all ports of these names.
fn selected<'a>(
    selector: Option<&LabelSelector>,
    ports: impl IntoIterator<Item = &'a str>,
    manifests: &[Manifest],
) -> Vec<String> {
    let templates: Vec<&PodTemplateSpec> = manifests
        .iter()
        .filter_map(|manifest| match &manifest.object {
            Object::Deployment(deployment) => Some(&deployment.spec.as_ref()?.template),
            _ => None,
        })
        .filter(|template| selector.is_some_and(|selector| selects(selector, &labels(template))))
        .collect();
    if templates.is_empty() {
        return vec!["selects no pod of the manifests beside it".to_owned()];
    }
    ports
        .into_iter()
        .filter(|port| !templates.iter().all(|pod| pod::ports(pod).contains(port)))
        .map(|port| format!("the pods that it selects have no port {port:?}"))
        .collect()
}

/// Whether a selector, which must say something, selects these labels. No manifest has expressions.
fn selects(selector: &LabelSelector, labels: &Labels) -> bool {
    let wanted = selector.match_labels.iter().flatten();
    selector.match_expressions.is_none()
        && wanted.clone().next().is_some()
        && wanted
            .into_iter()
            .all(|(key, value)| labels.get(key) == Some(value))
}

fn labels(template: &PodTemplateSpec) -> Labels {
    let metadata = template.metadata.as_ref();
    let labels = metadata.and_then(|metadata| metadata.labels.clone());
    labels.unwrap_or_default()
}

fn name(port: &IntOrString) -> Option<&str> {
    match port {
        IntOrString::String(name) => Some(name),
        IntOrString::Int(_) => None,
    }
}
