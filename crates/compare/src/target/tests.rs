use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use super::*;
use crate::messages::Messages;

const TIMEOUT: Duration = Duration::from_secs(10);

/// What the server does once a request is there.
#[derive(Clone, Copy)]
enum Then {
    Respond(&'static [u8]),
    RespondAndClose(&'static [u8]),
    Close,
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

#[tokio::test]
async fn addresses_are_read_and_others_named() {
    for text in [
        "a:1",
        "http://a:1",
        "grpc://a:1",
        "a:1,grpc://b:2",
        "http://[::1]:1/",
    ] {
        assert!(Target::parse(text).is_ok(), "{text}");
    }
    for (text, what) in [
        ("a", "must be HOST:PORT"),
        ("a:0", "must be HOST:PORT"),
        ("a:x", "must be HOST:PORT"),
        ("ftp://a:1", "must be http or grpc"),
        ("https://a:1", "speaks no TLS"),
        ("a:1,grpcs://a:2", "speaks no TLS"),
        ("a:1,", "must be HOST:PORT"),
    ] {
        let error = Target::parse(text).unwrap_err().to_string();
        assert!(error.contains(what), "{text}: {error}");
    }
}

/// A server of HTTP/1.1 that does the next of `what` for each request, and says when it is done.
fn http(what: &'static [Then]) -> (SocketAddr, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (say, done) = channel();
    std::thread::spawn(move || {
        let mut what = what.iter();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut closes = false;
            while !closes && has_request(&mut stream) {
                let Some(then) = what.next() else { return };
                if let Then::Respond(bytes) | Then::RespondAndClose(bytes) = then {
                    stream.write_all(bytes).unwrap();
                }
                closes = !matches!(then, Then::Respond(_));
                if closes {
                    stream.shutdown(Shutdown::Both).unwrap();
                }
                say.send(()).unwrap();
            }
        }
    });
    (address, done)
}

/// Reads a request, whose body must end with `!`.
fn has_request(stream: &mut TcpStream) -> bool {
    let mut byte = [0];
    while byte != *b"!" {
        if !matches!(stream.read(&mut byte), Ok(1)) {
            return false;
        }
    }
    true
}

fn post() -> Request {
    let line = r#"{"path": "/predict", "body": "!"}"#;
    Request::parse_all(line, &Messages::new())
        .unwrap()
        .remove(0)
}

#[tokio::test]
async fn a_request_is_never_sent_twice() {
    // A second copy of the second request would get the last response.
    let (address, _done) = http(&[Then::Respond(OK), Then::Close, Then::Respond(OK)]);
    let target = Target::parse(&address.to_string()).unwrap();
    let mut sender = target.sender();
    assert_eq!(sender.send(&post(), TIMEOUT).await.unwrap().status, 200);
    let error = sender.send(&post(), TIMEOUT).await.unwrap_err();
    assert!(error.contains("connection closed before"), "{error}");
    assert_eq!(sender.send(&post(), TIMEOUT).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_connection_that_was_closed_is_replaced() {
    let (address, done) = http(&[Then::RespondAndClose(OK); 50]);
    let target = Target::parse(&address.to_string()).unwrap();
    let mut sender = target.sender();
    for _ in 0..50 {
        assert_eq!(sender.send(&post(), TIMEOUT).await.unwrap().status, 200);
        done.recv_timeout(TIMEOUT).unwrap();
    }
}

/// A server of HTTP/2 that does `then` for the first stream.
fn http2(then: Then) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // Its settings, which are the defaults.
        stream.write_all(&frame(4, 0, 0, b"")).unwrap();
        let mut preface = [0; 24];
        stream.read_exact(&mut preface).unwrap();
        loop {
            let mut head = [0; 9];
            stream.read_exact(&mut head).unwrap();
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length.try_into().unwrap()];
            stream.read_exact(&mut payload).unwrap();
            match (head[3], head[4]) {
                // Settings, which must be acknowledged.
                (4, 0) => stream.write_all(&frame(4, 1, 0, b"")).unwrap(),
                // The end of the data.
                (0, 1) => break,
                _ => {}
            }
        }
        if let Then::Respond(bytes) = then {
            stream.write_all(bytes).unwrap();
            // Until the client has gone.
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    address
}

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    let mut frame = vec![0, 0, length, kind, flags, 0, 0, 0, stream];
    frame.extend(payload);
    frame
}

#[tokio::test]
async fn a_call_that_breaks_off_is_no_unavailable() {
    let call = Request::parse_all(r#"{"call": "Model/Predict"}"#, &Messages::new());
    let call = call.unwrap().remove(0);
    let send = async |address: SocketAddr| {
        let target = Target::parse(&format!("grpc://{address}")).unwrap();
        target.sender().send(&call, TIMEOUT).await
    };
    // :status 200 by its index, then headers without an index; the frame ends head and stream.
    let headers = b"\x88\x00\x0ccontent-type\x10application/grpc\
                    \x00\x0bgrpc-status\x0214\x00\x0cgrpc-message\x04busy";
    let unavailable = frame(1, 5, 1, headers).leak();
    let reply = send(http2(Then::Respond(unavailable))).await.unwrap();
    assert_eq!((reply.status, reply.text.as_str()), (14, "busy"));

    let error = send(http2(Then::Close)).await.unwrap_err();
    assert!(error.contains("transport error: "), "{error}");
    // Bound, so that no other server listens there; closed again, so that it refuses.
    let refusing = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
    let error = send(refusing.unwrap()).await.unwrap_err();
    assert!(error.contains("refused"), "{error}");
}
