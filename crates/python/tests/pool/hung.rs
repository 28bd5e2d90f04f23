//! Calls and starts that do not come to an end, without any deadline.

use std::time::Duration;

use streeling_core::ErrorKind;
use streeling_python::StartError;

use crate::support::{Served, eventually, gone, within};

const TIME: Duration = Duration::from_millis(300);

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_hangs_is_ended_and_its_worker_replaced() {
    let served = Served::start(|config| config.hang_timeout = Some(TIME)).await;
    let old = served.pid().await;
    for text in ["freeze", "freeze"] {
        let error = within(served.call(text)).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Deadline, "{error}");
        assert!(error.info.contains("--hang-timeout"), "{error}");
    }
    gone(&old).await;
    // It is one of those that workers die of.
    let error = within(served.call("freeze")).await.unwrap_err();
    assert_eq!(error.reason.as_deref(), Some("REQUEST_QUARANTINED"));
    served.pid().await;
    assert_eq!(served.losses(), [("fault".to_owned(), 2.0)]);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_threads_of_the_worker_finish_what_they_have() {
    let served = Served::start(|config| {
        config.threads = 2;
        config.hang_timeout = Some(Duration::from_secs(2));
    })
    .await;
    let old = served.pid().await;
    let hung = served.spawn("until never");
    served.entered("never", 1).await;
    let error = within(hung).await.unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Deadline, "{error}");
    eventually("a successor", || async { served.pid().await != old }).await;
    // It has been retired, and what is left on it has no caller.
    gone(&old).await;
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_hangs_ends_a_reload_and_later_ones_go_on() {
    let served = Served::start(|config| {
        config.component.start_timeout = Some(Duration::from_secs(5));
    })
    .await;
    let old = served.pid().await;
    served.write("hold", "");
    let error = within(served.reload()).await.unwrap_err();
    assert!(matches!(error, StartError::Hung { .. }), "{error}");
    assert_eq!(served.pid().await, old);
    served.remove("hold");
    within(served.reload()).await.unwrap();
    assert_ne!(served.pid().await, old);
    served.stop().await;
}
