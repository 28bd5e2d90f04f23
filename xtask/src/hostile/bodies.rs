//! Messages that are large, or become large.

use std::collections::BTreeMap;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::task::JoinSet;

use super::attack::{Attack, Came};
use super::target::{Target, is_right};
use super::wire::{Status, call, connect, json, post, run, send, short};

const PREDICT: &str = "/seldon.protos.Model/Predict";
const AGGREGATE: &str = "/seldon.protos.Combiner/Aggregate";

/// More than a count of 16 bits holds.
const MESSAGES: usize = 65_536;

/// How often what kills a worker is sent.
const TIMES: usize = 8;

pub(super) const ATTACKS: [Attack; 15] = [
    Attack {
        name: "aggregate of 65,536 over REST",
        sent: "`/aggregate` with 65,536 messages of no text, 8 times",
        right: "200: the component gets them all",
        memory: 600,
        run: aggregate_over_rest,
        ..Attack::PLAIN
    },
    Attack {
        name: "aggregate of 65,536 over gRPC",
        sent: "`Aggregate` with 65,536 messages of no text (262 kB), 8 times",
        right: "OK: the component gets them all",
        memory: 600,
        run: aggregate_over_grpc,
        ..Attack::PLAIN
    },
    Attack {
        name: "20 MB of 4-byte messages",
        sent: "`Aggregate` with 5,000,000 messages of no text",
        right: "refused, or served within 20 times its bytes",
        memory: 400,
        run: |target| {
            let list = [0x0a, 2, 0x2a, 0].repeat(5_000_000);
            one_call(target, AGGREGATE, &list, &[0, 3, 8])
        },
        ..Attack::PLAIN
    },
    Attack {
        name: "10 MB of empty metrics",
        sent: "`Predict` with 5,000,000 metrics in its meta",
        right: "refused, or served within 20 times its bytes",
        memory: 200,
        run: |target| {
            let metrics = [0x2a, 0].repeat(5_000_000);
            let mut message = vec![0x12];
            varint(metrics.len(), &mut message);
            message.extend(metrics);
            message.extend([0x2a, 1, b'x']);
            one_call(target, PREDICT, &message, &[0, 3, 8])
        },
        ..Attack::PLAIN
    },
    Attack {
        name: "60 MB of tiny parts",
        sent: "multipart/form-data, 60 MB in parts of some 60 bytes",
        right: "400 or 413",
        memory: 300,
        run: |target| multipart(target, 60_000_000),
        ..Attack::PLAIN
    },
    Attack {
        name: "250 MB of tiny parts",
        sent: "multipart/form-data, 250 MB in parts of some 60 bytes",
        right: "400 or 413",
        memory: 600,
        run: |target| multipart(target, 250_000_000),
        ..Attack::PLAIN
    },
    Attack {
        name: "250 MB urlencoded",
        sent: "a form of 250 MB in fields of 4 bytes",
        right: "400 or 413",
        memory: 1200,
        run: |target| {
            let body = b"a=b&".repeat(62_500_000);
            one_post(
                target,
                "application/x-www-form-urlencoded",
                &body,
                &[400, 413],
            )
        },
        ..Attack::PLAIN
    },
    Attack {
        name: "256 MB of text",
        sent: "`strData` of 256 MB to `/predict`, three at once",
        right: "200, or 413 or 503 where it does not fit",
        memory: 5000,
        run: large_text,
        ..Attack::PLAIN
    },
    Attack {
        name: "50 MB of exception",
        sent: "a request to which the component raises an exception with 50 MB of text",
        right: "500",
        memory: 800,
        run: |target| {
            let body = r#"{"jsonData":{"do":"raise","amount":50000000}}"#;
            one_post(target, "application/json", body.as_bytes(), &[500])
        },
        ..Attack::PLAIN
    },
    Attack {
        name: "half a surrogate pair",
        sent: "a request to which the component raises such a text",
        right: "500 with the rest of the text",
        run: |target| {
            let body = r#"{"jsonData":{"do":"surrogate"}}"#;
            let reply = run(send(target.rest, &json("/predict", body)))?;
            Ok(Came {
                text: reply.status.to_string(),
                right: reply.status == 500 && reply.text.contains("of a pair"),
            })
        },
        ..Attack::PLAIN
    },
    Attack {
        name: "1 MB of text beside 2,000 short ones",
        sent: "an `ndarray` of texts, which NumPy gives the room of the longest each",
        right: "400 or 413, or 200 within the memory",
        memory: 400,
        run: |target| {
            let long = "x".repeat(1_000_000);
            let rest = r#","y""#.repeat(2000);
            let body = format!(r#"{{"data":{{"ndarray":["{long}"{rest}]}}}}"#);
            one_post(
                target,
                "application/json",
                body.as_bytes(),
                &[200, 400, 413],
            )
        },
        ..Attack::PLAIN
    },
    Attack {
        name: "50 MB of `{}`",
        sent: "an `ndarray` of 16,000,000 empty objects",
        right: "refused, or served within 20 times its bytes",
        memory: 1000,
        run: |target| {
            let body = format!(
                r#"{{"data":{{"ndarray":[{}{{}}]}}}}"#,
                "{},".repeat(16_600_000)
            );
            one_post(
                target,
                "application/json",
                body.as_bytes(),
                &[200, 400, 413, 503],
            )
        },
        ..Attack::PLAIN
    },
    Attack {
        name: "JSON 1,000,000 deep",
        sent: "`jsonData` of 1,000,000 nested lists",
        right: "400",
        run: |target| {
            let (open, close) = ("[".repeat(1_000_000), "]".repeat(1_000_000));
            let body = format!(r#"{{"jsonData":{open}{close}}}"#);
            one_post(target, "application/json", body.as_bytes(), &[400])
        },
        ..Attack::PLAIN
    },
    Attack {
        name: "gzip bombs",
        sent: "six `Predict` at once, 4 MB by gzip each, of 250 MB",
        right: "OK, or RESOURCE_EXHAUSTED where it does not fit",
        memory: 4000,
        run: gzip_bombs,
        ..Attack::PLAIN
    },
    Attack {
        name: "gzip bomb over REST",
        sent: "`/predict` with 1 MB by gzip, of 1 GB of white space",
        right: "413",
        memory: 700,
        run: gzip_bomb_over_rest,
        ..Attack::PLAIN
    },
];

fn aggregate_over_rest(target: &Target) -> anyhow::Result<Came> {
    let messages = vec![r#"{"strData":""}"#; MESSAGES].join(",");
    let request = json(
        "/aggregate",
        &format!(r#"{{"seldonMessages":[{messages}]}}"#),
    );
    run(async {
        let mut seen = BTreeMap::<String, usize>::new();
        let mut right = true;
        for _ in 0..TIMES {
            match send(target.rest, &request).await {
                Ok(reply) => {
                    right &= reply.status == 200 && reply.text.contains("65536 messages");
                    *seen.entry(reply.status.to_string()).or_default() += 1;
                }
                Err(error) => {
                    right = false;
                    *seen.entry(short(&error.to_string())).or_default() += 1;
                }
            }
        }
        Ok(came(&seen, right))
    })
}

fn aggregate_over_grpc(target: &Target) -> anyhow::Result<Came> {
    let list = [0x0a, 2, 0x2a, 0].repeat(MESSAGES);
    run(async {
        let mut seen = BTreeMap::new();
        let mut right = true;
        for _ in 0..TIMES {
            let text = match connect(target.grpc).await {
                Ok(connection) => {
                    let status = call(&connection, AGGREGATE, &[], &list, false).await?;
                    right &= status.code == Some(0);
                    text_of(&status)
                }
                Err(error) => {
                    right = false;
                    short(&error.to_string())
                }
            };
            *seen.entry(text).or_default() += 1;
        }
        Ok(came(&seen, right))
    })
}

fn multipart(target: &Target, size: usize) -> anyhow::Result<Came> {
    let part = "--b\r\ncontent-disposition: form-data; name=\"strData\"\r\n\r\nx\r\n";
    let mut body = part.repeat(size / part.len()).into_bytes();
    body.extend_from_slice(b"--b--\r\n");
    one_post(
        target,
        "multipart/form-data; boundary=b",
        &body,
        &[400, 413],
    )
}

fn large_text(target: &Target) -> anyhow::Result<Came> {
    let body = format!(r#"{{"strData":"{}"}}"#, "x".repeat((256 << 20) - 100));
    let request = bytes::Bytes::from(json("/predict", &body));
    let server = target.rest;
    run(async {
        let mut tasks = JoinSet::new();
        for _ in 0..3 {
            let request = request.clone();
            tasks.spawn(async move { send(server, &request).await });
        }
        let mut seen = BTreeMap::new();
        let mut right = true;
        while let Some(reply) = tasks.join_next().await {
            let reply = reply??;
            right &= [200, 413, 503].contains(&reply.status);
            *seen.entry(reply.status.to_string()).or_default() += 1;
        }
        Ok(came(&seen, right))
    })
}

fn gzip_bombs(target: &Target) -> anyhow::Result<Came> {
    // A little of it cannot be packed.
    let length = 250_000_000;
    let mut message = vec![0x22];
    varint(length, &mut message);
    let mut random = fastrand::Rng::with_seed(1);
    let mut piece = vec![0; 700];
    while message.len() < length {
        random.fill(&mut piece[..4]);
        message.extend_from_slice(&piece);
    }
    message.truncate(length + 5);
    message.resize(length + 5, 0);
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&message)?;
    let packed = bytes::Bytes::from(packed.finish()?);
    drop(message);
    let server = target.grpc;
    let size = packed.len() as f64 / 1e6;
    let mut came = run(async {
        let mut tasks = JoinSet::new();
        for _ in 0..6 {
            let packed = packed.clone();
            tasks.spawn(async move {
                let connection = connect(server).await?;
                call(&connection, PREDICT, &[], &packed, true).await
            });
        }
        let mut seen = BTreeMap::new();
        let mut right = true;
        while let Some(status) = tasks.join_next().await {
            let status = status??;
            right &= [Some(0), Some(8)].contains(&status.code);
            *seen.entry(text_of(&status)).or_default() += 1;
        }
        Ok(came(&seen, right))
    })?;
    came.text += &format!(" ({size:.1} MB each)");
    Ok(came)
}

fn gzip_bomb_over_rest(target: &Target) -> anyhow::Result<Came> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    let piece = vec![b' '; 1 << 20];
    for _ in 0..1 << 10 {
        packed.write_all(&piece)?;
    }
    let packed = packed.finish()?;
    let kind = "application/json\r\ncontent-encoding: gzip";
    one_post(target, kind, &packed, &[413])
}

fn one_post(target: &Target, kind: &str, body: &[u8], allowed: &[u16]) -> anyhow::Result<Came> {
    let reply = run(send(target.rest, &post("/predict", kind, body)))?;
    Ok(Came {
        text: reply.status.to_string(),
        right: allowed.contains(&reply.status),
    })
}

fn one_call(target: &Target, path: &str, message: &[u8], allowed: &[i32]) -> anyhow::Result<Came> {
    let status = run(async {
        let connection = connect(target.grpc).await?;
        call(&connection, path, &[], message, false).await
    })?;
    // Served or refused, the server must go on.
    is_right(target.rest)?;
    Ok(Came {
        text: text_of(&status),
        right: status.code.is_some_and(|code| allowed.contains(&code)),
    })
}

pub(super) fn text_of(status: &Status) -> String {
    match status.code {
        Some(0) => "OK".to_owned(),
        Some(code) => format!("code {code}: {}", short(&status.message)),
        None => short(&status.message),
    }
}

/// What came, each with how often.
pub(super) fn came(seen: &BTreeMap<String, usize>, right: bool) -> Came {
    let texts: Vec<String> = seen
        .iter()
        .map(|(text, count)| format!("{count} × {text}"))
        .collect();
    Came {
        text: texts.join(", "),
        right,
    }
}

/// A number as protobuf writes it.
fn varint(mut number: usize, bytes: &mut Vec<u8>) {
    while number >= 128 {
        bytes.push((number % 128) as u8 | 128);
        number /= 128;
    }
    bytes.push(number as u8);
}
