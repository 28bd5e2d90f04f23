//! A call that is slow where all others are fast.

use streeling_core::Result;
use tokio::task::JoinHandle;

use crate::support::{Served, eventually, gone, kill, within};

/// Fast calls that go on until the class is known to be.
async fn warm_up(served: &Served) {
    for _ in 0..300 {
        served.pid().await;
    }
}

/// Sends many requests at once, the first of which does not return, so that the others lie behind
/// it, and waits for the others.
async fn surprise(served: &Served, text: &'static str) -> JoinHandle<Result<String>> {
    let first = served.spawn(text);
    let rest: Vec<_> = (0..40).map(|_| served.spawn("pid")).collect();
    for call in rest {
        within(call).await.unwrap().unwrap();
    }
    assert!(!first.is_finished());
    first
}

#[tokio::test]
async fn requests_behind_a_slow_call_move_to_an_idle_thread() {
    let served = Served::start(|config| config.threads = 3).await;
    warm_up(&served).await;
    // The second one has the last idle thread take over from the first that did.
    let first = surprise(&served, "until first").await;
    let second = surprise(&served, "until second").await;
    served.write("first", "");
    within(first).await.unwrap().unwrap();
    // The thread that was relieved is as good as any other.
    let third = surprise(&served, "until third").await;
    served.write("second", "");
    served.write("third", "");
    within(second).await.unwrap().unwrap();
    within(third).await.unwrap().unwrap();
    assert!(served.losses().is_empty());
    served.stop().await;
}

/// With all threads in slow calls the rest waits; it moves to the first that is idle.
#[tokio::test]
async fn requests_behind_slow_calls_wait_for_the_first_idle_thread() {
    let served = Served::start(|config| config.threads = 2).await;
    warm_up(&served).await;
    let slow = served.spawn("until one");
    served.entered("one", 1).await;
    let behind = served.spawn("until two");
    let rest: Vec<_> = (0..20).map(|_| served.spawn("pid")).collect();
    served.entered("two", 1).await;
    served.write("one", "");
    for call in rest {
        within(call).await.unwrap().unwrap();
    }
    assert!(!behind.is_finished());
    within(slow).await.unwrap().unwrap();
    served.write("two", "");
    within(behind).await.unwrap().unwrap();
    served.stop().await;
}

#[tokio::test]
async fn requests_in_a_retired_worker_move_too() {
    let served = Served::start(|config| config.threads = 2).await;
    warm_up(&served).await;
    let slow = served.spawn("until go");
    let rest: Vec<_> = (0..40).map(|_| served.spawn("pid")).collect();
    let old = served.entered("go", 1).await;
    served.reload().await.unwrap();
    for call in rest {
        within(call).await.unwrap().unwrap();
    }
    served.write("go", "");
    let pid = within(slow).await.unwrap().unwrap();
    assert!(old.contains(&pid));
    gone(&pid).await;
    assert!(served.losses().is_empty());
    served.stop().await;
}

#[tokio::test]
async fn a_call_that_was_left_behind_fails_with_its_worker() {
    let served = Served::start(|config| config.threads = 2).await;
    warm_up(&served).await;
    let pid = served.pid().await;
    let slow = surprise(&served, "until never").await;
    kill(&pid);
    assert!(within(slow).await.unwrap().is_err());
    eventually("a successor", || async { served.call("pid").await.is_ok() }).await;
    served.stop().await;
}
