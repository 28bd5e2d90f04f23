//! A request as the frame that goes to a worker.

use std::fmt;
use std::io::Write;
use std::time::Instant;

use bytes::Bytes;
use streeling_codec::json::encode_float;
use streeling_core::{Encoding, Feedback, Message, Original, Payload, RequestContext, Result};

use crate::clock;
use crate::frame::{Call, HEADER, Header, ItemKind, Kind, Pieces, TENSORS};
use crate::item::{Buffer, fit};
use crate::summary::Summary;

/// Writes items one after the other, then the frame around them.
pub(crate) struct RequestFrame {
    /// Starts with room for the frame's header, and the context.
    buffer: Buffer,
    /// Bytes of the context.
    context: usize,
    items: usize,
    encoding: Encoding,
    /// What the first message holds.
    summary: Summary,
}

impl RequestFrame {
    /// Starts a request whose caller uses this encoding, and which has this context.
    pub(crate) fn new(encoding: Encoding, context: Option<&RequestContext>) -> Self {
        let mut tail = Vec::with_capacity(384);
        tail.resize(HEADER, 0);
        if let Some(context) = context {
            write_context(context, &mut tail);
        }
        let context = tail.len() - HEADER;
        Self {
            buffer: Buffer {
                pieces: Vec::new(),
                tail,
            },
            context,
            items: 0,
            encoding,
            summary: Summary::of_kind("nothing"),
        }
    }

    /// Adds a message: its payload, names and meta.
    pub(crate) fn message(&mut self, message: &Message) -> Result<()> {
        if self.items == 0 {
            self.summary = Summary::new(&message.payload);
        }
        self.items += 1;
        // Without any, a method called over gRPC is given `{}`, and one called over REST `None`.
        let meta = &message.meta;
        let has_meta = !meta.is_empty() || self.encoding == Encoding::Protobuf;
        self.buffer.item(&message.payload, has_meta.then_some(meta))
    }

    /// Adds the items of feedback: the request, the truth, and the reward with the routing.
    pub(crate) fn feedback(&mut self, feedback: &Feedback) -> Result<()> {
        let none = Message::default();
        for message in [&feedback.request, &feedback.truth] {
            // A plain method is given arrays alone, whether or not the worker could read the rest.
            let message = message.as_ref().filter(|message| {
                matches!(message.payload, Payload::Array(_) | Payload::Columns(_))
            });
            self.message(message.unwrap_or(&none))?;
        }
        let mut text = b"{\"reward\":".to_vec();
        encode_float(feedback.reward.into(), &mut text);
        let routing = feedback.routing;
        let routing = routing.map_or("null".to_owned(), |branch| branch.to_string());
        text.extend_from_slice(format!(",\"routing\":{routing}}}").as_bytes());
        self.items += 1;
        self.buffer.value(ItemKind::Json, None, &Bytes::from(text));
        Ok(())
    }

    /// Adds a raw message, list or feedback, for a `_raw` method. `bytes` is the name of a field
    /// that is bytes to the component.
    pub(crate) fn raw_message(
        &mut self,
        encoding: Encoding,
        message: &Bytes,
        bytes: Option<&'static str>,
    ) {
        let kind = match encoding {
            Encoding::Json | Encoding::Tensors => ItemKind::Message,
            Encoding::Protobuf => ItemKind::Protobuf,
        };
        self.items += 1;
        self.summary = Summary::of_kind("a raw message");
        self.buffer.value(kind, bytes, message);
    }

    /// Adds the request as it came, behind all others.
    pub(crate) fn original(&mut self, original: &Original) -> Result<()> {
        self.items += 1;
        self.buffer.original(original)
    }

    /// The finished frame.
    pub(crate) fn finish(
        self,
        call: impl Into<Call>,
        id: u64,
        deadline: Option<Instant>,
    ) -> Result<Pieces> {
        let header = Header {
            length: (self.buffer.len() - HEADER) as u64,
            kind: Kind::Request,
            method: self.method(call.into()),
            context: fit(self.context, u16::MAX, "bytes of context")?,
            count: fit(self.items, u32::MAX, "messages")?,
            id,
            moment: deadline.map_or(0, clock::to_worker),
        };
        let mut pieces = self.buffer.pieces();
        let first = std::mem::take(&mut pieces[0]);
        let mut first = first
            .try_into_mut()
            .expect("there is no other handle to the first piece");
        first[..HEADER].copy_from_slice(&header.encode());
        pieces[0] = first.freeze();
        Ok(pieces)
    }

    /// The byte of the header that says what is called, and whether the caller can read several
    /// tensors.
    fn method(&self, call: Call) -> u8 {
        match (self.encoding, call) {
            (Encoding::Tensors, Call::Method(_)) => call.code() | TENSORS,
            (Encoding::Json | Encoding::Protobuf, _) | (_, Call::Page) => call.code(),
        }
    }

    /// Bytes so far, as a measure of how much the component is given: without the context, which
    /// the component is not given.
    pub(crate) fn size(&self) -> usize {
        self.buffer.len() - self.context
    }

    /// What it holds, for reports on it.
    pub(crate) fn summary(&self) -> Summary {
        let mut summary = self.summary;
        summary.bytes = self.size() - HEADER;
        summary
    }
}

/// Writes the request's id and, while tracing is on, the W3C `traceparent` of the component's part.
fn write_context(context: &RequestContext, out: &mut Vec<u8>) {
    let mut write = |text: fmt::Arguments<'_>| {
        out.write_fmt(text)
            .expect("a write to memory does not fail");
    };
    write(format_args!("{}", context.id));
    if let Some(trace) = &context.trace {
        write(format_args!(
            "\n00-{:032x}-{:016x}-{:02x}",
            trace.trace_id,
            trace.component,
            u8::from(trace.sampled)
        ));
    }
}

#[cfg(test)]
mod tests {
    use streeling_core::{Code, Method, RequestId, Trace, Transport};

    use super::*;
    use crate::item::INLINE;

    static TEST: Transport = Transport {
        name: "test",
        abandoned: Code::numbered(499),
        id_headers: &[],
    };

    #[test]
    fn the_context_does_not_make_a_request_larger() {
        let mut context = RequestContext::new(&TEST, RequestId::given(&"x".repeat(128)).unwrap());
        context.trace = Some(Trace {
            trace_id: 1,
            parent: None,
            span: 2,
            component: 3,
            sampled: true,
        });
        let sizes = [None, Some(&context)].map(|context| {
            let mut request = RequestFrame::new(Encoding::Json, context);
            request.message(&Message::default()).unwrap();
            // A piece of its own pushes what is before it out of the tail.
            request.raw_message(Encoding::Json, &Bytes::from(vec![b' '; INLINE + 1]), None);
            let size = request.size();
            let frame = request.finish(Method::Predict, 1, None).unwrap().concat();
            let header = Header::decode(frame.first_chunk().unwrap()).unwrap();
            let context = usize::from(header.context);
            assert_eq!(header.length as usize, frame.len() - HEADER);
            assert_eq!(frame.len(), size + context);
            (size, context)
        });
        let context = 128 + 1 + 55;
        assert_eq!(sizes, [(sizes[0].0, 0), (sizes[0].0, context)]);
    }
}
