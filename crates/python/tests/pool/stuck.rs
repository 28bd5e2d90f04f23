//! Components that do not come back from a call.

use std::time::Duration;

use crate::support::{Served, eventually, gone};

const PATIENCE: Duration = Duration::from_millis(300);

/// Long enough for a busy machine, and far below what a stuck worker is given.
const LONG: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_worker_holds_up_nobody_and_is_replaced() {
    let served = Served::start(|config| config.workers = 2).await;
    assert_eq!(served.ask_within("hang", PATIENCE).await, None);
    let other = served.ask_within("pid", LONG).await.unwrap();
    for _ in 0..50 {
        let found = served.ask_within("pid", LONG).await;
        assert_eq!(found.as_deref(), Some(other.as_str()));
    }
    let live = served.pool.live();
    assert_eq!(*live.borrow(), 2);
    // Both at once need both workers.
    eventually("the hung one is replaced", || async {
        let (one, two) = tokio::join!(
            served.ask_within("until go", PATIENCE),
            served.ask_within("pid", PATIENCE)
        );
        assert_eq!(one, None);
        served.write("go", "");
        let found = served.ask_within("pid", LONG).await;
        served.remove("go");
        two.is_some_and(|two| two != other) || found.is_some_and(|found| found != other)
    })
    .await;
    served.stop().await;
}

/// Nothing in the process can run any more, so it looks like one stuck thread of two.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_with_a_stuck_thread_gets_a_successor() {
    let served = Served::start(|config| config.worker.threads = 2).await;
    let old = served.pid().await;
    assert_eq!(served.ask_within("freeze", PATIENCE).await, None);
    eventually("a successor serves", || async {
        let found = served.ask_within("pid", PATIENCE).await;
        found.is_some_and(|found| found != old)
    })
    .await;
    gone(&old).await;
    served.one_death("fault").await;
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_has_its_successor_and_is_killed_is_lost() {
    let served = Served::start(|config| config.worker.threads = 2).await;
    let old = served.pid().await;
    assert_eq!(served.ask_within("until never", PATIENCE).await, None);
    eventually("a successor serves", || async { served.pid().await != old }).await;
    assert_eq!(served.deaths(), []);
    gone(&old).await;
    served.one_death("fault").await;
    served.stop().await;
}
