//! Each rule, on the manifests themselves with one mistake put in.

use super::*;

/// What is said of a folder's manifests with a text of one file replaced by another.
fn mistaken(folder: &str, file: &str, from: &str, to: &str) -> Vec<String> {
    let mut manifests = Vec::new();
    let mut replaced = false;
    for path in files(folder).unwrap() {
        let name = name(&path).unwrap();
        let mut text = fs::read_to_string(&path).unwrap();
        if name.ends_with(file) {
            replaced = text.contains(from);
            text = text.replacen(from, to, 1);
        }
        manifests.extend(Manifest::read(&name, &text).unwrap());
    }
    assert!(replaced, "{file} has no {from:?}");
    set::problems(&manifests, &metrics::offered().unwrap())
}

fn each_is_found(folder: &str, mistakes: &[(&str, &str, &str, &str)]) {
    for (file, from, to, expected) in mistakes {
        let problems = mistaken(folder, file, from, to);
        assert!(
            problems
                .iter()
                .any(|problem| problem.contains(file) && problem.contains(expected)),
            "{to:?} in {file} instead of {from:?}: {problems:?}"
        );
    }
}

#[test]
fn manifests_have_no_problems() {
    for folder in [PLAIN, KSERVE].into_iter().chain(SELDON) {
        let manifests = read_folder(folder).unwrap();
        let none: Vec<String> = Vec::new();
        let offered = metrics::offered().unwrap();
        assert_eq!(set::problems(&manifests, &offered), none);
    }
}

#[test]
fn mistakes_in_what_kserve_reads_are_found() {
    let (runtime, service) = ("runtime.yaml", "iris.yaml");
    each_is_found(
        KSERVE,
        &[
            (runtime, "/v2/health/live", "/live", "livenessProbe must be"),
            (
                runtime,
                "port: http",
                "port: metrics",
                "startupProbe must be",
            ),
            (runtime, "Port: 9000", "Port: 5000", "ports are"),
            (runtime, "MLSERVER_HTTP_PORT", "MLSERVER_PORT", "no setting"),
            (runtime, "{{.Name}}", "{{.Nme}}", "MLSERVER_MODEL_NAME"),
            (
                runtime,
                "seconds: 10",
                "seconds: 30",
                "and must be more than the 30",
            ),
            (runtime, "- ALL", "- NET_RAW", "capabilities.drop: [ALL]"),
            (
                service,
                "Seconds: 30",
                "Seconds: 18",
                "and must be more than the 10",
            ),
            (service, "name: python-class", "name: onnx", "has no onnx"),
            (
                service,
                "runtime: streeling",
                "runtime: other",
                "no runtime \"other\"",
            ),
        ],
    );
}

#[test]
fn mistakes_in_a_pod_are_found() {
    let file = "deployment.yaml";
    each_is_found(
        PLAIN,
        &[
            (file, "path: /live", "path: /alive", "livenessProbe must be"),
            (file, "port: metrics", "port: http", "startupProbe must be"),
            (
                file,
                "containerPort: 5000",
                "containerPort: 5001",
                "ports are",
            ),
            (file, "name: grpc\n", "name: grcp\n", "ports are"),
            (
                file,
                "GRPC_WORKERS",
                "GRPC_WORKER",
                "env GRPC_WORKER: no setting",
            ),
            (
                file,
                "value: shared",
                "value: common",
                "STREELING_WORKER_POOL",
            ),
            (
                file,
                "PeriodSeconds: 45",
                "PeriodSeconds: 40",
                "and must be more than the 10",
            ),
            (
                file,
                "seconds: 10",
                "seconds: 0",
                "preStop.sleep is missing",
            ),
            (
                file,
                "DeadlineSeconds: 900",
                "DeadlineSeconds: 600",
                "must be more than the 600",
            ),
            (
                file,
                "Filesystem: true",
                "Filesystem: false",
                "readOnlyRootFilesystem: true",
            ),
            (file, "- ALL", "- NET_RAW", "capabilities.drop: [ALL]"),
            (
                file,
                "runAsNonRoot: true",
                "runAsNonRoot: false",
                "runAsNonRoot: true",
            ),
            (
                file,
                "RuntimeDefault",
                "Unconfined",
                "seccompProfile.type: RuntimeDefault",
            ),
            (
                file,
                "Escalation: false",
                "Escalation: true",
                "allowPrivilegeEscalation: false",
            ),
            (
                file,
                "Token: false",
                "Token: true",
                "automountServiceAccountToken must be",
            ),
            (
                file,
                "Links: false",
                "Links: true",
                "enableServiceLinks must be",
            ),
            (
                file,
                "memory: 512Mi",
                "memory: 256Mi",
                "resources must have",
            ),
            (
                file,
                "mountPath: /tmp",
                "mountPath: /var",
                "volumeMounts must have /tmp",
            ),
            (
                file,
                "- name: tmp\n              m",
                "- name: temp\n              m",
                "\"temp\"",
            ),
            (file, "iris:0.1", "iris", "must have a tag"),
        ],
    );
}

#[test]
fn manifests_that_miss_each_other_are_found() {
    const INSTANCE: &str = "app.kubernetes.io/instance: iris\n";
    const OTHER: &str = "app.kubernetes.io/instance: sales\n";
    let service = format!("streeling\n    {INSTANCE}  ports");
    let service_with = service.replace(INSTANCE, OTHER);
    let budget = format!("matchLabels:\n      app.kubernetes.io/name: streeling\n      {INSTANCE}");
    let budget_with = budget.replace(INSTANCE, OTHER);
    let none = "selects no pod";
    each_is_found(
        PLAIN,
        &[
            (
                "service.yaml",
                "targetPort: grpc",
                "targetPort: grcp",
                "have no port \"grcp\"",
            ),
            (
                "service.yaml",
                "name: grpc",
                "name: http",
                "a name of their own",
            ),
            ("service.yaml", &service, &service_with, none),
            ("pdb.yaml", &budget, &budget_with, none),
            ("networkpolicy.yaml", &budget, &budget_with, none),
            (
                "networkpolicy.yaml",
                "port: metrics",
                "port: metric",
                "have no port \"metric\"",
            ),
            ("podmonitor.yaml", &budget, &budget_with, none),
            (
                "podmonitor.yaml",
                "port: metrics",
                "port: metric",
                "have no port \"metric\"",
            ),
            (
                "podmonitor.yaml",
                "path: /metrics",
                "path: /",
                "is not scraped by this path",
            ),
            (
                "hpa.yaml",
                "streeling_queue_length",
                "streeling_queue",
                "is none that",
            ),
            (
                "hpa.yaml",
                "Deployment\n    name: iris",
                "Deployment\n    name: sales",
                "\"sales\"",
            ),
            (
                "hpa.yaml",
                "minReplicas: 2",
                "minReplicas: 20",
                "is above maxReplicas",
            ),
            (
                "deployment.yaml",
                &budget,
                &budget_with,
                "does not select the labels",
            ),
        ],
    );
    let replicas = mistaken(
        PLAIN,
        "deployment.yaml",
        "  selector:\n",
        "  replicas: 2\n  selector:\n",
    );
    assert!(replicas.concat().contains("sets replicas"), "{replicas:?}");
}

#[test]
fn mistakes_in_a_graph_are_found() {
    let folder = SELDON[1];
    let router = "router.yaml";
    each_is_found(
        folder,
        &[
            (
                router,
                "- name: low-threshold\n  ",
                "- name: low\n  ",
                "the graph's units are",
            ),
            (
                router,
                "type: REST",
                "type: GRPC",
                "must be the same in the whole graph",
            ),
            (
                router,
                "type: ROUTER",
                "type: TRANSFORMER",
                "children are not for its type",
            ),
            (
                router,
                "Seconds: 20",
                "Seconds: 18",
                "and the 8 of the drain",
            ),
            (
                router,
                "path: /ready",
                "path: /live",
                "readinessProbe must be",
            ),
        ],
    );
}
