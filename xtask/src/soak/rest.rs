//! Clients over REST, on connections that they keep.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use super::account::{Ended, Refusal};
use super::call::{Call, Operation, beginning};
use super::material::Material;

/// Longer than any response takes.
pub(super) const TIMEOUT: Duration = Duration::from_secs(90);

/// How fast a client reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    Fast,
    /// With a pause of so many milliseconds after each of the first pieces.
    Slow(u64),
}

/// Pieces after which a slow reader has had enough of it.
const PIECES: usize = 20;

/// One client.
pub(super) struct Client {
    server: SocketAddr,
    connection: Option<TcpStream>,
}

struct Response {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Client {
    pub(super) fn new(server: SocketAddr) -> Self {
        Self {
            server,
            connection: None,
        }
    }

    /// Sends a request and judges its response.
    pub(super) fn call(&mut self, call: &Call, material: &Material, pace: Pace) -> Ended {
        match self.exchange(call, material, pace) {
            Ok(response) => judge(call, &response, material),
            Err(error) => Ended::Broken(error.to_string()),
        }
    }

    fn exchange(&mut self, call: &Call, material: &Material, pace: Pace) -> io::Result<Response> {
        let mut stream = match self.connection.take() {
            Some(kept) if is_open(&kept)? => kept,
            _ => TcpStream::connect_timeout(&self.server, TIMEOUT)?,
        };
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let body = call.json(material);
        let head = head(call.path(), body.len());
        let sent = stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(&body));
        // A server that refuses a body may respond before it has read all of it.
        let response = match (read(&mut stream, pace), sent) {
            (Ok(response), _) => response,
            (Err(_), Err(error)) => return Err(context("sending", &error)),
            (Err(error), Ok(())) => return Err(context("receiving", &error)),
        };
        if !response.head.contains("connection: close") {
            self.connection = Some(stream);
        }
        Ok(response)
    }
}

/// The head of a request with a body in JSON.
pub(super) fn head(path: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: soak\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n"
    )
}

fn context(doing: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{doing}: {error}"))
}

fn read(stream: &mut TcpStream, pace: Pace) -> io::Result<Response> {
    let mut bytes = Vec::new();
    let mut piece = vec![0; 128 * 1024];
    let mut pieces = 0;
    let mut more = |bytes: &mut Vec<u8>| {
        if let Pace::Slow(pause) = pace
            && pieces < PIECES
        {
            pieces += 1;
            std::thread::sleep(Duration::from_millis(pause));
        }
        match stream.read(&mut piece)? {
            0 => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
            count => {
                bytes.extend_from_slice(&piece[..count]);
                Ok(())
            }
        }
    };
    let end = loop {
        match bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            Some(end) => break end,
            None => more(&mut bytes)?,
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let field = |name: &str| head.split("\r\n").find_map(|line| line.strip_prefix(name));
    let invalid = || io::Error::new(io::ErrorKind::InvalidData, format!("a head like {head}"));
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
    let length: Option<usize> = field("content-length: ").and_then(|text| text.parse().ok());
    let (status, length) = status.zip(length).ok_or_else(invalid)?;
    let mut body = bytes.split_off(end + 4);
    while body.len() < length {
        more(&mut body)?;
    }
    if body.len() > length {
        let rest = beginning(&body[length..]);
        return Err(io::Error::other(format!("behind the response: {rest}")));
    }
    Ok(Response { status, head, body })
}

/// Whether the connection can be used again. What comes before a request is sent is a response too
/// many.
fn is_open(stream: &TcpStream) -> io::Result<bool> {
    stream.set_nonblocking(true)?;
    let found = stream.peek(&mut [0]);
    stream.set_nonblocking(false)?;
    match found {
        Ok(0) => Ok(false),
        Ok(_) => Err(io::Error::other("a response that no request was for")),
        Err(error) => Ok(error.kind() == io::ErrorKind::WouldBlock),
    }
}

fn judge(call: &Call, response: &Response, material: &Material) -> Ended {
    let found = || {
        let Response { status, body, .. } = response;
        format!("{:?}: {status} {}", call.operation, beginning(body))
    };
    if response.status == 200 {
        if call.operation == Operation::Raise {
            return Ended::Broken(found());
        }
        return match call.judge_json(&response.body, material) {
            Ok(()) => Ended::Right,
            Err(text) => Ended::Broken(format!("{:?}: {text}", call.operation)),
        };
    }
    let json: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let info = json["status"]["info"].as_str().unwrap_or_default();
    if info.is_empty() {
        return Ended::Broken(found());
    }
    if response.status == 500 && is_on_purpose(call, info) {
        return Ended::Right;
    }
    let reason = json["status"]["reason"].as_str().unwrap_or_default();
    let Some(refusal) = Refusal::of_rest(response.status, reason) else {
        return Ended::Broken(found());
    };
    if refusal == Refusal::Busy && !response.head.contains("retry-after: ") {
        return Ended::Broken(format!("no time of another try: {}", found()));
    }
    Ended::Refused(refusal, info.to_owned())
}

/// Whether an error is the one that the component was to raise.
pub(super) fn is_on_purpose(call: &Call, text: &str) -> bool {
    call.operation == Operation::Raise && text.ends_with(&format!("on purpose in {}", call.number))
}
