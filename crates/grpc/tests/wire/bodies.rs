//! Messages that are broken, too large, or slow to come.

use std::time::Duration;

use prost::Message as _;
use streeling_grpc::Config;
use streeling_proto::seldon::protos::generic_client::GenericClient;
use streeling_proto::seldon::protos::{
    DefaultData, Feedback, SeldonMessage, SeldonMessageList, Tensor, default_data, seldon_message,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;
use tonic::Code;

use crate::raw::{HELLO, frame, frames, predict};
use crate::support::{PREDICT, Server, framed, framed_command, post, text, text_of, within};

#[tokio::test(start_paused = true)]
async fn bytes_that_are_no_message() {
    let server = Server::start();
    let mut client = server.connect().await;
    let good = text("hello").encode_to_vec();
    for (what, body) in [
        ("cut off", framed(&good[..good.len() - 1])),
        (
            "a length that lies",
            framed(&[0x2a, 0xff, 0xff, 0xff, 0xff, 0x0f]),
        ),
        ("no UTF-8", framed(&[0x2a, 1, 0xff])),
        ("a wrong wire type", framed(&[0x28, 1])),
        ("no payload", framed(&[])),
        ("no message at all", Vec::new()),
        ("half a prefix", vec![0, 0, 0]),
        (
            "less than the prefix says",
            framed_command("hello")[..8].to_vec(),
        ),
        ("a prefix of another kind", {
            let mut body = framed_command("hello");
            body[0] = 7;
            body
        }),
        (
            "two messages",
            [framed_command("a"), framed_command("b")].concat(),
        ),
        ("compressed, without saying how", {
            let mut body = framed_command("hello");
            body[0] = 1;
            body
        }),
    ] {
        let reply = client.call(post(PREDICT, body)).await;
        assert_eq!(
            (reply.http, reply.code),
            (200, Some(3)),
            "{what}: {reply:?}"
        );
        assert!(!reply.text.is_empty(), "{what}");
    }
    let reply = client.call(post(PREDICT, framed_command("hello"))).await;
    assert_eq!(reply.code, Some(0), "the connection goes on: {reply:?}");
}

#[tokio::test(start_paused = true)]
async fn unknown_fields_are_left_out() {
    let server = Server::start();
    let mut client = server.connect().await;
    let mut message = text("hello").encode_to_vec();
    // Field 99, a varint.
    message.extend_from_slice(&[0x98, 0x06, 0x01]);
    let reply = client.call(post(PREDICT, framed(&message))).await;
    assert_eq!(reply.code, Some(0));
    let response = SeldonMessage::decode(&reply.body[5..]).unwrap();
    assert_eq!(text_of(&response), "echo hello");
}

#[tokio::test(start_paused = true)]
async fn any_of_an_unknown_type_is_echoed() {
    let server = Server::start();
    let any = prost_types::Any {
        type_url: "type.example.com/no.such.Type".to_owned(),
        value: vec![1, 2, 3],
    };
    let request = SeldonMessage {
        data_oneof: Some(seldon_message::DataOneof::CustomData(any)),
        ..SeldonMessage::default()
    };
    let response = server
        .client()
        .await
        .predict(request.clone())
        .await
        .unwrap();
    assert_eq!(response.get_ref().data_oneof, request.data_oneof);
}

#[tokio::test(start_paused = true)]
async fn the_other_messages() {
    let server = Server::start();
    let mut generic = GenericClient::new(server.channel().await);
    for count in [0, 1, 3] {
        let list = SeldonMessageList {
            seldon_messages: vec![text("x"); count],
        };
        let response = generic.aggregate(list).await.unwrap();
        assert_eq!(text_of(response.get_ref()), format!("{count} messages"));
    }
    let feedback = Feedback {
        reward: 0.5,
        ..Feedback::default()
    };
    let response = generic.send_feedback(feedback).await.unwrap();
    assert_eq!(text_of(response.get_ref()), "reward 0.5");
    let metadata = server.client().await.metadata(()).await.unwrap();
    assert_eq!(metadata.get_ref().name, "scripted");
}

#[tokio::test(start_paused = true)]
async fn too_large_both_ways() {
    let server = Server::with(&Config {
        max_message: 1000,
        ..Config::default()
    });
    let status = server.command(&"x".repeat(1000)).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(
        status.message().contains("allowed are 1000 bytes"),
        "{status}"
    );
    let status = server.command("repeat 1000").await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("allowed are 1000"), "{status}");
    assert_eq!(
        text_of(&server.command("repeat 900").await.unwrap()).len(),
        900
    );
}

#[tokio::test(start_paused = true)]
async fn large_messages_in_many_frames() {
    let server = Server::start();
    let values: Vec<f64> = (0..150_528).map(f64::from).collect();
    let request = SeldonMessage {
        data_oneof: Some(seldon_message::DataOneof::Data(DefaultData {
            names: Vec::new(),
            data_oneof: Some(default_data::DataOneof::Tensor(Tensor {
                shape: vec![1, 150_528],
                values,
            })),
        })),
        ..SeldonMessage::default()
    };
    let response = server
        .client()
        .await
        .predict(request.clone())
        .await
        .unwrap();
    assert_eq!(response.get_ref().data_oneof, request.data_oneof);
}

#[tokio::test(start_paused = true)]
async fn a_claimed_length_costs_nothing_and_silence_has_an_end() {
    let server = Server::with(&Config {
        idle_timeout: Duration::from_millis(100),
        ..Config::default()
    });
    // A request's head with a prefix that claims 100 MB, and then nothing.
    let prefix = frame(0, 0, 1, &[0, 0x05, 0xf5, 0xe1, 0x00]);
    let bytes = [HELLO, &predict(1), &prefix].concat();
    let since = Instant::now();
    let mut connection = server.connect_raw();
    connection.write_all(&bytes).await.unwrap();
    let mut seen = Vec::new();
    // The response's head, which is all of it.
    while !frames(&seen).any(|(kind, id, _)| (kind, id) == (1, 1)) {
        let read = within(connection.read_buf(&mut seen)).await.unwrap();
        assert_ne!(read, 0, "closed without a response");
    }
    assert_eq!(since.elapsed().as_millis(), 100);
    assert_eq!(server.model.started.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_must_come_in_time_however_often_a_piece_comes() {
    let server = Server::with(&Config {
        body_timeout: Duration::from_secs(1),
        idle_timeout: Duration::from_millis(300),
        ..Config::default()
    });
    let prefix = frame(0, 0, 1, &[0, 0x05, 0xf5, 0xe1, 0x00]);
    let mut connection = server.connect_raw();
    let head = [HELLO, &predict(1), &prefix].concat();
    connection.write_all(&head).await.unwrap();
    let since = Instant::now();
    let mut seen = Vec::new();
    while !frames(&seen).any(|(kind, id, _)| (kind, id) == (1, 1)) {
        let read = connection.read_buf(&mut seen);
        match tokio::time::timeout(Duration::from_millis(90), read).await {
            Ok(read) => assert_ne!(read.unwrap(), 0, "closed without a response"),
            Err(_) => {
                let piece = frame(0, 0, 1, b"a");
                connection.write_all(&piece).await.unwrap();
            }
        }
        assert!(since.elapsed() < Duration::from_secs(2));
    }
    assert!(since.elapsed() >= Duration::from_secs(1));
    assert_eq!(server.model.started.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_head_of_a_request_is_bounded_by_its_setting() {
    let server = Server::with(&Config {
        max_head_size: 2_000,
        ..Config::default()
    });
    let mut client = server.connect().await;
    for (size, status) in [(1_000, 200), (3_000, 431)] {
        let mut request = post(PREDICT, framed_command("hello"));
        let value = "x".repeat(size).parse().unwrap();
        request.headers_mut().insert("x-long", value);
        assert_eq!(client.send(request).await.status(), status, "{size}");
    }
}
