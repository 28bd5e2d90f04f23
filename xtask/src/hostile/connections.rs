//! Connections by the thousand, and those on which nothing moves.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use rustix::process::{Pid, Signal, kill_process};
use streeling_testkit::Request;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::attack::{Attack, Came};
use super::bodies::{came, text_of};
use super::target::Target;
use super::wire::{call, connect, json, run, send, short};
use crate::frames;
use crate::observe::{children, cpu, resident, words_of};

const PREDICT: &str = "/seldon.protos.Model/Predict";

/// The clocks of the server where an attack would otherwise wait for a minute.
const SOON: &[&str] = &[
    "--idle-timeout",
    "5",
    "--head-timeout",
    "5",
    "--write-timeout",
    "5",
];

pub(super) const ATTACKS: [Attack; 12] = [
    Attack {
        name: "1,200 silent connections at 1,024 files",
        sent: "1,200 connections to REST that say nothing; then a worker is killed",
        right: "probes, metrics and requests go on, the worker is replaced; a ping waits until a \
                connection has been silent for 2 s",
        arguments: &["--workers", "2"],
        ping: 2500,
        files: Some(1024),
        run: silent,
        ..Attack::PLAIN
    },
    Attack {
        name: "10,000 `PRI *`",
        sent: "10,000 connections to gRPC with the start of HTTP/2's preface, and no more",
        right: "below 10 % of a core",
        memory: 300,
        run: prefaces,
        ..Attack::PLAIN
    },
    Attack {
        name: "4,000 heads that trickle",
        sent: "4,000 connections to REST with half a head",
        right: "closed, or 408, in time",
        arguments: SOON,
        run: trickling,
        ..Attack::PLAIN
    },
    Attack {
        name: "4,000 connections on a slow model",
        sent: "4,000 connections with requests of 20 ms, for 5 s",
        right: "200 or 503",
        ping: 100,
        memory: 500,
        run: busy,
        ..Attack::PLAIN
    },
    Attack {
        name: "1,000 half-sent bodies over gRPC",
        sent: "10 connections of 100 streams, each with the half of 10 MB",
        right: "refused or cut in time",
        arguments: SOON,
        memory: 12_000,
        run: half_bodies,
        ..Attack::PLAIN
    },
    Attack {
        name: "1,000 half-sent bodies over REST",
        sent: "1,000 connections, each with the half of 10 MB declared",
        right: "408, 413 or 503",
        arguments: SOON,
        memory: 12_000,
        run: half_bodies_over_rest,
        ..Attack::PLAIN
    },
    Attack {
        name: "2,300 bodies of 1 MB to a slow model",
        sent: "2,300 connections with 1 MB of text each, 20 ms of the model each",
        right: "200, or 503 where it does not fit",
        memory: 6000,
        run: |target| waves(target, 1, 2300),
        ..Attack::PLAIN
    },
    Attack {
        name: "three waves of 1,500 bodies of 1 MB",
        sent: "1,500 connections with 1 MB of text each, three times",
        right: "200 or 503, and the memory given back",
        memory: 6000,
        run: |target| waves(target, 3, 1500),
        ..Attack::PLAIN
    },
    Attack {
        name: "REST clients that do not read",
        sent: "20 requests for 25 MB each, the responses unread",
        right: "cut after the time for writing, the memory given back",
        arguments: SOON,
        memory: 1500,
        run: unread_over_rest,
        ..Attack::PLAIN
    },
    Attack {
        name: "gRPC clients that do not read",
        sent: "20 calls for 25 MB each on 20 connections without a window",
        right: "cut after the idle timeout, the memory given back",
        arguments: SOON,
        memory: 1500,
        run: unread_over_grpc,
        ..Attack::PLAIN
    },
    Attack {
        name: "malformed requests",
        sent: "2,000 connections with `POST predict`, `CONNECT a:1` and other nonsense",
        right: "400 or 405, no memory kept",
        run: malformed,
        ..Attack::PLAIN
    },
    Attack {
        name: "endless recursion of the model",
        sent: "a request in which the component calls itself without an end",
        right: "an error, and the next request is served",
        arguments: &["--worker-memory", "500MiB"],
        memory: 1000,
        run: recursion,
        ..Attack::PLAIN
    },
];

async fn open(server: SocketAddr, count: usize, bytes: &[u8]) -> anyhow::Result<Vec<TcpStream>> {
    let mut streams = Vec::with_capacity(count);
    for at in 0..count {
        let mut stream = TcpStream::connect(server)
            .await
            .with_context(|| format!("connection {at}"))?;
        // One that the server has shed takes no more.
        drop(stream.write_all(bytes).await);
        streams.push(stream);
    }
    Ok(streams)
}

fn silent(target: &Target) -> anyhow::Result<Came> {
    run(async {
        let streams = open(target.rest, 1200, b"").await?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let is_worker = |pid: &u32| words_of(*pid).iter().any(|word| word == "REST");
        let worker = children(target.server.pid())?.into_iter().find(is_worker);
        let worker = worker.context("no worker")?;
        let pid = Pid::from_raw(worker.try_into()?).context("no process id")?;
        kill_process(pid, Signal::KILL)?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let body = json("/predict", r#"{"strData":"x"}"#);
        let started = Instant::now();
        let served = send(target.rest, &body).await;
        let scraped = send(
            target.metrics,
            b"GET /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        );
        let scraped = scraped.await.map(|reply| reply.status);
        let status = served.as_ref().map(|reply| reply.status);
        let text = format!(
            "a request {} in {} ms, metrics {}",
            status.map_or_else(
                |error| short(&error.to_string()),
                |status| status.to_string()
            ),
            started.elapsed().as_millis(),
            scraped.as_ref().map_or(0, |status| *status),
        );
        let right = matches!(status, Ok(200)) && matches!(scraped, Ok(200));
        drop(streams);
        Ok(Came { text, right })
    })
}

fn prefaces(target: &Target) -> anyhow::Result<Came> {
    const LOOK: Duration = Duration::from_secs(5);
    run(async {
        let streams = open(target.grpc, 10_000, b"PRI *").await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let before = cpu(target.server.pid())?;
        tokio::time::sleep(LOOK).await;
        let used = cpu(target.server.pid())?.saturating_sub(before);
        let part = used.as_secs_f64() / LOOK.as_secs_f64() * 100.0;
        drop(streams);
        Ok(Came {
            text: format!("{part:.0} % of a core"),
            right: part < 10.0,
        })
    })
}

fn trickling(target: &Target) -> anyhow::Result<Came> {
    run(async {
        let start = b"POST /predict HTTP/1.1\r\nhost: a\r\nx-long: ";
        let streams = open(target.rest, 4000, start).await?;
        until_cut(streams, Duration::from_secs(30)).await
    })
}

/// Waits until the server has ended these connections.
async fn until_cut(streams: Vec<TcpStream>, longest: Duration) -> anyhow::Result<Came> {
    let since = Instant::now();
    let mut left = streams;
    let mut last = Duration::ZERO;
    while !left.is_empty() && since.elapsed() < longest {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let before = left.len();
        left.retain(is_open);
        if left.len() < before {
            last = since.elapsed();
        }
    }
    let right = left.is_empty();
    let seconds = since.elapsed().as_secs();
    let text = match left.len() {
        0 => format!("all ended in {:.1} s", last.as_secs_f64()),
        count => format!("{count} still open after {seconds} s"),
    };
    Ok(Came { text, right })
}

/// Whether the server has not ended the connection; what it says before is taken.
fn is_open(stream: &TcpStream) -> bool {
    let mut piece = [0; 4096];
    loop {
        match stream.try_read(&mut piece) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error.kind() == std::io::ErrorKind::WouldBlock,
        }
    }
}

fn busy(target: &Target) -> anyhow::Result<Came> {
    const LENGTH: Duration = Duration::from_secs(5);
    let server = target.rest;
    let request = Bytes::from(json("/predict", r#"{"strData":"slow"}"#));
    run(async {
        let mut tasks = JoinSet::new();
        let since = Instant::now();
        for _ in 0..4000 {
            let request = request.clone();
            tasks.spawn(async move {
                let mut statuses = Vec::new();
                while since.elapsed() < LENGTH {
                    let reply = send(server, &request).await;
                    let status = reply.map_or(0, |reply| reply.status);
                    statuses.push(status);
                    if status != 200 {
                        // As Retry-After says.
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                }
                statuses
            });
        }
        let mut seen = BTreeMap::<String, usize>::new();
        let mut right = true;
        while let Some(statuses) = tasks.join_next().await {
            for status in statuses? {
                right &= matches!(status, 200 | 503);
                *seen.entry(status.to_string()).or_default() += 1;
            }
        }
        Ok(came(&seen, right))
    })
}

fn half_bodies(target: &Target) -> anyhow::Result<Came> {
    const DECLARED: u32 = 10_000_000;
    let server = target.grpc;
    let half = Bytes::from([frames::message_prefix(DECLARED), vec![0; 5_000_000]].concat());
    run(async {
        let mut tasks = JoinSet::new();
        for _ in 0..10 {
            let half = half.clone();
            tasks.spawn(async move {
                let connection = connect(server).await?;
                let mut calls = JoinSet::new();
                for _ in 0..100 {
                    let request = http::Request::post(format!("http://hostile{PREDICT}"))
                        .header("content-type", "application/grpc")
                        .header("te", "trailers")
                        .body(())?;
                    let Ok(mut ready) = connection.clone().ready().await else {
                        break;
                    };
                    let (response, mut body) = ready.send_request(request, false)?;
                    body.send_data(half.clone(), false)?;
                    calls.spawn(async move {
                        let ended = tokio::time::timeout(Duration::from_secs(60), response).await;
                        // Until here: without it the call is reset.
                        drop(body);
                        match ended {
                            Err(_) => "not cut in 60 s".to_owned(),
                            Ok(Err(error)) => short(&error.to_string()),
                            Ok(Ok(response)) => {
                                let code = response.headers().get("grpc-status");
                                format!("code {:?}", code.and_then(|code| code.to_str().ok()))
                            }
                        }
                    });
                }
                anyhow::Ok(calls.join_all().await)
            });
        }
        let mut seen = BTreeMap::<String, usize>::new();
        while let Some(texts) = tasks.join_next().await {
            for text in texts?? {
                *seen.entry(text).or_default() += 1;
            }
        }
        let right = !seen.keys().any(|text| text.starts_with("not cut"));
        Ok(came(&seen, right))
    })
}

fn half_bodies_over_rest(target: &Target) -> anyhow::Result<Came> {
    run(async {
        let head = "POST /predict HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
                    content-length: 10000000\r\n\r\n";
        let half = [head.as_bytes(), &vec![b' '; 5_000_000]].concat();
        let mut streams = Vec::new();
        for _ in 0..1000 {
            let mut stream = TcpStream::connect(target.rest).await?;
            let write = stream.write_all(&half);
            drop(tokio::time::timeout(Duration::from_secs(2), write).await);
            streams.push(stream);
        }
        until_cut(streams, Duration::from_secs(60)).await
    })
}

fn waves(target: &Target, count: usize, bodies: usize) -> anyhow::Result<Came> {
    let body = format!(r#"{{"strData":"slow{}"}}"#, "x".repeat(1_000_000));
    let request = Bytes::from(json("/predict", &body));
    let server = target.rest;
    run(async {
        let mut seen = BTreeMap::<String, usize>::new();
        let mut right = true;
        for _ in 0..count {
            let mut tasks = JoinSet::new();
            for _ in 0..bodies {
                let request = request.clone();
                tasks.spawn(async move { send(server, &request).await });
            }
            while let Some(reply) = tasks.join_next().await {
                let status = reply?.map_or(0, |reply| reply.status);
                right &= matches!(status, 200 | 503);
                *seen.entry(status.to_string()).or_default() += 1;
            }
        }
        Ok(came(&seen, right))
    })
}

fn unread_over_rest(target: &Target) -> anyhow::Result<Came> {
    let body = r#"{"jsonData":{"do":"respond","amount":25000000}}"#;
    let request = json("/predict", body);
    run(async {
        let streams = open(target.rest, 20, &request).await?;
        until_given_back(target, streams).await
    })
}

/// Waits until the server has cut what is not read, which its client cannot see: it has
/// when it no longer holds the responses.
async fn until_given_back<T>(target: &Target, held: T) -> anyhow::Result<Came> {
    const LARGEST: u64 = 100 * 1024;
    let pid = target.server.pid();
    // Until the responses are there.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let most = resident(pid)?;
    let since = Instant::now();
    while resident(pid)? > LARGEST && since.elapsed() < Duration::from_secs(40) {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let last = resident(pid)?;
    let text = format!(
        "the server holds {} MB, {} MB after {} s",
        most / 1024,
        last / 1024,
        since.elapsed().as_secs() + 3
    );
    drop(held);
    Ok(Came {
        text,
        right: last <= LARGEST,
    })
}

fn unread_over_grpc(target: &Target) -> anyhow::Result<Came> {
    // jsonData {"do": "respond", "amount": 25000000}
    let message = {
        let field = |name: &str, value: Vec<u8>| {
            let key = [&[0x0a, name.len() as u8], name.as_bytes()].concat();
            let entry = [key, vec![0x12, value.len() as u8], value].concat();
            [vec![0x0a, entry.len() as u8], entry].concat()
        };
        let text = [&[0x1a, 7], &b"respond"[..]].concat();
        let number = [&[0x11], &25_000_000_f64.to_le_bytes()[..]].concat();
        let fields = [field("do", text), field("amount", number)].concat();
        let object = [vec![0x2a, fields.len() as u8], fields].concat();
        [vec![0x32, object.len() as u8], object].concat()
    };
    run(async {
        let mut streams = Vec::new();
        for _ in 0..20 {
            let mut stream = TcpStream::connect(target.grpc).await?;
            let prefix = frames::message_prefix(message.len() as u32);
            let body = [prefix, message.clone()].concat();
            let bytes = [
                frames::preface(),
                frames::call(1, PREDICT),
                frames::frame(frames::DATA, frames::END_STREAM, 1, &body),
            ];
            stream.write_all(&bytes.concat()).await?;
            streams.push(stream);
        }
        until_given_back(target, streams).await
    })
}

fn malformed(target: &Target) -> anyhow::Result<Came> {
    const REQUESTS: [&str; 5] = [
        "POST predict HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n",
        "CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n",
        "GET http:// HTTP/1.1\r\nhost: a\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n",
        "\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03",
    ];
    const NEXT: &str = "GET /health/ping HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    run(async {
        let mut seen = BTreeMap::<String, usize>::new();
        let mut right = true;
        for at in 0..2000 {
            let request = REQUESTS[at % REQUESTS.len()];
            let reply = send(target.rest, format!("{request}{NEXT}").as_bytes()).await?;
            right &= matches!(reply.status, 200 | 204 | 400 | 404 | 405 | 501);
            *seen.entry(reply.status.to_string()).or_default() += 1;
        }
        let log = target.server.log();
        let panics = log.iter().filter(|line| line.contains("panicked")).count();
        let mut came = came(&seen, right && panics == 0);
        if panics > 0 {
            came.text += &format!(", {panics} panics");
        }
        Ok(came)
    })
}

fn recursion(target: &Target) -> anyhow::Result<Came> {
    let body = r#"{"jsonData":{"do":"recurse"}}"#;
    let request = Request::json("/predict", body);
    let response = request.send(target.rest, Duration::from_secs(90));
    let connection = run(async {
        let connection = connect(target.grpc).await?;
        let message = [0x2a, 1, b'x'];
        call(&connection, PREDICT, &[], &message, false).await
    });
    let grpc = connection.map_or_else(|error| short(&error.to_string()), |one| text_of(&one));
    Ok(match response {
        Ok(response) => Came {
            text: format!("{}, the next over gRPC {grpc}", response.status),
            right: matches!(response.status, 500 | 503 | 504) && grpc == "OK",
        },
        Err(error) => Came {
            text: short(&error.to_string()),
            right: false,
        },
    })
}
