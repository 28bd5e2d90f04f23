//! Components that do not return from a call.

use std::time::Duration;

use crate::support::{Served, eventually, gone};

/// So long a caller waits for a call that never ends.
const DEADLINE: Duration = Duration::from_millis(500);

/// Has a call with this second word get stuck in the component, and its caller leave. A machine may
/// take the whole time to bring a call to the component, which then refuses it.
async fn stick(served: &Served, text: &str, name: &str) {
    let mark = format!("entered-{name}-");
    for _ in 0..20 {
        assert_eq!(served.call_within(text, DEADLINE).await, None);
        let mut files = std::fs::read_dir(served.folder.path()).unwrap();
        let is_mark = |file: std::io::Result<std::fs::DirEntry>| {
            let name = file.unwrap().file_name().into_string().unwrap();
            name.starts_with(&mark)
        };
        if files.any(is_mark) {
            return;
        }
    }
    panic!("no call came to the component");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_worker_does_not_delay_others_and_is_replaced() {
    let served = Served::start(|config| config.workers = 2).await;
    stick(&served, "hang x", "x").await;
    let hung = served.entered("x", 1).await;
    let other = served.pid().await;
    assert!(!hung.contains(&other));
    for _ in 0..50 {
        assert_eq!(served.pid().await, other);
    }
    // Its successor, too, is in its place only when it has loaded.
    let starts = || async { served.sample("streeling_worker_starts_total") == 3.0 };
    eventually("the replacement of the hung one", starts).await;
    let calls = [served.spawn("until go"), served.spawn("until go")];
    let both = served.entered("go", 2).await;
    assert!(both.contains(&other) && both.is_disjoint(&hung), "{both:?}");
    served.write("go", "");
    for call in calls {
        call.await.unwrap().unwrap();
    }
    served.one_loss("fault").await;
    served.stop().await;
}

/// No Python code in the process can run any more, which looks like one stuck thread of two.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_with_a_stuck_thread_gets_a_successor() {
    let served = Served::start(|config| config.threads = 2).await;
    let old = served.pid().await;
    stick(&served, "freeze x", "x").await;
    let starts = || async { served.sample("streeling_worker_starts_total") == 2.0 };
    eventually("a successor", starts).await;
    assert_ne!(served.pid().await, old);
    gone(&old).await;
    served.one_loss("fault").await;
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_after_its_successor_has_started_counts_as_lost() {
    let served = Served::start(|config| config.threads = 2).await;
    let old = served.pid().await;
    stick(&served, "until never", "never").await;
    eventually("a successor", || async { served.pid().await != old }).await;
    gone(&old).await;
    served.one_loss("fault").await;
    served.stop().await;
}
