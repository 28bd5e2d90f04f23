//! A request that is followed: what its call knows of the worker, and the worker of its call.

use std::sync::Arc;
use std::time::{Duration, Instant};

use streeling_core::{Call, Code, Context, ErrorKind, RequestId, Stage, Trace, Transport};
use tokio::time::timeout;

use crate::support::{Log, Served, eventually, kill, python_has};

static TEST: Transport = Transport::new("test", Code::numbered(499));

const MODEL: &str = r#"
import logging
import time

try:
    from opentelemetry import trace
except ImportError:
    trace = None


class Model:
    def predict(self, X, names):
        what, _, argument = X.partition(" ")
        return getattr(self, what)(argument)

    def sleep(self, seconds):
        time.sleep(float(seconds))
        return ""

    def say(self, text):
        print(text, end="")
        logging.getLogger("mine").warning("logged %s", text)
        return ""

    def span(self, _):
        if trace is None:
            return "no OpenTelemetry"
        span = trace.get_current_span().get_span_context()
        remote = "remote" if span.is_remote else "local"
        return f"{span.trace_id:032x} {span.span_id:016x} {remote} {int(span.trace_flags)}"

    def fail(self, seconds):
        time.sleep(float(seconds))
        raise ValueError("as told")
"#;

async fn start() -> Served {
    Served::start_with(MODEL, |_| {}).await
}

/// A request of this id, and the context that it is asked in.
fn call(id: &str) -> (Arc<Call>, Context) {
    followed(Call::new(&TEST, RequestId::given(id).unwrap()))
}

fn followed(call: Call) -> (Arc<Call>, Context) {
    let call = Arc::new(call);
    let context = Context {
        call: Some(Arc::clone(&call)),
        ..Context::default()
    };
    (call, context)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_prints_and_logs_has_its_id() {
    let log = Log::start();
    let served = start().await;
    for id in ["said-1", "said-2"] {
        let (_, context) = call(id);
        served.ask_in(&format!("say {id}"), &context).await.unwrap();
    }
    served.ask("say said-nothing").await.unwrap();
    for id in ["said-1", "said-2"] {
        let record = log.line(&format!("logged {id}")).await;
        assert_eq!(record["request_id"], id);
        assert_eq!(
            (&record["worker"], &record["logger"]),
            (&0.into(), &"mine".into())
        );
        let printed = log.line(id).await;
        assert_eq!(printed["request_id"], id);
        assert_eq!(
            (&printed["worker"], &printed["stream"]),
            (&0.into(), &"stdout".into())
        );
    }
    let record = log.line("logged said-nothing").await;
    assert_eq!(record.get("request_id"), None);
    served.stop().await;
    assert_eq!(log.line("said-nothing").await.get("request_id"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn its_spans_are_children_of_the_server_s() {
    let served = start().await;
    for sampled in [true, false] {
        let mut call = Call::new(&TEST, RequestId::made());
        call.trace = Some(Trace {
            trace_id: 0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f,
            parent: Some(1),
            span: 2,
            component: 0x0011_2233_4455_6677,
            sampled,
        });
        let (_, context) = followed(call);
        let found = served.ask_in("span", &context).await.unwrap();
        let expected = format!(
            "000102030405060708090a0b0c0d0e0f 0011223344556677 {}",
            if sampled { "remote 1" } else { "remote 0" }
        );
        let without = "no OpenTelemetry".to_owned();
        assert!(
            found == expected || (found == without && !python_has("opentelemetry.trace")),
            "{found}"
        );
    }
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_and_work_are_told_apart() {
    let served = start().await;
    let (first, context) = call("first");
    let (second, behind) = call("second");
    let (_, failed) = tokio::join!(served.ask_in("sleep 0.2", &context), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        served.ask_in("fail 0.1", &behind).await
    });
    assert_eq!(failed.unwrap_err().kind, ErrorKind::Component);
    let millis = |range: std::ops::RangeInclusive<u64>, time: Duration| {
        let millis = time.as_millis() as u64;
        assert!(range.contains(&millis), "{time:?} is not in {range:?}");
    };
    for (call, waited, worked) in [
        (&first, 0..=1000, 200..=5000),
        (&second, 100..=5000, 100..=5000),
    ] {
        let (submitted, queue) = call.stage(Stage::Queue).unwrap();
        let (entered, component) = call.stage(Stage::Component).unwrap();
        assert!(submitted >= call.begun);
        assert_eq!(submitted + queue, entered);
        assert!(entered + component <= Instant::now());
        millis(waited, queue);
        millis(worked, component);
    }
    let (entered, _) = second.stage(Stage::Component).unwrap();
    let (from, time) = first.stage(Stage::Component).unwrap();
    // One thread: it does one after the other. It tells whole microseconds.
    assert!(from + time <= entered);
    served.stop().await;
}

/// How long a request waited, and how long it was on a worker. It was there all the time from the one to its end.
fn waited_and_worked(call: &Call) -> (Duration, Duration) {
    let (submitted, queue) = call.stage(Stage::Queue).unwrap();
    let (sent, component) = call.stage(Stage::Component).unwrap();
    assert_eq!(submitted + queue, sent);
    (queue, component)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_its_caller_gives_up_was_on_a_worker_from_then_on() {
    let served = start().await;
    let (left, context) = call("left");
    let asked = served.ask_in("sleep 2", &context);
    timeout(Duration::from_millis(300), asked)
        .await
        .unwrap_err();
    let (queue, component) = waited_and_worked(&left);
    assert!(queue < Duration::from_millis(200), "{queue:?}");
    assert!(component >= Duration::from_millis(100), "{component:?}");

    // The worker is still busy with that one.
    let (waiting, context) = call("waiting");
    let asked = served.ask_in("sleep 2", &context);
    timeout(Duration::from_millis(300), asked)
        .await
        .unwrap_err();
    let (_, queue) = waiting.stage(Stage::Queue).unwrap();
    assert!(queue >= Duration::from_millis(300), "{queue:?}");
    assert_eq!(waiting.stage(Stage::Component), None);

    let (both, context) = call("both");
    let asked = served.ask_in("sleep 60", &context);
    timeout(Duration::from_secs(3), asked).await.unwrap_err();
    let (queue, component) = waited_and_worked(&both);
    assert!(queue >= Duration::from_millis(500), "{queue:?}");
    assert!(component >= Duration::from_millis(100), "{component:?}");
    served.pool.stop(Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_lost_was_on_its_worker_and_what_is_refused_has_only_waited() {
    let served = Served::start(|config| config.max_queue = 0).await;
    let pid = served.pid().await;
    served.write("hold", "");
    let (lost, context) = call("lost");
    let (answer, ()) = tokio::join!(served.ask_in("until never", &context), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        kill(&pid);
    });
    assert_eq!(answer.unwrap_err().kind, ErrorKind::WorkerLost);
    let (queue, component) = waited_and_worked(&lost);
    assert!(queue < Duration::from_millis(200), "{queue:?}");
    assert!(component >= Duration::from_millis(100), "{component:?}");

    eventually("no worker serves", || async {
        *served.pool.live().borrow() == 0
    })
    .await;
    let (refused, context) = call("refused");
    let answer = served.ask_in("pid", &context).await;
    assert_eq!(answer.unwrap_err().kind, ErrorKind::QueueFull);
    assert!(refused.stage(Stage::Queue).is_some());
    assert_eq!(refused.stage(Stage::Component), None);
    served.remove("hold");
    served.stop().await;
}
