//! Clients that send frames without end.

use std::sync::Arc;
use std::time::Duration;

use streeling_grpc::seldon::Seldon;
use streeling_grpc::{Config, Grpc, Protocol};
use streeling_net::{ConnectionLimit, Connections, Cut, Together};
use streeling_testkit::Harness;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, split};
use tokio::task::yield_now;
use tokio::time::advance;

use crate::raw::{HELLO, fields, frame, frames, goodbye, predict};
use crate::support::{PREDICT, Server, framed_command, text_of, within};

/// `ENHANCE_YOUR_CALM`, as HTTP/2 has it.
const CALM: u32 = 0xb;

fn limited(config: &Config) -> (Server, Connections) {
    let limit = ConnectionLimit::default();
    let connections = Connections::new("gRPC", limit, Together::default());
    let harness = Harness::within(connections.clone(), |models, observers, ready| {
        let protocols: Vec<Arc<dyn Protocol>> = vec![Arc::new(Seldon)];
        Grpc::new(config, protocols, models, observers, ready)
    });
    (Server::of(harness), connections)
}

/// Sends all of it, as far as the server takes it, and returns what comes until the end.
async fn flood(client: DuplexStream, bytes: Vec<u8>) -> Vec<u8> {
    let (mut from, mut to) = split(client);
    let write = async move {
        // It fails where the connection is cut meanwhile, which is what the reader sees.
        to.write_all(&bytes).await.is_ok()
    };
    let mut read = Vec::new();
    let (_, end) = within(async { tokio::join!(write, from.read_to_end(&mut read)) }).await;
    end.unwrap();
    read
}

fn times(number: usize, frame: &[u8]) -> Vec<u8> {
    frame.repeat(number)
}

#[tokio::test(start_paused = true)]
async fn floods_of_every_frame_are_cut_with_a_goodbye() {
    let hello = [HELLO, &predict(1)].concat();
    let head = fields(PREDICT, &[]);
    let taken_back = (0..20_000_u32).flat_map(|number| {
        let stream = 2 * number + 3;
        [predict(stream), frame(3, 0, stream, &[0, 0, 0, 8])].concat()
    });
    for (name, flood_of) in [
        ("settings", times(3_000, &frame(4, 0, 0, &[]))),
        ("pings", times(30_000, &frame(6, 0, 0, &[1; 8]))),
        (
            "priorities",
            times(30_000, &frame(2, 0, 5, &[0, 0, 0, 0, 9])),
        ),
        ("windows", times(30_000, &frame(8, 0, 0, &[0, 0, 0, 1]))),
        ("empty data", times(30_000, &frame(0, 0, 1, &[]))),
        ("unknown", times(30_000, &frame(0xfe, 0, 0, &[]))),
        ("taken back", taken_back.collect()),
    ] {
        let (server, connections) = limited(&Config::default());
        let client = server.connect_raw();
        let sent = [&hello, &*flood_of].concat();
        let read = flood(client, sent).await;
        assert_eq!(goodbye(&read), Some(CALM), "{name}");
        let (reason, cut) = connections.counted().cut[0];
        // H2 itself counts some frames, and finds these first.
        let expected = u64::from(!["empty data", "taken back"].contains(&name));
        assert_eq!((reason, cut), (Cut::Flood, expected), "{name}");
        let response = server.command("hello").await.unwrap();
        assert_eq!(text_of(&response), "echo hello", "{name}");
    }
    // A head without an end, for which hyper has a limit.
    let (server, _) = limited(&Config::default());
    let endless = times(30_000, &frame(9, 0, 1, &[]));
    let sent = [HELLO, &frame(1, 0, 1, &head), &endless].concat();
    let read = flood(server.connect_raw(), sent).await;
    assert_eq!(goodbye(&read), Some(CALM));
}

#[tokio::test(start_paused = true)]
async fn pings_that_go_with_time_or_with_data_are_borne() {
    let (server, connections) = limited(&Config::default());
    let (mut from, mut to) = split(server.connect_raw());
    let ping = frame(6, 0, 0, &[1; 8]);
    to.write_all(HELLO).await.unwrap();
    let reader = tokio::spawn(async move {
        let mut read = Vec::new();
        from.read_to_end(&mut read).await.unwrap();
        read
    });
    // Not so long that the server would ask whether the client is still there.
    for _ in 0..5 {
        to.write_all(&times(9_000, &ping)).await.unwrap();
        advance(Duration::from_secs(10)).await;
    }
    // Almost all that there may be at once, and then one for each part of large bodies.
    to.write_all(&times(9_900, &ping)).await.unwrap();
    let message = framed_command(&format!("echo {}", "x".repeat(900_000)));
    for stream in [1, 3, 5] {
        to.write_all(&predict(stream)).await.unwrap();
        for part in message.chunks(2_000) {
            to.write_all(&frame(0, 0, stream, part)).await.unwrap();
            to.write_all(&ping).await.unwrap();
        }
    }
    to.shutdown().await.unwrap();
    let read = within(reader).await.unwrap();
    let pongs = frames(&read).filter(|(kind, ..)| *kind == 6).count();
    assert_eq!(pongs, 54_900 + 3 * message.len().div_ceil(2_000));
    assert_eq!(connections.counted().cut[0], (Cut::Flood, 0));
}

#[tokio::test(start_paused = true)]
async fn requests_that_are_taken_back_one_by_one_are_cut_as_well() {
    let config = Config {
        max_streams: 10,
        ..Config::default()
    };
    let (server, connections) = limited(&config);
    let (mut from, mut to) = split(server.connect_raw());
    to.write_all(HELLO).await.unwrap();
    let write = async move {
        let mut number = 0;
        loop {
            let stream = 2 * number + 1;
            let request = predict(stream);
            let reset = frame(3, 0, stream, &[0, 0, 0, 8]);
            if to.write_all(&request).await.is_err() {
                return number;
            }
            // So that the server has come to it.
            for _ in 0..10 {
                yield_now().await;
            }
            if to.write_all(&reset).await.is_err() {
                return number;
            }
            number += 1;
        }
    };
    let mut read = Vec::new();
    let (number, end) = within(async { tokio::join!(write, from.read_to_end(&mut read)) }).await;
    end.unwrap();
    assert!(number >= 1_020, "{number}");
    assert_eq!(goodbye(&read), Some(CALM));
    assert_eq!(connections.counted().cut[0], (Cut::Flood, 1));
}

#[tokio::test(start_paused = true)]
async fn a_connection_has_as_many_streams_as_the_setting_says() {
    let config = Config {
        max_streams: 3,
        ..Config::default()
    };
    let (server, connections) = limited(&config);
    let mut client = server.connect_raw();
    let requests: Vec<_> = (1..11).step_by(2).flat_map(predict).collect();
    client
        .write_all(&[HELLO, &requests].concat())
        .await
        .unwrap();
    let mut read = Vec::new();
    let refused = |read: &[u8]| {
        let resets = frames(read).filter(|(kind, _, reason)| *kind == 3 && reason[3] == 7);
        resets.map(|(_, stream, _)| stream).collect::<Vec<_>>()
    };
    while refused(&read).len() < 2 {
        assert_ne!(within(client.read_buf(&mut read)).await.unwrap(), 0);
    }
    assert_eq!(refused(&read), [7, 9]);
    assert_eq!(connections.counted().refused, 2);
    // The server's settings say how many there may be.
    let (_, _, settings) = frames(&read).next().unwrap();
    let mut settings = settings.chunks(6);
    assert!(settings.any(|setting| *setting == [0, 3, 0, 0, 0, 3]));
}
