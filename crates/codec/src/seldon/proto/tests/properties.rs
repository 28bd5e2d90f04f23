//! Properties over generated messages and bytes.

use proptest::prelude::*;
use prost::encoding::{DecodeContext, decode_key, skip_field};

use super::*;

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<f64>().prop_map(|value| {
            let mut text = Vec::new();
            crate::json::encode_float(value, &mut text);
            String::from_utf8(text).unwrap()
        }),
        ".*".prop_map(|text| quoted(&text)),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6)
                .prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::btree_map(".*", inner, 0..6).prop_map(|entries| {
                let entries: Vec<String> = entries
                    .iter()
                    .map(|(key, value)| format!("{}:{value}", quoted(key)))
                    .collect();
                format!("{{{}}}", entries.join(","))
            }),
        ]
    })
}

fn quoted(text: &str) -> String {
    let mut out = Vec::new();
    crate::json::encode_string(text, &mut out);
    String::from_utf8(out).unwrap()
}

fn tensors() -> impl Strategy<Value = (Layout, Tensor)> {
    let layout = prop_oneof![
        Just(Layout::Flat),
        Just(Layout::Nested),
        Just(Layout::TensorProto)
    ];
    let shape = prop::collection::vec(0_usize..5, 1..5);
    (layout, shape).prop_flat_map(|(layout, mut shape)| {
        // A list of length zero has no lists in it.
        if let (Layout::Nested, Some(zero)) = (layout, shape.iter().position(|&side| side == 0)) {
            shape.truncate(zero + 1);
        }
        let length = shape.iter().product::<usize>();
        let values = prop::collection::vec(any::<f64>(), length);
        values.prop_map(move |values| (layout, Tensor::from_vec(shape.clone(), values).unwrap()))
    })
}

proptest! {
    #[test]
    fn json_goes_there_and_back(text in json(), key in ".*") {
        let mut message = Message { payload: Payload::Json(raw(&text)), ..Message::default() };
        message.meta.tags.insert(key, raw(&text));
        let body = written(&message);
        let prost = pb::SeldonMessage::decode(body.clone()).unwrap();
        prop_assert_eq!(decode_message(&body, Limits::default()), Ok(message.clone()));
        // prost has no order in its maps, so only what it reads again is compared.
        let again = written(&read(&prost).unwrap());
        let again = pb::SeldonMessage::decode(again).unwrap();
        prop_assert_eq!(again.encoded_len(), prost.encoded_len());
    }

    #[test]
    fn tensors_go_there_and_back((layout, tensor) in tensors()) {
        let message = data(layout, Elements::Typed(tensor.clone()));
        let body = written(&message);
        let prost = pb::SeldonMessage::decode(body.clone()).unwrap();
        // Written exactly as prost writes it.
        let by_prost = prost.encode_to_vec();
        prop_assert_eq!(&by_prost[..], &body[..]);
        let found = decode_message(&body, Limits::default()).unwrap();
        let Payload::Array(found) = found.payload else { panic!("no array") };
        prop_assert_eq!(found.layout, layout);
        let Elements::Typed(found) = found.elements else { panic!("no tensor") };
        prop_assert_eq!(found.shape(), tensor.shape());
        prop_assert_eq!(found.data(), tensor.data());
    }

    #[test]
    fn any_bytes_are_read_as_prost_reads_them(
        mut body in prop::collection::vec(any::<u8>(), 0..64), tag in 1_u8..8,
    ) {
        if let Some(first) = body.first_mut() {
            *first = tag << 3 | 2;
        }
        let ours = decode_response(&body.clone().into(), Limits::default());
        let prost = pb::SeldonMessage::decode(&*body);
        match (ours, prost) {
            (Ok(ours), Ok(prost)) => {
                prop_assert_eq!(ours.status.is_some(), prost.status.is_some());
                prop_assert_eq!(ours.payload == Payload::None, prost.data_oneof.is_none());
            }
            // A field in another wire type is an unknown one, as to protobuf's own parsers, and a
            // payload that another one replaces is not looked into.
            (Ok(_), Err(error)) => {
                let is_known = error.to_string().contains("invalid wire type: ");
                prop_assert!(is_known || payloads(&body) > 1, "prost: {error}");
            }
            (Err(_), _) => {}
        }
    }

    #[test]
    fn changed_bytes_are_no_panic(
        (layout, tensor) in tensors(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let message = Message { meta: full_meta(), ..data(layout, Elements::Typed(tensor)) };
        let mut body = written(&message).to_vec();
        let at = at.index(body.len());
        body[at] = byte;
        drop(decode_message(&body.into(), Limits::default()));
    }
}

/// How many fields of a message are payloads.
fn payloads(mut body: &[u8]) -> usize {
    let mut count = 0;
    while let Ok((tag, wire_type)) = decode_key(&mut body) {
        count += usize::from((3..8).contains(&tag));
        if skip_field(wire_type, tag, &mut body, DecodeContext::default()).is_err() {
            break;
        }
    }
    count
}
