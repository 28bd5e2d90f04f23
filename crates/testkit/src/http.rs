//! A plain HTTP/1.1 client: one connection for each request, bytes sent as they are written.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// One request, sent on a connection of its own.
#[derive(Clone, Debug)]
pub struct Request {
    /// HTTP method.
    pub method: String,
    /// Path and query, percent-encoded, sent as it is.
    pub path: String,
    /// Headers besides `Host`, `Content-Length` and `Connection`.
    pub headers: Vec<(String, String)>,
    /// The body; `None` sends neither a body nor a length.
    pub body: Option<Vec<u8>>,
}

/// A response as it came off the wire; a chunked body is put together.
#[derive(Clone, Debug)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Headers, names in lower case; repeated ones joined by `, `.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// A GET without a body.
    #[must_use]
    pub fn get(path: &str) -> Self {
        Self {
            method: "GET".to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: None,
        }
    }

    /// A POST with a JSON body.
    #[must_use]
    pub fn json(path: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            method: "POST".to_owned(),
            path: path.to_owned(),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: Some(body.into()),
        }
    }

    /// Sends it and reads the whole response.
    ///
    /// # Errors
    ///
    /// The connection's error, `TimedOut` or `WouldBlock` after `timeout` without a byte,
    /// `InvalidData` for a response that is not HTTP/1.
    pub fn send(&self, server: SocketAddr, timeout: Duration) -> io::Result<Response> {
        let mut stream = self.begin(server, timeout)?;
        let mut bytes = Vec::new();
        match stream.read_to_end(&mut bytes) {
            // A server that responds before it has read the whole body resets the connection; what
            // came is still the response.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset && !bytes.is_empty() => {}
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        parse(&bytes, self.method == "HEAD")
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the response is not HTTP/1"))
    }

    /// Sends it and leaves the response unread; a client that drops the connection has left.
    ///
    /// # Errors
    ///
    /// The connection's error.
    pub fn begin(&self, server: SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect_timeout(&server, timeout)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(timeout))?;
        stream.set_write_timeout(Some(timeout))?;
        stream.write_all(&self.bytes(server, "close"))?;
        Ok(stream)
    }

    fn bytes(&self, server: SocketAddr, connection: &str) -> Vec<u8> {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nhost: {server}\r\nconnection: {connection}\r\n",
            self.method, self.path
        );
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let body = self.body.as_deref().unwrap_or_default();
        if self.body.is_some() {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        [head.as_bytes(), body].concat()
    }
}

/// A client that sends one request after the other on the connection that it has.
#[derive(Debug)]
pub struct Client {
    server: SocketAddr,
    timeout: Duration,
    connection: Option<TcpStream>,
}

impl Client {
    /// Connects with the first request.
    #[must_use]
    pub fn new(server: SocketAddr, timeout: Duration) -> Self {
        Self {
            server,
            timeout,
            connection: None,
        }
    }

    /// Sends a request and reads the whole response. A connection that the server has closed since
    /// the last response is replaced; no request is sent twice.
    ///
    /// # Errors
    ///
    /// As [`Request::send`]; `UnexpectedEof` if the connection ends without a whole response.
    pub fn send(&mut self, request: &Request) -> io::Result<Response> {
        let mut stream = match self.connection.take() {
            Some(kept) if is_open(&kept)? => kept,
            _ => TcpStream::connect_timeout(&self.server, self.timeout)?,
        };
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(self.timeout))?;
        stream.set_write_timeout(Some(self.timeout))?;
        stream.write_all(&request.bytes(self.server, "keep-alive"))?;
        let mut bytes = Vec::new();
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let count = stream.read(&mut buffer)?;
            bytes.extend_from_slice(&buffer[..count]);
            let without_body = request.method == "HEAD";
            if let Some((response, _)) = take_response(&bytes, without_body, End::of(count)) {
                let close = response.headers.get("connection");
                if count > 0 && close.is_none_or(|value| value != "close") {
                    self.connection = Some(stream);
                }
                return Ok(response);
            }
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// Whether the other side has neither closed the connection nor sent anything.
fn is_open(stream: &TcpStream) -> io::Result<bool> {
    stream.set_nonblocking(true)?;
    let found = stream.peek(&mut [0]);
    stream.set_nonblocking(false)?;
    Ok(found.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock))
}

fn parse(bytes: &[u8], without_body: bool) -> Option<Response> {
    let (response, _) = take_response(bytes, without_body, End::Closed)?;
    Some(response)
}

/// Whether more can come on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Open,
    Closed,
}

impl End {
    /// After a read of so many bytes.
    fn of(count: usize) -> Self {
        if count == 0 { Self::Closed } else { Self::Open }
    }
}

/// The first response of `bytes` and its length; `None` while it is not complete. A body without a
/// length is complete when the connection is closed.
pub(crate) fn take_response(
    bytes: &[u8],
    without_body: bool,
    end: End,
) -> Option<(Response, usize)> {
    let (first, headers, start) = head(bytes)?;
    let status = first.strip_prefix("HTTP/1.")?.split(' ').nth(1)?;
    let status = status.parse().ok()?;
    let without_body = without_body || matches!(status, 100..=199 | 204 | 304);
    let rest = &bytes[start..];
    let (body, length) = if without_body {
        (Vec::new(), 0)
    } else if let Some(framed) = framed(&headers, rest) {
        framed?
    } else if end == End::Closed {
        (rest.to_vec(), rest.len())
    } else {
        return None;
    };
    let response = Response {
        status,
        headers,
        body,
    };
    Some((response, start + length))
}

/// The method of the first request of `bytes`, and the request's length once it is complete; `None`
/// while its head is not.
pub(crate) fn take_request(bytes: &[u8]) -> Option<(String, Option<usize>)> {
    let (first, headers, start) = head(bytes)?;
    let method = first.split(' ').next()?.to_owned();
    let body = match framed(&headers, &bytes[start..]) {
        Some(framed) => framed.map(|(_, length)| length),
        None => Some(0),
    };
    Some((method, body.map(|length| start + length)))
}

/// The first line, the headers, and where the body starts.
fn head(bytes: &[u8]) -> Option<(String, BTreeMap<String, String>, usize)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let text = String::from_utf8_lossy(&bytes[..end]);
    let mut lines = text.split("\r\n");
    let first = lines.next()?.to_owned();
    let mut headers = BTreeMap::<String, String>::new();
    for line in lines {
        let (name, value) = line.split_once(':')?;
        let value = value.trim();
        headers
            .entry(name.to_ascii_lowercase())
            .and_modify(|all| *all = format!("{all}, {value}"))
            .or_insert_with(|| value.to_owned());
    }
    Some((first, headers, end + 4))
}

/// The body that the headers give a length, with the bytes that it takes: `Some(None)` while it is
/// not complete, `None` if they give it none.
#[expect(
    clippy::option_option,
    reason = "whether there is a length, and whether there is as much"
)]
fn framed(headers: &BTreeMap<String, String>, rest: &[u8]) -> Option<Option<(Vec<u8>, usize)>> {
    if headers
        .get("transfer-encoding")
        .is_some_and(|value| value == "chunked")
    {
        return Some(dechunk(rest));
    }
    let length = headers.get("content-length")?;
    let length = length.parse().ok();
    let body = length.and_then(|length: usize| Some((rest.get(..length)?.to_vec(), length)));
    Some(body)
}

/// The body, and the bytes that its chunks and trailers take.
fn dechunk(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut body = Vec::new();
    let mut at = 0;
    let line = |at: usize| {
        let rest = bytes.get(at..)?;
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        std::str::from_utf8(&rest[..end]).ok()
    };
    loop {
        let size = line(at)?;
        at += size.len() + 2;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            break;
        }
        body.extend_from_slice(bytes.get(at..at + size)?);
        at += size + 2;
    }
    loop {
        let trailer = line(at)?;
        at += trailer.len() + 2;
        if trailer.is_empty() {
            return Some((body, at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_joined_and_the_body_is_cut_at_its_length() {
        let bytes = b"HTTP/1.1 200 OK\r\nVary: a\r\nvary: b\r\nContent-Length: 2\r\n\r\nokay";
        let response = parse(bytes, false).unwrap();
        assert_eq!(
            (response.status, response.body.as_slice()),
            (200, b"ok".as_slice())
        );
        assert_eq!(response.headers["vary"], "a, b");
    }

    #[test]
    fn chunks_are_put_together() {
        let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
            2\r\nab\r\n1;x\r\nc\r\n0\r\n\r\n";
        assert_eq!(parse(bytes, false).unwrap().body, b"abc");
    }

    #[test]
    fn responses_of_one_connection_are_taken_one_by_one() {
        let bytes =
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\naHTTP";
        let (first, used) = take_response(bytes, false, End::Open).unwrap();
        assert_eq!((first.status, used), (100, 25));
        let (second, used) = take_response(&bytes[25..], false, End::Open).unwrap();
        assert_eq!((second.body.as_slice(), used), (b"a".as_slice(), 39));
        assert!(take_response(&bytes[64..], false, End::Open).is_none());
        // Nothing but the end of the connection says how long it is.
        let open = b"HTTP/1.1 200 OK\r\n\r\nab";
        assert!(take_response(open, false, End::Open).is_none());
        assert_eq!(
            take_response(open, false, End::Closed).unwrap().0.body,
            b"ab"
        );
    }

    #[test]
    fn a_request_is_as_long_as_its_head_says() {
        let chunked = b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n";
        let post = || "POST".to_owned();
        assert_eq!(take_request(chunked), Some((post(), Some(chunked.len()))));
        let cut = &chunked[..chunked.len() - 1];
        assert_eq!(take_request(cut), Some((post(), None)));
        assert_eq!(take_request(b"POST / HTTP/1.1\r\n"), None);
        let get = b"GET / HTTP/1.1\r\n\r\nGET";
        assert_eq!(take_request(get), Some(("GET".to_owned(), Some(18))));
    }

    #[test]
    fn short_bodies_and_other_protocols_are_refused() {
        assert!(parse(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", false).is_none());
        assert!(parse(b"SMTP ready\r\n\r\n", false).is_none());
    }
}
