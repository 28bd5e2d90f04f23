//! A real worker, called as the two transports call it.

use bytes::Bytes;
use streeling_codec::seldon::proto::Limits;
use streeling_codec::seldon::{json as seldon_json, proto};
use streeling_core::{
    Context, Encoding, ErrorKind, Feedback, Input, Message, Method, Payload, RawJson, RawMessage,
    Result, Service,
};

use crate::support::{Served, bare};

const MODEL: &str = r#"
from seldon_core.user_model import SeldonNotImplementedError


class Model:
    def predict(self, X, names, meta="absent"):
        if X == "fails":
            error = KeyError("gone")
            error.grpc_status = "NOT_FOUND"
            raise error
        if X == "same" or hasattr(X, "type_url"):
            return X
        return {"meta": meta}

    def send_feedback(self, X, names, reward, truth, routing=None):
        return [[reward]]

    def tags(self):
        return {"t": 1}


class Raw(Model):
    def predict_raw(self, message):
        if isinstance(message, dict):
            if message["strData"] == "decline":
                raise SeldonNotImplementedError("plain, please")
            return message if message["strData"] == "same" else message["strData"]
        if message.strData == "same":
            return message
        return {"strData": "dict", "meta": {"puid": message.meta.puid}}

    def send_feedback_raw(self, feedback):
        return feedback.request
"#;

async fn start(class: &str) -> Served {
    Served::start_with(MODEL, |config| {
        class.clone_into(&mut config.component.class);
    })
    .await
}

async fn predict(served: &Served, encoding: Encoding, payload: Payload) -> Result<Message> {
    let mut message = Message {
        payload,
        ..Message::default()
    };
    message.meta.id = (encoding == Encoding::Protobuf).then(|| "p".to_owned());
    call(
        served,
        &context(encoding),
        Method::Predict,
        Input::Message(message),
    )
    .await
}

async fn call(served: &Served, context: &Context, method: Method, input: Input) -> Result<Message> {
    let response = served.call_with(context, method, input).await?;
    Ok(response.message)
}

fn context(encoding: Encoding) -> Context {
    Context {
        encoding,
        ..Context::default()
    }
}

fn text(text: &str) -> Payload {
    Payload::Text(text.to_owned())
}

fn json(payload: Payload) -> String {
    let Payload::Json(json) = payload else {
        panic!("{payload:?} is not jsonData")
    };
    String::from_utf8(json.into_bytes().to_vec()).unwrap()
}

fn custom() -> Payload {
    Payload::Any {
        type_url: "example.com/Frame".to_owned(),
        value: Bytes::from_static(b"\x00\xff"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn meta_distinguishes_the_transports() {
    let served = start("Model").await;
    for (encoding, meta) in [(Encoding::Json, "null"), (Encoding::Protobuf, "{}")] {
        let request = Input::Message(Message {
            payload: text("x"),
            ..Message::default()
        });
        let context = context(encoding);
        let response = call(&served, &context, Method::Predict, request);
        let found = json(response.await.unwrap().payload);
        assert_eq!(found, format!("{{\"meta\":{meta}}}"), "{encoding:?}");
        assert!(!served.pool.takes_raw_message(Method::Predict, encoding));
    }
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exception_may_choose_its_grpc_status() {
    let served = start("Model").await;
    let error = predict(&served, Encoding::Protobuf, text("fails")).await;
    let error = error.unwrap_err();
    assert_eq!(
        (error.kind, error.grpc_status, error.info.as_str()),
        (ErrorKind::Component, Some(5), "'gone'")
    );
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn custom_data_goes_both_ways() {
    let served = start("Model").await;
    let response = predict(&served, Encoding::Protobuf, custom()).await;
    let response = response.unwrap();
    assert_eq!(response.payload, custom());
    assert_eq!(
        response.meta.tags.get("t"),
        Some(&RawJson::from_checked("1".into()))
    );
    let error = predict(&served, Encoding::Json, custom()).await;
    assert_eq!(error.unwrap_err().kind, ErrorKind::BadData);
    // Feedback has nothing but `data`, so this is the same as none.
    let feedback = Feedback {
        request: Some(Message {
            payload: custom(),
            ..Message::default()
        }),
        reward: 0.5,
        ..Feedback::default()
    };
    let request = Input::Feedback(Box::new(feedback));
    let context = context(Encoding::Protobuf);
    let response = call(&served, &context, Method::SendFeedback, request);
    assert!(matches!(response.await.unwrap().payload, Payload::Array(_)));
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_protobuf_the_error_names_the_package() {
    for (class, payload, said) in [
        ("Model", custom(), "install the package protobuf"),
        ("Raw", text("same"), "needs the package protobuf"),
    ] {
        let served = Served::start_with(MODEL, |config| {
            class.clone_into(&mut config.component.class);
            bare(config);
        })
        .await;
        let error = predict(&served, Encoding::Protobuf, payload).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadData);
        assert!(error.info.contains(said), "{error}");
        served.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn raw_messages_as_json() {
    let served = start("Raw").await;
    assert!(
        served
            .pool
            .takes_raw_message(Method::Predict, Encoding::Json)
    );
    let context = |raw_message| Context {
        raw_message,
        ..Context::default()
    };
    let raw = |text: &'static str| context(RawMessage::given(text.into()));
    for (message, expected) in [
        // It is no message of the protocol, and need not be one.
        (
            r#"{"strData":"same","colour":1}"#,
            r#"{"strData":"same","colour":1}"#,
        ),
        (r#"{"strData":"other"}"#, r#""other""#),
    ] {
        let context = raw(message);
        let response = call(&served, &context, Method::Predict, Input::Raw);
        let payload = response.await.unwrap().payload;
        assert_eq!(payload, Payload::Opaque(vec![expected.into()]));
    }
    // It is called once: what it declines is decoded and comes again for the plain method.
    let declines = raw(r#"{"strData":"decline"}"#);
    let declined = call(&served, &declines, Method::Predict, Input::Raw).await;
    assert_eq!(declined.unwrap_err().kind, ErrorKind::NotImplemented);
    let again = context(RawMessage::Declined);
    let decoded = Input::Message(Message {
        payload: text("same"),
        ..Message::default()
    });
    let plain = call(&served, &again, Method::Predict, decoded).await;
    assert_eq!(plain.unwrap().payload, text("same"));
    // Without the message there is nothing to call it on.
    let missing = call(&served, &Context::default(), Method::Predict, Input::Raw).await;
    assert_eq!(missing.unwrap_err().kind, ErrorKind::Internal);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn raw_messages_as_protobuf() {
    let served = start("Raw").await;
    assert!(
        served
            .pool
            .takes_raw_message(Method::Predict, Encoding::Protobuf)
    );
    let message = |message: Message| {
        let Payload::Opaque(pieces) = message.payload else {
            panic!("{message:?} is not as the component gave it")
        };
        proto::decode_response(&pieces.concat().into(), Limits::default()).unwrap()
    };
    let same = predict(&served, Encoding::Protobuf, text("same")).await;
    let same = message(same.unwrap());
    assert_eq!(
        (same.payload, same.meta.id.as_deref()),
        (text("same"), Some("p"))
    );
    assert!(same.meta.tags.is_empty(), "a raw response is not changed");
    let other = predict(&served, Encoding::Protobuf, text("other")).await;
    let other = message(other.unwrap());
    assert_eq!(
        (other.payload, other.meta.id.as_deref()),
        (text("dict"), Some("p"))
    );

    // The caller's own bytes are sent where the transport has them.
    let request = Message {
        payload: text("same"),
        ..Message::default()
    };
    let mut bytes = Vec::new();
    proto::encode_message(&request, &mut bytes).unwrap();
    // A field that nothing here knows comes back as well.
    bytes.extend_from_slice(b"\xfa\x3f\x01x");
    let context = Context {
        raw_message: RawMessage::given(bytes.clone().into()),
        ..context(Encoding::Protobuf)
    };
    let response = call(&served, &context, Method::Predict, Input::Raw);
    let payload = response.await.unwrap().payload;
    assert_eq!(payload, Payload::Opaque(vec![bytes.into()]));
    // What is no message at all is the caller's mistake.
    let context = Context {
        raw_message: RawMessage::given("x".into()),
        ..context
    };
    let broken = call(&served, &context, Method::Predict, Input::Raw).await;
    assert_eq!(broken.unwrap_err().kind, ErrorKind::BadData);

    // Feedback is protobuf to raw methods over REST as well.
    let feedback = Feedback {
        request: Some(request),
        ..Feedback::default()
    };
    let request = Input::Feedback(Box::new(feedback));
    let context = Context::default();
    let response = call(&served, &context, Method::SendFeedback, request);
    let Payload::Opaque(pieces) = response.await.unwrap().payload else {
        panic!("it is not as the component gave it")
    };
    let response = seldon_json::decode_response(&pieces.concat().into()).unwrap();
    assert_eq!(response.payload, text("same"));
    served.stop().await;
}
