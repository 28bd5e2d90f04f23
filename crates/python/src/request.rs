//! A request as the frame that goes to a worker.

use std::fmt;
use std::io::Write;
use std::time::Instant;

use bytes::Bytes;
use streeling_codec::json;
use streeling_core::{Array, Call, Data, Encoding, Feedback, Message, Meta, Method, Payload};

use crate::clock;
use crate::frame::{HEADER, Header, ITEM, ItemHeader, ItemKind, Kind, Pieces};

/// Up to here a body is copied behind its header, so that a small request is one buffer and one
/// write; a larger one is written from where it is.
const INLINE: usize = 4096;

/// Writes items one after the other, then the frame around them.
pub(crate) struct Request {
    pieces: Pieces,
    /// What comes after `pieces` and is not yet one; starts with room for the frame's header, and
    /// the context.
    tail: Vec<u8>,
    /// Bytes of the context.
    context: usize,
    items: u16,
    encoding: Encoding,
}

impl Request {
    /// Starts a request whose caller uses this encoding, and which belongs to this call.
    pub(crate) fn new(encoding: Encoding, call: Option<&Call>) -> Self {
        let mut tail = Vec::with_capacity(384);
        tail.resize(HEADER, 0);
        if let Some(call) = call {
            write_context(call, &mut tail);
        }
        let context = tail.len() - HEADER;
        Self {
            pieces: Vec::new(),
            tail,
            context,
            items: 0,
            encoding,
        }
    }

    /// Adds a message: its payload, names and meta.
    pub(crate) fn message(&mut self, message: &Message) {
        let mut item = ItemHeader {
            kind: ItemKind::None,
            dtype: 0,
            ndim: 0,
            form: 0,
            names: 0,
            meta: 0,
            body: 0,
        };
        let start = self.start_item();
        let none = Bytes::new();
        let prefix;
        let mut text = &b""[..];
        let mut shared = std::slice::from_ref(&none);
        match &message.payload {
            Payload::None => {}
            Payload::Data(Data { names, form, array }) => {
                item.form = *form as u8;
                match array {
                    Array::Typed(tensor) => {
                        item.kind = ItemKind::Numbers;
                        item.dtype = tensor.dtype().code();
                        for &dimension in tensor.shape() {
                            self.tail
                                .extend_from_slice(&(dimension as u64).to_le_bytes());
                        }
                        item.ndim = tensor.shape().len() as u8;
                        shared = std::slice::from_ref(tensor.data());
                    }
                    Array::Json(list) => {
                        item.kind = ItemKind::List;
                        shared = std::slice::from_ref(list.bytes());
                    }
                }
                if !names.is_empty() {
                    let before = self.tail.len();
                    json::encode_names(names, &mut self.tail);
                    item.names = (self.tail.len() - before) as u32;
                }
            }
            Payload::Text(string) => {
                item.kind = ItemKind::Text;
                text = string.as_bytes();
            }
            Payload::Binary(bytes) => {
                item.kind = ItemKind::Binary;
                shared = std::slice::from_ref(bytes);
            }
            Payload::Json(value) => {
                item.kind = ItemKind::Json;
                shared = std::slice::from_ref(value.bytes());
            }
            Payload::Custom { type_url, value } => {
                item.kind = ItemKind::Custom;
                let length = type_url.len() as u32;
                prefix = [&length.to_le_bytes()[..], type_url.as_bytes()].concat();
                text = &prefix;
                shared = std::slice::from_ref(value);
            }
            Payload::Raw(pieces) => {
                item.kind = ItemKind::Passthrough;
                shared = pieces;
            }
        }
        item.meta = self.meta(&message.meta);
        item.body = (text.len() + shared.iter().map(Bytes::len).sum::<usize>()) as u64;
        self.end_item(start, &item);
        self.tail.extend_from_slice(text);
        shared.iter().for_each(|piece| self.body(piece));
    }

    /// Adds the items of feedback: the request, the truth, and the reward with the routing.
    pub(crate) fn feedback(&mut self, feedback: &Feedback, routing: Option<i32>) {
        let none = Message::default();
        for message in [&feedback.request, &feedback.truth] {
            let message = message.as_ref();
            // A plain method is given `data` alone, whether or not the worker could read the rest.
            let custom = |one: &&Message| matches!(one.payload, Payload::Custom { .. });
            self.message(message.filter(|one| !custom(one)).unwrap_or(&none));
        }
        let mut text = b"{\"reward\":".to_vec();
        json::encode_float(feedback.reward.into(), &mut text);
        let routing = routing.map_or("null".to_owned(), |branch| branch.to_string());
        text.extend_from_slice(format!(",\"routing\":{routing}}}").as_bytes());
        self.value(ItemKind::Json, &Bytes::from(text));
    }

    /// Adds a raw message, list or feedback, for a `_raw` method.
    pub(crate) fn raw_message(&mut self, encoding: Encoding, message: &Bytes) {
        let kind = match encoding {
            Encoding::Json => ItemKind::Message,
            Encoding::Protobuf => ItemKind::Protobuf,
        };
        self.value(kind, message);
    }

    /// The finished frame.
    pub(crate) fn finish(mut self, method: Method, id: u64, deadline: Option<Instant>) -> Pieces {
        if !self.tail.is_empty() {
            self.pieces.push(Bytes::from(self.tail));
        }
        let total: usize = self.pieces.iter().map(Bytes::len).sum();
        let header = Header {
            length: (total - HEADER) as u64,
            kind: Kind::Request,
            method: method.code(),
            items: self.items,
            extent: self.context as u32,
            id,
            moment: deadline.map_or(0, clock::to_worker),
        };
        let first = std::mem::take(&mut self.pieces[0]);
        let mut first = first
            .try_into_mut()
            .expect("there is no other handle to the first piece");
        first[..HEADER].copy_from_slice(&header.encode());
        self.pieces[0] = first.freeze();
        self.pieces
    }

    /// Bytes so far, as a measure of how much the component is given: without the context, which
    /// the component is not given.
    pub(crate) fn size(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum::<usize>() + self.tail.len() - self.context
    }

    fn value(&mut self, kind: ItemKind, body: &Bytes) {
        let start = self.start_item();
        let item = ItemHeader {
            kind,
            dtype: 0,
            ndim: 0,
            form: 0,
            names: 0,
            meta: 0,
            body: body.len() as u64,
        };
        self.end_item(start, &item);
        self.body(body);
    }

    /// Leaves room for an item's header; returns where.
    fn start_item(&mut self) -> usize {
        self.items += 1;
        let start = self.tail.len();
        self.tail.resize(start + ITEM, 0);
        start
    }

    fn end_item(&mut self, start: usize, item: &ItemHeader) {
        self.tail[start..start + ITEM].copy_from_slice(&item.encode());
    }

    fn meta(&mut self, meta: &Meta) -> u32 {
        // Without any, a method called over gRPC is given `{}`, and one called over REST `None`.
        if meta.is_empty() && self.encoding == Encoding::Json {
            return 0;
        }
        let before = self.tail.len();
        json::encode_meta(meta, &mut self.tail);
        (self.tail.len() - before) as u32
    }

    fn body(&mut self, shared: &Bytes) {
        if shared.len() <= INLINE {
            self.tail.extend_from_slice(shared);
        } else {
            self.pieces
                .push(Bytes::from(std::mem::take(&mut self.tail)));
            self.pieces.push(shared.clone());
        }
    }
}

/// Writes the request's id and, while tracing is on, the W3C `traceparent` of the component's part.
fn write_context(call: &Call, out: &mut Vec<u8>) {
    let mut write = |text: fmt::Arguments<'_>| {
        out.write_fmt(text)
            .expect("a write to memory does not fail");
    };
    write(format_args!("{}", call.id));
    if let Some(trace) = &call.trace {
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
    use streeling_core::{Code, RequestId, Trace, Transport};

    use super::*;

    static TEST: Transport = Transport::new("test", Code::numbered(499));

    #[test]
    fn the_context_does_not_make_a_request_larger() {
        let mut call = Call::new(&TEST, RequestId::given(&"x".repeat(128)).unwrap());
        call.trace = Some(Trace {
            trace_id: 1,
            parent: None,
            span: 2,
            component: 3,
            sampled: true,
        });
        let sizes = [None, Some(&call)].map(|call| {
            let mut request = Request::new(Encoding::Json, call);
            request.message(&Message::default());
            // A piece of its own pushes what is before it out of the tail.
            request.raw_message(Encoding::Json, &Bytes::from(vec![b' '; INLINE + 1]));
            let size = request.size();
            let frame = request.finish(Method::Predict, 1, None).concat();
            let header = Header::decode(frame.first_chunk().unwrap()).unwrap();
            let context = header.extent as usize;
            assert_eq!(header.length as usize, frame.len() - HEADER);
            assert_eq!(frame.len(), size + context);
            (size, context)
        });
        let context = 128 + 1 + 55;
        assert_eq!(sizes, [(sizes[0].0, 0), (sizes[0].0, context)]);
    }
}
