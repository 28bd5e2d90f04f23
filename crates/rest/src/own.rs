//! Requests and responses as HTTP has them, for a component that reads and writes them itself.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use streeling_core::{Context, Error, ErrorKind, Original, Page, Wants};

use crate::coding;
use crate::head::Head;
use crate::observe::REST;
use crate::reply::{self, Body, Reply};

/// The context with the request as it came, for a component that wants it.
pub(crate) fn context(
    context: &Context,
    head: &Head,
    wants: Wants,
    body: impl FnOnce() -> Bytes,
) -> Option<Box<Context>> {
    wants.head.then(|| {
        let body = if wants.body { body() } else { Bytes::new() };
        let mut original = original(head, body);
        // It is unpacked, which these would deny.
        if let Ok(Some(_)) = coding::of(&head.headers) {
            let denies = |name: &str| matches!(name, "content-encoding" | "content-length");
            original.headers.retain(|(name, _)| !denies(name));
        }
        Box::new(Context {
            original: Some(Arc::new(original)),
            ..context.clone()
        })
    })
}

/// The request as it came.
pub(crate) fn original(head: &Head, body: Bytes) -> Original {
    let target = head.target();
    Original {
        transport: REST.name,
        verb: head.verb.as_str().to_owned(),
        target: target
            .path_and_query()
            .map_or_else(|| target.to_string(), ToString::to_string),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| {
                let value = Bytes::copy_from_slice(value.as_bytes());
                (name.as_str().to_owned(), value)
            })
            .collect(),
        peer: head.peer,
        body,
        allowed: None,
    }
}

/// A page as the reply.
pub(crate) fn reply(page: &Page) -> Result<Reply, Error> {
    let mut reply = reply::html(Bytes::new());
    write(page, &mut reply)?;
    Ok(reply)
}

/// Puts what the component has written over a reply.
///
/// # Errors
///
/// [`ErrorKind::Component`] when HTTP cannot say it.
pub(crate) fn write(page: &Page, reply: &mut Reply) -> Result<(), Error> {
    let wrong = |what: String| Error::new(ErrorKind::Component, what);
    let mut replaced: Vec<HeaderName> = Vec::new();
    for (name, value) in &page.headers {
        let parsed = HeaderName::from_bytes(name.as_bytes()).ok();
        let (Some(name), Ok(value)) = (parsed, HeaderValue::from_bytes(value)) else {
            return Err(wrong(format!(
                "the component's response has the header {name:?}, which HTTP cannot carry"
            )));
        };
        // The server says itself how long the body is, and how the connection goes on.
        if matches!(
            name.as_str(),
            "connection" | "content-length" | "transfer-encoding" | "keep-alive" | "upgrade"
        ) {
            continue;
        }
        if replaced.contains(&name) {
            reply.headers_mut().append(name, value);
        } else {
            reply.headers_mut().insert(name.clone(), value);
            replaced.push(name);
        }
    }
    if let Some(status) = page.status {
        *reply.status_mut() = StatusCode::from_u16(status)
            .ok()
            .filter(|status| !status.is_informational())
            .ok_or_else(|| {
                wrong(format!(
                    "the component's response has the status {status}, allowed are 200 to 999"
                ))
            })?;
    }
    *reply.body_mut() = Body::Whole(page.body.clone());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::json;

    fn written(status: u16, headers: &[(&str, &'static [u8])]) -> Result<Reply, Error> {
        let header =
            |(name, value): &(&str, &'static [u8])| ((*name).to_owned(), Bytes::from_static(value));
        let page = Page {
            status: Some(status),
            headers: headers.iter().map(header).collect(),
            body: "own".into(),
        };
        let mut reply = json(StatusCode::OK, "{}");
        write(&page, &mut reply)?;
        Ok(reply)
    }

    #[test]
    fn headers_take_the_place_of_others_and_may_come_twice() {
        let headers: &[(&str, &'static [u8])] = &[
            ("Content-Type", b"text/plain"),
            ("Set-Cookie", b"a=1"),
            ("set-cookie", b"b=\xff"),
            ("Content-Length", b"7"),
            ("connection", b"close"),
        ];
        let reply = written(402, headers).unwrap();
        assert_eq!(reply.status(), 402);
        let all = |name| -> Vec<&[u8]> {
            let values = reply.headers().get_all(name).iter();
            values.map(HeaderValue::as_bytes).collect()
        };
        assert_eq!(all("content-type"), [b"text/plain"]);
        assert_eq!(all("set-cookie"), [&b"a=1"[..], b"b=\xff"]);
        assert_eq!(all("access-control-allow-origin"), [b"*"]);
        assert!(all("content-length").is_empty() && all("connection").is_empty());
        assert_eq!(reply.body().len(), Some(3));
    }

    #[test]
    fn what_http_cannot_say_is_an_error() {
        for (status, name, value) in [
            (100, "a", &b"b"[..]),
            (99, "a", b"b"),
            (1000, "a", b"b"),
            (200, "a b", b"c"),
            (200, "", b"c"),
            (200, "a", b"b\r\nc: d"),
        ] {
            let error = written(status, &[(name, value)]).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Component, "{status} {name}");
        }
    }
}
