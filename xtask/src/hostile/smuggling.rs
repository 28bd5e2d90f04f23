//! Requests over HTTP/1 that two readers could understand in two ways, and what is right by
//! RFC 9112 and RFC 9110.

use std::net::SocketAddr;

use super::wire::{TIMEOUT, run, send, short};

/// One of them.
struct Case {
    name: &'static str,
    /// Before the second request, which must not be taken for a part of the first, nor the other
    /// way round.
    bytes: &'static str,
    right: Right,
    /// The rule.
    rule: &'static str,
}

/// What a right server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Right {
    /// It refuses the first request by one of these, and closes the connection before the second
    /// one or takes that for what it is.
    Refused(&'static [u16]),
    /// It serves the first, and then the second.
    Served,
    /// Either, but never anything else.
    Either(&'static [u16]),
}

use Right::{Either, Refused, Served};

/// Behind each case: a request that shows by its status, which no other has, that it was read.
const SECOND: &str = "GET /second-one HTTP/1.1\r\nhost: b\r\nconnection: close\r\n\r\n";

/// A request that would be served, were it not for these fields and this body.
macro_rules! post {
    ($fields:literal, $body:literal) => {
        concat!(
            "POST /predict HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n",
            $fields,
            "\r\n",
            $body
        )
    };
}

const CASES: &[Case] = &[
    Case {
        name: "Content-Length and Transfer-Encoding",
        bytes: post!(
            "content-length: 6\r\ntransfer-encoding: chunked\r\n",
            "0\r\n\r\n"
        ),
        right: Either(&[400]),
        rule: "RFC 9112, 6.1 and 6.3: an error, or chunked alone and the connection closed",
    },
    Case {
        name: "two Content-Length that differ",
        bytes: post!(
            "content-length: 15\r\ncontent-length: 16\r\n",
            "{\"strData\":\"a\"}"
        ),
        right: Refused(&[400]),
        rule: "RFC 9112, 6.3: an error that cannot be recovered",
    },
    Case {
        name: "Content-Length: 15, 16",
        bytes: post!("content-length: 15, 16\r\n", "{\"strData\":\"a\"}"),
        right: Refused(&[400]),
        rule: "RFC 9112, 6.3",
    },
    Case {
        name: "Content-Length: +15",
        bytes: post!("content-length: +15\r\n", "{\"strData\":\"a\"}"),
        right: Refused(&[400]),
        rule: "RFC 9110, 8.6: digits alone",
    },
    Case {
        name: "Content-Length: 0xf",
        bytes: post!("content-length: 0xf\r\n", "{\"strData\":\"a\"}"),
        right: Refused(&[400]),
        rule: "RFC 9110, 8.6",
    },
    Case {
        name: "Content-Length beyond 64 bits",
        bytes: post!(
            "content-length: 18446744073709551631\r\n",
            "{\"strData\":\"a\"}"
        ),
        right: Refused(&[400, 413]),
        rule: "RFC 9110, 8.6: numbers that overflow are to be expected",
    },
    Case {
        name: "Transfer-Encoding: gzip, chunked",
        bytes: post!(
            "transfer-encoding: gzip, chunked\r\n",
            "f\r\n{\"strData\":\"a\"}\r\n0\r\n\r\n"
        ),
        right: Refused(&[400, 501]),
        rule: "RFC 9112, 6.1: 501 for a coding that is not understood",
    },
    Case {
        name: "Transfer-Encoding: xchunked",
        bytes: post!(
            "transfer-encoding: xchunked\r\n",
            "f\r\n{\"strData\":\"a\"}\r\n0\r\n\r\n"
        ),
        right: Refused(&[400, 501]),
        rule: "RFC 9112, 6.1",
    },
    Case {
        name: "Transfer-Encoding: chunked, gzip",
        bytes: post!(
            "transfer-encoding: chunked, gzip\r\n",
            "f\r\n{\"strData\":\"a\"}\r\n0\r\n\r\n"
        ),
        right: Refused(&[400, 501]),
        rule: "RFC 9112, 6.3: chunked must come last",
    },
    Case {
        name: "Transfer-Encoding: chunked, chunked",
        bytes: post!(
            "transfer-encoding: chunked, chunked\r\n",
            "f\r\n{\"strData\":\"a\"}\r\n0\r\n\r\n"
        ),
        right: Refused(&[400, 501]),
        rule: "RFC 9112, 6.1: chunked once",
    },
    Case {
        name: "two Transfer-Encoding",
        bytes: post!(
            "transfer-encoding: identity\r\ntransfer-encoding: chunked\r\n",
            "f\r\n{\"strData\":\"a\"}\r\n0\r\n\r\n"
        ),
        right: Refused(&[400, 501]),
        rule: "RFC 9112, 6.1: identity is no coding any more",
    },
    Case {
        name: "a space before the colon of Transfer-Encoding",
        bytes: post!(
            "transfer-encoding : chunked\r\n",
            "f\r\n{\"strData\":\"a\"}\r\n0\r\n\r\n"
        ),
        right: Refused(&[400]),
        rule: "RFC 9112, 5.1: refused by 400",
    },
    Case {
        name: "Transfer-Encoding in HTTP/1.0",
        bytes: "POST /predict HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\n\
                content-type: application/json\r\n\
                transfer-encoding: chunked\r\n\r\nf\r\n{\"strData\":\"a\"}\r\n0\r\n\r\n",
        right: Refused(&[400, 501]),
        rule: "RFC 9112, 6.1: faulty framing, the connection is closed",
    },
    Case {
        name: "a chunk size of 17 digits",
        bytes: post!(
            "transfer-encoding: chunked\r\n",
            "1000000000000000f\r\n{\"strData\":\"a\"}\r\n0\r\n\r\n"
        ),
        right: Refused(&[400, 413]),
        rule: "RFC 9112, 7.1: overflow is to be expected",
    },
    Case {
        name: "a chunk size with a sign",
        bytes: post!(
            "transfer-encoding: chunked\r\n",
            "+f\r\n{\"strData\":\"a\"}\r\n0\r\n\r\n"
        ),
        right: Refused(&[400]),
        rule: "RFC 9112, 7.1: hexadecimal digits alone",
    },
    Case {
        name: "a chunk longer than its size",
        bytes: post!(
            "transfer-encoding: chunked\r\n",
            "e\r\n{\"strData\":\"a\"}\r\n0\r\n\r\n"
        ),
        right: Refused(&[400]),
        rule: "RFC 9112, 7.1: CRLF behind the data",
    },
    Case {
        name: "a bare LF behind a chunk size",
        bytes: post!(
            "transfer-encoding: chunked\r\n",
            "f\n{\"strData\":\"a\"}\r\n0\r\n\r\n"
        ),
        right: Refused(&[400]),
        rule: "RFC 9112, 7.1: CRLF",
    },
    Case {
        name: "bare LF in the head",
        bytes: "GET /health/ping HTTP/1.1\nhost: a\nx: y\n\n",
        right: Refused(&[400]),
        rule: "RFC 9112, 2.2: a recipient may take it; the server is to refuse it, since others \
               do not take it",
    },
    Case {
        name: "bare CR in a value",
        bytes: "GET /health/ping HTTP/1.1\r\nhost: a\r\nx: y\rz: w\r\n\r\n",
        right: Refused(&[400]),
        rule: "RFC 9112, 2.2: invalid, or a space",
    },
    Case {
        name: "NUL in a value",
        bytes: "GET /health/ping HTTP/1.1\r\nhost: a\r\nx: y\0z\r\n\r\n",
        right: Refused(&[400]),
        rule: "RFC 9110, 5.5",
    },
    Case {
        name: "obs-fold",
        bytes: "GET /health/ping HTTP/1.1\r\nhost: a\r\nx: y\r\n z\r\n\r\n",
        right: Refused(&[400]),
        rule: "RFC 9112, 5.2: 400, or spaces in its place",
    },
    Case {
        name: "a space before the first field",
        bytes: "GET /health/ping HTTP/1.1\r\n host: a\r\nhost: b\r\n\r\n",
        right: Refused(&[400]),
        rule: "RFC 9112, 2.2: refused, or the line passed over",
    },
    Case {
        name: "two Host",
        bytes: "GET /health/ping HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        right: Refused(&[400]),
        rule: "RFC 9112, 3.2: 400",
    },
    Case {
        name: "no Host",
        bytes: "GET /health/ping HTTP/1.1\r\n\r\n",
        right: Refused(&[400]),
        rule: "RFC 9112, 3.2: 400",
    },
    Case {
        name: "a Host with a path",
        bytes: "GET /health/ping HTTP/1.1\r\nhost: a/b\r\n\r\n",
        right: Refused(&[400]),
        rule: "RFC 9112, 3.2: 400 for an invalid value",
    },
    Case {
        name: "a target without a slash",
        bytes: "POST predict HTTP/1.1\r\nhost: a\r\ncontent-length: 15\r\n\r\n{\"strData\":\"a\"}",
        right: Refused(&[400, 404]),
        rule: "RFC 9112, 3.2: an invalid request line",
    },
    Case {
        name: "CONNECT",
        bytes: "CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n",
        right: Refused(&[400, 405, 501]),
        rule: "RFC 9110, 9.3.6",
    },
    Case {
        name: "a space in the target",
        bytes: "GET /health /ping HTTP/1.1\r\nhost: a\r\n\r\n",
        right: Refused(&[400]),
        rule: "RFC 9112, 3: 400",
    },
    Case {
        name: "a version of two digits",
        bytes: "GET /health/ping HTTP/1.10\r\nhost: a\r\n\r\n",
        right: Refused(&[400, 505]),
        rule: "RFC 9112, 2.3",
    },
    Case {
        name: "no version",
        bytes: "GET /health/ping\r\n\r\n",
        right: Refused(&[400, 505]),
        rule: "RFC 9112, 3: HTTP/0.9 is none of it",
    },
    Case {
        name: "a field without a name",
        bytes: "GET /health/ping HTTP/1.1\r\nhost: a\r\n: y\r\n\r\n",
        right: Refused(&[400]),
        rule: "RFC 9112, 5: a token",
    },
    Case {
        name: "empty lines before the request",
        bytes: "\r\n\r\nGET /health/ping HTTP/1.1\r\nhost: a\r\n\r\n",
        right: Served,
        rule: "RFC 9112, 2.2: at least one is passed over",
    },
    Case {
        name: "GET with a body",
        bytes: "GET /health/ping HTTP/1.1\r\nhost: a\r\ncontent-length: 18\r\n\r\n\
                GET /x HTTP/1.1\r\n\r",
        right: Either(&[400]),
        rule: "RFC 9110, 9.3.1: the body belongs to it",
    },
    Case {
        name: "Content-Length twice the same",
        bytes: post!(
            "content-length: 15\r\ncontent-length: 15\r\n",
            "{\"strData\":\"a\"}"
        ),
        right: Either(&[400]),
        rule: "RFC 9112, 6.3: either",
    },
    Case {
        name: "Expect of something else",
        bytes: "POST /predict HTTP/1.1\r\nhost: a\r\nexpect: 200-maybe\r\n\
                content-type: application/json\r\ncontent-length: 15\r\n\r\n{\"strData\":\"a\"}",
        right: Either(&[417]),
        rule: "RFC 9110, 10.1.1: 417 or passed over",
    },
];

/// A case and what came of it, as columns of a table.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) right: String,
    pub(super) rule: &'static str,
    pub(super) came: String,
    pub(super) held: bool,
}

/// Sends all of them.
pub(super) fn table(server: SocketAddr) -> anyhow::Result<Vec<Row>> {
    CASES.iter().map(|case| row(server, case)).collect()
}

fn row(server: SocketAddr, case: &Case) -> anyhow::Result<Row> {
    let bytes = [case.bytes, SECOND].concat();
    let sent = run(async { Ok(send(server, bytes.as_bytes()).await) })?;
    let (came, held) = match sent {
        Ok(reply) => {
            let statuses = statuses(&reply.text);
            let texts: Vec<String> = statuses.iter().map(ToString::to_string).collect();
            let came = match texts.is_empty() {
                true => "closed without a response".to_owned(),
                false => texts.join(", then "),
            };
            (came, case.right.holds(&statuses))
        }
        Err(error) => {
            let error = short(&error.to_string());
            (format!("{error} ({} s)", TIMEOUT.as_secs()), false)
        }
    };
    Ok(Row {
        name: case.name,
        right: case.right.text(),
        rule: case.rule,
        came,
        held,
    })
}

impl Right {
    /// Whether these statuses of one connection are right: of the case, and of the request behind
    /// it, where there is one.
    fn holds(self, statuses: &[u16]) -> bool {
        let refused = |allowed: &[u16]| match statuses {
            [first] | [first, 404] => allowed.contains(first),
            _ => false,
        };
        // Both, or the first alone where the connection is closed behind it.
        let served = |statuses: &[u16]| matches!(statuses, [200 | 400, 404] | [200 | 400]);
        match self {
            Refused(allowed) => refused(allowed),
            Served => statuses == [200, 404],
            Either(allowed) => refused(allowed) || served(statuses),
        }
    }

    fn text(self) -> String {
        let list = |allowed: &[u16]| {
            let texts: Vec<String> = allowed.iter().map(ToString::to_string).collect();
            texts.join(" or ")
        };
        match self {
            Refused(allowed) => list(allowed),
            Served => "served".to_owned(),
            Either(allowed) => format!("{}, or read in one way", list(allowed)),
        }
    }
}

/// The statuses of the responses in a stream; bodies have no line that begins like one.
fn statuses(text: &str) -> Vec<u16> {
    let lines = text.split("HTTP/1.1 ").skip(1);
    lines
        .filter_map(|line| line.get(..3)?.parse().ok())
        .filter(|status| *status >= 200)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn right_statuses_differ_from_wrong_ones() {
        let text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400 Bad Request\r\n\r\n{}\
                    HTTP/1.1 404 Not Found\r\n\r\n";
        assert_eq!(statuses(text), [400, 404]);
        assert!(Refused(&[400]).holds(&[400]));
        assert!(Refused(&[400]).holds(&[400, 404]));
        assert!(!Refused(&[400]).holds(&[200, 404]));
        // Three responses to two requests: a part of the first was taken for a request.
        assert!(!Refused(&[400]).holds(&[400, 404, 404]));
        assert!(!Refused(&[400]).holds(&[]));
        assert!(Served.holds(&[200, 404]) && !Served.holds(&[200]));
        assert!(Either(&[417]).holds(&[200, 404]) && !Either(&[417]).holds(&[500]));
    }

    #[test]
    fn no_case_is_there_twice() {
        let mut names: Vec<_> = CASES.iter().map(|case| case.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CASES.len());
    }
}
