use streeling_core::{
    Array, Elements, ErrorKind, Layout, Message, Named, Names, Payload, Status, Tensor,
};

use super::super::{
    InferResponse, NamedTensor, Parameters, RequestedOutput, response, response_named,
};
use super::{bytes, floats, json, parameters};

fn requested(names: &[&str]) -> Vec<RequestedOutput> {
    let names = names.iter().map(|name| RequestedOutput {
        name: (*name).to_owned(),
        parameters: Parameters::new(),
    });
    names.collect()
}

fn message(payload: impl Into<Payload>) -> Message {
    Message {
        payload: payload.into(),
        ..Message::default()
    }
}

fn only(payload: impl Into<Payload>) -> NamedTensor {
    let found = response(message(payload), &[]).unwrap();
    let [output] = <[_; 1]>::try_from(found.outputs).unwrap();
    assert_eq!(output.name, "predict");
    output
}

fn list(text: &str) -> Payload {
    Payload::Array(Array {
        names: Names::Unset,
        layout: Layout::Nested,
        elements: Elements::Json(json(text)),
    })
}

fn content(name: &str) -> Parameters {
    parameters(&[("content_type", &format!("\"{name}\""))])
}

fn named(names: &[&str]) -> Payload {
    let named = names.iter().enumerate().map(|(index, name)| Named {
        name: (*name).to_owned(),
        payload: floats(&[index + 1]).into(),
    });
    Payload::Named(named.collect())
}

#[test]
fn an_array_is_an_output() {
    let found = only(floats(&[2, 2]));
    assert_eq!(
        (found.tensor, found.parameters),
        (floats(&[2, 2]), Parameters::new())
    );
    let mut array = Array {
        names: Names::from_iter(["a", "\"b"]),
        layout: Layout::Unset,
        elements: Elements::Typed(floats(&[1, 2])),
    };
    let found = only(Payload::Array(array.clone()));
    assert_eq!(
        found.parameters,
        parameters(&[("names", r#""[\"a\",\"\\\"b\"]""#)])
    );
    array.names = Names::Numbered(2);
    assert!(only(Payload::Array(array)).parameters.is_empty());
}

#[test]
fn lists_are_typed_where_they_can_be() {
    let found = only(list(r#"[["a","b"],["c","d"]]"#));
    assert_eq!(found.tensor, bytes(&[2, 2], &[b"a", b"b", b"c", b"d"]));
    assert_eq!(found.parameters, content("str"));
    let found = only(list("[[true],[false]]"));
    assert_eq!(
        found.tensor,
        Tensor::from_bools(vec![2, 1], vec![true, false]).unwrap()
    );
    let found = only(list("[1,2]"));
    assert_eq!(
        found.tensor,
        Tensor::from_vec(vec![2], vec![1_i64, 2]).unwrap()
    );
    for other in [
        r#"[1,"a"]"#,
        "[null]",
        "[[1],[2,3]]",
        "[123456789012345678901]",
    ] {
        let found = only(list(other));
        assert_eq!(found.tensor, bytes(&[1], &[other.as_bytes()]));
        assert_eq!(found.parameters, content("json"));
    }
}

#[test]
fn what_is_no_array_is_bytes() {
    let found = only(Payload::Text("é".to_owned()));
    assert_eq!(found.tensor, bytes(&[1], &["é".as_bytes()]));
    assert_eq!(found.parameters, content("str"));
    let found = only(Payload::Bytes(b"\x89"[..].into()));
    assert_eq!(found.tensor, bytes(&[1], &[b"iQ=="]));
    assert_eq!(found.parameters, content("base64"));
    let found = only(bytes(&[2, 1], &[b"\x89", b""]));
    assert_eq!(found.tensor, bytes(&[2, 1], &[b"iQ==", b""]));
    assert_eq!(found.parameters, content("base64"));
    let found = only(Payload::Json(json(r#"{"a":[1]}"#)));
    assert_eq!(found.tensor, bytes(&[1], &[br#"{"a":[1]}"#]));
    assert_eq!(found.parameters, content("json"));
    let found = only(Payload::Quoted(json(r#""\ud800""#)));
    assert_eq!(found.parameters, content("json"));
}

#[test]
fn the_only_output_is_called_as_those_who_know_call_it() {
    let name = |requests: &[&str], known: &[&str]| {
        let known: Vec<_> = known.iter().map(|name| (*name).to_owned()).collect();
        let found = response_named(message(floats(&[1])), &requested(requests), &known);
        found.map(|found| found.outputs[0].name.clone())
    };
    assert_eq!(name(&[], &[]).unwrap(), "predict");
    assert_eq!(name(&["y"], &[]).unwrap(), "y");
    assert_eq!(name(&[], &["z"]).unwrap(), "z");
    assert_eq!(name(&["z"], &["z"]).unwrap(), "z");
    assert_eq!(name(&["y"], &["a", "b"]).unwrap(), "y");
    assert_eq!(name(&[], &["a", "b"]).unwrap(), "predict");
    let error = name(&["y"], &["z"]).unwrap_err();
    assert_eq!(error.kind, ErrorKind::BadData);
    assert_eq!(error.info, "no output is called \"y\", there are \"z\"");
}

#[test]
fn requested_outputs_are_selected_in_their_order() {
    let selected = |names: &[&str]| -> Result<Vec<_>, _> {
        let found = response(message(named(&["a", "b", "c"])), &requested(names))?;
        Ok(found
            .outputs
            .into_iter()
            .map(|output| output.name)
            .collect())
    };
    assert_eq!(selected(&[]), Ok(vec!["a".into(), "b".into(), "c".into()]));
    assert_eq!(selected(&["c", "a"]), Ok(vec!["c".into(), "a".into()]));
    let info = |names| selected(names).map_err(|error: streeling_core::Error| error.info);
    assert_eq!(
        info(&["a", "d"]),
        Err("no output is called \"d\", there are \"a\", \"b\", \"c\"".to_owned())
    );
    assert_eq!(
        info(&["a", "a"]),
        Err("output \"a\" is requested twice".to_owned())
    );
    let none = response(Message::default(), &requested(&["a"])).unwrap_err();
    assert_eq!(none.info, "no output is called \"a\", there is none");
    assert_eq!(
        response(Message::default(), &[]).unwrap(),
        InferResponse::default()
    );
}

#[test]
fn tags_are_parameters() {
    let mut message = message(floats(&[1]));
    message.meta.id = Some("i".to_owned());
    message.meta.tags = parameters(&[
        ("a", "1"),
        ("b", "\"x\""),
        ("c", "true"),
        ("d", "[1,\"y\"]"),
        ("e", "{}"),
        ("f", "null"),
        ("g", "NaN"),
    ]);
    let found = response(message, &[]).unwrap();
    assert_eq!(found.id.as_deref(), Some("i"));
    let expected = parameters(&[
        ("a", "1"),
        ("b", "\"x\""),
        ("c", "true"),
        ("d", r#""[1,\"y\"]""#),
        ("e", "\"{}\""),
        ("g", "\"NaN\""),
    ]);
    assert_eq!(found.parameters, expected);
}

#[test]
fn what_no_tensor_holds_is_an_error_of_the_component() {
    let any = Payload::Any {
        type_url: "x/y".to_owned(),
        value: b""[..].into(),
    };
    for payload in [any, Payload::Opaque(Vec::new())] {
        let error = response(message(payload), &[]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Component);
        assert!(error.info.contains("which no tensor holds"), "{error}");
    }
    let failed = Message {
        status: Some(Box::new(Status {
            failure: true,
            info: "boom".to_owned(),
            ..Status::default()
        })),
        ..Message::default()
    };
    let error = response(failed, &[]).unwrap_err();
    assert_eq!((error.kind, &*error.info), (ErrorKind::Component, "boom"));
}
