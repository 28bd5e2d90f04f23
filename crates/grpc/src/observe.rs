//! What observers are told of a request over gRPC.

use std::net::SocketAddr;

use http::header::{REFERER, USER_AGENT};
use http::{HeaderName, Request, Response, StatusCode};
use http_body::Body;
use streeling_core::{Answered, Code, Head, Observers, Transport, Watched};

use crate::stall::Unsent;
use crate::status::named;

/// This transport, to observers.
static GRPC: Transport = Transport {
    name: "grpc",
    abandoned: Code {
        number: tonic::Code::Cancelled as u16,
        name: Some("CANCELLED"),
        is_fault: false,
    },
};

/// Whose requests come over a connection.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) address: Option<SocketAddr>,
    /// What it has not read yet.
    pub(crate) unsent: Unsent,
}

impl Client {
    /// A request's head has come.
    pub(crate) fn begin<B>(&self, observers: &Observers, request: &Request<B>) -> Watched {
        let headers = request.headers();
        let text = |name: &str| std::str::from_utf8(headers.get(name)?.as_bytes()).ok();
        observers.begin(&GRPC, &text, || self.head(request))
    }

    fn head<B>(&self, request: &Request<B>) -> Head {
        let text = |name: HeaderName| {
            let value = request.headers().get(name)?;
            Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        Head {
            verb: Head::verb(request.method().as_str()),
            target: request.uri().path().to_owned(),
            protocol: "HTTP/2.0",
            host: request.uri().authority().map(ToString::to_string),
            peer: self.address,
            referer: text(REFERER),
            agent: text(USER_AGENT),
        }
    }
}

/// The answer to a request is there; of a stream, its head.
pub(crate) fn end(watched: Watched, answer: &Response<impl Body>) {
    watched.answered(&Answered {
        code: code(answer),
        bytes: answer.body().size_hint().lower(),
    });
}

/// A failure is told in the head, since nothing comes after it.
fn code<B>(answer: &Response<B>) -> Code {
    if answer.status() != StatusCode::OK {
        return Code::numbered(answer.status().as_u16());
    }
    let told = answer.headers().get("grpc-status");
    named(told.map_or(tonic::Code::Ok, |told| {
        tonic::Code::from_bytes(told.as_bytes())
    }))
}
