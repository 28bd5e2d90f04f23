//! Methods that are coroutine functions, on the event loop of their worker.

use std::time::{Duration, Instant};

use streeling_core::{Context, ErrorKind};

use crate::support::{Served, bare, eventually, within};

/// `wait NAME` ends when there is a file NAME; a call that is cancelled leaves a file.
const MODEL: &str = r#"
import asyncio
import os

HERE = os.path.dirname(os.path.abspath(__file__))


def path(name):
    return os.path.join(HERE, name)


class Model:
    async def load(self):
        self.loop = asyncio.get_running_loop()
        self.inside = 0

    async def predict(self, X, names):
        assert self.loop is asyncio.get_running_loop()
        what, _, name = X.partition(" ")
        self.inside += 1
        try:
            if what == "wait":
                open(path(f"entered-{name}-{self.inside}"), "w").close()
                while not os.path.exists(path(name)):
                    await asyncio.sleep(0.005)
            return str(self.inside)
        except asyncio.CancelledError:
            open(path(f"cancelled-{name}"), "w").close()
            raise
        finally:
            self.inside -= 1
"#;

/// One worker.
async fn start(threads: usize) -> Served {
    Served::start_with(MODEL, |config| {
        config.threads = threads;
        bare(config);
    })
    .await
}

async fn cancelled(served: &Served, name: &str) {
    let file = served.folder.path().join(format!("cancelled-{name}"));
    eventually("a cancelled call", || async { file.exists() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_one_worker_are_under_way_at_once() {
    let served = start(4).await;
    let calls = ["wait go"; 4].map(|text| served.spawn(text));
    served.entered("go", 4).await;
    assert_eq!(served.sample("streeling_worker_starts_total"), 1.0);
    served.write("go", "");
    for call in calls {
        within(call).await.unwrap().unwrap();
    }
    assert_eq!(served.call("count").await.unwrap(), "1");
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_caller_leaves_is_cancelled() {
    let served = start(1).await;
    let call = served.spawn("wait a");
    served.entered("a", 1).await;
    call.abort();
    cancelled(&served, "a").await;
    // Its thread is free again.
    assert_eq!(within(served.call("count")).await.unwrap(), "1");
    served.stop().await;
    assert_eq!(served.losses(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_cancelled_without_a_quarantine_too() {
    let served = Served::start_with(MODEL, |config| {
        config.quarantine = None;
        bare(config);
    })
    .await;
    let call = served.spawn("wait a");
    served.entered("a", 1).await;
    call.abort();
    cancelled(&served, "a").await;
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_cancelled_at_its_deadline() {
    let served = start(1).await;
    let context = Context {
        deadline: Some(Instant::now() + Duration::from_secs(2)),
        ..Context::default()
    };
    // The worker looks at the clock itself: nothing drops the call here.
    let error = within(served.call_in("wait a", &context))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Deadline);
    assert!(error.info.contains("its deadline has passed"), "{error}");
    cancelled(&served, "a").await;
    assert_eq!(within(served.call("count")).await.unwrap(), "1");
    served.stop().await;
}
