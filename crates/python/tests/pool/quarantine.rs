//! Requests of which workers die.

use std::time::Duration;

use streeling_core::{Context, Encoding, ErrorKind, Input, Method, RawMessage};

use crate::support::{Log, Served, eventually};

/// Dies of texts that begin with `die`, and of those with `late` when there is a file `exit`.
const DIES: &str = r#"
import os
import time

HERE = os.path.dirname(os.path.abspath(__file__))


class Model:
    def predict(self, X, names):
        if X.startswith("late"):
            open(os.path.join(HERE, f"entered-late-{os.getpid()}"), "w").close()
            while not os.path.exists(os.path.join(HERE, "exit")):
                time.sleep(0.005)
        if X.startswith(("die", "late")):
            os._exit(9)
        return str(os.getpid())
"#;

/// The kind and the text of the error of a request.
async fn error(served: &Served, text: &str) -> (ErrorKind, String) {
    let error = served.call(text).await.unwrap_err();
    (error.kind, error.info)
}

async fn dead(served: &Served, count: f64) {
    eventually("so many deaths", || async {
        served.losses().iter().map(|(_, count)| count).sum::<f64>() == count
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_which_two_workers_have_died_is_refused_until_a_reload() {
    let log = Log::start();
    let served = Served::start_with(DIES, |config| config.workers = 2).await;
    let (first, _) = error(&served, "die").await;
    assert_eq!(first, ErrorKind::WorkerLost, "once may be chance");
    assert_eq!(served.sample("streeling_quarantined_requests"), 0.0);
    let second = served.call("die").await.unwrap_err();
    let third = served.call("die").await.unwrap_err();
    for refused in [second, third] {
        assert_eq!(refused.kind, ErrorKind::Component);
        assert_eq!(refused.reason.as_deref(), Some("REQUEST_QUARANTINED"));
        for word in ["--quarantine", "STREELING_QUARANTINE", "digest"] {
            assert!(refused.info.contains(word), "{}", refused.info);
        }
    }
    assert_eq!(served.sample("streeling_quarantined_requests"), 1.0);
    assert_eq!(served.sample("streeling_quarantine_refusals_total"), 1.0);
    log.containing("if another one does, the request is refused for a while")
        .await;
    log.containing("alone, and it is refused for 600 s").await;
    dead(&served, 2.0).await;
    // Others are served, also of the same size.
    served.call("dye").await.unwrap();
    assert_eq!(error(&served, "die again").await.0, ErrorKind::WorkerLost);
    dead(&served, 3.0).await;

    served.reload().await.unwrap();
    assert_eq!(served.sample("streeling_quarantined_requests"), 0.0);
    assert_eq!(error(&served, "die").await.0, ErrorKind::WorkerLost);
    dead(&served, 4.0).await;
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raw_message_is_known_again() {
    let model = r#"
import os


class Model:
    def predict_raw(self, message):
        if "die" in message:
            os._exit(9)
        return message
"#;
    let served = Served::start_with(model, |_| {}).await;
    let call = async |text: &'static str| {
        let context = Context {
            encoding: Encoding::Json,
            raw_message: RawMessage::given(text.into()),
            ..Context::default()
        };
        served
            .call_with(&context, Method::Predict, Input::Raw)
            .await
    };
    let (die, live) = (r#"{"die":1}"#, r#"{"liv":1}"#);
    assert_eq!(call(die).await.unwrap_err().kind, ErrorKind::WorkerLost);
    for _ in 0..2 {
        assert_eq!(call(die).await.unwrap_err().kind, ErrorKind::Component);
    }
    call(live).await.unwrap();
    dead(&served, 2.0).await;
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn time_clears_it() {
    let served = Served::start_with(DIES, |config| {
        config.quarantine = Some(Duration::from_millis(1));
    })
    .await;
    for count in 1..=3 {
        assert_eq!(error(&served, "die").await.0, ErrorKind::WorkerLost);
        // Longer than a death is remembered.
        tokio::time::sleep(Duration::from_millis(10)).await;
        dead(&served, f64::from(count)).await;
    }
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_counts_whose_caller_has_left() {
    let served = Served::start_with(DIES, |_| {}).await;
    for count in 1..=2 {
        let left = served.spawn("late");
        served.entered("late", count).await;
        left.abort();
        left.await.unwrap_err();
        served.write("exit", "");
        dead(&served, count as f64).await;
        served.remove("exit");
    }
    eventually("the quarantine", || async {
        served.sample("streeling_quarantined_requests") == 1.0
    })
    .await;
    assert_eq!(error(&served, "late").await.0, ErrorKind::Component);
    dead(&served, 2.0).await;
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_not_alone_does_not_count() {
    let served = Served::start_with(DIES, |config| config.threads = 2).await;
    for count in 1..=3 {
        let other = served.spawn("late");
        served.entered("late", count).await;
        assert_eq!(error(&served, "die").await.0, ErrorKind::WorkerLost);
        assert_eq!(
            other.await.unwrap().unwrap_err().kind,
            ErrorKind::WorkerLost
        );
        dead(&served, count as f64).await;
    }
    assert_eq!(served.sample("streeling_quarantined_requests"), 0.0);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_which_fresh_workers_die_do_not_end_the_pool() {
    let served = Served::start_with(DIES, |config| config.tries = 1).await;
    for (count, text) in ["die a", "die b", "die c", "die d"].into_iter().enumerate() {
        assert_eq!(error(&served, text).await.0, ErrorKind::WorkerLost);
        dead(&served, (count + 1) as f64).await;
    }
    served.call("live").await.unwrap();
    served.stop().await;
}
