use bytes::Bytes;
use streeling_core::{
    Array, Elements, ErrorKind, Layout, Message, Meter, Named, Names, Payload, RawJson, Tensor,
};

use super::{decode, encode};

fn read(json: &str) -> Payload {
    let json = Bytes::from(json.to_owned());
    decode(&json, &Meter::unlimited()).unwrap().payload
}

fn wrong(json: &str) -> String {
    let json = Bytes::from(json.to_owned());
    let error = decode(&json, &Meter::unlimited()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::BadData);
    error.info
}

fn array(elements: Elements) -> Payload {
    Payload::Array(Array {
        names: Names::new(),
        layout: Layout::Nested,
        elements,
    })
}

fn json(text: &'static str) -> Elements {
    Elements::Json(RawJson::from_checked(text.into()))
}

fn named(entries: impl IntoIterator<Item = (&'static str, Elements)>) -> Vec<Named> {
    let entries = entries.into_iter().map(|(name, elements)| Named {
        name: name.to_owned(),
        payload: array(elements),
    });
    entries.collect()
}

fn ints(values: &[i64]) -> Elements {
    Elements::Typed(Tensor::from_vec(vec![values.len()], values.to_vec()).unwrap())
}

#[test]
fn lists_are_arrays() {
    let expected = Tensor::from_vec(vec![2, 2], vec![1.0, 2.5, 3.0, 4.0]).unwrap();
    let expected = array(Elements::Typed(expected));
    for field in ["instances", "inputs"] {
        let body = format!(r#" {{"signature_name":"x","{field}":[[1,2.5],[3,4]]}} "#);
        assert_eq!(read(&body), expected);
    }
    assert_eq!(read(r#"{"instances":["a",1]}"#), array(json(r#"["a",1]"#)));
    assert_eq!(
        read(r#"{"instances":[[1]],"inputs":[2]}"#),
        array(ints(&[2]))
    );
    assert_eq!(
        read(r#"{"instances":[2],"inputs":null}"#),
        array(ints(&[2]))
    );
}

#[test]
fn rows_with_names_are_a_table_unless_they_nest() {
    let found = read(r#"{"instances":[{"a":1,"b":"x"}, {"b":"y","a":7,"a":2}]}"#);
    let expected = named([("a", ints(&[1, 2])), ("b", json(r#"["x","y"]"#))]);
    assert_eq!(found, Payload::Columns(expected.clone()));
    let found = read(r#"{"inputs":{"a":[1,2],"b":["x","y"]}}"#);
    assert_eq!(found, Payload::Columns(expected));
    let nested = Tensor::from_vec(vec![1, 2], vec![1_i64, 2]).unwrap();
    let expected = named([("a", Elements::Typed(nested)), ("b", ints(&[3]))]);
    let found = read(r#"{"instances":[{"a":[1,2],"b":3}]}"#);
    assert_eq!(found, Payload::Named(expected.clone()));
    let found = read(r#"{"inputs":{"a":[[1,2]],"b":[3]}}"#);
    assert_eq!(found, Payload::Named(expected));
    let found = read(r#"{"inputs":{"a":[1,2],"b":[3]}}"#);
    assert_eq!(
        found,
        Payload::Named(named([("a", ints(&[1, 2])), ("b", ints(&[3]))]))
    );
}

#[test]
fn what_is_no_request_is_said() {
    for (body, expected) in [
        ("{}", "the request has neither instances nor inputs"),
        (
            r#"{"instances":null}"#,
            "the request has neither instances nor inputs",
        ),
        ("[1]", "expected an object at byte 0, found a list"),
        ("{", "no valid JSON at byte 1"),
        (
            r#"{"instances":5}"#,
            "expected a list at instances (byte 13), found a number",
        ),
        (r#"{"instances":[]}"#, "instances has no rows"),
        (r#"{"instances":[{}]}"#, "rows of instances have no names"),
        (r#"{"inputs":{}}"#, "inputs has no names"),
        (
            r#"{"inputs":{"a":1}}"#,
            "expected a list at inputs.a (byte 15), found a number",
        ),
        (
            r#"{"instances":[{"a":1},{"b":1}]}"#,
            "a name that the first row does not have at instances[1] (byte 24)",
        ),
        (
            r#"{"instances":[{"a":1,"b":2},{"b":1}]}"#,
            "a row without a name of the first at instances[1] (byte 28)",
        ),
        (
            r#"{"instances":[{"a":1},5]}"#,
            "expected an object at instances[1]",
        ),
    ] {
        let found = wrong(body);
        assert!(found.contains(expected), "{body}: {found}");
    }
}

fn written(payload: Payload) -> Result<String, ErrorKind> {
    let message = Message {
        payload,
        ..Message::default()
    };
    let mut out = Vec::new();
    encode(&message, &mut out).map_err(|error| error.kind)?;
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn predictions_are_what_was_returned() {
    let tensor = Tensor::from_vec(vec![2, 1], vec![0.1_f32, 2.0]).unwrap();
    let text = |text: &'static str| RawJson::from_checked(text.into());
    for (payload, expected) in [
        (Payload::from(tensor), r#"{"predictions":[[0.1],[2.0]]}"#),
        (
            array(json(r#"["a",null]"#)),
            r#"{"predictions":["a",null]}"#,
        ),
        (
            Payload::Named(named([("a", ints(&[1]))])),
            r#"{"predictions":{"a":[1]}}"#,
        ),
        (Payload::Text("a\"".to_owned()), r#"{"predictions":"a\""}"#),
        (
            Payload::Bytes(b"\x89"[..].into()),
            r#"{"predictions":{"b64":"iQ=="}}"#,
        ),
        (
            Payload::Json(text(r#"{"a":1}"#)),
            r#"{"predictions":{"a":1}}"#,
        ),
        (
            Payload::Json(text(r#"{"a":1,"predictions":[]}"#)),
            r#"{"a":1,"predictions":[]}"#,
        ),
        (Payload::None, r#"{"predictions":[]}"#),
    ] {
        assert_eq!(written(payload).unwrap(), expected);
    }
    let bytes = Tensor::from_byte_elements(vec![1], [b"\x89"]).unwrap();
    assert_eq!(written(bytes.into()), Err(ErrorKind::Component));
    assert_eq!(
        written(Payload::Opaque(Vec::new())),
        Err(ErrorKind::Component)
    );
}
