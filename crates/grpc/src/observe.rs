//! What observers get to know of a request over gRPC.

use std::net::SocketAddr;

use http::header::{REFERER, USER_AGENT};
use http::{HeaderName, Request, Response, StatusCode};
use http_body::Body;
use streeling_core::{Account, Code, Observers, Outcome, RequestGuard, RequestInfo, Transport};
use streeling_net::Drain;

use crate::idle::Unsent;
use streeling_codec::seldon::ID_HEADER;

/// This transport, to observers.
pub(crate) static GRPC: Transport = Transport {
    name: "grpc",
    abandoned: Code {
        number: tonic::Code::Cancelled as u16,
        name: Some("CANCELLED"),
        is_fault: false,
    },
    id_headers: &[ID_HEADER, "x-request-id"],
};

/// The client of a connection.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) address: Option<SocketAddr>,
    /// What its requests take.
    pub(crate) account: Account,
    /// What it has not read yet.
    pub(crate) unsent: Unsent,
    /// The end of the server.
    pub(crate) drain: Drain,
}

impl Client {
    /// A request's head has come.
    pub(crate) fn start<B>(&self, observers: &Observers, request: &Request<B>) -> RequestGuard {
        let headers = request.headers();
        let text = |name: &str| std::str::from_utf8(headers.get(name)?.as_bytes()).ok();
        observers.start(&GRPC, &text, || self.info(request))
    }

    fn info<B>(&self, request: &Request<B>) -> RequestInfo {
        let text = |name: HeaderName| {
            let value = request.headers().get(name)?;
            Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        RequestInfo {
            method: RequestInfo::method(request.method().as_str()),
            target: request.uri().path().to_owned(),
            protocol: "HTTP/2.0",
            host: request.uri().authority().map(ToString::to_string),
            peer: self.address,
            referer: text(REFERER),
            agent: text(USER_AGENT),
        }
    }
}

/// The response to a request is there; of a stream, its head.
pub(crate) fn finish(guard: RequestGuard, response: &Response<impl Body>) {
    guard.finish(&Outcome {
        code: code(response),
        bytes: response.body().size_hint().lower(),
    });
}

/// A failure stands in the head, since nothing comes after it.
fn code<B>(response: &Response<B>) -> Code {
    if response.status() != StatusCode::OK {
        return Code::numbered(response.status().as_u16());
    }
    let status = response.headers().get("grpc-status");
    named(status.map_or(tonic::Code::Ok, |status| {
        tonic::Code::from_bytes(status.as_bytes())
    }))
}

/// A code with its name, and whether the server or the component is to blame.
fn named(code: tonic::Code) -> Code {
    use tonic::Code as Grpc;

    let (name, is_fault) = match code {
        Grpc::Ok => ("OK", false),
        Grpc::Cancelled => ("CANCELLED", false),
        Grpc::Unknown => ("UNKNOWN", true),
        Grpc::InvalidArgument => ("INVALID_ARGUMENT", false),
        Grpc::DeadlineExceeded => ("DEADLINE_EXCEEDED", true),
        Grpc::NotFound => ("NOT_FOUND", false),
        Grpc::AlreadyExists => ("ALREADY_EXISTS", false),
        Grpc::PermissionDenied => ("PERMISSION_DENIED", false),
        // Mostly a queue that is full, as 503 is over REST. Messages that are too large share it.
        Grpc::ResourceExhausted => ("RESOURCE_EXHAUSTED", true),
        Grpc::FailedPrecondition => ("FAILED_PRECONDITION", false),
        Grpc::Aborted => ("ABORTED", false),
        Grpc::OutOfRange => ("OUT_OF_RANGE", false),
        Grpc::Unimplemented => ("UNIMPLEMENTED", false),
        Grpc::Internal => ("INTERNAL", true),
        Grpc::Unavailable => ("UNAVAILABLE", true),
        Grpc::DataLoss => ("DATA_LOSS", true),
        Grpc::Unauthenticated => ("UNAUTHENTICATED", false),
    };
    Code {
        number: code as u16,
        name: Some(name),
        is_fault,
    }
}
