use std::net::SocketAddr;
use std::sync::mpsc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::{span::SpanKind, status::StatusCode};
use prost::Message as _;
use tokio::net::TcpListener;
use tonic::codegen::Service as _;

use super::*;

/// The received exports, with one of their headers.
type Sender = mpsc::Sender<(Option<String>, ExportTraceServiceRequest)>;

/// Serves on a port that the system chooses until the test ends.
fn serve(protocol: Protocol, sender: Sender) -> SocketAddr {
    let (address_sender, address) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            address_sender.send(listener.local_addr().unwrap()).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (stream, sender) = (TokioIo::new(stream), sender.clone());
                match protocol {
                    Protocol::Grpc => tokio::spawn(async move {
                        let server = TraceServiceServer::new(Grpc(sender));
                        let service = service_fn(move |request| server.clone().call(request));
                        let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                            .serve_connection(stream, service)
                            .await;
                    }),
                    Protocol::HttpProtobuf => tokio::spawn(async move {
                        let service = service_fn(|request| http(&sender, request));
                        let _ = hyper::server::conn::http1::Builder::new()
                            .serve_connection(stream, service)
                            .await;
                    }),
                };
            }
        });
    });
    address.recv().unwrap()
}

async fn http(
    sender: &Sender,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    assert_eq!(request.uri().path(), "/v1/traces");
    assert_eq!(request.headers()["content-type"], "application/x-protobuf");
    let token = request.headers().get("x-token").cloned();
    let token = token.map(|value| value.to_str().unwrap().to_owned());
    let body = request.into_body().collect().await?.to_bytes();
    let spans = ExportTraceServiceRequest::decode(body).unwrap();
    sender.send((token, spans)).unwrap();
    let response = ExportTraceServiceResponse::default().encode_to_vec();
    Ok(Response::new(Full::new(response.into())))
}

struct Grpc(Sender);

#[tonic::async_trait]
impl TraceService for Grpc {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        let token = request.metadata().get("x-token");
        let token = token.map(|value| value.to_str().unwrap().to_owned());
        self.0.send((token, request.into_inner())).unwrap();
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}

fn value<'a>(attributes: &'a [KeyValue], name: &str) -> Option<&'a any_value::Value> {
    let found = attributes.iter().find(|attribute| attribute.key == name)?;
    found.value.as_ref()?.value.as_ref()
}

#[test]
fn secrets_are_redacted() {
    let address = SocketAddr::from(([127, 0, 0, 1], 4318));
    let mut collector = collector(Protocol::HttpProtobuf, address);
    collector.endpoint = "http://user:word@c:1/v1/traces?key=word".to_owned();
    assert_eq!(collector.redacted_endpoint(), "http://c:1/v1/traces");
    let text = format!("{collector:?}");
    assert!(text.contains("x-token") && text.contains("c:1"), "{text}");
    assert!(!text.contains("secret") && !text.contains("word"), "{text}");
}

#[test]
fn a_collector_can_decode_the_exports() {
    let text = |text: &str| Some(any_value::Value::StringValue(text.to_owned()));
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf] {
        let (sender, received) = mpsc::channel();
        let address = serve(protocol, sender);
        let backend = Backend::Otlp(collector(protocol, address));
        let tracer = Arc::new(Tracer::start(&config(backend)).unwrap());
        let observers = observers(&tracer);
        let caller = [(
            "traceparent",
            "00-0000000000000000000000000000000a-000000000000000b-01",
        )];
        request(&observers, &REST, &caller, code(500, true));
        let (token, got) = received.recv_timeout(TIMEOUT).unwrap();
        assert_eq!(token.as_deref(), Some("secret"));
        let resource = got.resource_spans[0].resource.as_ref().unwrap();
        assert_eq!(
            value(&resource.attributes, "service.name"),
            text("Iris").as_ref()
        );
        assert_eq!(
            value(&resource.attributes, "hostname"),
            text("here").as_ref()
        );
        let spans = &got.resource_spans[0].scope_spans[0].spans;
        let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
        assert_eq!(names, ["Predict", "decode", "queue", "component", "encode"]);
        let root = &spans[0];
        assert_eq!(root.trace_id, 0xa_u128.to_be_bytes());
        assert_eq!(root.parent_span_id, 0xb_u64.to_be_bytes());
        assert_eq!(root.kind, SpanKind::Server as i32);
        assert_eq!(root.status.as_ref().unwrap().code, StatusCode::Error as i32);
        assert_eq!(value(&root.attributes, "span.kind"), None);
        assert_eq!(
            value(&root.attributes, "http.status_code"),
            Some(&any_value::Value::IntValue(500))
        );
        assert_eq!(value(&root.attributes, "team"), text("blue").as_ref());
        for child in &spans[1..] {
            assert_eq!(
                (&child.trace_id, &child.parent_span_id),
                (&root.trace_id, &root.span_id)
            );
            assert_eq!(child.kind, SpanKind::Internal as i32);
            assert!(child.start_time_unix_nano >= root.start_time_unix_nano);
        }
        // What is pending at the end is sent.
        for _ in 0..3 {
            request(&observers, &REST, &[], code(200, false));
        }
        tracer.stop(TIMEOUT);
        assert_eq!(counts(&tracer)["exported"], 20, "{protocol:?}");
    }
}

#[test]
fn a_collector_that_never_responds_causes_a_timeout() {
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let to = collector(protocol, listener.local_addr().unwrap());
        let mut config = config(Backend::Otlp(to));
        config.limits.timeout = Duration::from_millis(100);
        let tracer = Arc::new(Tracer::start(&config).unwrap());
        request(&observers(&tracer), &REST, &[], code(200, false));
        wait_for("the failure is counted", || {
            counts(&tracer)["export_failed"] == 5
        });
    }
}

#[test]
fn an_invalid_header_is_an_error() {
    let mut to = collector(Protocol::Grpc, ([127, 0, 0, 1], 1).into());
    to.headers = vec![("no header".to_owned(), "x".to_owned())];
    let error = Tracer::start(&config(Backend::Otlp(to))).unwrap_err();
    assert!(error.to_string().contains("no header"), "{error}");
}
