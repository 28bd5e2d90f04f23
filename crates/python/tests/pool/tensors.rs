//! Callers that read several tensors: what a class gets of them, and what they get back.

use bytes::Bytes;
use streeling_core::{
    Array, Context, DType, Elements, Encoding, ErrorKind, Input, Layout, Message, Meta, Method,
    Named, Names, Payload, RawJson, Response, Result, Tensor,
};

use crate::support::Served;

const MODEL: &str = r#"
class Model:
    def predict(self, X, names, meta=None):
        if isinstance(X, dict):
            return X
        self.seen = [f"{X.dtype} {X.shape} {X.tolist()}", str(names), str(meta)]
        return X

    def tags(self):
        return {"seen": self.seen} if hasattr(self, "seen") else {}

    def transform_output(self, X, names):
        return ["out"]

    def init_metadata(self):
        schema = {"names": ["left", "right"]}
        return {"inputs": [{"messagetype": "tensor", "schema": schema}]}
"#;

fn named(name: &str, payload: impl Into<Payload>) -> Named {
    Named {
        name: name.to_owned(),
        payload: payload.into(),
    }
}

fn texts(json: &'static str) -> Payload {
    Payload::Array(Array {
        names: Names::new(),
        layout: Layout::Nested,
        elements: Elements::Json(RawJson::from_checked(json.into())),
    })
}

async fn call(served: &Served, method: Method, message: Message) -> Result<Response> {
    let context = Context {
        encoding: Encoding::Tensors,
        ..Context::default()
    };
    let input = Input::Message(message);
    served.call_with(&context, method, input).await
}

async fn predict(served: &Served, payload: Payload) -> Result<Message> {
    let message = Message {
        payload,
        ..Message::default()
    };
    let response = call(served, Method::Predict, message).await?;
    Ok(response.message)
}

/// What the class says that it has seen.
fn seen(message: &Message) -> Vec<String> {
    let seen = message.meta.tags.get("seen").unwrap();
    serde_json::from_slice(seen.as_bytes()).unwrap()
}

fn elements(payload: &Payload) -> &Elements {
    let Payload::Array(array) = payload else {
        panic!("{payload:?} is no array");
    };
    assert!(array.names.is_empty(), "{:?}", array.names);
    &array.elements
}

#[tokio::test(flavor = "multi_thread")]
async fn named_inputs_come_back_as_they_went() {
    let served = Served::start_with(MODEL, |_| {}).await;
    let halves = Tensor::new(DType::F16, vec![1], Bytes::from_static(&[0, 0x38])).unwrap();
    let large = Tensor::from_vec(vec![300, 400], vec![0.5_f32; 120_000]).unwrap();
    let sent = vec![
        named("é", Tensor::from_vec(vec![2], vec![1.5_f32, -0.0]).unwrap()),
        named("halves", halves),
        named(
            "bools",
            Tensor::from_bools(vec![1, 2], vec![true, false]).unwrap(),
        ),
        named("large", large),
        named(
            "bytes",
            Tensor::from_byte_elements(vec![2], [&b"a\0"[..], b"\xff"]).unwrap(),
        ),
        named("", texts(r#"["a","b"]"#)),
    ];
    let found = predict(&served, Payload::Named(sent.clone()))
        .await
        .unwrap();
    let Payload::Named(found) = found.payload else {
        panic!("several tensors are no {:?}", found.payload);
    };
    assert_eq!(found.len(), sent.len());
    for (found, sent) in found.iter().zip(&sent) {
        assert_eq!(found.name, sent.name);
        assert_eq!(elements(&found.payload), elements(&sent.payload));
    }
    served.stop().await;
    assert_eq!(served.losses(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_are_one_array() {
    let served = Served::start_with(MODEL, |_| {}).await;
    let ints = Tensor::from_vec(vec![2], vec![1_i32, 2]).unwrap();
    let floats = Tensor::from_vec(vec![2, 1], vec![0.5_f32, 1.5]).unwrap();
    let columns = vec![named("a", ints), named("b", floats)];
    let found = predict(&served, Payload::Columns(columns.clone()))
        .await
        .unwrap();
    let seen_numbers = seen(&found);
    assert_eq!(seen_numbers[0], "float64 (2, 2) [[1.0, 0.5], [2.0, 1.5]]");
    assert_eq!(seen_numbers[1], "['a', 'b']");

    let with_text = [columns.clone(), vec![named("c", texts(r#"["x","y"]"#))]].concat();
    let error = predict(&served, Payload::Columns(with_text)).await;
    // It cannot be said of what type they all are.
    let Elements::Json(json) = elements(&error.unwrap().payload).clone() else {
        panic!("objects are no numbers");
    };
    assert_eq!(json.as_bytes(), br#"[[1,0.5,"x"],[2,1.5,"y"]]"#);

    let one = named("c", Tensor::from_vec(vec![1], vec![1_i8]).unwrap());
    let uneven = [columns, vec![one]].concat();
    let error = predict(&served, Payload::Columns(uneven))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::BadData);
    assert_eq!(
        error.info,
        "columns must have the same number of rows: 'a' has 2, 'b' has 2, 'c' has 1"
    );
    served.stop().await;
    assert_eq!(served.losses(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_the_metadata_s_and_parameters_do_not_come_back() {
    let served = Served::start_with(MODEL, |_| {}).await;
    let mut meta = Meta {
        id: Some("p".to_owned()),
        ..Meta::default()
    };
    let tag = RawJson::from_checked("1".into());
    meta.tags.insert("k".to_owned(), tag);
    let message = |shape| Message {
        meta: meta.clone(),
        payload: Tensor::from_vec(shape, vec![1_u8, 2]).unwrap().into(),
        ..Message::default()
    };
    let found = call(&served, Method::Predict, message(vec![1, 2]))
        .await
        .unwrap();
    let found = found.message;
    let words = [
        "uint8 (1, 2) [[1, 2]]",
        "['left', 'right']",
        "{'puid': 'p', 'tags': {'k': 1}}",
    ];
    assert_eq!(seen(&found), words);
    assert_eq!(found.meta.id.as_deref(), Some("p"));
    assert_eq!(found.meta.tags.len(), 1, "{:?}", found.meta.tags);
    let elements = elements(&found.payload);
    let sent = Tensor::from_vec(vec![1, 2], vec![1_u8, 2]).unwrap();
    assert_eq!(elements, &Elements::Typed(sent));

    let found = call(&served, Method::Predict, message(vec![2, 1]))
        .await
        .unwrap();
    assert_eq!(seen(&found.message)[1], "[]");
    served.stop().await;
}

async fn transformed(model: &str) -> Result<Payload> {
    let served = Served::start_with(model, |_| {}).await;
    let message = Message {
        payload: texts(r#"["x"]"#),
        ..Message::default()
    };
    let response = call(&served, Method::TransformInput, message.clone()).await;
    let predicted = call(&served, Method::Predict, message).await;
    // The class defines nothing else that a request of inference could be for.
    if model.contains("def ") {
        let info = |result: &Result<Response>| result.as_ref().err().map(|e| e.info.clone());
        assert_eq!(info(&predicted), info(&response));
    } else {
        let error = predicted.unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotImplemented);
        assert_eq!(error.info, "predict not defined");
    }
    served.stop().await;
    response.map(|response| response.message.payload)
}

fn transformer(methods: &[&str]) -> String {
    let methods = methods.iter().map(|name| {
        format!("    def transform_{name}(self, X, names):\n        return ['{name}']\n")
    });
    format!("class Model:\n    x = 1\n{}", methods.collect::<String>())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transformer_is_called_for_the_one_method_that_it_has() {
    for name in ["input", "output"] {
        let found = transformed(&transformer(&[name])).await.unwrap();
        let Elements::Json(json) = elements(&found).clone() else {
            panic!("text is no number");
        };
        assert_eq!(json.as_bytes(), format!("[\"{name}\"]").as_bytes());
    }
    let same = transformed(&transformer(&[])).await.unwrap();
    assert_eq!(elements(&same), elements(&texts(r#"["x"]"#)));
    let error = transformed(&transformer(&["input", "output"])).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotImplemented);
    assert!(
        error.info.contains("transform_input and transform_output"),
        "{error}"
    );
}
