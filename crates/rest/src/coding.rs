//! Content codings: requests that come compressed, and responses that go out so (RFC 9110, sections
//! 8.4 and 12.5.3).

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, ETAG, HeaderMap, HeaderValue,
    VARY,
};
use http::{HeaderName, StatusCode};
use streeling_codec::compression::{Coding, UnpackError, pack, unpack};
use streeling_core::{Error, ErrorKind, REQUEST, Result, Use};
use streeling_net::Offload;

use crate::body::Limits;
use crate::head::Head;
use crate::reply::{self, Body, Reply};

/// What requests may be packed with.
const ALLOWED: &str = "gzip, deflate, zstd";

/// How much of a name is shown that is not known.
const SHOWN: usize = 50;

/// How many times longer packing takes than moving as many bytes as [`Offload`] counts.
const EFFORT: usize = 4;

/// In which order codings are chosen that a client likes equally well.
const PREFERRED: [Coding; 3] = [Coding::Gzip, Coding::Zstd, Coding::Deflate];

/// How the body of a request is packed.
///
/// # Errors
///
/// [`ErrorKind::BadData`] with the status 415, for a coding that is not known, and for two.
pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Coding>> {
    let mut names = names(headers, &CONTENT_ENCODING).filter(|name| !is(name, "identity"));
    let Some(name) = names.next() else {
        return Ok(None);
    };
    let found = named(name);
    let wrong = if names.next().is_some() {
        "is compressed more than once".to_owned()
    } else if found.is_none() {
        let name = String::from_utf8_lossy(&name[..name.len().min(SHOWN)]);
        format!("is compressed with {name:?}")
    } else {
        return Ok(found);
    };
    Err(Error {
        http_status: Some(StatusCode::UNSUPPORTED_MEDIA_TYPE.as_u16()),
        ..Error::new(
            ErrorKind::BadData,
            format!(
                "the body {wrong} (Content-Encoding), allowed is one of {ALLOWED}, or identity"
            ),
        )
    })
}

/// Says which codings are allowed, where another one is why a request was refused.
pub(crate) fn say_allowed(head: &Head, reply: &mut Reply) {
    if reply.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE && of(&head.headers).is_err() {
        let allowed = HeaderValue::from_static(ALLOWED);
        reply.headers_mut().insert(ACCEPT_ENCODING, allowed);
    }
}

/// The body that packed bytes are. What it becomes is charged as it grows.
pub(crate) async fn unpacked(
    head: &Head,
    packed: Bytes,
    coding: Coding,
    limits: Limits,
    offload: &Offload,
) -> Result<Bytes> {
    let charge = head.account.charge(Use::Received, packed.len() + REQUEST);
    let work = move || unpack(&packed, coding, limits.size, charge);
    // Little can become much, so it is not done where bytes are moved.
    let whole = offload.run(limits.size, work).await;
    whole.map_err(|error| match error {
        UnpackError::TooLarge => limits.too_large(),
        UnpackError::Corrupt(error) => Error::new(
            ErrorKind::BadData,
            format!("the body cannot be unpacked by {coding}, its Content-Encoding: {error}"),
        ),
        UnpackError::Memory(error) => error,
    })
}

/// Whether a reply is to be packed, for a client that takes that, where those from so many bytes on
/// are. One that its component has packed is not, nor is a part of something, or what has a tag
/// that stands for these very bytes.
pub(crate) fn is_packable(reply: &Reply, from: usize) -> bool {
    let headers = reply.headers();
    reply.body().len().is_some_and(|length| length >= from)
        && ![CONTENT_ENCODING, CONTENT_RANGE, ETAG]
            .iter()
            .any(|name| headers.contains_key(name))
        && !names(headers, &CACHE_CONTROL).any(|name| is(name, "no-transform"))
}

/// The reply packed as its client likes it best, where that makes it shorter.
pub(crate) async fn packed(head: &Head, mut reply: Reply, offload: &Offload) -> Reply {
    let vary = HeaderValue::from_static("Accept-Encoding");
    reply.headers_mut().append(VARY, vary);
    let Some(coding) = accepted(&head.headers) else {
        return reply;
    };
    let Body::Whole(whole) = reply.body_mut() else {
        return reply;
    };
    let whole = std::mem::take(whole);
    let size = whole.len();
    let charge = head.account.charge(Use::Response, size);
    let work = move || match pack(&whole, coding, 0, charge) {
        Some((packed, charge)) => (charge.hold(packed.into()), true),
        None => (whole, false),
    };
    let (body, is_packed) = offload.run(size.saturating_mul(EFFORT), work).await;
    *reply.body_mut() = Body::Whole(body);
    if is_packed {
        let name = HeaderValue::from_static(coding.name());
        reply.headers_mut().insert(CONTENT_ENCODING, name);
    }
    reply::freed_elsewhere(reply)
}

/// The coding that a client likes best, if it likes one as well as none.
fn accepted(headers: &HeaderMap) -> Option<Coding> {
    // Thousandths; of the last that names it, else of the last `*`.
    let (mut known, mut any, mut identity) = ([None; PREFERRED.len()], None, None);
    for item in names(headers, &ACCEPT_ENCODING) {
        let mut parts = item.split(|byte| *byte == b';');
        let name = parts.next().unwrap_or_default().trim_ascii();
        let weight = parts.find_map(weight).unwrap_or(1000);
        if name == b"*" {
            any = Some(weight);
        } else if is(name, "identity") {
            identity = Some(weight);
        } else if let Some(coding) = named(name) {
            let place = PREFERRED.iter().position(|other| *other == coding)?;
            known[place] = Some(weight);
        }
    }
    let weights = known.map(|weight| weight.or(any).unwrap_or(0));
    let most = weights.into_iter().max()?;
    if most == 0 || identity.is_some_and(|identity| identity > most) {
        return None;
    }
    let place = weights.iter().position(|weight| *weight == most)?;
    Some(PREFERRED[place])
}

/// The weight that a parameter says, in thousandths. One that cannot be read is none.
fn weight(parameter: &[u8]) -> Option<u32> {
    let [b'q' | b'Q', b'=', digits @ ..] = parameter.trim_ascii() else {
        return None;
    };
    Some(match digits {
        [b'1'] => 1000,
        [b'1', b'.', zeros @ ..] if zeros.len() <= 3 && zeros.iter().all(|it| *it == b'0') => 1000,
        [b'0'] => 0,
        [b'0', b'.', rest @ ..] if rest.len() <= 3 && rest.iter().all(u8::is_ascii_digit) => {
            let places = [100, 10, 1].into_iter().zip(rest);
            places
                .map(|(place, digit)| place * u32::from(digit - b'0'))
                .sum()
        }
        _ => 0,
    })
}

/// The items of a header that is a list, however many lines it has.
fn names<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    let values = headers.get_all(name).iter();
    let items = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    items
        .map(<[u8]>::trim_ascii)
        .filter(|item| !item.is_empty())
}

/// The coding of this name, which may be of either case.
fn named(name: &[u8]) -> Option<Coding> {
    // An old name for it, to be taken as the same.
    if is(name, "x-gzip") {
        return Some(Coding::Gzip);
    }
    let mut all = Coding::ALL.into_iter();
    all.find(|coding| is(name, coding.name()))
}

fn is(name: &[u8], other: &str) -> bool {
    name.eq_ignore_ascii_case(other.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &HeaderName, values: &[&'static str]) -> HeaderMap {
        let value = |value: &&'static str| (name.clone(), HeaderValue::from_static(value));
        values.iter().map(value).collect()
    }

    #[test]
    fn content_encoding() {
        for (values, coding) in [
            (&[][..], None),
            (&[""], None),
            (&["identity"], None),
            (&[" , Identity,"], None),
            (&["gzip"], Some(Coding::Gzip)),
            (&["X-GZip"], Some(Coding::Gzip)),
            (&["identity, zstd"], Some(Coding::Zstd)),
            (&["identity", "DEFLATE"], Some(Coding::Deflate)),
        ] {
            let found = of(&headers(&CONTENT_ENCODING, values)).unwrap();
            assert_eq!(found, coding, "{values:?}");
        }
        for (values, word) in [
            (&["br"][..], "\"br\""),
            (&["gzip;q=1"], "\"gzip;q=1\""),
            (&["gzip, gzip"], "more than once"),
            (&["deflate", "gzip"], "more than once"),
            (&["br, gzip"], "more than once"),
        ] {
            let error = of(&headers(&CONTENT_ENCODING, values)).unwrap_err();
            assert_eq!(error.http_status, Some(415));
            assert!(error.info.contains(word), "{error}");
            assert!(error.info.contains("gzip, deflate, zstd"), "{error}");
        }
    }

    #[test]
    fn accept_encoding() {
        use Coding::{Deflate, Gzip, Zstd};

        for (values, coding) in [
            (&[][..], None),
            (&[""], None),
            (&["identity"], None),
            (&["br"], None),
            (&["gzip"], Some(Gzip)),
            (&["x-gzip"], Some(Gzip)),
            (&["deflate, gzip"], Some(Gzip)),
            (&["gzip, deflate, br, zstd"], Some(Gzip)),
            (&["deflate"], Some(Deflate)),
            (&["deflate, zstd"], Some(Zstd)),
            (&["gzip;q=0.5, zstd"], Some(Zstd)),
            (&["gzip;q=0.5", "Deflate ; Q=0.501"], Some(Deflate)),
            (&["gzip;q=0"], None),
            (&["gzip;q=0.000, deflate;q=0.001"], Some(Deflate)),
            (&["*"], Some(Gzip)),
            (&["gzip;q=0, *"], Some(Zstd)),
            (&["gzip;q=0.2, *;q=0.1"], Some(Gzip)),
            (&["*;q=0"], None),
            (&["gzip;q=0.5, identity"], None),
            (&["gzip, identity"], Some(Gzip)),
            (&["gzip;q=1.000, identity;q=0"], Some(Gzip)),
            (&["gzip;q=1.001"], None),
            (&["gzip;q=0.0001"], None),
            (&["gzip;q=x"], None),
            (&["gzip;q=-1"], None),
            (&["gzip;level=1"], Some(Gzip)),
        ] {
            let found = accepted(&headers(&ACCEPT_ENCODING, values));
            assert_eq!(found, coding, "{values:?}");
        }
    }
}
