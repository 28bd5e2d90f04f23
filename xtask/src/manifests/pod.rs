//! A pod's template: whether it can run at all, is as closed as it can be, and ends in time.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use streeling_config::Settings;

use super::server;

/// What a template is applied to, which adds more or less to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Platform {
    Kubernetes,
    /// Its operator names the ports of a unit, and has a hook sleep before the end of a pod.
    SeldonCore,
    /// It makes a Deployment or a service of Knative of the containers, and calls V2's pages.
    KServe,
}

/// Seconds that the operator's hook sleeps.
const OPERATOR_SLEEPS: i64 = 10;

/// What is wrong with a template, container by container.
pub(super) fn problems(template: &PodTemplateSpec, platform: Platform) -> Vec<String> {
    let Some(pod) = &template.spec else {
        return vec!["there is no spec in the pod's template".to_owned()];
    };
    let mut problems = Vec::new();
    if platform == Platform::Kubernetes {
        for (name, value) in [
            (
                "automountServiceAccountToken",
                pod.automount_service_account_token,
            ),
            // A Service `jaeger-agent` would set JAEGER_AGENT_PORT.
            ("enableServiceLinks", pod.enable_service_links),
        ] {
            if value != Some(false) {
                problems.push(format!("{name} must be false"));
            }
        }
    }
    for container in &pod.containers {
        let mut found = match server::settings(container) {
            Err(found) => found,
            Ok(settings) => of_server(pod, container, &settings, platform),
        };
        found.extend(probes(container, platform));
        found.extend(mounts(pod, container));
        if platform != Platform::SeldonCore {
            found.extend(security(pod, container));
            found.extend(resources(container));
        }
        let image = container.image.as_deref().unwrap_or_default();
        let last = image.rsplit('/').next().unwrap_or_default();
        if !last.contains(':') || last.ends_with(":latest") {
            found.push(format!("image {image:?} must have a tag or a digest"));
        }
        let name = &container.name;
        problems.extend(
            found
                .into_iter()
                .map(|problem| format!("{name}: {problem}")),
        );
    }
    problems
}

/// Seconds that the containers of a pod may take to start.
pub(super) fn startup(template: &PodTemplateSpec) -> i32 {
    let containers = template.spec.iter().flat_map(|pod| &pod.containers);
    let probes = containers.filter_map(|container| container.startup_probe.as_ref());
    let longest = probes.map(|probe| {
        // These are the defaults.
        probe.period_seconds.unwrap_or(10) * probe.failure_threshold.unwrap_or(3)
    });
    longest.max().unwrap_or_default()
}

/// The names of a pod's ports.
pub(super) fn ports(template: &PodTemplateSpec) -> BTreeSet<&str> {
    let containers = template.spec.iter().flat_map(|pod| &pod.containers);
    let ports = containers.flat_map(|container| container.ports.iter().flatten());
    ports.filter_map(|port| port.name.as_deref()).collect()
}

/// Ports and times, beside those of the server in the container.
fn of_server(
    pod: &PodSpec,
    container: &Container,
    settings: &Settings,
    platform: Platform,
) -> Vec<String> {
    let mut problems = Vec::new();
    if platform != Platform::SeldonCore {
        let mut wanted = vec![
            ("http", settings.rest.port),
            ("metrics", settings.metrics.port),
        ];
        if settings.grpc.workers > 0 {
            wanted.push(("grpc", settings.grpc.port));
        }
        let wanted: BTreeSet<_> = wanted
            .into_iter()
            .map(|(name, port)| (name, i32::from(port)))
            .collect();
        let declared: BTreeSet<_> = container
            .ports
            .iter()
            .flatten()
            .map(|port| {
                (
                    port.name.as_deref().unwrap_or_default(),
                    port.container_port,
                )
            })
            .collect();
        if declared != wanted {
            problems.push(format!("ports are {declared:?}, the server has {wanted:?}"));
        }
    }
    let hook = container
        .lifecycle
        .as_ref()
        .and_then(|lifecycle| lifecycle.pre_stop.as_ref()?.sleep.as_ref())
        .map(|sleep| sleep.seconds);
    let hook = match platform {
        Platform::Kubernetes | Platform::KServe => hook.unwrap_or_default(),
        Platform::SeldonCore => hook.unwrap_or(OPERATOR_SLEEPS),
    };
    if hook == 0 {
        problems.push(
            "lifecycle.preStop.sleep is missing: the ports close before every node knows"
                .to_owned(),
        );
    }
    let drain = i64::try_from(settings.workers.graceful_timeout.as_secs()).unwrap_or(i64::MAX);
    let grace = pod.termination_grace_period_seconds.unwrap_or(30);
    if grace <= hook.saturating_add(drain) {
        problems.push(format!(
            "terminationGracePeriodSeconds is {grace}, and must be more than the {hook} of the \
             pre-stop hook and the {drain} of the drain together"
        ));
    }
    problems
}

/// Whether every probe calls the page that is made for it.
fn probes(container: &Container, platform: Platform) -> Vec<String> {
    let (port, ready, live) = match platform {
        Platform::Kubernetes | Platform::SeldonCore => ("metrics", "/ready", "/live"),
        // Knative probes no other port.
        Platform::KServe => ("http", "/v2/health/ready", "/v2/health/live"),
    };
    let mut problems = Vec::new();
    for (name, probe, page) in [
        ("startupProbe", &container.startup_probe, ready),
        ("readinessProbe", &container.readiness_probe, ready),
        ("livenessProbe", &container.liveness_probe, live),
    ] {
        match probe {
            Some(probe) => problems.extend(probe_problem(name, probe, page, port)),
            // The operator adds those that are not there.
            None if platform != Platform::SeldonCore => {
                problems.push(format!("{name} is missing"));
            }
            None => {}
        }
    }
    problems
}

fn probe_problem(name: &str, probe: &Probe, page: &str, port: &str) -> Option<String> {
    let call = probe.http_get.as_ref();
    let named = IntOrString::String(port.to_owned());
    match call {
        Some(call) if call.path.as_deref() == Some(page) && call.port == named => None,
        _ => Some(format!(
            "{name} must be httpGet of {page} on the port {port}"
        )),
    }
}

fn mounts(pod: &PodSpec, container: &Container) -> Vec<String> {
    let volumes: BTreeSet<&str> = pod
        .volumes
        .iter()
        .flatten()
        .map(|volume| volume.name.as_str())
        .collect();
    let mounts = container.volume_mounts.iter().flatten();
    mounts
        .filter(|mount| !volumes.contains(mount.name.as_str()))
        .map(|mount| format!("volumeMounts: there is no volume {:?}", mount.name))
        .collect()
}

/// What the Pod Security Standard `restricted` asks for, and a root that cannot be written to.
fn security(pod: &PodSpec, container: &Container) -> Vec<String> {
    let of_pod = pod.security_context.clone().unwrap_or_default();
    let own = container.security_context.clone().unwrap_or_default();
    let profile = own.seccomp_profile.or(of_pod.seccomp_profile);
    let capabilities = own.capabilities.unwrap_or_default();
    let adds = capabilities.add.unwrap_or_default();
    let drops = capabilities.drop.unwrap_or_default();
    let mut problems: Vec<String> = [
        (
            "runAsNonRoot: true",
            own.run_as_non_root.or(of_pod.run_as_non_root) == Some(true),
        ),
        (
            "seccompProfile.type: RuntimeDefault",
            profile.is_some_and(|profile| profile.type_ == "RuntimeDefault"),
        ),
        (
            "allowPrivilegeEscalation: false",
            own.allow_privilege_escalation == Some(false),
        ),
        (
            "capabilities.drop: [ALL]",
            drops == ["ALL"] && adds.is_empty(),
        ),
        (
            "readOnlyRootFilesystem: true",
            own.read_only_root_filesystem == Some(true),
        ),
    ]
    .into_iter()
    .filter(|(_, good)| !good)
    .map(|(wanted, _)| format!("securityContext must have {wanted}"))
    .collect();
    if !container
        .volume_mounts
        .iter()
        .flatten()
        .any(|mount| mount.mount_path == "/tmp" && mount.read_only != Some(true))
    {
        problems.push("volumeMounts must have /tmp, all that the server writes to".to_owned());
    }
    problems
}

/// Limits that equal the requests make a pod Guaranteed, the last to be evicted.
fn resources(container: &Container) -> Option<String> {
    let resources = container.resources.clone().unwrap_or_default();
    let requests = resources.requests.unwrap_or_default();
    let limits = resources.limits.unwrap_or_default();
    let has = |name: &str| requests.contains_key(name);
    if has("cpu") && has("memory") && requests == limits {
        return None;
    }
    Some("resources must have requests of cpu and memory, and limits that equal them".to_owned())
}
