//! What is followed, and what is refused.

use super::*;

/// How many heads there are, and which is refused, in whatever pieces the bytes come.
fn followed(bytes: &str) -> (u64, Option<(u64, Fault)>) {
    let results = [usize::MAX, 1, 2, 7].map(|size| {
        let mut framing = Framing::new();
        for piece in bytes.as_bytes().chunks(size.min(bytes.len())) {
            framing.advance(piece);
        }
        let verdict = framing.verdict();
        let refused = (0..9).find_map(|head| Some((head, verdict.of(head)?)));
        (framing.heads, refused)
    });
    assert!(
        results.iter().all(|result| *result == results[0]),
        "{results:?}"
    );
    results[0]
}

#[test]
fn requests_follow_each_other() {
    let get = "GET /a HTTP/1.1\r\nhost: x\r\n\r\n";
    let post = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\na\n\n\nb";
    let chunked = "POST /a HTTP/1.1\r\nhost: x\r\nTransfer-Encoding: Chunked\r\n\r\n\
                   A;x=y\r\n0123\n56789\r\n1 \r\na\r\n0\r\na: b\r\n\r\n";
    let old = "GET /a HTTP/1.0\r\n\r\n";
    let twice = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\ncontent-length:2 \
                 \r\n\r\n\n\n";
    let all = [get, post, chunked, "\r\n", old, twice, get].concat();
    assert_eq!(followed(&all), (6, None));
    assert_eq!(followed(&all[..all.len() - 2]), (5, None));
}

#[test]
fn what_can_be_read_in_two_ways_is_refused() {
    let length = "content-length: 2\r\n";
    for (fields, fault) in [
        ("transfer-encoding: gzip, chunked\r\n", Fault::UnknownCoding),
        (
            "transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n",
            Fault::BadCoding,
        ),
        ("transfer-encoding: chunked, gzip\r\n", Fault::BadCoding),
        ("transfer-encoding: chunked, chunked\r\n", Fault::BadCoding),
        ("transfer-encoding: xchunked\r\n", Fault::BadCoding),
        ("transfer-encoding: \x0bchunked\r\n", Fault::BadCoding),
        ("transfer-encoding:\r\n", Fault::BadCoding),
        (
            &format!("transfer-encoding: chunked\r\n{length}"),
            Fault::TwoFramings,
        ),
        (
            &format!("{length}transfer-encoding: chunked\r\n"),
            Fault::TwoFramings,
        ),
        (&format!("{length}content-length: 3\r\n"), Fault::BadLength),
        ("content-length: 2, 2\r\n", Fault::BadLength),
        ("content-length: +2\r\n", Fault::BadLength),
        ("content-length: 0x2\r\n", Fault::BadLength),
        ("content-length: 99999999999999999999\r\n", Fault::BadLength),
        ("content-length:\r\n", Fault::BadLength),
        (
            &format!("content-length:{}2\r\n", " ".repeat(2 * KEPT)),
            Fault::BadLength,
        ),
        ("HOST: y\r\n", Fault::TwoHosts),
        ("a: b\n", Fault::LineFeed),
        (&format!("a: {}\n", "b".repeat(2 * KEPT)), Fault::LineFeed),
        ("\n", Fault::LineFeed),
    ] {
        let good = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
        let bad = format!("{good}POST / HTTP/1.1\r\nhost: x\r\n{fields}\r\n{good}");
        // A length that comes in one piece is read, however much stands before it.
        if fields.len() > KEPT && fault == Fault::BadLength {
            let mut framing = Framing::new();
            bad.as_bytes()
                .chunks(9)
                .for_each(|piece| framing.advance(piece));
            assert_eq!(framing.verdict().of(1), Some(fault));
            continue;
        }
        assert_eq!(followed(&bad), (1, Some((1, fault))), "{fields:?}");
    }
    let long = format!(
        "GET / HTTP/1.1\r\nhost: x\r\na: {}\r\n\r\n",
        "b".repeat(2 * KEPT)
    );
    assert_eq!(followed(&long), (1, None));
    for host in ["a/b", "user@a", "a b", "a\"", "a?b", "a#b", "\u{e9}"] {
        let bad = format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n");
        assert_eq!(followed(&bad), (0, Some((0, Fault::BadHost))), "{host:?}");
    }
    for host in ["", "a.b-c_d:80", "[::1]:8080", "%41", "xn--a"] {
        let good = format!("GET / HTTP/1.1\r\nhost:  {host} \r\n\r\n");
        assert_eq!(followed(&good), (1, None), "{host:?}");
    }
    let none = "GET / HTTP/1.1\r\nhosts: x\r\n\r\n";
    assert_eq!(followed(none), (0, Some((0, Fault::NoHost))));
    let trailer = "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\na\n\r\n";
    assert_eq!(followed(trailer), (1, Some((1, Fault::LineFeed))));
    let early = "\nGET / HTTP/1.1\r\nhost: x\r\n\r\n";
    assert_eq!(followed(early), (0, Some((0, Fault::LineFeed))));
    let line = "GET / HTTP/1.1\nhost: x\r\n\r\n";
    assert_eq!(followed(line), (0, Some((0, Fault::LineFeed))));
}
