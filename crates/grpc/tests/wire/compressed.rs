//! Messages that come compressed, and responses that go out so.

use std::io::{Read as _, Write as _};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::{GzDecoder, ZlibDecoder};
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use http::Request;
use http_body_util::Full;
use prost::Message as _;
use streeling_core::Budget;
use streeling_grpc::seldon::Seldon;
use streeling_grpc::{Config, Grpc};
use streeling_proto::seldon::protos::SeldonMessage;
use streeling_testkit::Harness;
use tonic::Code;
use tonic::codec::CompressionEncoding;

use crate::support::{PREDICT, Reply, Server, framed, framed_command, post, text, text_of};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Ways to pack, with the name that each has in `grpc-encoding`; tonic's own clients try zstd.
type Pack = fn(&[u8]) -> Vec<u8>;

const WAYS: [(&str, Pack); 3] = [("gzip", gzip), ("deflate", zlib), ("deflate", deflate)];

fn packed(encoding: &'static str, message: &[u8]) -> Request<Full<Bytes>> {
    let mut frame = framed(message);
    frame[0] = 1;
    let mut request = post(PREDICT, frame);
    let headers = request.headers_mut();
    headers.insert("grpc-encoding", encoding.parse().unwrap());
    request
}

/// The message of a response, whether it was packed, and the name of how.
fn read(reply: &Reply) -> (SeldonMessage, Option<&str>) {
    assert_eq!(reply.code, Some(0), "{reply:?}");
    let name = reply.headers.get("grpc-encoding");
    let name = name.map(|name| name.to_str().unwrap());
    let (prefix, rest) = reply.body.split_first_chunk::<5>().unwrap();
    let [flag, length @ ..] = *prefix;
    assert_eq!(u32::from_be_bytes(length) as usize, rest.len());
    assert_eq!(flag == 1, name.is_some());
    let mut message = Vec::new();
    match name {
        None => message.extend_from_slice(rest),
        Some("gzip") => drop(GzDecoder::new(rest).read_to_end(&mut message).unwrap()),
        Some("deflate") => drop(ZlibDecoder::new(rest).read_to_end(&mut message).unwrap()),
        other => panic!("{other:?}"),
    }
    (SeldonMessage::decode(&*message).unwrap(), name)
}

#[tokio::test(start_paused = true)]
async fn every_coding_is_read_by_any_client() {
    let server = Server::with(&Config {
        max_message: 100_000,
        ..Config::default()
    });
    let command = "x".repeat(50_000);
    for encoding in [
        CompressionEncoding::Gzip,
        CompressionEncoding::Deflate,
        CompressionEncoding::Zstd,
    ] {
        let mut model = server
            .client()
            .await
            .send_compressed(encoding)
            .max_decoding_message_size(1 << 20);
        let response = model.predict(text(&command)).await.unwrap();
        assert_eq!(text_of(response.get_ref()).len(), 50_005, "{encoding}");
        // Small on the wire, too large when it is unpacked.
        let status = model.predict(text(&"x".repeat(200_000))).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{encoding}");
        assert!(status.message().contains("allowed are 100000"), "{status}");
    }
    let mut client = server.connect().await;
    for (encoding, pack) in WAYS {
        let message = text("hello").encode_to_vec();
        let reply = client.call(packed(encoding, &pack(&message))).await;
        assert_eq!(text_of(&read(&reply).0), "echo hello", "{encoding}");
    }
}

#[tokio::test(start_paused = true)]
async fn other_codings_are_refused() {
    let server = Server::start();
    let mut client = server.connect().await;
    let mut request = post(PREDICT, framed_command("hello"));
    let headers = request.headers_mut();
    headers.insert("grpc-encoding", "snappy".parse().unwrap());
    let reply = client.call(request).await;
    assert_eq!(reply.code, Some(12), "{reply:?}");
    let accepted = &reply.headers["grpc-accept-encoding"];
    assert_eq!(accepted, "gzip,deflate,zstd,identity");
}

#[tokio::test(start_paused = true)]
async fn what_is_broken_is_refused() {
    let server = Server::start();
    let mut client = server.connect().await;
    let message = text("hello").encode_to_vec();
    for (encoding, pack) in WAYS {
        let whole = pack(&message);
        let half = &whole[..whole.len() / 2];
        let garbage = [&whole[..], b"x"].concat();
        for body in [half, &whole[..whole.len() - 1], &garbage, b"", &message] {
            let reply = client.call(packed(encoding, body)).await;
            assert_eq!(reply.code, Some(3), "{encoding}: {reply:?}");
            assert!(
                reply.text.contains("cannot%20be%20unpacked%20by"),
                "{reply:?}"
            );
        }
    }
    assert_eq!(server.model.started.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn bombs_are_bounded_by_memory() {
    let budget = Budget::new(8 << 20);
    let server = Server::of(Harness::start(|models, observers, ready| {
        let grpc = Grpc::new(
            &Config::default(),
            vec![std::sync::Arc::new(Seldon)],
            models,
            observers,
            ready,
        );
        grpc.with_budget(budget.clone())
    }));
    let mut client = server.connect().await;
    for (encoding, pack) in WAYS {
        let bomb = pack(&vec![0; 64 << 20]);
        let reply = client.call(packed(encoding, &bomb)).await;
        assert_eq!(reply.code, Some(8), "{encoding}: {reply:?}");
        while budget.used() > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }
}

fn accepting(accepted: &str, command: &str) -> Request<Full<Bytes>> {
    let mut request = post(PREDICT, framed_command(command));
    let headers = request.headers_mut();
    headers.insert("grpc-accept-encoding", accepted.parse().unwrap());
    request
}

#[tokio::test(start_paused = true)]
async fn responses_are_packed_from_a_size_on() {
    let server = Server::with(&Config {
        compress_from: Some(1000),
        ..Config::default()
    });
    let mut client = server.connect().await;
    for (accepted, name) in [
        ("identity,deflate,gzip", Some("gzip")),
        ("identity, deflate", Some("deflate")),
        ("identity", None),
        ("snappy", None),
    ] {
        for count in [5_000, 600_000] {
            let reply = client
                .call(accepting(accepted, &format!("repeat {count}")))
                .await;
            let (message, packed) = read(&reply);
            assert_eq!(text_of(&message), "x".repeat(count));
            assert_eq!(packed, name, "{accepted}");
            assert_eq!(packed.is_some(), reply.body.len() < count / 5);
        }
        let reply = client.call(accepting(accepted, "repeat 900")).await;
        assert_eq!(read(&reply).1, None);
        let reply = client.call(accepting(accepted, "kind BadData")).await;
        assert_eq!(reply.code, Some(3));
    }
    // Without the header, too.
    let reply = client
        .call(post(PREDICT, framed_command("repeat 5000")))
        .await;
    assert_eq!(read(&reply).1, None);
    // As generated clients read them.
    for encoding in [
        CompressionEncoding::Gzip,
        CompressionEncoding::Deflate,
        CompressionEncoding::Zstd,
    ] {
        let mut model = server.client().await.accept_compressed(encoding);
        let response = model.predict(text("repeat 5000")).await.unwrap();
        let name = response.metadata().get("grpc-encoding").unwrap();
        assert_eq!(name.to_str().unwrap(), encoding.to_string());
        assert_eq!(text_of(response.get_ref()), "x".repeat(5000));
    }
}

#[tokio::test(start_paused = true)]
async fn by_default_no_response_is_packed() {
    let server = Server::start();
    let mut client = server.connect().await;
    let reply = client.call(accepting("gzip", "repeat 500000")).await;
    assert_eq!(read(&reply).1, None);
}
