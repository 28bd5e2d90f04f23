//! What reaches a class of requests with several inputs, bytes or many messages, and what does not.

use bytes::Bytes;
use streeling_core::{
    Array, Context, DType, Elements, Encoding, ErrorKind, Input, Layout, Message, Method, Named,
    Names, Payload, RawJson, Result, Service, Tensor,
};

use crate::support::{Served, bare};

const MODEL: &str = r#"
class Model:
    def predict(self, X, names, meta=None):
        if isinstance(X, str) and X == "wide":
            import numpy
            # Old versions do not make such an array by its shape.
            one = numpy.empty((0, 1))
            return numpy.lib.stride_tricks.as_strided(one, (0, 1 << 40))
        if isinstance(X, dict):
            return {"X": {name: seen(value) for name, value in X.items()}, "names": names}
        return {"X": seen(X), "names": names}

    def aggregate(self, X, names):
        return [[len(X), sum(map(len, X)), len(names)]]

    def init_metadata(self):
        return {"name": "inputs"}


def seen(value):
    if hasattr(value, "tolist"):
        return f"{value.dtype} {value.tolist()!r}"
    return repr(value)
"#;

async fn start() -> Served {
    Served::start_with(MODEL, |_| {}).await
}

fn message(payload: impl Into<Payload>) -> Message {
    Message {
        payload: payload.into(),
        ..Message::default()
    }
}

fn text(text: &str) -> Payload {
    Payload::Text(text.to_owned())
}

fn array_of_bytes() -> Tensor {
    let elements = [&b"a"[..], b"", b"\xff\0", "é".as_bytes()];
    Tensor::from_byte_elements(vec![2, 2], elements).unwrap()
}

async fn call(served: &Served, method: Method, input: Input) -> Result<Payload> {
    let response = served.call_with(&Context::default(), method, input).await?;
    Ok(response.message.payload)
}

async fn predict(served: &Served, payload: impl Into<Payload>) -> Result<String> {
    let input = Input::Message(message(payload));
    let Payload::Json(json) = call(served, Method::Predict, input).await? else {
        panic!("the class returns a dict")
    };
    Ok(String::from_utf8(json.into_bytes().into()).unwrap())
}

fn json(value: &serde_json::Value) -> String {
    value.to_string()
}

const BYTES: &str = r"[[b'a', b''], [b'\xff\x00', b'\xc3\xa9']]";

#[tokio::test(flavor = "multi_thread")]
async fn bytes_are_an_array_of_the_same_shape() {
    let served = start().await;
    let found = predict(&served, array_of_bytes()).await.unwrap();
    let expected = serde_json::json!({"X": format!("object {BYTES}"), "names": []});
    assert_eq!(found, json(&expected));
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn arrays_are_lists_without_numpy() {
    let served = Served::start_with(MODEL, bare).await;
    let found = predict(&served, array_of_bytes()).await.unwrap();
    let expected = serde_json::json!({"X": BYTES, "names": []});
    assert_eq!(found, json(&expected));
    let numbers = Tensor::from_vec(vec![2], vec![1_i64, -2]).unwrap();
    let found = predict(&served, numbers).await.unwrap();
    assert_eq!(found, r#"{"X":"[1, -2]","names":[]}"#);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn named_inputs_are_a_dict() {
    let served = start().await;
    let named = |name: &str, payload| Named {
        name: name.to_owned(),
        payload,
    };
    let numbers = Tensor::from_vec(vec![2], vec![1_i64, -2]).unwrap();
    let large = Bytes::from(vec![b'x'; 10_000]);
    let found = predict(
        &served,
        Payload::Named(vec![
            named("numbers", numbers.into()),
            named("bytes", array_of_bytes().into()),
            named("", text("hé")),
            named("é", Payload::Json(RawJson::from_checked("[null]".into()))),
            named("large", Payload::Bytes(large)),
            named("none", Payload::None),
        ]),
    );
    let expected = serde_json::json!({
        "X": {
            "numbers": "int64 [1, -2]",
            "bytes": format!("object {BYTES}"),
            "": "'hé'",
            "é": "[None]",
            "large": format!("b'{}'", "x".repeat(10_000)),
            "none": "None",
        },
        "names": ["numbers", "bytes", "", "é", "large", "none"],
    });
    let found: serde_json::Value = serde_json::from_str(&found.await.unwrap()).unwrap();
    assert_eq!(found, expected);

    let found = predict(&served, Payload::Named(Vec::new())).await.unwrap();
    assert_eq!(found, r#"{"X":{},"names":[]}"#);

    let twice = vec![named("a", text("x")), named("a", text("y"))];
    let error = predict(&served, Payload::Named(twice)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::BadData);
    served.stop().await;
    assert_eq!(served.losses(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_messages_than_16_bits_count_are_all_there() {
    let served = start().await;
    let count = 1 << 16;
    let messages = (0..count).map(|index| message(text(&"x".repeat(index % 3))));
    let letters: usize = (0..count).map(|index| index % 3).sum();
    let input = Input::Messages(messages.collect());
    let payload = call(&served, Method::Aggregate, input).await.unwrap();
    let Payload::Array(array) = payload else {
        panic!("the class returns a list")
    };
    let expected = vec![count as i64, letters as i64, count as i64];
    let expected = Tensor::from_vec(vec![1, 3], expected).unwrap();
    assert_eq!(array.elements, Elements::Typed(expected));
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_dimensions_than_a_header_counts_are_too_large() {
    let served = start().await;
    let deep = |ndim| Tensor::new(DType::U8, vec![1; ndim], Bytes::from_static(b"x")).unwrap();
    let error = predict(&served, deep(256)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::TooLarge);
    assert!(error.info.contains("256 dimensions"), "{error}");
    // NumPy has a limit of its own.
    let error = predict(&served, deep(255)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Component, "{error}");
    served.stop().await;
    assert_eq!(served.losses(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_of_an_empty_array_are_not_named_without_end() {
    let served = start().await;
    let input = Input::Message(message(text("wide")));
    let payload = call(&served, Method::Predict, input).await.unwrap();
    let Payload::Array(array) = payload else {
        panic!("not an array: {payload:?}");
    };
    assert!(array.names.is_empty());
    served.stop().await;
    assert_eq!(served.losses(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_is_not_there_hands_the_array_back_with_default_names() {
    let served = start().await;
    let array = |names| Array {
        names,
        layout: Layout::TensorProto,
        elements: Elements::Typed(Tensor::from_vec(vec![1, 2], vec![1.0_f32, 2.0]).unwrap()),
    };
    let named = Payload::Array(array(Names::from_iter(["a", "b"])));
    let input = Input::Message(message(named));
    let payload = call(&served, Method::TransformInput, input).await;
    let expected = Payload::Array(array(Names::Numbered(2)));
    assert_eq!(payload.unwrap(), expected);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_refuses_the_input_of_another() {
    let served = start().await;
    let context = Context::default();
    for method in Method::ALL {
        let input = match method {
            Method::HealthStatus | Method::Metadata => Input::Message(message(text("x"))),
            _ => Input::None,
        };
        let error = served.call_with(&context, method, input).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Internal, "{method:?}");
        assert_eq!(error.worker, None, "{method:?}");
    }
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_is_what_the_load_found_out() {
    let served = start().await;
    let payload = call(&served, Method::Metadata, Input::None).await.unwrap();
    let Payload::Json(metadata) = payload else {
        panic!("metadata is JSON")
    };
    let metadata: serde_json::Value = serde_json::from_slice(metadata.as_bytes()).unwrap();
    assert_eq!(metadata["name"], "inputs");
    let takes_raw = |encoding| served.pool.takes_raw_message(Method::Metadata, encoding);
    assert!(!takes_raw(Encoding::Json) && !takes_raw(Encoding::Protobuf));
    // It is no method that workers are called for.
    assert_eq!(
        served.pool.about().unwrap().methods,
        ["predict", "aggregate"]
    );
    served.stop().await;
}
