//! Components that do not return from a call.

use std::time::Duration;

use crate::support::{Served, eventually, gone};

const TIMEOUT: Duration = Duration::from_millis(300);

/// Long enough for a busy machine, and far below the time after which a worker counts as stuck.
const LONG: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_worker_does_not_delay_others_and_is_replaced() {
    let served = Served::start(|config| config.workers = 2).await;
    assert_eq!(served.call_within("hang", TIMEOUT).await, None);
    let other = served.call_within("pid", LONG).await.unwrap();
    for _ in 0..50 {
        let found = served.call_within("pid", LONG).await;
        assert_eq!(found.as_deref(), Some(other.as_str()));
    }
    let live = served.pool.live();
    assert_eq!(*live.borrow(), 2);
    // Both at once need both workers.
    eventually("the replacement of the hung one", || async {
        let (one, two) = tokio::join!(
            served.call_within("until go", TIMEOUT),
            served.call_within("pid", TIMEOUT)
        );
        assert_eq!(one, None);
        served.write("go", "");
        let found = served.call_within("pid", LONG).await;
        served.remove("go");
        two.is_some_and(|two| two != other) || found.is_some_and(|found| found != other)
    })
    .await;
    served.stop().await;
}

/// No Python code in the process can run any more, which looks like one stuck thread of two.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_with_a_stuck_thread_gets_a_successor() {
    let served = Served::start(|config| config.worker.threads = 2).await;
    let old = served.pid().await;
    assert_eq!(served.call_within("freeze", TIMEOUT).await, None);
    eventually("a successor", || async {
        let found = served.call_within("pid", TIMEOUT).await;
        found.is_some_and(|found| found != old)
    })
    .await;
    gone(&old).await;
    served.one_loss("fault").await;
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_after_its_successor_has_started_counts_as_lost() {
    let served = Served::start(|config| config.worker.threads = 2).await;
    let old = served.pid().await;
    assert_eq!(served.call_within("until never", TIMEOUT).await, None);
    eventually("a successor", || async { served.pid().await != old }).await;
    assert_eq!(served.losses(), []);
    gone(&old).await;
    served.one_loss("fault").await;
    served.stop().await;
}
