//! Sends what a client sent, and compares what comes.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::reader::{Protocol, Reader};
use super::recording::{Conversation, Recording};
use crate::golden::{Keep, Snapshot};

/// Longer than a server takes for a response.
const TIMEOUT: Duration = Duration::from_secs(30);

impl Recording {
    /// Sends it all again, each connection to the port of its protocol; one line for each thing
    /// that differs.
    #[must_use]
    pub fn replay(&self, rest: SocketAddr, grpc: SocketAddr) -> Vec<String> {
        let mut found = Vec::new();
        for (conversation, number) in self.connections.iter().zip(1..) {
            let server = match conversation.protocol {
                Protocol::Http1 => rest,
                Protocol::Http2 => grpc,
            };
            let lines = match conversation.replay(server) {
                Ok(lines) => lines,
                Err(error) => vec![error],
            };
            let client = &self.client;
            let named = |line| format!("{client}, connection {number}: {line}");
            found.extend(lines.into_iter().map(named));
        }
        found
    }
}

impl Conversation {
    fn replay(&self, server: SocketAddr) -> Result<Vec<String>, String> {
        let mut connection = Connection::open(server, self.protocol).map_err(|e| e.to_string())?;
        for step in &self.steps {
            connection.wait_for(step.after)?;
            connection.send(&step.bytes()?)?;
        }
        connection.wait_for(self.responses.len())?;
        let got = connection.reader.responses()?;
        let mut found = Vec::new();
        for (number, expected) in &self.responses {
            let Some(response) = got.get(number) else {
                found.push(format!("response {number}: missing"));
                continue;
            };
            let response = Snapshot::new(response, Keep::All);
            let lines = expected.mismatches(&response).into_iter();
            found.extend(lines.map(|line| format!("response {number}: {line}")));
        }
        let unexpected = got.keys().filter(|n| !self.responses.contains_key(n));
        found.extend(unexpected.map(|number| format!("response {number}: not recorded")));
        Ok(found)
    }
}

struct Connection {
    stream: TcpStream,
    reader: Reader,
    ended: bool,
}

impl Connection {
    fn open(server: SocketAddr, protocol: Protocol) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&server, TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        Ok(Self {
            stream,
            reader: Reader::new(protocol),
            ended: false,
        })
    }

    fn wait_for(&mut self, responses: usize) -> Result<(), String> {
        let since = Instant::now();
        while self.reader.completed() < responses {
            let completed = self.reader.completed();
            let missing = || format!("response {} of {responses} is not complete", completed + 1);
            if self.ended || since.elapsed() > TIMEOUT {
                return Err(missing());
            }
            self.read()
                .map_err(|error| format!("{}: {error}", missing()))?;
        }
        Ok(())
    }

    fn send(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        let since = Instant::now();
        while !bytes.is_empty() {
            let count = self.reader.sendable(bytes);
            if count == 0 {
                if self.ended || since.elapsed() > TIMEOUT {
                    return Err("the server did not take the whole request".to_owned());
                }
                self.read()?;
                continue;
            }
            let (front, rest) = bytes.split_at(count);
            self.reader.sent(front);
            self.stream
                .write_all(front)
                .map_err(|error| format!("the server does not take the request: {error}"))?;
            bytes = rest;
        }
        Ok(())
    }

    fn read(&mut self) -> Result<(), String> {
        let mut buffer = vec![0; 64 * 1024];
        let count = self
            .stream
            .read(&mut buffer)
            .map_err(|error| error.to_string())?;
        if count == 0 {
            self.ended = true;
            self.reader.ended();
        }
        self.reader.received(&buffer[..count])
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::wire::relay::Relay;

    const REQUEST: &[u8] = b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\n";

    /// A server that responds to two requests on one connection; the second must not come before
    /// the first response has gone.
    fn server(bodies: [&'static str; 2]) -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                for body in bodies {
                    let mut request = vec![0; REQUEST.len() + 2];
                    if stream.read_exact(&mut request).is_err() {
                        break;
                    }
                    stream.set_nonblocking(true).unwrap();
                    assert!(stream.peek(&mut [0]).is_err());
                    stream.set_nonblocking(false).unwrap();
                    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
                    let length = body.len();
                    write!(stream, "{head}content-length: {length}\r\n\r\n{body}").unwrap();
                }
            }
        });
        address
    }

    fn record(server: SocketAddr) -> Recording {
        let relay = Relay::bind(SocketAddr::from(([127, 0, 0, 1], 0)), server).unwrap();
        let mut stream = TcpStream::connect(relay.address()).unwrap();
        for body in ["ab", "cd"] {
            stream.write_all(REQUEST).unwrap();
            stream.write_all(body.as_bytes()).unwrap();
            let mut response = Vec::new();
            while !response.ends_with(b"}") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                response.extend(byte);
            }
        }
        drop(stream);
        Recording::new("client", &relay.end()).unwrap()
    }

    #[test]
    fn what_was_recorded_is_sent_again_and_compared() {
        let alike = server(["{\"a\":1}", "{\"b\":2}"]);
        let recording = record(alike);
        let text = serde_json::to_string(&recording).unwrap();
        let recording: Recording = serde_json::from_str(&text).unwrap();
        let steps = &recording.connections[0].steps;
        assert_eq!(steps.iter().map(|s| s.after).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(recording.replay(alike, alike), [""; 0]);
        let other = server(["{\"a\":1}", "{\"b\":3}"]);
        assert_eq!(
            recording.replay(other, other),
            ["client, connection 1: response 2: $.b: want integer 2, got integer 3"]
        );
    }

    #[test]
    fn a_response_that_does_not_come_is_a_difference() {
        let recording = record(server(["{}", "{}"]));
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_exact(&mut vec![0; REQUEST.len() + 2]).unwrap();
        });
        assert_eq!(
            recording.replay(address, address),
            ["client, connection 1: response 1 of 1 is not complete"]
        );
    }

    #[test]
    fn a_client_that_does_not_wait_has_no_recording() {
        let relay =
            Relay::bind(SocketAddr::from(([127, 0, 0, 1], 0)), server(["{}", "{}"])).unwrap();
        let mut stream = TcpStream::connect(relay.address()).unwrap();
        stream.write_all(REQUEST).unwrap();
        // The relay has passed it on when the connection is closed from the other side.
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
        assert!(Recording::new("client", &relay.end()).is_err());
    }
}
