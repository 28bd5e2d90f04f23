//! What is kept of a recorded request, and the spans that are made of it.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use streeling_core::{Answered, Call, Code, Stage, Trace, Transport, unique_u64};

/// Bytes of a URL that are kept. It is its sender's choice, and thousands of them wait.
const LONGEST_URL: usize = 2048;

/// Characters of a method. Those that exist are shorter.
const LONGEST_VERB: usize = 16;

const STAGES: [Stage; 4] = [Stage::Decode, Stage::Queue, Stage::Component, Stage::Encode];

/// A tag's value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tag {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Cow<'static, str>),
}

impl From<&'static str> for Tag {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Tag {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

/// A span, as every exporter understands it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Span {
    pub(super) trace_id: u128,
    pub(super) id: u64,
    pub(super) parent: Option<Parent>,
    pub(super) name: &'static str,
    /// Whether it stands for the whole request, rather than for a part of it.
    pub(super) is_server: bool,
    pub(super) start: SystemTime,
    pub(super) took: Duration,
    pub(super) has_failed: bool,
    pub(super) tags: Vec<(Cow<'static, str>, Tag)>,
}

/// The span that caused another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parent {
    /// The caller's.
    Theirs(u64),
    /// The request's.
    Ours(u64),
}

/// A recorded request that has its answer. It takes less to keep than its spans do, and the exporter's
/// thread has more time to make those than the request's.
#[derive(Debug)]
pub(super) struct Finished {
    trace: Trace,
    transport: &'static Transport,
    operation: &'static str,
    code: Code,
    start: SystemTime,
    took: Duration,
    /// When each stage was since the start, and how long.
    stages: [Option<(Duration, Duration)>; 4],
    request_id: String,
    verb: String,
    url: String,
    peer: Option<SocketAddr>,
}

impl Finished {
    pub(super) fn new(trace: Trace, call: &Call, answer: &Answered) -> Self {
        let took = call.begun.elapsed();
        let stages = STAGES.map(|stage| {
            let (from, took) = call.stage(stage)?;
            Some((from.saturating_duration_since(call.begun), took))
        });
        let head = call.head.as_deref();
        Self {
            trace,
            transport: call.transport,
            operation: call.subject().operation,
            code: answer.code,
            start: SystemTime::now()
                .checked_sub(took)
                .unwrap_or(SystemTime::UNIX_EPOCH),
            took,
            stages,
            request_id: call.id.to_string(),
            verb: head
                .map(|head| head.verb.chars().take(LONGEST_VERB).collect())
                .unwrap_or_default(),
            url: head
                .map(|head| url(head.host.as_deref(), &head.target))
                .unwrap_or_default(),
            peer: head.and_then(|head| head.peer),
        }
    }

    /// How many spans it makes.
    pub(super) fn spans(&self) -> usize {
        1 + self.stages.iter().flatten().count()
    }

    /// Makes them: the request's first, then those of its stages.
    pub(super) fn write(&self, common: &Common, spans: &mut Vec<Span>) {
        spans.push(Span {
            trace_id: self.trace.trace_id,
            id: self.trace.span,
            parent: self.trace.parent.map(Parent::Theirs),
            name: self.operation,
            is_server: true,
            start: self.start,
            took: self.took,
            has_failed: self.code.is_fault,
            tags: self.tags(common),
        });
        for (stage, times) in STAGES.into_iter().zip(self.stages) {
            let Some((from, took)) = times else {
                continue;
            };
            spans.push(Span {
                trace_id: self.trace.trace_id,
                id: match stage {
                    Stage::Component => self.trace.component,
                    Stage::Decode | Stage::Queue | Stage::Encode => unique_u64(),
                },
                parent: Some(Parent::Ours(self.trace.span)),
                name: stage.name(),
                is_server: false,
                start: self.start + from,
                took,
                has_failed: false,
                tags: common.tags().collect(),
            });
        }
    }

    fn tags(&self, common: &Common) -> Vec<(Cow<'static, str>, Tag)> {
        let mut tags: Vec<(&'static str, Tag)> = vec![("component", self.transport.name.into())];
        // The names that Jaeger's users look for; OpenTelemetry has a newer set of them.
        if self.transport.name == "grpc" {
            tags.push(("rpc.grpc.status_code", Tag::Int(self.code.number.into())));
        } else {
            if !self.verb.is_empty() {
                tags.push(("http.method", self.verb.clone().into()));
                tags.push(("http.url", self.url.clone().into()));
            }
            tags.push(("http.status_code", Tag::Int(self.code.number.into())));
        }
        if let Some(peer) = self.peer {
            let ip = peer.ip().to_canonical();
            let name = match ip {
                IpAddr::V4(_) => "peer.ipv4",
                IpAddr::V6(_) => "peer.ipv6",
            };
            tags.push((name, ip.to_string().into()));
            tags.push(("peer.port", Tag::Int(peer.port().into())));
        }
        tags.push(("request_id", self.request_id.clone().into()));
        if self.trace.parent.is_none() {
            tags.extend(common.sampler.iter().cloned());
        }
        tags.into_iter()
            .map(|(name, value)| (Cow::Borrowed(name), value))
            .chain(common.tags())
            .collect()
    }
}

/// What the spans of all requests have.
#[derive(Debug)]
pub(super) struct Common {
    /// Tags of every span.
    pub(super) tags: Vec<(String, String)>,
    /// Tags of a trace's first span.
    pub(super) sampler: [(&'static str, Tag); 2],
}

impl Common {
    fn tags(&self) -> impl Iterator<Item = (Cow<'static, str>, Tag)> {
        self.tags
            .iter()
            .map(|(name, value)| (name.clone().into(), value.clone().into()))
    }
}

/// The URL without its query, which may hold a whole payload.
fn url(host: Option<&str>, target: &str) -> String {
    let path = target.split('?').next().unwrap_or_default();
    let mut url = match host {
        // In HTTP/2 the target may have its authority already.
        Some(host) if path.starts_with('/') => format!("http://{host}{path}"),
        _ => path.to_owned(),
    };
    if url.len() > LONGEST_URL {
        let end = (0..=LONGEST_URL)
            .rev()
            .find(|end| url.is_char_boundary(*end));
        url.truncate(end.unwrap_or(0));
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_short_and_has_no_query() {
        let host = Some("localhost:9000");
        assert_eq!(
            url(host, "/predict?json={}"),
            "http://localhost:9000/predict"
        );
        assert_eq!(url(None, "/predict"), "/predict");
        assert_eq!(url(host, "http://a/predict"), "http://a/predict");
        assert_eq!(url(None, &"é".repeat(5000)).len(), LONGEST_URL);
    }
}
