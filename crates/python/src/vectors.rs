//! The byte vectors that both sides of the protocol are tested against.

use std::net::IpAddr;

use bytes::{Buf, Bytes};
use serde::Deserialize;
use streeling_codec::seldon::json;
use streeling_codec::seldon::proto::{self, Limits};
use streeling_core::{
    Array, Code, DType, Elements, Encoding, ErrorKind, Feedback, Layout, Message, Method, Named,
    Names, Original, Payload, RawJson, RequestContext, RequestId, Tensor, Trace, Transport,
};

use crate::frame::{Call, HEADER, Header, ITEM, ItemHeader, ItemKind, Kind, TENSORS};
use crate::reply::{Outcome, Reply};
use crate::request::RequestFrame;

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
    /// For, or to, a caller that reads several tensors.
    #[serde(default)]
    tensors: bool,
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
    layout: Option<String>,
    shape: Vec<usize>,
    names: String,
    meta: String,
    body: String,
    /// Of the kinds `named` and `columns`.
    #[serde(default)]
    inputs: Vec<Input>,
}

#[derive(Clone, Deserialize)]
struct Input {
    name: String,
    #[serde(flatten)]
    item: Item,
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
        "float16", "float32", "float64", "bytes",
    ];
    DType::ALL[names.iter().position(|known| *known == name).unwrap()]
}

fn layout(name: Option<&str>) -> Option<Layout> {
    Some(match name? {
        "nested" => Layout::Nested,
        "flat" => Layout::Flat,
        "tensorproto" => Layout::TensorProto,
        "unset" => Layout::Unset,
        other => panic!("no layout {other}"),
    })
}

impl Item {
    /// The message that this item of a request stands for.
    fn message(&self) -> Message {
        let body = bytes(&self.body);
        let raw = || RawJson::from_checked(body.clone());
        let elements = match self.kind.as_str() {
            "numbers" => {
                let dtype = dtype(self.dtype.as_deref().unwrap());
                let tensor = Tensor::new(dtype, self.shape.clone(), body.clone()).unwrap();
                Some(Elements::Typed(tensor))
            }
            "list" => Some(Elements::Json(raw())),
            _ => None,
        };
        let payload = match (elements, self.kind.as_str()) {
            (Some(elements), _) => Payload::Array(Array {
                names: json::decode_names(self.names.as_bytes())
                    .unwrap_or_default()
                    .into(),
                layout: layout(self.layout.as_deref()).unwrap(),
                elements,
            }),
            (None, "none") => Payload::None,
            (None, "text") => Payload::Text(String::from_utf8(body.into()).unwrap()),
            (None, "binary") => Payload::Bytes(body),
            (None, "json") => Payload::Json(raw()),
            (None, "passthrough") => Payload::Opaque(vec![body]),
            (None, "named") => Payload::Named(self.inputs.iter().map(Input::named).collect()),
            (None, "columns") => Payload::Columns(self.inputs.iter().map(Input::named).collect()),
            (None, "custom") => {
                let length = usize::from(body[0]);
                Payload::Any {
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

impl Item {
    /// The request as it came that this item holds.
    fn original(&self) -> Original {
        #[derive(Deserialize)]
        struct Head {
            method: String,
            target: String,
            headers: Vec<(String, String)>,
            peer: Option<(String, u16)>,
            allowed: Option<String>,
        }

        let mut item = bytes(&self.body);
        let length = item.get_u32_le() as usize;
        let head: Head = serde_json::from_slice(&item.split_to(length)).unwrap();
        let latin_1 = |value: String| value.chars().map(|c| c as u8).collect::<Bytes>();
        Original {
            transport: "rest",
            verb: head.method,
            target: head.target,
            headers: head
                .headers
                .into_iter()
                .map(|(name, value)| (name, latin_1(value)))
                .collect(),
            peer: head
                .peer
                .map(|(address, port)| (address.parse::<IpAddr>().unwrap(), port).into()),
            body: item,
            allowed: head.allowed.map(|allowed| &*allowed.leak()),
        }
    }
}

impl Input {
    fn named(&self) -> Named {
        Named {
            name: self.name.clone(),
            payload: self.item.message().payload,
        }
    }
}

/// What is called, by its name in the vectors.
fn call(name: &str) -> Call {
    let mut methods = Method::ALL.into_iter();
    match methods.find(|method| method.name() == name) {
        Some(method) => method.into(),
        None if name == "page" => Call::Page,
        None => panic!("no method {name}"),
    }
}

/// The request whose context this is.
fn request_context(text: &str) -> Option<RequestContext> {
    static TEST: Transport = Transport {
        name: "test",
        abandoned: Code::numbered(499),
        id_headers: &[],
    };
    let mut lines = text.lines();
    let mut context = RequestContext::new(&TEST, RequestId::given(lines.next()?).unwrap());
    context.trace = lines.next().map(|traceparent| {
        let parts: Vec<&str> = traceparent.split('-').collect();
        Trace {
            trace_id: u128::from_str_radix(parts[1], 16).unwrap(),
            parent: Some(1),
            span: 2,
            component: u64::from_str_radix(parts[2], 16).unwrap(),
            sampled: parts[3] == "01",
        }
    });
    Some(context)
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
                usize::from(header.context),
                header.count,
                header.id,
                header.moment
            ),
            (
                decoded.context.len(),
                match header.kind {
                    Kind::Request => decoded.items.len() as u32,
                    _ => decoded.micros,
                },
                decoded.id,
                decoded.deadline + decoded.entered
            ),
            "{name}"
        );
        let is_request = header.kind == Kind::Request;
        let bit = u8::from(is_request && decoded.tensors) * TENSORS;
        let code = decoded.method.map_or(0, |name| call(&name).code());
        assert_eq!(header.method, code | bit, "{name}");
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
        let encoding = match (decoded.tensors, empty_meta) {
            (true, _) => Encoding::Tensors,
            (false, true) => Encoding::Protobuf,
            (false, false) => Encoding::Json,
        };
        let call = call(decoded.method.as_deref().unwrap());
        let context = request_context(&decoded.context);
        let mut request = RequestFrame::new(encoding, context.as_ref());
        match (call, decoded.items.as_slice()) {
            (Call::Method(Method::SendFeedback), [input, truth, reward]) => {
                let reward: serde_json::Value =
                    serde_json::from_slice(&bytes(&reward.body)).unwrap();
                let routing = reward["routing"].as_i64().map(|branch| branch as i32);
                let feedback = Feedback {
                    request: Some(input.message()),
                    response: None,
                    reward: reward["reward"].as_f64().unwrap() as f32,
                    truth: Some(truth.message()),
                    routing,
                };
                request.feedback(&feedback).unwrap();
            }
            (_, [raw]) if raw.kind == "message" => {
                request.raw_message(Encoding::Json, &bytes(&raw.body), None);
            }
            (_, [raw]) if raw.kind == "protobuf" => {
                request.raw_message(Encoding::Protobuf, &bytes(&raw.body), None);
            }
            (_, items) => {
                for item in items {
                    match item.kind.as_str() {
                        "http" => request.original(&item.original()).unwrap(),
                        _ => request.message(&item.message()).unwrap(),
                    }
                }
            }
        }
        let pieces = request.finish(call, decoded.id, None).unwrap();
        let mut found = pieces.concat();
        // The deadline is a time of the machine's clock; the rest is known beforehand.
        found[24..HEADER].copy_from_slice(&decoded.deadline.to_le_bytes());
        assert_eq!(Bytes::from(found), bytes(&frame), "{name}");
        written += 1;
    }
    assert!(written >= 29, "only {written} vectors were written");
}

/// One of the several tensors of a reply.
fn assert_tensor(found: &Payload, expected: &Item) {
    let Payload::Array(array) = found else {
        panic!("{found:?} is no array");
    };
    let kind = match &array.elements {
        Elements::Typed(tensor) => {
            let dtype = dtype(expected.dtype.as_deref().unwrap());
            assert_eq!((tensor.dtype(), tensor.shape()), (dtype, &*expected.shape));
            assert_eq!(tensor.data(), &bytes(&expected.body));
            "numbers"
        }
        Elements::Json(json) => {
            assert_eq!(json.bytes(), &bytes(&expected.body));
            "list"
        }
    };
    assert_eq!(kind, expected.kind);
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
        let encoding = match decoded.tensors {
            true => Encoding::Tensors,
            false => Encoding::Protobuf,
        };
        let outcome = Reply {
            header,
            body: frame.slice(HEADER..),
            slot: 0,
        }
        .outcome(encoding, false);
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
            let page = error.page.as_ref().map(|page| &page.body[..]);
            assert_eq!(body["body"].as_str().map(str::as_bytes), page, "{name}");
            let is_late = body["kind"] == "deadline";
            assert_eq!(is_late, error.kind == ErrorKind::Deadline, "{name}");
            continue;
        };
        if item.kind == "http" {
            let page = *outcome.unwrap_err().page.unwrap();
            let headers = [("Content-Type", &b"text/plain"[..]), ("X-A", b"\xe9")]
                .map(|(name, value)| (name.to_owned(), Bytes::from_static(value)));
            assert_eq!((page.status, &page.body[..]), (Some(402), &b"own"[..]));
            assert_eq!(page.headers, headers);
            continue;
        }
        let Ok(Outcome::Response(response)) = outcome else {
            panic!("{name}: {outcome:?}");
        };
        let Message { meta, payload, .. } = response.message;
        let mut names = None;
        let (kind, body) = match payload {
            Payload::None => (ItemKind::None, Bytes::new()),
            Payload::Array(array) => {
                names = Some(array.names);
                match (array.elements, array.layout) {
                    (Elements::Typed(tensor), Layout::Unset) => {
                        let expected = dtype(item.dtype.as_deref().unwrap());
                        assert_eq!(tensor.shape(), item.shape, "{name}");
                        assert_eq!(tensor.dtype(), expected, "{name}");
                        (ItemKind::Numbers, tensor.data().clone())
                    }
                    (Elements::Json(json), Layout::Nested) => (ItemKind::List, json.into_bytes()),
                    (Elements::Json(json), Layout::TensorProto) => {
                        (ItemKind::TensorProto, json.into_bytes())
                    }
                    other => panic!("{name}: {other:?}"),
                }
            }
            Payload::Text(text) => (ItemKind::Text, text.into()),
            Payload::Bytes(bytes) => (ItemKind::Binary, bytes),
            Payload::Json(json) => (ItemKind::Json, json.into_bytes()),
            Payload::Quoted(json) => (ItemKind::Quoted, json.into_bytes()),
            Payload::Opaque(pieces) => (ItemKind::Passthrough, pieces.concat().into()),
            Payload::Any { type_url, value } => {
                let mut body = (type_url.len() as u32).to_le_bytes().to_vec();
                body.extend_from_slice(type_url.as_bytes());
                body.extend_from_slice(&value);
                (ItemKind::Custom, body.into())
            }
            Payload::Named(named) => {
                assert_eq!(named.len(), item.inputs.len(), "{name}");
                for (found, expected) in named.iter().zip(&item.inputs) {
                    assert_eq!(found.name, expected.name, "{name}");
                    assert_tensor(&found.payload, &expected.item);
                }
                continue;
            }
            Payload::Columns(named) => panic!("{name}: {named:?}"),
        };
        if response.is_complete {
            assert!(
                matches!(item.kind.as_str(), "message" | "protobuf"),
                "{name}"
            );
            assert_eq!(kind, ItemKind::Passthrough, "{name}");
            let message = proto::decode_response(&body, Limits::default()).unwrap();
            assert_eq!(message.payload, Payload::Text("x".to_owned()), "{name}");
            continue;
        }
        assert_eq!(format!("{kind:?}").to_lowercase(), item.kind, "{name}");
        assert_eq!(body, bytes(&item.body), "{name}");
        let own_names = json::decode_names(item.names.as_bytes()).ok();
        let expected = match (kind, item.shape.get(1)) {
            (ItemKind::Numbers | ItemKind::List | ItemKind::TensorProto, None) => {
                Some(Names::new())
            }
            (ItemKind::Numbers, _) => Some(own_names.map_or(Names::Unset, Names::Given)),
            (ItemKind::List | ItemKind::TensorProto, Some(&columns)) => {
                Some(own_names.map_or(Names::Numbered(columns), Names::Given))
            }
            _ => None,
        };
        assert_eq!(names, expected, "{name}");
        assert_eq!(meta.tags.is_empty(), !item.meta.contains("tags"), "{name}");
        let has_metrics = item.meta.contains("metrics");
        assert_eq!(meta.metrics.is_empty(), !has_metrics, "{name}");
    }
    assert!(read >= 18, "only {read} vectors were read");
}
