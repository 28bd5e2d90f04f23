//! The memory that requests under way may take, over gRPC.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use hyper::{HeaderMap, Request, Response};
use streeling_proto::seldon::protos::model_client::ModelClient;
use streeling_testkit::Server;
use tokio::net::TcpStream;
use tonic::Code;
use tonic::codec::CompressionEncoding;

use crate::budget::{BESIDE, MIB, eventually_free, refused, used};
use crate::grpc_client::{connected, predict, text};
use crate::memory::resident;
use crate::support::{TIMEOUT, command};

fn limited(limit: &str) -> Server {
    let server = command("Scripted")
        .env("GRPC_WORKERS", "1")
        .env("PREDICTIVE_UNIT_GRPC_SERVICE_PORT", "0")
        .args(["--max-memory", limit])
        .start()
        .unwrap();
    predict(server.grpc_address(), text("warm")).unwrap();
    server
}

/// Runs `work` with a connection.
fn with_connection(server: SocketAddr, work: impl AsyncFnOnce(SendRequest<Bytes>)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let work = async {
            let stream = TcpStream::connect(server).await.unwrap();
            let (sender, connection) = h2::client::handshake(stream).await.unwrap();
            tokio::spawn(async { drop(connection.await) });
            work(sender).await;
        };
        tokio::time::timeout(TIMEOUT, work).await.unwrap();
    });
}

/// Starts a call, of which some bytes are sent.
async fn start(
    sender: &mut SendRequest<Bytes>,
    method: &str,
    some: Vec<u8>,
) -> (ResponseFuture, SendStream<Bytes>) {
    let request = Request::post(format!("http://x/seldon.protos.{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .unwrap();
    let mut ready = sender.clone().ready().await.unwrap();
    let (response, mut body) = ready.send_request(request, false).unwrap();
    body.send_data(some.into(), false).unwrap();
    (response, body)
}

/// The code and the text of a response.
async fn status(response: ResponseFuture) -> (Code, String) {
    let response: Response<RecvStream> = response.await.unwrap();
    let of = |headers: &HeaderMap| {
        let code = Code::from_bytes(headers.get("grpc-status")?.as_bytes());
        let text = headers
            .get("grpc-message")
            .map(|text| text.to_str().unwrap());
        Some((code, text.unwrap_or_default().to_owned()))
    };
    if let Some(status) = of(response.headers()) {
        return status;
    }
    let mut body = response.into_body();
    while let Some(piece) = body.data().await {
        let size = piece.unwrap().len();
        body.flow_control().release_capacity(size).unwrap();
    }
    of(&body.trailers().await.unwrap().unwrap()).unwrap()
}

/// The start of a message that claims so many bytes.
fn framed(claimed: usize, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(claimed).unwrap().to_be_bytes();
    [&[0], &length[..], message].concat()
}

#[test]
fn a_connection_with_many_half_sent_messages_leaves_room_for_others() {
    let server = limited("64MiB");
    let before = resident(&server);
    with_connection(server.grpc_address(), async |mut sender| {
        // More than half of the budget is not for one connection, and what it claims counts.
        let mut open = Vec::new();
        for _ in 0..60 {
            let half = framed(MIB, &vec![0; 1000]);
            let (response, body) = start(&mut sender, "Model/Predict", half).await;
            open.push((response, body));
        }
        let since = Instant::now();
        while used(&server) < 32e6 || refused(&server, "share") < 28.0 {
            assert!(since.elapsed() < TIMEOUT, "{}", used(&server));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let address = server.grpc_address();
        let other = std::thread::spawn(move || {
            connected(address, async |channel| {
                let model = ModelClient::new(channel).max_decoding_message_size(64 * MIB);
                { model }.predict(text(&"x".repeat(10 * MIB))).await
            })
        });
        while !other.is_finished() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        other.join().unwrap().unwrap();
        // What a connection leaves free is as much as it takes.
        assert_eq!(refused(&server, "share"), 29.0);
        assert!(used(&server) <= (32 * MIB) as f64, "{}", used(&server));
        assert!(resident(&server) < before + 64 * MIB + BESIDE);
        drop(open);
    });
    eventually_free(&server);
}

#[test]
fn what_never_fits_is_too_large_and_the_rest_may_try_again() {
    let server = limited("16MiB");
    with_connection(server.grpc_address(), async |mut sender| {
        let (response, _body) = start(&mut sender, "Model/Predict", framed(13 * MIB, &[])).await;
        let (code, text) = status(response).await;
        assert_eq!(code, Code::ResourceExhausted);
        assert!(
            text.contains("--max-memory") && !text.contains("later"),
            "{text}"
        );
        let (_held, _body) = start(&mut sender, "Model/Predict", framed(7 * MIB, &[])).await;
        while used(&server) < 7e6 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let (response, _body) = start(&mut sender, "Model/Predict", framed(6 * MIB, &[])).await;
        let (code, text) = status(response).await;
        assert_eq!(code, Code::ResourceExhausted);
        assert!(
            text.contains("--max-memory") && text.contains("later"),
            "{text}"
        );
    });
    eventually_free(&server);
}

#[test]
fn short_messages_and_metrics_are_charged_for_what_they_become() {
    let server = limited("64MiB");
    let before = resident(&server);
    // Messages of empty text, of four bytes each; then metrics of nothing, of two.
    let messages = [0x0a, 2, 0x2a, 0].repeat(MIB);
    let metrics = [0x2a, 0].repeat(MIB);
    let mut length = Vec::new();
    let mut rest = metrics.len();
    while rest >= 0x80 {
        length.push(u8::try_from(rest & 0x7f).unwrap() | 0x80);
        rest >>= 7;
    }
    length.push(u8::try_from(rest).unwrap());
    let meta = [&[0x12], &length[..], &metrics, &[0x2a, 0]].concat();
    with_connection(server.grpc_address(), async |mut sender| {
        // Messages are counted before the first is read, and are too many whatever is free.
        for (method, message, allowed) in [
            (
                "Combiner/Aggregate",
                messages,
                "more%20than%20134217728%20bytes%20of%20memory",
            ),
            ("Model/Predict", meta, "--max-memory"),
        ] {
            let framed = framed(message.len(), &message);
            let (response, mut body) = start(&mut sender, method, framed).await;
            body.send_data(Bytes::new(), true).unwrap();
            let (code, text) = status(response).await;
            assert_eq!(code, Code::ResourceExhausted, "{text}");
            assert!(text.contains(allowed), "{text}");
            assert!(resident(&server) < before + 64 * MIB + BESIDE);
        }
    });
    eventually_free(&server);
}

#[test]
fn a_packed_message_is_charged_as_it_grows() {
    let server = limited("64MiB");
    let before = resident(&server);
    let packed = |size: usize| {
        connected(server.grpc_address(), async |channel| {
            let mut model = ModelClient::new(channel).send_compressed(CompressionEncoding::Gzip);
            model.predict(text(&"x".repeat(size))).await
        })
    };
    for _ in 0..3 {
        let status = packed(200 * MIB).unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert!(status.message().contains("--max-memory"), "{status}");
        assert!(resident(&server) < before + 64 * MIB + BESIDE);
    }
    let response = packed(2 * MIB).unwrap();
    assert_eq!(response.data_oneof, text(&"x".repeat(2 * MIB)).data_oneof);
    eventually_free(&server);
}
