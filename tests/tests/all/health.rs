//! `/live` and `/ready` on the metrics port.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;

use serde_json::json;
use streeling_testkit::{Request, Signal};

use crate::support::{
    GRPCURL, Gate, TIMEOUT, bare_command, command, command_in, eventually, root, scripted,
};

/// Status and body.
fn probe(address: SocketAddr, path: &str) -> (u16, String) {
    let response = Request::get(path).send(address, TIMEOUT).unwrap();
    (response.status, String::from_utf8(response.body).unwrap())
}

/// A component whose load ends when the file `go` is there.
fn slow_component(folder: &Path) {
    let text = "import os, time\n\
                class Slow:\n\
                \x20   def load(self):\n\
                \x20       while not os.path.exists('go'):\n\
                \x20           time.sleep(0.01)\n";
    std::fs::write(folder.join("Slow.py"), text).unwrap();
}

#[test]
fn ready_follows_the_load_and_live_does_not() {
    let folder = tempfile::tempdir().unwrap();
    slow_component(folder.path());
    let server = command_in(folder.path(), "Slow").start_loading().unwrap();
    let metrics = server.metrics_address();
    assert_eq!(probe(metrics, "/live").0, 200);
    let (status, why) = probe(metrics, "/ready");
    assert_eq!(status, 503);
    assert!(why.contains("loaded"), "{why}");
    assert!(!server.serves());
    std::fs::write(folder.path().join("go"), "").unwrap();
    eventually("readiness", || probe(metrics, "/ready").0 == 200);
    assert_eq!(probe(metrics, "/live").0, 200);
}

#[test]
fn not_ready_while_draining() {
    let mut server = scripted(&[]);
    let metrics = server.metrics_address();
    assert_eq!(probe(metrics, "/ready").0, 200);
    let gate = Gate::closed();
    std::thread::scope(|scope| {
        let call = scope.spawn(|| server.send(&gate.hold(0)).unwrap());
        server.wait_for_log("held with 0");
        server.signal(Signal::TERM).unwrap();
        eventually("the drain", || probe(metrics, "/ready").0 == 503);
        let (_, why) = probe(metrics, "/ready");
        assert!(why.contains("stopping"), "{why}");
        assert_eq!(probe(metrics, "/live").0, 200);
        gate.open();
        assert_eq!(call.join().unwrap().status, 200);
    });
    assert_eq!(server.wait(TIMEOUT).unwrap().code(), Some(0));
}

#[test]
fn not_ready_without_a_worker() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("go"), "").unwrap();
    slow_component(folder.path());
    let text = "import os, signal\n\
                from Slow import Slow\n\
                class Dying(Slow):\n\
                \x20   def predict(self, X, names):\n\
                \x20       os.remove('go')\n\
                \x20       os.kill(os.getpid(), signal.SIGKILL)\n";
    std::fs::write(folder.path().join("Dying.py"), text).unwrap();
    let server = command_in(folder.path(), "Dying")
        .args(["--grpc-port", "0", "--grpc-workers", "1"])
        .start()
        .unwrap();
    let serves = || {
        let address = server.grpc_address().to_string();
        let said = Command::new(&*GRPCURL)
            .args(["-plaintext", &address, "grpc.health.v1.Health/Check"])
            .output()
            .unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        assert!(said.contains("SERVING"), "{said}");
        !said.contains("NOT_SERVING")
    };
    eventually("health over gRPC", serves);
    let metrics = server.metrics_address();
    assert_eq!(probe(metrics, "/ready").0, 200);
    let body = json!({"data": {"ndarray": [[1.0]]}});
    let response = server
        .send(&Request::json("/predict", body.to_string()))
        .unwrap();
    assert_eq!(response.status, 503);
    eventually("unreadiness", || probe(metrics, "/ready").0 == 503);
    let (_, why) = probe(metrics, "/ready");
    assert!(why.contains("worker"), "{why}");
    assert!(!serves());
    assert_eq!(probe(metrics, "/live").0, 200);
    std::fs::write(folder.path().join("go"), "").unwrap();
    eventually("readiness", || probe(metrics, "/ready").0 == 200);
    eventually("health over gRPC", serves);
}

#[test]
fn other_paths_and_methods() {
    let server = scripted(&[]);
    let metrics = server.metrics_address();
    for path in ["/", "/livez", "/ready/"] {
        assert_eq!(probe(metrics, path).0, 404, "{path}");
    }
    for path in ["/live", "/ready?verbose=1"] {
        assert_eq!(probe(metrics, path), (200, "ok\n".to_owned()));
    }
    let posted = Request::json("/ready", "{}")
        .send(metrics, TIMEOUT)
        .unwrap();
    assert_eq!(posted.status, 405);
    assert_eq!(posted.headers["allow"], "GET, HEAD");
}

#[test]
fn metrics_port_in_use_is_found_before_any_worker_starts() {
    let taken = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let folder = tempfile::tempdir().unwrap();
    let marker = folder.path().join("imported");
    let ended = bare_command(&root().join("tests/components"))
        .env("STREELING_PYTHON", &*crate::support::PYTHON)
        .env("MARKER", &marker)
        .args(["broken.Fine", "--http-port", "0", "--metrics-port", &port])
        .run()
        .unwrap();
    assert_eq!(ended.code, Some(2), "{}", ended.log);
    for part in [
        &port,
        "--metrics-port",
        "PREDICTIVE_UNIT_METRICS_SERVICE_PORT",
    ] {
        assert!(ended.log.contains(part), "no \"{part}\" in {}", ended.log);
    }
    assert!(!marker.exists(), "the component was imported");
}

#[test]
fn ready_needs_workers_of_both_transports() {
    let command = command("Scripted")
        .env("GRPC_WORKERS", "1")
        .args(["--grpc-port", "0"]);
    let server = command.start().unwrap();
    assert_eq!(probe(server.metrics_address(), "/ready").0, 200);
}
