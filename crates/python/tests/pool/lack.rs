//! Starts for which the system lacks processes: they are waited for, and count for nothing.

use std::collections::BTreeSet;

use crate::support::{Log, Served, eventually};

/// Whose processes may not be forked as often as the file `refused` says; it dies of `die`.
const REFUSED: &str = r#"
import errno
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
template = sys.modules["streeling_worker.template"]
fork = template._fork


def limited():
    path = os.path.join(HERE, "refused")
    if os.path.exists(path):
        with open(path) as file:
            left = int(file.read())
        if left:
            with open(path, "w") as file:
                file.write(str(left - 1))
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return fork()


template._fork = limited
open(os.path.join(HERE, f"imported-{os.getpid()}"), "w").close()


class Model:
    def predict(self, X, names):
        if X == "die":
            os._exit(9)
        return str(os.getpid())
"#;

/// The processes that have imported the component.
fn importers(served: &Served) -> BTreeSet<String> {
    let files = std::fs::read_dir(served.folder.path()).unwrap();
    let names = files.filter_map(|file| file.unwrap().file_name().into_string().ok());
    names
        .filter_map(|name| name.strip_prefix("imported-").map(str::to_owned))
        .collect()
}

fn left(served: &Served) -> String {
    std::fs::read_to_string(served.folder.path().join("refused")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_are_forked_as_soon_as_there_may_be_more_processes() {
    let log = Log::start();
    let served = Served::start_with(REFUSED, |config| {
        config.component.start = streeling_python::WorkerStart::Auto;
        config.tries = 3;
        // These are of the fork by which it is tried whether there can be any.
        std::fs::write(config.component.app_dir.join("refused"), "2").unwrap();
    })
    .await;
    assert_eq!(left(&served), "0");
    // Forking has not been given up for it.
    let template = importers(&served);
    assert_eq!(template.len(), 1);
    assert!(!template.contains(&served.pid().await));
    // More often than the component may fail.
    served.write("refused", "6");
    served.call("die").await.unwrap_err();
    eventually("the delays", || async { left(&served) == "0" }).await;
    let pid = served.pid().await;
    assert!(!template.contains(&pid));
    assert_eq!(served.sample("streeling_worker_start_delays_total"), 6.0);
    log.containing("no process or thread more may be made (EAGAIN): raise the limit of processes")
        .await;
    assert_eq!(served.sample("streeling_worker_start_failures_total"), 0.0);
    assert_eq!(served.sample("streeling_quarantined_requests"), 0.0);
    // Neither is the template lost for it.
    assert_eq!(importers(&served), template);

    served.write("refused", "2");
    served.reload().await.unwrap();
    assert_ne!(served.pid().await, pid);
    assert_eq!(served.sample("streeling_worker_start_failures_total"), 0.0);
    served.stop().await;
}
