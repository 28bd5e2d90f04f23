//! Workers that are replaced, lost, added and removed.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use streeling_core::{ErrorKind, Result};
use streeling_python::{Recycle, StartError};
use tokio::task::{JoinHandle, JoinSet};

use crate::support::{Log, Served, alone, config, eventually, gone, kill, python, within};

#[tokio::test(flavor = "multi_thread")]
async fn a_recycled_worker_serves_until_its_successor_has_loaded() {
    let recycle = Some(Recycle {
        after: 5,
        jitter: 0,
    });
    let served = Served::start(|config| config.recycle = recycle).await;
    served.write("hold", "");
    let old = served.pid().await;
    for _ in 0..20 {
        assert_eq!(served.pid().await, old, "its successor is still loading");
    }
    served.remove("hold");
    eventually("the successor", || async { served.pid().await != old }).await;
    gone(&old).await;
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_that_fails_leaves_the_old_one_in_service() {
    let recycle = Some(Recycle {
        after: 2,
        jitter: 0,
    });
    let served = Served::start(|config| {
        config.recycle = recycle;
        config.tries = 1;
    })
    .await;
    served.write("broken", "");
    let old = served.pid().await;
    eventually("two failures", || async {
        assert_eq!(served.pid().await, old);
        served.sample("streeling_worker_start_failures_total") >= 2.0
    })
    .await;
    served.remove("broken");
    eventually("a later try", || async { served.pid().await != old }).await;
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recycling_under_load_fails_no_request() {
    let recycle = Some(Recycle {
        after: 100,
        jitter: 50,
    });
    let served = Served::start(|config| {
        config.recycle = recycle;
        config.workers = 2;
    })
    .await;
    let pids = Arc::new(Mutex::new(HashSet::new()));
    let mut callers = JoinSet::new();
    for _ in 0..16 {
        let (served, pids) = (served.clone(), Arc::clone(&pids));
        callers.spawn(async move {
            while pids.lock().unwrap().len() < 8 {
                let pid = served.pid().await;
                pids.lock().unwrap().insert(pid);
            }
        });
    }
    within(callers.join_all()).await;
    let pids = pids.lock().unwrap().clone();
    served.stop().await;
    for pid in &pids {
        gone(pid).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_loads_new_code_and_the_old_worker_finishes() {
    let served = Served::start(|_| {}).await;
    let old = served.pid().await;
    assert_eq!(served.call("version").await.unwrap(), "one");
    let slow = served.spawn("until go");
    served.entered("go", 1).await;
    // It also takes another kind of request.
    let new_code = "class Model:\n    def predict_raw(self, message):\n        return 'two'\n";
    served.write("model.py", new_code);
    served.reload().await.unwrap();
    assert_eq!(served.call("version").await.unwrap(), "\"two\"");
    assert!(!slow.is_finished());
    served.write("go", "");
    assert_eq!(slow.await.unwrap().unwrap(), old);
    gone(&old).await;
    served.stop().await;
    assert_eq!(served.losses(), []);
}

/// Sends a request that never ends, and has its worker retired.
async fn reload_under(served: &Served) -> JoinHandle<Result<String>> {
    let slow = served.spawn("until never");
    served.entered("never", 1).await;
    served.reload().await.unwrap();
    slow
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_worker_that_is_lost_before_it_has_finished_is_counted() {
    let log = Log::start();
    let served = Served::start(|_| {}).await;
    let old = served.pid().await;
    let slow = reload_under(&served).await;
    assert_eq!(served.losses(), []);
    kill(&old);
    let error = slow.await.unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::WorkerLost);
    served.one_loss("signal").await;
    let line = log.line("old worker lost: signal: 9 (SIGKILL)").await;
    assert_eq!(line["level"], "WARN");
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_worker_that_exits_with_a_request_in_flight_is_lost_even_with_code_0() {
    let model = r#"
import os
import time


HERE = os.path.dirname(os.path.abspath(__file__))


class Model:
    def predict(self, X, names):
        open(os.path.join(HERE, f"entered-never-{os.getpid()}"), "w").close()
        while not os.path.exists(os.path.join(HERE, "exit")):
            time.sleep(0.005)
        os._exit(0)
"#;
    let served = Served::start_with(model, |_| {}).await;
    let slow = reload_under(&served).await;
    assert_eq!(served.losses(), []);
    served.write("exit", "");
    let error = slow.await.unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::WorkerLost);
    served.one_loss("exited").await;
    served.stop().await;
}

/// It has responded to all its requests, so nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_worker_that_does_not_exit_is_killed_and_not_lost() {
    let model = r#"
import atexit
import os
import time


class Model:
    def load(self):
        atexit.register(time.sleep, 600)

    def predict(self, X, names):
        return str(os.getpid())
"#;
    let log = Log::start();
    let served = Served::start_with(model, |_| {}).await;
    let old = served.pid().await;
    served.reload().await.unwrap();
    gone(&old).await;
    let line = log
        .line("old worker ended: killed: it did not exit within 5s of its last response")
        .await;
    assert_eq!(line["level"], "WARN");
    served.stop().await;
    assert_eq!(served.losses(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_after_the_grace_is_not_lost() {
    let served = Served::start(|_| {}).await;
    let pid = served.pid().await;
    let endless = served.spawn("until never");
    served.entered("never", 1).await;
    served.pool.stop(Duration::from_millis(100)).await;
    endless.await.unwrap().unwrap_err();
    gone(&pid).await;
    assert_eq!(served.losses(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_that_fails_changes_nothing() {
    let served = Served::start(|config| config.workers = 2).await;
    let mut live = served.pool.live();
    assert_eq!(*live.borrow_and_update(), 2);
    let old = served.pid().await;
    served.write("broken", "");
    let error = served.reload().await.unwrap_err();
    assert!(
        matches!(
            &error,
            StartError::Component { traceback, .. } if traceback.contains("broken on purpose")
        ),
        "{error}"
    );
    assert_eq!(served.pid().await, old);
    assert!(!live.has_changed().unwrap());
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_a_killed_worker_fail_at_once_and_later_ones_wait() {
    let served = Served::start(|_| {}).await;
    let mut live = served.pool.live();
    let old = served.pid().await;
    let slow = served.spawn("until never");
    served.entered("never", 1).await;
    served.write("hold", "");
    kill(&old);
    let error = slow.await.unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::WorkerLost);
    within(live.wait_for(|live| *live == 0)).await.unwrap();
    let waiting = served.spawn("pid");
    served.queued(1.0).await;
    served.remove("hold");
    assert_ne!(waiting.await.unwrap().unwrap(), old);
    assert_eq!(*live.borrow(), 1);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_error_of_an_interpreter_that_cannot_be_started_has_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let pool = config("/nope/python".into(), folder.path()).pool();
    let error = pool.start().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot start the interpreter '/nope/python' (--python, STREELING_PYTHON): No such file \
         or directory (os error 2)"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_cannot_be_loaded_again_ends_the_pool() {
    let served = Served::start(|_| {}).await;
    let old = served.pid().await;
    served.write("broken", "");
    kill(&old);
    let mut live = served.pool.live();
    within(live.wait_for(|live| *live == 0)).await.unwrap();
    let both = async { tokio::join!(served.call("pid"), served.pool.failed()) };
    let (waiting, failed) = within(both).await;
    assert_eq!(waiting.unwrap_err().kind, ErrorKind::WorkerLost);
    assert!(matches!(failed, StartError::GaveUp { tries: 3, .. }));
    assert!(
        failed.to_string().contains("ValueError: broken on purpose"),
        "{failed}"
    );
    let error = served.call("pid").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::WorkerLost);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_always_lost_unused_ends_the_pool() {
    let folder = tempfile::tempdir().unwrap();
    let dying = r#"
import os
import threading
import time


class Model:
    def load(self):
        threading.Thread(target=self.die, daemon=True).start()

    def die(self):
        here = os.path.dirname(os.path.abspath(__file__))
        while not os.path.exists(os.path.join(here, f"exit-{os.getpid()}")):
            time.sleep(0.005)
        os._exit(7)
"#;
    std::fs::write(folder.path().join("model.py"), dying).unwrap();
    let pool = config(python(), folder.path()).pool();
    pool.start().await.unwrap();
    // Each ends as soon as it has taken its place, and not before.
    let mut live = pool.live();
    let end_each = async {
        loop {
            within(live.wait_for(|live| *live == 1)).await.unwrap();
            let file = format!("exit-{}", pool.processes()[&0]);
            std::fs::write(folder.path().join(file), "").unwrap();
            within(live.wait_for(|live| *live == 0)).await.unwrap();
        }
    };
    let failed = tokio::select! {
        failed = pool.failed() => failed,
        () = end_each => unreachable!("it goes on until the pool gives up"),
    };
    assert!(
        matches!(&failed, StartError::GaveUp { last, .. } if matches!(**last, StartError::Lost(_))),
        "{failed}"
    );
    assert!(failed.to_string().contains("exit status: 7"), "{failed}");
    pool.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_while_another_serves_does_not_count_as_failed() {
    let served = Served::start(|config| {
        config.workers = 2;
        config.tries = 1;
    })
    .await;
    let mut live = served.pool.live();
    let unused = std::fs::read_dir(served.folder.path())
        .unwrap()
        .find_map(|file| {
            let name = file.unwrap().file_name().into_string().unwrap();
            name.strip_prefix("loaded-").map(str::to_owned)
        });
    kill(&unused.unwrap());
    within(live.wait_for(|live| *live == 1)).await.unwrap();
    within(live.wait_for(|live| *live == 2)).await.unwrap();
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_can_be_added_and_removed() {
    let served = Served::start(|_| {}).await;
    let mut live = served.pool.live();
    served.pool.resize(3).await.unwrap();
    assert_eq!((served.pool.workers(), *live.borrow()), (3, 3));
    let slow = [(); 3].map(|()| served.spawn("until go"));
    assert_eq!(served.entered("go", 3).await.len(), 3);
    served.pool.resize(0).await.unwrap();
    within(live.wait_for(|live| *live == 1)).await.unwrap();
    assert_eq!(served.pool.workers(), 1, "there is always one");
    served.write("go", "");
    let mut pids = HashSet::new();
    for one in slow {
        pids.insert(one.await.unwrap().unwrap());
    }
    assert_eq!(pids.len(), 3, "surplus workers finish their requests");
    let left = served.pid().await;
    for pid in pids.iter().filter(|pid| **pid != left) {
        gone(pid).await;
    }
    served.write("broken", "");
    served.pool.resize(2).await.unwrap_err();
    assert_eq!((served.pool.workers(), *live.borrow()), (1, 1));
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_refuses_queued_requests() {
    let served = Served::start(|_| {}).await;
    let in_flight = served.spawn("until go");
    served.entered("go", 1).await;
    let waiting = served.spawn("pid");
    served.queued(1.0).await;
    let stop = tokio::spawn({
        let served = served.clone();
        async move { served.stop().await }
    });
    assert_eq!(
        waiting.await.unwrap().unwrap_err().kind,
        ErrorKind::NotReady
    );
    served.write("go", "");
    in_flight.await.unwrap().unwrap();
    stop.await.unwrap();
    let error = served.call("pid").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::WorkerLost);
}

/// The server process that is killed below.
mod child {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "a process of another test"]
    async fn server_to_be_killed() {
        let folder = std::env::current_dir().unwrap();
        let pool = config(python(), &folder).pool();
        let started = pool.start().await;
        unreachable!("the load never ends: {started:?}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn workers_end_with_a_server_process_that_is_killed() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let freezes = r#"
import os


class Model:
    def load(self):
        with open("pid.part", "w") as file:
            file.write(str(os.getpid()))
        os.rename("pid.part", "pid")
        sum(range(10**15))
"#;
    std::fs::write(folder.path().join("model.py"), freezes).unwrap();
    let mut server = alone("life::child::server_to_be_killed", folder.path());
    let pid = folder.path().join("pid");
    eventually("the load", || async { pid.exists() }).await;
    server.kill().unwrap();
    server.wait().unwrap();
    gone(&std::fs::read_to_string(pid).unwrap()).await;
}
