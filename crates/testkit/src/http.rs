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
        let mut stream = TcpStream::connect_timeout(&server, timeout)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(timeout))?;
        stream.set_write_timeout(Some(timeout))?;
        stream.write_all(&self.bytes(server))?;
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

    fn bytes(&self, server: SocketAddr) -> Vec<u8> {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nhost: {server}\r\nconnection: close\r\n",
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

fn parse(bytes: &[u8], without_body: bool) -> Option<Response> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]);
    let mut lines = head.split("\r\n");
    let status = lines
        .next()?
        .strip_prefix("HTTP/1.")?
        .split(' ')
        .nth(1)?
        .parse()
        .ok()?;
    let mut headers = BTreeMap::<String, String>::new();
    for line in lines {
        let (name, value) = line.split_once(':')?;
        let value = value.trim();
        headers
            .entry(name.to_ascii_lowercase())
            .and_modify(|all| *all = format!("{all}, {value}"))
            .or_insert_with(|| value.to_owned());
    }
    let rest = &bytes[end + 4..];
    let body = if without_body {
        Vec::new()
    } else if headers
        .get("transfer-encoding")
        .is_some_and(|value| value == "chunked")
    {
        dechunk(rest)?
    } else if let Some(length) = headers.get("content-length") {
        rest.get(..length.parse().ok()?)?.to_vec()
    } else {
        rest.to_vec()
    };
    Some(Response {
        status,
        headers,
        body,
    })
}

fn dechunk(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|window| window == b"\r\n")?;
        let size = std::str::from_utf8(&bytes[..end]).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(bytes.get(end + 2..end + 2 + size)?);
        bytes = bytes.get(end + 4 + size..)?;
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
    fn short_bodies_and_other_protocols_are_refused() {
        assert!(parse(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", false).is_none());
        assert!(parse(b"SMTP ready\r\n\r\n", false).is_none());
    }
}
