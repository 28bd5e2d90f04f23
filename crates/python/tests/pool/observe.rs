//! Observability of a request: what its context records of the worker, and what the
//! worker knows of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use streeling_core::{
    Code, Context, ErrorKind, RequestContext, RequestId, Stage, Trace, Transport,
};
use tokio::time::sleep;

use crate::support::{Log, Served, bare, eventually, kill};

static TEST: Transport = Transport {
    name: "test",
    abandoned: Code::numbered(499),
    id_headers: &[],
};

const MODEL: &str = r#"
import logging
import os
import time

try:
    from opentelemetry import trace
except ImportError:
    trace = None


HERE = os.path.dirname(os.path.abspath(__file__))


class Model:
    def predict(self, X, names):
        what, _, argument = X.partition(" ")
        return getattr(self, what)(argument)

    def until(self, name):
        open(os.path.join(HERE, f"entered-{name}-{os.getpid()}"), "w").close()
        while not os.path.exists(os.path.join(HERE, name)):
            time.sleep(0.005)
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

    def fail(self, name):
        self.until(name)
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
async fn records_have_the_request_s_id_and_output_is_unchanged() {
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
            (&record["worker"], &record["logger"], &record["level"]),
            (&0.into(), &"mine".into(), &"WARN".into())
        );
    }
    let record = log.line("logged said-nothing").await;
    assert_eq!(record.get("request_id"), None);
    served.stop().await;
    // Its lines were never ended.
    log.text("stdout: said-1said-2said-nothing").await;
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
        assert_eq!(found, expected);
    }
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_without_opentelemetry_is_called_all_the_same() {
    let served = Served::start_with(MODEL, bare).await;
    let mut request = RequestContext::new(&TEST, RequestId::made());
    request.trace = Some(Trace {
        trace_id: 1,
        parent: None,
        span: 2,
        component: 3,
        sampled: true,
    });
    let (_, context) = with_context(request);
    let found = served.call_in("span", &context).await.unwrap();
    assert_eq!(found, "no OpenTelemetry");
    served.stop().await;
}

/// So long something lasts at least that shows in a measured time.
const WHILE: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread")]
async fn waiting_and_work_are_distinguished() {
    let served = start().await;
    let (first, context) = request("first");
    let (second, behind) = request("second");
    let (done, (submitted, failed), (opened, entered)) = tokio::join!(
        served.call_in("until a", &context),
        async {
            served.entered("a", 1).await;
            let submitted = Instant::now();
            (submitted, served.call_in("fail b", &behind).await)
        },
        async {
            served.queued(1.0).await;
            sleep(WHILE).await;
            let first = Instant::now();
            served.write("a", "");
            served.entered("b", 1).await;
            let entered = Instant::now();
            sleep(WHILE).await;
            let second = Instant::now();
            served.write("b", "");
            ([first, second], entered)
        }
    );
    let now = Instant::now();
    let entered = [submitted, entered];
    done.unwrap();
    assert_eq!(failed.unwrap_err().kind, ErrorKind::Component);
    let [one, two] = [&first, &second].map(|request| {
        let (submitted, queue) = request.stage(Stage::Queue).unwrap();
        let (entered, component) = request.stage(Stage::Component).unwrap();
        assert!(submitted >= request.started);
        assert_eq!(submitted + queue, entered);
        (submitted, entered, entered + component)
    });
    // Both clocks have microseconds, of which one may be lost.
    let micro = Duration::from_micros(2);
    for (times, (entered, opened)) in [one, two].into_iter().zip(entered.into_iter().zip(opened)) {
        let (_, from, to) = times;
        assert!(from <= entered && to + micro >= opened && to <= now);
    }
    // The second was submitted while the first was in the component, and waited for its end.
    assert!(two.0 >= submitted && two.1 + micro >= opened[0]);
    assert!(two.1 - two.0 >= WHILE - micro, "{:?}", two.1 - two.0);
    assert!(one.2 <= two.1 + micro);
    served.stop().await;
}

/// How long a request was queued, and how long it was in flight, which it was from then on.
fn queued_and_in_flight(request: &RequestContext) -> (Duration, Duration) {
    let (submitted, queue) = request.stage(Stage::Queue).unwrap();
    let (sent, component) = request.stage(Stage::Component).unwrap();
    assert_eq!(submitted + queue, sent);
    (queue, component)
}

/// Sends a text, and leaves when `leave` is over.
async fn abandon(served: &Served, text: &str, context: &Context, leave: impl Future<Output = ()>) {
    tokio::select! {
        response = served.call_in(text, context) => panic!("{response:?}"),
        () = leave => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_request_was_in_flight_since_it_was_sent() {
    let served = start().await;
    let (left, context) = request("left");
    let mut entered = Instant::now();
    abandon(&served, "until a", &context, async {
        served.entered("a", 1).await;
        entered = Instant::now();
        sleep(WHILE).await;
    })
    .await;
    let (_, component) = queued_and_in_flight(&left);
    let (sent, _) = left.stage(Stage::Component).unwrap();
    assert!(sent <= entered && component >= WHILE, "{component:?}");

    // The worker is still busy with that one.
    let (waiting, context) = request("waiting");
    abandon(&served, "until b", &context, async {
        served.queued(1.0).await;
        sleep(WHILE).await;
    })
    .await;
    let (_, queue) = waiting.stage(Stage::Queue).unwrap();
    assert!(queue >= WHILE, "{queue:?}");
    assert_eq!(waiting.stage(Stage::Component), None);

    let (both, context) = request("both");
    abandon(&served, "until c", &context, async {
        served.queued(1.0).await;
        sleep(WHILE).await;
        served.write("a", "");
        served.entered("c", 1).await;
        sleep(WHILE).await;
    })
    .await;
    let (queue, component) = queued_and_in_flight(&both);
    assert!(queue >= WHILE, "{queue:?}");
    assert!(component >= WHILE, "{component:?}");
    served.pool.stop(Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_request_was_in_flight_and_a_refused_one_has_only_waited() {
    let served = Served::start(|config| config.max_queue = 0).await;
    let pid = served.pid().await;
    let (lost, context) = request("lost");
    let mut entered = Instant::now();
    let (response, ()) = tokio::join!(served.call_in("until never", &context), async {
        served.entered("never", 1).await;
        entered = Instant::now();
        sleep(WHILE).await;
        // Its successor must not be there before the next request is.
        served.write("hold", "");
        kill(&pid);
    });
    assert_eq!(response.unwrap_err().kind, ErrorKind::WorkerLost);
    let (_, component) = queued_and_in_flight(&lost);
    let (sent, _) = lost.stage(Stage::Component).unwrap();
    assert!(sent <= entered && component >= WHILE, "{component:?}");

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
