//! A protocol of our own beside Seldon's: plain text in and out, after the model's name; responses
//! may come word by word.

use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use prost::Message as _;
use prost_types::{FileDescriptorProto, FileDescriptorSet, ServiceDescriptorProto};
use streeling_core::{
    Error, ErrorKind, Input, Message, Meter, Method, Operation, Payload, RequestContext, Response,
    Result,
};
use streeling_grpc::{Action, Decoded, Form, Protocol, Responses, Route};
use tokio::time::sleep;
use tonic::{Code, Status};

/// Responds with one message.
pub(crate) const SAY: &str = "/test.Words/Say";

/// Responds with a message for each word. Some words are commands: `wait` takes 200 seconds, `fail`
/// is an error, `crash` panics, `id` becomes the request's id, `flood` has no end.
pub(crate) const SPLIT: &str = "/test.Words/Split";

/// Says whether the model is ready.
pub(crate) const READY: &str = "/test.Words/Ready";

pub(crate) struct Words;

const fn route(path: &'static str, action: Action) -> Route {
    Route {
        path,
        action,
        operation: Operation::new("words", path),
    }
}

static ROUTES: [Route; 3] = [
    route(SAY, Action::Call(Method::Predict)),
    route(SPLIT, Action::Stream(Method::Predict)),
    route(READY, Action::Page("ready")),
];

static DESCRIPTORS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let service = ServiceDescriptorProto {
        name: Some("Words".to_owned()),
        ..ServiceDescriptorProto::default()
    };
    let file = FileDescriptorProto {
        name: Some("test.proto".to_owned()),
        package: Some("test".to_owned()),
        service: vec![service],
        ..FileDescriptorProto::default()
    };
    FileDescriptorSet { file: vec![file] }.encode_to_vec()
});

impl Protocol for Words {
    fn routes(&self) -> &'static [Route] {
        &ROUTES
    }

    fn descriptors(&self) -> &'static [u8] {
        &DESCRIPTORS
    }

    fn page(
        &self,
        page: &'static str,
        _: Option<&[u8]>,
        is_ready: bool,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        out.extend_from_slice(format!("{page}: {is_ready}").as_bytes());
        Ok(())
    }

    fn decode(&self, _: Method, message: &Bytes, _: &Meter) -> Result<Decoded> {
        let text = String::from_utf8_lossy(message);
        let Some((model, text)) = text.split_once(' ') else {
            return Err(Error::new(ErrorKind::BadData, "no model is named"));
        };
        Ok(Decoded {
            model: Some(model.to_owned()),
            input: Input::Message(Message {
                payload: Payload::Text(text.to_owned()),
                ..Message::default()
            }),
            form: None,
        })
    }

    fn encode(&self, _: Method, response: &Response, _: &Form, out: &mut Vec<u8>) -> Result<()> {
        match &response.message.payload {
            Payload::Text(text) => out.extend_from_slice(text.as_bytes()),
            other => unreachable!("{other:?}"),
        }
        Ok(())
    }

    fn responses(&self, _: Method, response: Response) -> Responses {
        let Payload::Text(text) = response.message.payload else {
            unreachable!("the model responds with text");
        };
        if text.ends_with(" flood") {
            let message = || Ok("x".repeat(1000).into());
            return stream::repeat_with(message).boxed();
        }
        let words: Vec<_> = text.split(' ').map(str::to_owned).collect();
        stream::iter(words).then(word).boxed()
    }

    fn status(&self, error: &Error) -> Status {
        Status::new(Code::DataLoss, format!("{:?}: {}", error.kind, error.info))
    }
}

async fn word(word: String) -> Result<Response> {
    match word.as_str() {
        "wait" => sleep(Duration::from_secs(200)).await,
        "fail" => return Err(Error::new(ErrorKind::Component, "a bad word")),
        "crash" => panic!("a worse word"),
        "id" => {
            let request = RequestContext::current().expect("it is polled within its request");
            return Ok(request.id.to_string().into());
        }
        _ => {}
    }
    Ok(word.into())
}
