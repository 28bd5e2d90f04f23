//! The manifests of `deploy/seldon`, applied to the server as the operator does it, and the
//! Deployment without Seldon Core.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use prost_types::value::Kind;
use serde_json::{Value, json};
use streeling_testkit::{Request, Server, ServerCommand};
use tempfile::TempDir;

use crate::grpc_client::{predict, tensor, values};
use crate::metrics::{scrape_at, value};
use crate::operator::{Deployed, Protocol, folder};
use crate::processes::{listening, workers};
use crate::support::{Gate, PYTHON, TIMEOUT, bare_command, eventually, root, send_json};

/// Is in the log once for every call of `load()`.
const LOADED: &str = "load() was called";

/// The example of a manifest, running.
struct Pod {
    server: Server,
    /// Where the gRPC port is, if there is one.
    grpc: Option<SocketAddr>,
    /// What holds the calls with a negative number.
    gate: Gate,
    _folder: TempDir,
}

impl Pod {
    fn start(deployed: &Deployed, more: &[(&str, &str)]) -> Self {
        let (example, class) = deployed.example();
        let gate = Gate::closed();
        let folder = traced(&class, &gate);
        let mut command = deployed
            .apply(bare_command(folder.path()))
            .env("STREELING_PYTHON", &*PYTHON)
            .env("PYTHONPATH", example)
            .args(["Traced"]);
        for (name, value) in more {
            command = command.env(name, value);
        }
        Self::run(&command, folder, gate)
    }

    fn run(command: &ServerCommand, folder: TempDir, gate: Gate) -> Self {
        let server = command.start().unwrap();
        // If it is in the log at all, it is there before the first response.
        send_json(&server, &Request::get("/health/status"));
        let log = server.log();
        let grpc = log.iter().find_map(|line| {
            let (_, address) = line.split_once("serving gRPC at http://0.0.0.0:")?;
            Some(([127, 0, 0, 1], address.trim().parse().unwrap()).into())
        });
        Self {
            server,
            grpc,
            gate,
            _folder: folder,
        }
    }

    /// The worker processes.
    fn workers(&self) -> BTreeSet<u32> {
        workers(self.server.pid())
    }

    /// Checks how many worker processes there are, each of which must have called `load()` once.
    fn has_workers(&self, count: usize) {
        assert_eq!(self.workers().len(), count);
        let loads = || {
            let log = self.server.log();
            log.iter().filter(|line| line.contains(LOADED)).count()
        };
        // What a worker prints may reach the log after its first response.
        eventually("every load()", || loads() >= count);
        assert_eq!(loads(), count);
    }

    /// The ports that must be open: those of the transports, and that of the probes.
    fn open(&self) -> BTreeSet<u16> {
        let mut ports = self.ports();
        ports.insert(self.server.metrics_address().port());
        ports
    }

    /// The ports that were announced.
    fn ports(&self) -> BTreeSet<u16> {
        let rest = Some(self.server.address());
        let ports = [rest, self.grpc].into_iter().flatten();
        ports.map(|address| address.port()).collect()
    }

    /// Predicts over REST: the probability of the row, and the tags of the response.
    fn rest(&self, row: [f64; 2]) -> (f64, Value) {
        let body = json!({"data": {"ndarray": [row]}}).to_string();
        let (status, mut response) = send_json(&self.server, &Request::json("/predict", body));
        assert_eq!(status, 200, "{response}");
        let probability = response["data"]["ndarray"][0][0].as_f64().unwrap();
        (probability, response["meta"]["tags"].take())
    }

    /// Predicts over gRPC: the probability of the row, and the process of the worker.
    fn grpc(&self, row: [f64; 2]) -> (f64, u32) {
        let response = predict(self.grpc.unwrap(), tensor([1, 2], &row)).unwrap();
        let (shape, probabilities) = values(&response);
        assert_eq!(shape, [1, 1]);
        let tags = &response.meta.as_ref().unwrap().tags;
        let Some(Kind::NumberValue(pid)) = tags["pid"].kind else {
            panic!("{tags:?}");
        };
        (probabilities[0], pid as u32)
    }
}

/// The example's component, which also reports when it is loaded and where it runs. A negative
/// number holds its calls until the gate opens.
fn traced(class: &str, gate: &Gate) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let gate = gate.file();
    let source = format!(
        "import os, sys, threading, time\n\
         import {class}\n\
         class Traced({class}.{class}):\n    \
             lock = threading.Lock()\n    \
             inside = peak = 0\n    \
             def load(self):\n        print('{LOADED}', file=sys.stderr)\n    \
             def predict(self, X, names, meta=None):\n        \
                 with self.lock:\n            \
                     self.inside += 1\n            \
                     self.peak = max(self.peak, self.inside)\n        \
                 while X[0][0] < 0 and not os.path.exists('{gate}'):\n            \
                     time.sleep(0.005)\n        \
                 with self.lock:\n            \
                     self.inside -= 1\n        \
                 return super().predict(X, names)\n    \
             def tags(self):\n        \
                 return {{**super().tags(), 'pid': os.getpid(), 'peak': self.peak}}\n"
    );
    fs::write(folder.path().join("Traced.py"), source).unwrap();
    folder
}

/// What the mean classifier returns for a row whose mean is `mean`.
fn probability(mean: f64, threshold: f64) -> f64 {
    1.0 / (1.0 + (threshold - mean).exp())
}

fn close(one: f64, two: f64) -> bool {
    (one - two).abs() < 1e-12
}

#[test]
fn operator_takes_every_manifest_and_the_page_explains_it() {
    let page = fs::read_to_string(folder().join("README.md")).unwrap();
    let mut count = 0;
    for entry in fs::read_dir(folder()).unwrap().flatten() {
        let file = entry.file_name().into_string().unwrap();
        if Path::new(&file)
            .extension()
            .is_none_or(|kind| kind != "yaml")
        {
            continue;
        }
        let deployed = Deployed::read(&file);
        deployed.example();
        assert!(
            !deployed.called_over_grpc(),
            "{file}: tests call it over REST"
        );
        assert!(page.contains(&format!("[{file}]({file})")), "{file}");
        count += 1;
    }
    assert!(count >= 2, "{count} manifests");
}

/// A document of `deploy/kubernetes`.
fn plain(file: &str) -> Value {
    let path = root().join("deploy/kubernetes").join(file);
    serde_yaml_ng::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn deployment_without_seldon_core_has_the_pages_that_it_is_probed_by() {
    let deployment = plain("deployment.yaml");
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let mut command = bare_command(&root().join("examples/iris"))
        .env("STREELING_PYTHON", &*PYTHON)
        .env("PREDICTIVE_UNIT_HTTP_SERVICE_PORT", "0")
        .env("PREDICTIVE_UNIT_GRPC_SERVICE_PORT", "0")
        .args(["Iris"]);
    for variable in container["env"].as_array().unwrap() {
        let [name, value] = ["name", "value"].map(|key| variable[key].as_str().unwrap());
        command = command.env(name, value);
    }
    let server = command.start().unwrap();
    let get = |path: &Value| {
        let request = Request::get(path.as_str().unwrap());
        request.send(server.metrics_address(), TIMEOUT).unwrap()
    };
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        let response = get(&container[probe]["httpGet"]["path"]);
        assert_eq!(response.status, 200, "{probe}");
    }
    let monitor = plain("podmonitor.yaml");
    let scrape = get(&monitor["spec"]["podMetricsEndpoints"][0]["path"]);
    let scrape = String::from_utf8(scrape.body).unwrap();
    assert!(scrape.contains("\nstreeling_queue_length{"), "{scrape}");
    // Two processes behind both ports, and not two behind each.
    assert_eq!(workers(server.pid()).len(), 2);
    let row = tensor([1, 4], &[5.9, 3.0, 4.2, 1.5]);
    let response = predict(server.grpc_address(), row).unwrap();
    assert_eq!(values(&response).0, [1, 3]);
}

#[test]
fn runtime_of_kserve_serves_a_class_by_the_pages_that_it_is_probed_by() {
    let path = root().join("deploy/kserve/runtime.yaml");
    let runtime: Value = serde_yaml_ng::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let container = &runtime["spec"]["containers"][0];
    let folder = tempfile::tempdir().unwrap();
    let source = "class Model:\n    def predict(self, X, names):\n        return X\n";
    fs::write(folder.path().join("Model.py"), source).unwrap();
    let words = |list: &Value| -> Vec<String> {
        let words = list.as_array().unwrap().iter();
        words
            .map(|word| word.as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(words(&container["command"]), ["/usr/local/bin/streeling"]);
    // The command runs in the folder that the model lies in.
    assert_eq!(container["workingDir"], "/mnt/models");
    let mut command = bare_command(folder.path())
        .env("STREELING_PYTHON", &*PYTHON)
        .args(words(&container["args"]))
        .args(["--app-dir", folder.path().to_str().unwrap()]);
    for variable in container["env"].as_array().unwrap() {
        let [name, value] = ["name", "value"].map(|key| variable[key].as_str().unwrap());
        let value = match name {
            "MLSERVER_HTTP_PORT" | "MLSERVER_GRPC_PORT" => "0",
            _ => value,
        };
        command = command.env(name, value.replace("{{.Name}}", "iris"));
    }
    let server = command.start().unwrap();
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        let path = container[probe]["httpGet"]["path"].as_str().unwrap();
        eventually(probe, || {
            server.send(&Request::get(path)).unwrap().status == 200
        });
    }
    let input = json!({"name": "x", "datatype": "FP32", "shape": [1], "data": [0.5]});
    let body = json!({"inputs": [input]}).to_string();
    let request = Request::json("/v2/models/iris/infer", body);
    let (status, response) = send_json(&server, &request);
    assert_eq!(status, 200, "{response}");
    assert_eq!(response["outputs"][0]["data"], json!([0.5]));
}

#[test]
fn orchestrator_calls_a_unit_by_v2_where_the_manifest_says_so() {
    let deployed = Deployed::read("v2.yaml");
    assert_eq!(deployed.protocol, Protocol::V2);
    let pod = Pod::start(&deployed, &[]);
    let input = json!({"name": "x", "datatype": "FP64", "shape": [1, 2], "data": [1.0, 3.0]});
    let body = json!({"inputs": [input]}).to_string();
    let path = format!("/v2/models/{}/infer", deployed.name());
    let (status, response) = send_json(&pod.server, &Request::json(&path, body));
    assert_eq!(status, 200, "{response}");
    let probable = response["outputs"][0]["data"][0].as_f64().unwrap();
    assert!(close(probable, probability(2.0, 1.5)), "{probable}");
    for page in ["/v2/health/live", "/v2/health/ready"] {
        assert_eq!(pod.server.send(&Request::get(page)).unwrap().status, 200);
    }
}

#[test]
fn four_and_four_workers_are_eight_processes() {
    let pod = Pod::start(&Deployed::read("workers.yaml"), &[]);
    pod.has_workers(8);
    let workers = pod.workers();
    assert_eq!(pod.ports().len(), 2);
    assert_eq!(listening(pod.server.pid()), pod.open());

    // graph.parameters says that the threshold is 1.5.
    let (probable, tags) = pod.rest([1.0, 3.0]);
    assert!(close(probable, probability(2.0, 1.5)), "{probable}");
    assert_eq!(tags["threshold"], 1.5);
    let rest = u32::try_from(tags["pid"].as_u64().unwrap()).unwrap();
    let (probable, grpc) = pod.grpc([0.0, 1.0]);
    assert!(close(probable, probability(0.5, 1.5)), "{probable}");
    assert!(workers.contains(&rest) && workers.contains(&grpc));
    assert_ne!(rest, grpc, "a worker responses on one port");
}

#[test]
fn no_grpc_workers_are_no_port_and_no_process() {
    let pod = Pod::start(&Deployed::read("rest_only.yaml"), &[]);
    pod.has_workers(1);
    assert_eq!(pod.grpc, None);
    assert_eq!(pod.ports(), BTreeSet::from([pod.server.address().port()]));
    assert_eq!(listening(pod.server.pid()), pod.open());
    let (probable, tags) = pod.rest([1.0, 3.0]);
    assert!(close(probable, probability(2.0, 0.0)), "{probable}");
    assert_eq!(tags["threshold"], 0.0);
}

#[test]
fn shared_workers_are_as_many_as_the_larger_number() {
    let more = [
        ("GUNICORN_WORKERS", "2"),
        ("GRPC_WORKERS", "3"),
        ("STREELING_WORKER_POOL", "shared"),
    ];
    let pod = Pod::start(&Deployed::read("workers.yaml"), &more);
    pod.has_workers(3);
    assert_eq!(listening(pod.server.pid()), pod.open());
    assert_eq!(pod.ports().len(), 2);
}

#[test]
fn shared_worker_serves_both_ports() {
    let more = [
        ("GUNICORN_WORKERS", "1"),
        ("GRPC_WORKERS", "1"),
        ("STREELING_WORKER_POOL", "shared"),
    ];
    let pod = Pod::start(&Deployed::read("workers.yaml"), &more);
    pod.has_workers(1);
    let (_, tags) = pod.rest([1.0, 3.0]);
    let (_, grpc) = pod.grpc([1.0, 3.0]);
    assert_eq!(tags["pid"], grpc);
    assert!(pod.workers().contains(&grpc));
}

/// Has 12 clients call the model at once, of which so many must be inside it and the others wait.
fn twelve_calls_are_inside_at_a_time(pod: &Pod, inside: u32) {
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| pod.rest([-1.0, 1.0]));
        }
        let counts = || {
            // Where the operator wants it.
            let text = scrape_at(&pod.server, "/prometheus");
            let of = |name| value(&text, name, &[("pool", "rest")]);
            ["streeling_threads_busy", "streeling_queue_length"].map(of)
        };
        eventually("twelve calls", || counts().iter().sum::<f64>() == 12.0);
        assert_eq!(counts(), [inside, 12 - inside].map(f64::from));
        pod.gate.open();
    });
    let (_, tags) = pod.rest([1.0, 3.0]);
    assert_eq!(tags["peak"], inside);
}

#[test]
fn five_threads_are_five_calls_at_a_time() {
    let pod = Pod::start(&Deployed::read("threads.yaml"), &[]);
    pod.has_workers(2);
    twelve_calls_are_inside_at_a_time(&pod, 5);
}

#[test]
fn single_thread_is_one_call_at_a_time() {
    let pod = Pod::start(
        &Deployed::read("single_threaded.yaml"),
        &[("GUNICORN_THREADS", "8")],
    );
    pod.has_workers(2);
    twelve_calls_are_inside_at_a_time(&pod, 1);
}

#[test]
fn development_server_has_one_worker_and_says_what_it_is() {
    let pod = Pod::start(
        &Deployed::read("debug.yaml"),
        &[("GUNICORN_WORKERS", "3"), ("GRPC_WORKERS", "0")],
    );
    pod.has_workers(1);
    pod.server.wait_for_log("not for production");
    assert!(pod.server.log().iter().any(|line| line.contains("DEBUG")));
    let body = r#"{"data":{"ndarray":[["a","b"]]}}"#;
    let (status, response) = send_json(&pod.server, &Request::json("/predict", body.to_owned()));
    assert_eq!(status, 500);
    let info = response["status"]["info"].as_str().unwrap();
    assert!(
        info.contains("Traceback") && info.contains("Traced.py"),
        "{info}"
    );
}
