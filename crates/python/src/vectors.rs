//! The byte vectors that both sides of the protocol are tested against.

use bytes::Bytes;
use serde::Deserialize;
use streeling_codec::json;
use streeling_core::{
    Array, Call, Code, DType, Data, Encoding, ErrorKind, Feedback, Form, Message, Method, Output,
    Payload, RawJson, RequestId, Tensor, Trace, Transport,
};

use crate::frame::{HEADER, Header, ITEM, ItemHeader, ItemKind, Kind};
use crate::reply::{Outcome, Reply};
use crate::request::Request;

#[derive(Deserialize)]
struct Vector {
    name: String,
    frame: String,
    decoded: Decoded,
}

#[derive(Deserialize)]
struct Decoded {
    kind: String,
    method: Option<String>,
    context: String,
    micros: u32,
    id: u64,
    deadline: u64,
    entered: u64,
    json: Option<String>,
    #[serde(default)]
    items: Vec<Item>,
}

#[derive(Clone, Deserialize)]
struct Item {
    kind: String,
    dtype: Option<String>,
    form: Option<String>,
    shape: Vec<usize>,
    names: String,
    meta: String,
    body: String,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("../vectors.json")).unwrap()
}

fn bytes(hex: &str) -> Bytes {
    (0..hex.len() / 2)
        .map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
        .collect()
}

fn dtype(name: &str) -> DType {
    let names = [
        "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
        "float16", "float32", "float64",
    ];
    DType::ALL[names.iter().position(|known| *known == name).unwrap()]
}

fn form(name: Option<&str>) -> Option<Form> {
    Some(match name? {
        "ndarray" => Form::NdArray,
        "tensor" => Form::Tensor,
        "tftensor" => Form::TfTensor,
        "empty" => Form::Empty,
        other => panic!("no form {other}"),
    })
}

impl Item {
    /// The message that this item of a request stands for.
    fn message(&self) -> Message {
        let body = bytes(&self.body);
        let raw = || RawJson::from_checked(body.clone());
        let array = match self.kind.as_str() {
            "numbers" => {
                let dtype = dtype(self.dtype.as_deref().unwrap());
                let tensor = Tensor::new(dtype, self.shape.clone(), body.clone()).unwrap();
                Some(Array::Typed(tensor))
            }
            "list" => Some(Array::Json(raw())),
            _ => None,
        };
        let payload = match (array, self.kind.as_str()) {
            (Some(array), _) => Payload::Data(Data {
                names: json::decode_names(self.names.as_bytes())
                    .unwrap_or_default()
                    .into(),
                form: form(self.form.as_deref()).unwrap(),
                array,
            }),
            (None, "none") => Payload::None,
            (None, "text") => Payload::Text(String::from_utf8(body.into()).unwrap()),
            (None, "binary") => Payload::Binary(body),
            (None, "json") => Payload::Json(raw()),
            (None, "passthrough") => Payload::Raw(vec![body]),
            (None, "custom") => {
                let length = usize::from(body[0]);
                Payload::Custom {
                    type_url: String::from_utf8(body[4..4 + length].to_vec()).unwrap(),
                    value: body.slice(4 + length..),
                }
            }
            (None, other) => panic!("no payload {other}"),
        };
        let meta = match self.meta.as_str() {
            "" => "{}",
            text => text,
        };
        let meta = json::decode_meta(&Bytes::copy_from_slice(meta.as_bytes())).unwrap();
        Message {
            status: None,
            meta,
            payload,
        }
    }
}

/// The call whose context this is.
fn call(context: &str) -> Option<Call> {
    static TEST: Transport = Transport::new("test", Code::numbered(499));
    let mut lines = context.lines();
    let mut call = Call::new(&TEST, RequestId::given(lines.next()?).unwrap());
    call.trace = lines.next().map(|traceparent| {
        let parts: Vec<&str> = traceparent.split('-').collect();
        Trace {
            trace_id: u128::from_str_radix(parts[1], 16).unwrap(),
            parent: Some(1),
            span: 2,
            component: u64::from_str_radix(parts[2], 16).unwrap(),
            sampled: parts[3] == "01",
        }
    });
    Some(call)
}

#[test]
fn headers_and_items_are_as_decoded() {
    for Vector {
        name,
        frame,
        decoded,
    } in vectors()
    {
        let frame = bytes(&frame);
        let header = Header::decode(frame.first_chunk().unwrap()).unwrap();
        assert_eq!(header.encode(), frame[..HEADER], "{name}");
        assert_eq!(header.length as usize, frame.len() - HEADER, "{name}");
        assert_eq!(
            format!("{:?}", header.kind).to_lowercase(),
            decoded.kind,
            "{name}"
        );
        assert_eq!(
            (
                header.extent,
                header.id,
                header.moment,
                usize::from(header.items)
            ),
            (
                // One of the two is another kind's, and 0.
                decoded.micros + decoded.context.len() as u32,
                decoded.id,
                decoded.deadline + decoded.entered,
                decoded.items.len()
            ),
            "{name}"
        );
        let method = Method::ALL
            .iter()
            .find(|method| method.code() == header.method);
        assert_eq!(
            method.map(|method| method.name()),
            decoded.method.as_deref(),
            "{name}"
        );
        let (context, mut rest) = frame[HEADER..].split_at(decoded.context.len());
        assert_eq!(context, decoded.context.as_bytes(), "{name}");
        if let Some(text) = decoded.json {
            assert_eq!(rest, text.as_bytes(), "{name}");
            continue;
        }
        for expected in &decoded.items {
            let item = ItemHeader::decode(rest).unwrap();
            assert_eq!(
                format!("{:?}", item.kind).to_lowercase(),
                expected.kind,
                "{name}"
            );
            assert_eq!(usize::from(item.ndim), expected.shape.len(), "{name}");
            assert_eq!(item.encode(), rest[..ITEM], "{name}");
            let shape = usize::from(item.ndim) * 8;
            let (names, meta) = (item.names as usize, item.meta as usize);
            assert_eq!(
                (names, meta),
                (expected.names.len(), expected.meta.len()),
                "{name}"
            );
            rest = &rest[ITEM + shape + names + meta + item.body as usize..];
        }
        assert!(rest.is_empty(), "{name}");
    }
}

#[test]
fn requests_are_written_as_the_vectors_say() {
    let mut written = 0;
    for Vector {
        name,
        frame,
        decoded,
    } in vectors()
    {
        if decoded.kind != "request" {
            continue;
        }
        // Over gRPC a method is given an empty meta.
        let empty_meta = decoded.items.iter().any(|item| item.meta == "{}");
        let encoding = if empty_meta {
            Encoding::Protobuf
        } else {
            Encoding::Json
        };
        let method = *Method::ALL
            .iter()
            .find(|method| Some(method.name()) == decoded.method.as_deref())
            .unwrap();
        let call = call(&decoded.context);
        let mut request = Request::new(encoding, call.as_ref());
        match (method, decoded.items.as_slice()) {
            (Method::SendFeedback, [input, truth, reward]) => {
                let reward: serde_json::Value =
                    serde_json::from_slice(&bytes(&reward.body)).unwrap();
                let feedback = Feedback {
                    request: Some(input.message()),
                    response: None,
                    reward: reward["reward"].as_f64().unwrap() as f32,
                    truth: Some(truth.message()),
                };
                let routing = reward["routing"].as_i64().map(|branch| branch as i32);
                request.feedback(&feedback, routing);
            }
            (_, [raw]) if raw.kind == "message" => {
                request.raw_message(Encoding::Json, &bytes(&raw.body));
            }
            (_, [raw]) if raw.kind == "protobuf" => {
                request.raw_message(Encoding::Protobuf, &bytes(&raw.body));
            }
            (_, items) => items
                .iter()
                .for_each(|item| request.message(&item.message())),
        }
        let pieces = request.finish(method, decoded.id, None);
        let mut found = pieces.concat();
        // The deadline is a time of the machine's clock; the rest is known beforehand.
        found[24..HEADER].copy_from_slice(&decoded.deadline.to_le_bytes());
        assert_eq!(Bytes::from(found), bytes(&frame), "{name}");
        written += 1;
    }
    assert!(written >= 22, "only {written} vectors were written");
}

#[test]
fn replies_are_read_as_the_vectors_say() {
    let mut read = 0;
    for Vector {
        name,
        frame,
        decoded,
    } in vectors()
    {
        let frame = bytes(&frame);
        let header = Header::decode(frame.first_chunk().unwrap()).unwrap();
        if !matches!(header.kind, Kind::Reply | Kind::Error) {
            continue;
        }
        read += 1;
        let outcome = Reply {
            header,
            body: frame.slice(HEADER..),
            slot: 0,
        }
        .outcome(Encoding::Protobuf, false);
        let Some(item) = decoded.items.first() else {
            let error = outcome.unwrap_err();
            let body: serde_json::Value = serde_json::from_str(&decoded.json.unwrap()).unwrap();
            assert_eq!(body["info"], error.info.as_str(), "{name}");
            assert_eq!(
                body["status"].as_u64(),
                error.http_status.map(u64::from),
                "{name}"
            );
            assert_eq!(
                body["grpc_status"].as_u64(),
                error.grpc_status.map(u64::from),
                "{name}"
            );
            let is_late = body["kind"] == "deadline";
            assert_eq!(is_late, error.kind == ErrorKind::Deadline, "{name}");
            continue;
        };
        let Ok(Outcome::Response(response)) = outcome else {
            panic!("{name}: {outcome:?}")
        };
        let (kind, body) = match &response.output {
            Output::None => (ItemKind::None, Bytes::new()),
            Output::Unchanged => (ItemKind::Unchanged, Bytes::new()),
            Output::Tensor(tensor) => {
                assert_eq!(tensor.shape(), item.shape, "{name}");
                assert_eq!(
                    tensor.dtype(),
                    dtype(item.dtype.as_deref().unwrap()),
                    "{name}"
                );
                (ItemKind::Numbers, tensor.data().clone())
            }
            Output::List { json, columns } => {
                assert_eq!(*columns, item.shape.get(1).copied(), "{name}");
                (ItemKind::List, json.bytes().clone())
            }
            Output::Text(text) => (ItemKind::Text, Bytes::copy_from_slice(text.as_bytes())),
            Output::Binary(bytes) => (ItemKind::Binary, bytes.clone()),
            Output::Json(json) => (ItemKind::Json, json.bytes().clone()),
            Output::Raw(bytes) => (ItemKind::Passthrough, bytes.clone()),
            Output::Custom { type_url, value } => {
                let mut body = (type_url.len() as u32).to_le_bytes().to_vec();
                body.extend_from_slice(type_url.as_bytes());
                body.extend_from_slice(value);
                (ItemKind::Custom, body.into())
            }
            Output::Message(message) => {
                assert_eq!(message.payload, Payload::Text("x".to_owned()), "{name}");
                let kind = match item.kind.as_str() {
                    "protobuf" => ItemKind::Protobuf,
                    _ => ItemKind::Message,
                };
                (kind, bytes(&item.body))
            }
        };
        assert_eq!(format!("{kind:?}").to_lowercase(), item.kind, "{name}");
        assert_eq!(body, bytes(&item.body), "{name}");
        assert_eq!(response.names.is_some(), !item.names.is_empty(), "{name}");
        assert_eq!(
            response.tags.is_empty(),
            !item.meta.contains("tags"),
            "{name}"
        );
        assert_eq!(
            response.metrics.is_empty(),
            !item.meta.contains("metrics"),
            "{name}"
        );
    }
    assert!(read >= 16, "only {read} vectors were read");
}
