//! What a request holds, apart from who has sent it: to know it again when a worker has died of it.

use std::hash::{DefaultHasher, Hasher as _};
use std::sync::Arc;

use bytes::Bytes;
use streeling_codec::seldon::json::encode_names;
use streeling_core::{
    Context, Elements, Feedback, Input, Message, Original, Payload, RawMessage, RequestContext,
};

use crate::frame::Call;
use crate::quarantine::{Fingerprint, Outline};

/// Bytes that are read before other tasks have their turn, which takes some 0.2 ms.
const PORTION: usize = 256 * 1024;

/// What a value costs beside its bytes, in bytes.
const VALUE: usize = 64;

/// A request that is being run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) call: Call,
    pub(crate) input: &'a Input,
    pub(crate) raw_message: &'a RawMessage,
    pub(crate) original: Option<&'a Original>,
}

/// The same, when its caller has given it up.
#[derive(Debug)]
pub(crate) struct OwnedSubject {
    call: Call,
    input: Input,
    raw_message: RawMessage,
    original: Option<Arc<Original>>,
    pub(crate) request: Option<Arc<RequestContext>>,
}

impl OwnedSubject {
    pub(crate) fn new(call: Call, input: Input, context: &Context) -> Self {
        Self {
            call,
            input,
            raw_message: context.raw_message.clone(),
            original: context.original.clone(),
            request: context.request.clone(),
        }
    }

    pub(crate) fn view(&self) -> Subject<'_> {
        Subject {
            call: self.call,
            input: &self.input,
            raw_message: &self.raw_message,
            original: self.original.as_deref(),
        }
    }
}

impl Subject<'_> {
    /// Whether it holds anything by which to know it again: health and metadata do not.
    pub(crate) fn is_distinct(&self) -> bool {
        self.call == Call::Page || !matches!(self.input, Input::None)
    }

    /// Its method, and about how many bytes it has; nothing of it is read.
    pub(crate) fn outline(&self) -> Outline {
        let message = |message: &Message| message.payload.size(8);
        let some = |one: &Option<Message>| one.as_ref().map_or(0, message);
        let bytes = match (self.input, self.raw_message) {
            (Input::Message(one), _) => message(one),
            (Input::Messages(all), _) => all.iter().map(message).sum(),
            (Input::Feedback(feedback), _) => some(&feedback.request) + some(&feedback.truth),
            (Input::Raw, RawMessage::Given { message, .. }) => message.len(),
            (Input::Raw | Input::None, _) => self.page().map_or(0, |page| page.body.len()),
        };
        Outline {
            method: self.call.code(),
            bytes: bytes as u64,
        }
    }

    /// Reads all of it, in portions: other tasks have their turn between them.
    pub(crate) async fn fingerprint(&self, hasher: DefaultHasher) -> Fingerprint {
        let outline = self.outline();
        let mut digest = Digest { hasher, read: 0 };
        digest.number(u64::from(outline.method)).await;
        digest.number(outline.bytes).await;
        match (self.input, self.raw_message) {
            (Input::Message(message), _) => digest.message(message).await,
            (Input::Messages(messages), _) => {
                for message in messages {
                    digest.message(message).await;
                }
            }
            (Input::Feedback(feedback), _) => digest.feedback(feedback).await,
            (Input::Raw, RawMessage::Given { message, .. }) => digest.bytes(message).await,
            (Input::Raw | Input::None, _) => {
                if let Some(page) = self.page() {
                    digest.bytes(page.verb.as_bytes()).await;
                    digest.bytes(page.target.as_bytes()).await;
                    digest.bytes(&page.body).await;
                }
            }
        }
        Fingerprint {
            outline,
            digest: digest.hasher.finish(),
        }
    }

    /// The request as it came, where there is nothing else: its head differs from one client to the
    /// next, and so it counts for nothing elsewhere.
    fn page(&self) -> Option<&Original> {
        self.original.filter(|_| self.call == Call::Page)
    }
}

/// What has been read so far.
struct Digest {
    hasher: DefaultHasher,
    /// Bytes since other tasks had their turn.
    read: usize,
}

impl Digest {
    async fn message(&mut self, message: &Message) {
        // Ids, routing and path are of the request, and not what it is about.
        for (name, value) in &message.meta.tags {
            self.bytes(name.as_bytes()).await;
            self.bytes(value.as_bytes()).await;
        }
        self.payload(&message.payload).await;
        if let Payload::Named(all) | Payload::Columns(all) = &message.payload {
            for one in all {
                self.bytes(one.name.as_bytes()).await;
                self.payload(&one.payload).await;
            }
        }
    }

    async fn feedback(&mut self, feedback: &Feedback) {
        for message in [&feedback.request, &feedback.truth] {
            self.number(u64::from(message.is_some())).await;
            if let Some(message) = message {
                self.message(message).await;
            }
        }
        self.number(feedback.reward.to_bits().into()).await;
        let routing = feedback.routing.map_or(u64::MAX, |branch| branch as u64);
        self.number(routing).await;
    }

    /// A payload; of named ones their number alone.
    async fn payload(&mut self, payload: &Payload) {
        let (kind, count) = match payload {
            Payload::None => (0, 0),
            Payload::Array(array) => (1, array.layout as usize),
            Payload::Named(all) => (2, all.len()),
            Payload::Columns(all) => (9, all.len()),
            Payload::Text(_) => (3, 0),
            Payload::Bytes(_) => (4, 0),
            Payload::Json(_) => (5, 0),
            Payload::Quoted(_) => (6, 0),
            Payload::Any { .. } => (7, 0),
            Payload::Opaque(_) => (8, 0),
        };
        self.number(kind).await;
        self.number(count as u64).await;
        match payload {
            Payload::None | Payload::Named(_) | Payload::Columns(_) => {}
            Payload::Array(array) => {
                let mut names = Vec::new();
                encode_names(&array.names, &mut names);
                self.bytes(&names).await;
                match &array.elements {
                    Elements::Typed(tensor) => {
                        self.number(tensor.dtype().code().into()).await;
                        for side in tensor.shape() {
                            self.number(*side as u64).await;
                        }
                        self.bytes(tensor.data()).await;
                    }
                    Elements::Json(json) => self.bytes(json.as_bytes()).await,
                }
            }
            Payload::Text(text) => self.bytes(text.as_bytes()).await,
            Payload::Bytes(bytes) => self.bytes(bytes).await,
            Payload::Json(json) | Payload::Quoted(json) => self.bytes(json.as_bytes()).await,
            Payload::Any { type_url, value } => {
                self.bytes(type_url.as_bytes()).await;
                self.bytes(value).await;
            }
            // The pieces in which it came differ from one time to the next.
            Payload::Opaque(pieces) => {
                self.number(pieces.iter().map(Bytes::len).sum::<usize>() as u64)
                    .await;
                for piece in pieces {
                    self.portions(piece).await;
                }
            }
        }
    }

    async fn number(&mut self, number: u64) {
        self.hasher.write_u64(number);
        self.took(VALUE).await;
    }

    async fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64).await;
        self.portions(bytes).await;
    }

    async fn portions(&mut self, bytes: &[u8]) {
        for portion in bytes.chunks(PORTION) {
            self.hasher.write(portion);
            self.took(portion.len()).await;
        }
    }

    async fn took(&mut self, bytes: usize) {
        self.read += bytes;
        if self.read >= PORTION {
            self.read = 0;
            tokio::task::yield_now().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use streeling_core::{DType, Method, Tensor};

    use super::*;
    use crate::quarantine::Quarantine;

    async fn digest(quarantine: &Quarantine, call: impl Into<Call>, input: &Input) -> Fingerprint {
        let subject = Subject {
            call: call.into(),
            input,
            raw_message: &RawMessage::Unknown,
            original: None,
        };
        subject.fingerprint(quarantine.hasher()).await
    }

    fn message(payload: Payload) -> Message {
        Message {
            payload,
            ..Message::default()
        }
    }

    fn tensor(shape: Vec<usize>) -> Payload {
        let bytes = Bytes::from_static(&[1, 2, 3, 4]);
        Tensor::new(DType::U8, shape, bytes).unwrap().into()
    }

    #[tokio::test]
    async fn equal_requests_are_known_again_and_others_are_not() {
        let quarantine = Quarantine::new(None);
        let text = |text: &str| Input::Message(message(Payload::Text(text.to_owned())));
        let all = [
            text("ab"),
            text("ba"),
            Input::Message(message(Payload::Bytes(Bytes::from_static(b"ab")))),
            Input::Message(message(tensor(vec![4]))),
            Input::Message(message(tensor(vec![2, 2]))),
            Input::Messages(vec![message(tensor(vec![4])); 2]),
            Input::Messages(vec![message(tensor(vec![4])); 3]),
            Input::Feedback(Box::default()),
            Input::Feedback(Box::new(Feedback {
                reward: 1.0,
                ..Feedback::default()
            })),
        ];
        let mut seen = Vec::new();
        for input in &all {
            let one = digest(&quarantine, Method::Predict, input).await;
            assert_eq!(
                one,
                digest(&quarantine, Method::Predict, &input.clone()).await
            );
            assert_ne!(one, digest(&quarantine, Method::Route, input).await);
            assert!(!seen.contains(&one), "{input:?}");
            seen.push(one);
        }
    }

    #[tokio::test]
    async fn neither_an_id_nor_the_pieces_of_a_body_make_another_request() {
        let quarantine = Quarantine::new(None);
        let with_id = |id: &str| {
            let mut message = message(Payload::Text("x".to_owned()));
            message.meta.id = Some(id.to_owned());
            Input::Message(message)
        };
        let one = digest(&quarantine, Method::Predict, &with_id("a")).await;
        let other = digest(&quarantine, Method::Predict, &with_id("b")).await;
        assert_eq!(one, other);

        let body = vec![7; 3 * PORTION];
        let pieces = |size| {
            let pieces = body.chunks(size).map(Bytes::copy_from_slice).collect();
            Input::Message(message(Payload::Opaque(pieces)))
        };
        let one = digest(&quarantine, Method::Predict, &pieces(body.len())).await;
        let other = digest(&quarantine, Method::Predict, &pieces(1000)).await;
        assert_eq!(one, other);
    }
}
