//! Observability of a request: what its context records of the worker, and what the
//! worker knows of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use streeling_core::{
    Code, Context, ErrorKind, RequestContext, RequestId, Stage, Trace, Transport,
};
use tokio::time::timeout;

use crate::support::{Log, Served, eventually, kill, python_has};

static TEST: Transport = Transport {
    name: "test",
    abandoned: Code::numbered(499),
    id_headers: &[],
};

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
        raise ValueError("on request")
"#;

async fn start() -> Served {
    Served::start_with(MODEL, |_| {}).await
}

/// A request with this id.
fn request(id: &str) -> (Arc<RequestContext>, Context) {
    with_context(RequestContext::new(&TEST, RequestId::given(id).unwrap()))
}

fn with_context(request: RequestContext) -> (Arc<RequestContext>, Context) {
    let request = Arc::new(request);
    let context = Context {
        request: Some(Arc::clone(&request)),
        ..Context::default()
    };
    (request, context)
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_the_component_have_the_request_s_id() {
    let log = Log::start();
    let served = start().await;
    for id in ["said-1", "said-2"] {
        let (_, context) = request(id);
        served
            .call_in(&format!("say {id}"), &context)
            .await
            .unwrap();
    }
    served.call("say said-nothing").await.unwrap();
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
async fn spans_of_the_component_are_children_of_the_server_s() {
    let served = start().await;
    for sampled in [true, false] {
        let mut request = RequestContext::new(&TEST, RequestId::made());
        request.trace = Some(Trace {
            trace_id: 0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f,
            parent: Some(1),
            span: 2,
            component: 0x0011_2233_4455_6677,
            sampled,
        });
        let (_, context) = with_context(request);
        let found = served.call_in("span", &context).await.unwrap();
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
async fn waiting_and_work_are_distinguished() {
    let served = start().await;
    let (first, context) = request("first");
    let (second, behind) = request("second");
    let (_, failed) = tokio::join!(served.call_in("sleep 0.2", &context), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        served.call_in("fail 0.1", &behind).await
    });
    assert_eq!(failed.unwrap_err().kind, ErrorKind::Component);
    let millis = |range: std::ops::RangeInclusive<u64>, time: Duration| {
        let millis = time.as_millis() as u64;
        assert!(range.contains(&millis), "{time:?} is not in {range:?}");
    };
    for (request, waited, worked) in [
        (&first, 0..=1000, 200..=5000),
        (&second, 100..=5000, 100..=5000),
    ] {
        let (submitted, queue) = request.stage(Stage::Queue).unwrap();
        let (entered, component) = request.stage(Stage::Component).unwrap();
        assert!(submitted >= request.started);
        assert_eq!(submitted + queue, entered);
        assert!(entered + component <= Instant::now());
        millis(waited, queue);
        millis(worked, component);
    }
    let (entered, _) = second.stage(Stage::Component).unwrap();
    let (from, time) = first.stage(Stage::Component).unwrap();
    // One thread runs one after the other, and measures whole microseconds.
    assert!(from + time <= entered);
    served.stop().await;
}

/// How long a request was queued, and how long it was in flight, which it was from then on.
fn queued_and_in_flight(request: &RequestContext) -> (Duration, Duration) {
    let (submitted, queue) = request.stage(Stage::Queue).unwrap();
    let (sent, component) = request.stage(Stage::Component).unwrap();
    assert_eq!(submitted + queue, sent);
    (queue, component)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_request_was_in_flight_since_it_was_sent() {
    let served = start().await;
    let (left, context) = request("left");
    let pending = served.call_in("sleep 2", &context);
    timeout(Duration::from_millis(300), pending)
        .await
        .unwrap_err();
    let (queue, component) = queued_and_in_flight(&left);
    assert!(queue < Duration::from_millis(200), "{queue:?}");
    assert!(component >= Duration::from_millis(100), "{component:?}");

    // The worker is still busy with that one.
    let (waiting, context) = request("waiting");
    let pending = served.call_in("sleep 2", &context);
    timeout(Duration::from_millis(300), pending)
        .await
        .unwrap_err();
    let (_, queue) = waiting.stage(Stage::Queue).unwrap();
    assert!(queue >= Duration::from_millis(300), "{queue:?}");
    assert_eq!(waiting.stage(Stage::Component), None);

    let (both, context) = request("both");
    let pending = served.call_in("sleep 60", &context);
    timeout(Duration::from_secs(3), pending).await.unwrap_err();
    let (queue, component) = queued_and_in_flight(&both);
    assert!(queue >= Duration::from_millis(500), "{queue:?}");
    assert!(component >= Duration::from_millis(100), "{component:?}");
    served.pool.stop(Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_request_was_in_flight_and_a_refused_one_has_only_waited() {
    let served = Served::start(|config| config.max_queue = 0).await;
    let pid = served.pid().await;
    served.write("hold", "");
    let (lost, context) = request("lost");
    let (response, ()) = tokio::join!(served.call_in("until never", &context), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        kill(&pid);
    });
    assert_eq!(response.unwrap_err().kind, ErrorKind::WorkerLost);
    let (queue, component) = queued_and_in_flight(&lost);
    assert!(queue < Duration::from_millis(200), "{queue:?}");
    assert!(component >= Duration::from_millis(100), "{component:?}");

    eventually("the loss of the worker", || async {
        *served.pool.live().borrow() == 0
    })
    .await;
    let (refused, context) = request("refused");
    let response = served.call_in("pid", &context).await;
    assert_eq!(response.unwrap_err().kind, ErrorKind::QueueFull);
    assert!(refused.stage(Stage::Queue).is_some());
    assert_eq!(refused.stage(Stage::Component), None);
    served.remove("hold");
    served.stop().await;
}
