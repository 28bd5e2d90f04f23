//! Streams of requests.

use std::time::Duration;

use futures_util::stream;
use http_body_util::BodyExt as _;
use prost::Message as _;
use streeling_core::Budget;
use streeling_grpc::Grpc;
use streeling_net::Drained;
use streeling_testkit::Harness;
use tokio::time::{Instant, sleep};

use super::*;
use crate::support::{Reply, TIMEOUT, framed, messages, post, within};

const STREAM: &str = "/inference.GRPCInferenceService/ModelStreamInfer";

/// A command to the model, as raw elements.
fn raw_command(text: &str) -> pb::ModelInferRequest {
    let length = u32::try_from(text.len()).unwrap().to_le_bytes();
    let data = [&length, text.as_bytes()].concat();
    pb::ModelInferRequest {
        raw_input_contents: vec![data.into()],
        ..raw(vec![input("x", "BYTES", &[])], &[])
    }
}

fn numbers(count: usize) -> pb::ModelInferRequest {
    let shape = [i64::try_from(count).unwrap()];
    pb::ModelInferRequest {
        raw_input_contents: vec![vec![7; count].into()],
        ..raw(vec![input("x", "INT8", &shape)], &[])
    }
}

fn body(requests: &[pb::ModelInferRequest]) -> Vec<u8> {
    let requests = requests.iter();
    let framed = requests.map(|request| framed(&request.encode_to_vec()));
    framed.collect::<Vec<_>>().concat()
}

/// Sends all of a stream at once.
async fn send(server: &Server, body: Vec<u8>) -> Reply {
    server.connect().await.call(post(STREAM, body)).await
}

fn responses(reply: &Reply) -> Vec<pb::ModelStreamInferResponse> {
    let messages = messages(&reply.body).into_iter();
    messages
        .map(|message| pb::ModelStreamInferResponse::decode(&*message).unwrap())
        .collect()
}

/// The texts of responses, or of errors.
fn texts(reply: &Reply) -> Vec<String> {
    let text = |response: pb::ModelStreamInferResponse| match response.infer_response {
        Some(found) => String::from_utf8_lossy(&found.raw_output_contents[0][4..]).into_owned(),
        None => response.error_message,
    };
    responses(reply).into_iter().map(text).collect()
}

#[tokio::test(start_paused = true)]
async fn each_message_is_responded_to_in_turn() {
    let server = serve(oip());
    let requests = (1..=3).map(|count| pb::ModelInferRequest {
        id: count.to_string(),
        ..numbers(count)
    });
    let mut client = client(&server).await;
    let response = client.model_stream_infer(stream::iter(requests)).await;
    let mut response = response.unwrap().into_inner();
    for count in 1..=3 {
        let found = response.message().await.unwrap().unwrap();
        assert_eq!(found.error_message, "");
        let found = found.infer_response.unwrap();
        assert_eq!(found.id, count.to_string());
        assert_eq!(found.raw_output_contents, [vec![7; count]]);
    }
    assert_eq!(response.message().await.unwrap(), None);
    let seen = server.recorder.last().await;
    assert_eq!((seen.label, seen.code.as_str()), ("predict", "OK"));
}

#[tokio::test(start_paused = true)]
async fn an_error_is_a_message_after_which_the_stream_goes_on() {
    let server = serve(oip());
    let mut other = raw_command("hi");
    other.model_name = "x".to_owned();
    let mut short = numbers(2);
    short.inputs[0].shape = vec![3];
    let requests = [
        raw_command("a"),
        raw_command("kind QueueFull"),
        other,
        short,
        raw_command("b"),
    ];
    let reply = send(&server, body(&requests)).await;
    assert_eq!((reply.http, reply.code), (200, Some(0)));
    let expected = [
        "echo a",
        "failed as scripted: QueueFull \"é\n",
        "no model \"x\" is served here, only \"scripted\"",
        "input \"x\" of datatype INT8 and shape [3] takes 3 bytes, found 2",
        "echo b",
    ];
    assert_eq!(texts(&reply), expected);
}

#[tokio::test(start_paused = true)]
async fn typed_requests_get_plain_responses_and_an_error_ends_the_stream() {
    let server = serve(oip());
    let requests = [command("a"), command("kind BadData"), command("b")];
    let reply = send(&server, body(&requests)).await;
    assert_eq!(reply.code, Some(3));
    let [message] = &messages(&reply.body)[..] else {
        panic!("{reply:?}")
    };
    let found = pb::ModelInferResponse::decode(&**message).unwrap();
    assert_eq!(found.model_name, "scripted");
    let contents = found.outputs[0].contents.as_ref().unwrap();
    assert_eq!(contents.bytes_contents, ["echo a"]);
    assert_eq!(server.model.started.get(), 2);
    let refused = serve(Oip::new(served(None), None));
    let reply = send(&refused, body(&requests)).await;
    assert_eq!((reply.code, reply.body.len()), (Some(12), 0));
}

#[tokio::test(start_paused = true)]
async fn there_is_one_message_under_way_at_a_time() {
    let server = serve(oip());
    let since = Instant::now();
    let requests = vec![raw_command("sleep 1000"); 3];
    let mut client = server.connect().await;
    let response = client.send(post(STREAM, body(&requests))).await;
    sleep(Duration::from_millis(1500)).await;
    assert_eq!(server.model.started.get(), 2);
    let body = within(response.into_body().collect()).await.unwrap();
    assert_eq!(body.trailers().unwrap()["grpc-status"], "0");
    assert_eq!(messages(&body.to_bytes()).len(), 3);
    assert_eq!(since.elapsed().as_millis(), 3000);
}

#[tokio::test(start_paused = true)]
async fn messages_may_come_in_whatever_pieces() {
    let server = serve(oip());
    // HTTP/2 has pieces of 16 KiB: some messages take many, and some pieces have many.
    let sizes = [100_000, 1, 2, 50_000, 3, 16_384, 16_000, 300_000, 4];
    let requests: Vec<_> = sizes.into_iter().map(numbers).collect();
    let reply = send(&server, body(&requests)).await;
    assert_eq!(reply.code, Some(0));
    let found = responses(&reply).into_iter().map(|response| {
        let found = response.infer_response.unwrap();
        found.raw_output_contents[0].len()
    });
    assert_eq!(found.collect::<Vec<_>>(), sizes);
    let reply = send(&server, Vec::new()).await;
    assert_eq!((reply.code, reply.body.len()), (Some(0), 0));
}

#[tokio::test(start_paused = true)]
async fn broken_frames_end_the_stream() {
    let server = Server::speaking(
        &Config {
            max_message: 1000,
            ..Config::default()
        },
        vec![Arc::new(oip())],
    );
    let whole = body(&[raw_command("a")]);
    let compressed = [&[1][..], &whole[1..]].concat();
    let odd = [&[7][..], &whole[1..]].concat();
    for (rest, code, text) in [
        (
            &whole[..whole.len() - 1],
            3,
            "shorter%20than%20its%20prefix",
        ),
        (&whole[..3], 3, "shorter%20than%20its%20prefix"),
        (&compressed, 3, "no%20grpc-encoding%20says%20how"),
        (&odd, 3, "starts%20neither%20with%200"),
        (&[0, 255, 255, 255, 255], 8, "allowed%20are%201000%20bytes"),
    ] {
        let reply = send(&server, [&whole, rest].concat()).await;
        assert_eq!(texts(&reply), ["echo a"], "{text}");
        assert_eq!(reply.code, Some(code), "{text}");
        assert!(reply.text.contains(text), "{text}: {}", reply.text);
    }
}

#[tokio::test(start_paused = true)]
async fn each_message_has_its_time() {
    let config = Config {
        timeout: Some(Duration::from_secs(1)),
        ..Config::default()
    };
    let server = Server::speaking(&config, vec![Arc::new(oip())]);
    let commands = ["sleep 900", "sleep 900", "sleep 2000", "a"];
    let reply = send(&server, body(&commands.map(raw_command))).await;
    let expected = ["slept", "slept", "no response within 1000 ms", "echo a"];
    assert_eq!(
        (texts(&reply), reply.code),
        (expected.map(str::to_owned).to_vec(), Some(0))
    );
    // The caller's is for the stream as a whole.
    let mut request = post(STREAM, body(&commands.map(raw_command)));
    let headers = request.headers_mut();
    headers.insert("grpc-timeout", "1500m".parse().unwrap());
    let reply = server.connect().await.call(request).await;
    assert_eq!(reply.code, Some(4));
    assert_eq!(texts(&reply)[0], "slept");
}

/// An open stream whose client says nothing more, after the response to one message.
async fn silent(server: &Server) -> tonic::Streaming<pb::ModelStreamInferResponse> {
    use futures_util::StreamExt as _;

    let one = stream::iter([numbers(1)]).chain(stream::pending());
    let response = client(server).await.model_stream_infer(one).await;
    let mut response = response.unwrap().into_inner();
    response.message().await.unwrap().unwrap();
    response
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_server_and_a_long_pause_end_a_stream() {
    let server = Server::speaking(
        &Config {
            idle_timeout: Duration::from_secs(30),
            ..Config::default()
        },
        vec![Arc::new(oip())],
    );
    let mut response = silent(&server).await;
    let since = Instant::now();
    let status = within(response.message()).await.unwrap_err();
    assert_eq!(
        (status.code(), since.elapsed().as_secs()),
        (Code::DeadlineExceeded, 30)
    );
    let mut response = silent(&server).await;
    let since = Instant::now();
    let end = server.stop_within(TIMEOUT);
    let status = within(response.message()).await.unwrap_err();
    assert_eq!(
        (status.code(), since.elapsed().as_millis()),
        (Code::Unavailable, 200)
    );
    drop(response);
    assert_eq!(within(end).await.unwrap(), Drained { aborted: 0 });
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_not_ready_refuses_the_stream() {
    let server = serve(oip());
    server.ready.send_replace(false);
    let reply = send(&server, body(&[numbers(1)])).await;
    assert_eq!((reply.code, reply.body.len()), (Some(14), 0));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_ends_the_call() {
    let server = serve(oip());
    let mut client = server.connect().await;
    let request = post(STREAM, body(&[raw_command("sleep 100000")]));
    let response = client.send(request).await;
    within(server.model.started.reached(1)).await;
    drop(response);
    drop(client);
    within(server.model.dropped.reached(1)).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_message_takes_is_given_back_before_the_next() {
    let budget = Budget::new(8 << 20);
    let server = Server::of(Harness::start(|models, observers, ready| {
        let protocols: Vec<Arc<dyn Protocol>> = vec![Arc::new(oip())];
        let grpc = Grpc::new(&Config::default(), protocols, models, observers, ready);
        grpc.with_budget(budget.clone())
    }));
    let reply = send(&server, body(&vec![numbers(600_000); 40])).await;
    assert_eq!(reply.code, Some(0));
    let found = responses(&reply);
    assert_eq!(found.len(), 40);
    assert!(
        found
            .iter()
            .all(|response| response.error_message.is_empty())
    );
    assert_eq!(budget.used(), 0);
}
