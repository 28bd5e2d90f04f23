//! Workers that take more memory than they may.

use std::time::Duration;

use streeling_core::ErrorKind;
use streeling_python::StartError;

use crate::support::{Log, Served, config, eventually, gone, python, within};

/// Far more than an interpreter takes.
const LIMIT: u64 = 200 << 20;

const GROWS: &str = r#"
import os
import time

HERE = os.path.dirname(os.path.abspath(__file__))


class Model:
    def __init__(self):
        self.kept = []

    def predict(self, X, names):
        if X == "keep":
            # Less than what shows that it grows on within one call.
            self.kept.append(b"x" * (8 << 20))
        elif X == "grow":
            while True:
                self.kept.append(b"x" * (4 << 20))
                time.sleep(0.01)
        elif X == "wait":
            open(os.path.join(HERE, f"entered-wait-{os.getpid()}"), "w").close()
            while not os.path.exists(os.path.join(HERE, "go")):
                time.sleep(0.01)
        return str(os.getpid())
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_has_ended_its_request_is_replaced_in_order() {
    let log = Log::start();
    let served = Served::start_with(GROWS, |config| config.worker_memory = Some(LIMIT)).await;
    let old = served.pid().await;
    // It grows slowly, so that it is seen before it takes twice as much.
    let replaced = || async {
        tokio::time::sleep(Duration::from_millis(40)).await;
        served.call("keep").await.unwrap() != old
    };
    eventually("its successor", replaced).await;
    gone(&old).await;
    log.containing("bytes of memory, allowed are 209715200 (--worker-memory")
        .await;
    assert_eq!(served.replacements("memory"), 1.0);
    assert_eq!(served.losses(), []);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_grows_without_end_is_killed() {
    let served = Served::start_with(GROWS, |config| config.worker_memory = Some(LIMIT)).await;
    let old = served.pid().await;
    let error = within(served.call("grow")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Component, "{error}");
    assert_eq!(error.reason.as_deref(), Some("WORKER_MEMORY"));
    assert!(error.info.contains("STREELING_WORKER_MEMORY"), "{error}");
    served.one_loss("memory").await;
    gone(&old).await;
    // It is one of those that workers die of.
    within(served.call("grow")).await.unwrap_err();
    let error = within(served.call("grow")).await.unwrap_err();
    assert_eq!(error.reason.as_deref(), Some("REQUEST_QUARANTINED"));
    served.call("pid").await.unwrap();
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn others_on_the_worker_are_lost_and_may_try_again() {
    let served = Served::start_with(GROWS, |config| {
        config.worker_memory = Some(LIMIT);
        config.threads = 2;
    })
    .await;
    let other = served.spawn("wait");
    served.entered("wait", 1).await;
    let error = within(served.call("grow")).await.unwrap_err();
    for error in [error, other.await.unwrap().unwrap_err()] {
        assert_eq!(error.kind, ErrorKind::WorkerLost, "{error}");
        assert!(error.info.contains("--worker-memory"), "{error}");
    }
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_takes_more_once_it_is_loaded_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let model = "class Model:\n    def load(self):\n        self.kept = b'x' * (250 << 20)\n";
    std::fs::write(folder.path().join("model.py"), model).unwrap();
    let mut config = config(python(), folder.path());
    config.worker_memory = Some(LIMIT);
    let error = within(config.pool().start()).await.unwrap_err();
    assert!(
        matches!(error, StartError::Memory { resident, limit: LIMIT } if resident > 250 << 20),
        "{error}"
    );
    assert!(error.to_string().contains("--worker-memory"), "{error}");
}
