use streeling_core::{
    Array, Budget, Elements, ErrorKind, Layout, Meter, Names, Payload, Tensor, Use,
};

use super::super::{InferRequest, NamedTensor, message};
use super::{bytes, floats, given, given_with, input, json, parameters, said};

const PANDAS: &[(&str, &str)] = &[("content_type", "\"pd\"")];

fn array(elements: Elements) -> Payload {
    Payload::Array(Array {
        names: Names::new(),
        layout: Layout::Nested,
        elements,
    })
}

fn list(text: &str) -> Payload {
    array(Elements::Json(json(text)))
}

fn columns(payload: Payload) -> Vec<(String, Payload)> {
    let Payload::Columns(columns) = payload else {
        panic!("no columns: {payload:?}")
    };
    columns
        .into_iter()
        .map(|one| (one.name, one.payload))
        .collect()
}

fn info(inputs: Vec<NamedTensor>) -> String {
    let error = given(inputs).unwrap_err();
    assert_eq!(error.kind, ErrorKind::BadData);
    error.info
}

#[test]
fn numbers_keep_dtype_and_shape() {
    let tensor = floats(&[2, 3]);
    assert_eq!(
        given(vec![input("x", tensor.clone())]).unwrap(),
        array(Elements::Typed(tensor))
    );
    let scalar = floats(&[]);
    assert_eq!(
        given(vec![input("x", scalar.clone())]).unwrap(),
        array(Elements::Typed(scalar))
    );
}

#[test]
fn columns_of_one_input_have_the_names_that_it_gives() {
    for value in [r#"["a","b"]"#, r#""[\"a\",\"b\"]""#] {
        let one = NamedTensor {
            parameters: parameters(&[("names", value)]),
            ..input("x", floats(&[1, 2]))
        };
        let Payload::Array(array) = given(vec![one]).unwrap() else {
            panic!("no array")
        };
        assert_eq!(array.names, Names::from_iter(["a", "b"]));
    }
}

#[test]
fn several_columns_are_one_table() {
    let inputs = || {
        let names = input("name", bytes(&[2], &[b"a", b"\xc3\xa9"]));
        vec![input("size", floats(&[2, 1])), names]
    };
    for of_request in [&[][..], PANDAS] {
        let found = columns(given_with(of_request, inputs()).unwrap());
        let expected = [
            ("size".to_owned(), array(Elements::Typed(floats(&[2])))),
            ("name".to_owned(), list(r#"["a","é"]"#)),
        ];
        assert_eq!(found, expected);
    }
    let single = given_with(PANDAS, vec![input("x", floats(&[3]))]).unwrap();
    assert_eq!(columns(single)[0].0, "x");
    let wide = given_with(PANDAS, vec![input("x", floats(&[3, 2]))]).unwrap();
    assert_eq!(wide, array(Elements::Typed(floats(&[3, 2]))));
}

#[test]
fn several_others_are_named() {
    for (one, two) in [
        (&[2, 2][..], &[2][..]),
        (&[2], &[3]),
        (&[], &[]),
        (&[1], &[]),
    ] {
        let inputs = vec![input("a", floats(one)), input("b", floats(two))];
        let Payload::Named(named) = given(inputs.clone()).unwrap() else {
            panic!("not named")
        };
        assert_eq!(named[1].name, "b");
        assert_eq!(named[1].payload, array(Elements::Typed(floats(two))));
        let error = given_with(PANDAS, inputs).unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadData);
        assert!(
            error.info.starts_with("content_type \"pd\" needs"),
            "{error}"
        );
    }
    let document = said("json", bytes(&[1], &[b"{}"]));
    let inputs = vec![document, input("b", floats(&[1]))];
    let Payload::Named(named) = given(inputs).unwrap() else {
        panic!("not named")
    };
    assert_eq!(named[0].payload, Payload::Json(json("{}")));
}

#[test]
fn elements_of_bytes_are_text_unless_they_cannot_be() {
    let text = bytes(&[2, 1], &[b"a\"", b""]);
    let expected = list(r#"[["a\""],[""]]"#);
    for content in ["str", "datetime", "np", "pd"] {
        assert_eq!(given(vec![said(content, text.clone())]).unwrap(), expected);
    }
    assert_eq!(given(vec![input("x", text)]).unwrap(), expected);
    let scalar = bytes(&[], &["é".as_bytes()]);
    assert_eq!(
        given(vec![input("x", scalar)]).unwrap(),
        Payload::Text("é".to_owned())
    );

    let image = bytes(&[1], &[b"\x89PNG"]);
    assert_eq!(
        given(vec![input("x", image.clone())]).unwrap(),
        array(Elements::Typed(image.clone()))
    );
    assert_eq!(
        info(vec![said("str", image)]),
        "element 0 of input \"x\" is no UTF-8"
    );
    let scalar = bytes(&[], &[b"\x89PNG"]);
    let found = given(vec![input("x", scalar)]).unwrap();
    assert_eq!(found, Payload::Bytes(b"\x89PNG"[..].into()));
}

#[test]
fn what_has_no_elements_is_not_written_out() {
    let empty = bytes(&[1 << 40, 0], &[]);
    let found = given(vec![input("x", empty.clone())]).unwrap();
    assert_eq!(found, array(Elements::Typed(empty)));
}

#[test]
fn base64_is_decoded_in_any_form() {
    let found = given(vec![said("base64", bytes(&[2], &[b"iQ==", b"\n"]))]).unwrap();
    assert_eq!(found, array(Elements::Typed(bytes(&[2], &[b"\x89", b""]))));
    let found = given(vec![said("base64", bytes(&[], &[b"iQ=="]))]).unwrap();
    assert_eq!(found, Payload::Bytes(b"\x89"[..].into()));
    for wrong in [&b"%"[..], b"\xff"] {
        let found = info(vec![said("base64", bytes(&[2], &[b"", wrong]))]);
        assert_eq!(found, "element 1 of input \"x\" is no base64");
    }
}

#[test]
fn json_is_a_value_or_the_list_of_several() {
    let found = given(vec![said("json", bytes(&[1, 1], &[b" {\"a\":1} "]))]).unwrap();
    assert_eq!(found, Payload::Json(json("{\"a\":1}")));
    let found = given(vec![said("json", bytes(&[2], &[b"1", b"[]"]))]).unwrap();
    assert_eq!(found, Payload::Json(json("[1,[]]")));
    let found = info(vec![said("json", bytes(&[2], &[b"1", b"{"]))]);
    assert!(
        found.starts_with("element 1 of input \"x\": no valid JSON"),
        "{found}"
    );
}

#[test]
fn the_content_type_of_the_request_is_for_inputs_of_bytes() {
    let inputs = vec![
        input("a", bytes(&[1], &[b"iQ=="])),
        NamedTensor {
            name: "b".to_owned(),
            ..said("str", bytes(&[1], &[b"iQ=="]))
        },
        input("c", floats(&[1])),
    ];
    let found = columns(given_with(&[("content_type", "\"base64\"")], inputs).unwrap());
    assert_eq!(found[0].1, array(Elements::Typed(bytes(&[1], &[b"\x89"]))));
    assert_eq!(found[1].1, list("[\"iQ==\"]"));
}

#[test]
fn parameters_are_tags_and_the_id_is_the_id() {
    let request = InferRequest {
        id: Some("i".to_owned()),
        parameters: parameters(&[
            ("content_type", "\"np\""),
            ("binary_data_output", "true"),
            ("team", "\"red\""),
            ("n", "1.5"),
        ]),
        inputs: vec![input("x", floats(&[1]))],
        ..InferRequest::default()
    };
    let found = message(request, &Meter::unlimited()).unwrap();
    assert_eq!(found.meta.id.as_deref(), Some("i"));
    assert_eq!(
        found.meta.tags,
        parameters(&[("team", "\"red\""), ("n", "1.5")])
    );
}

#[test]
fn what_cannot_be_given_is_named() {
    assert_eq!(
        info(vec![]),
        "the request has no inputs, at least one is needed"
    );
    let empty = Tensor::from_vec::<f32>(vec![0, 4], vec![]).unwrap();
    assert_eq!(
        info(vec![input("x", empty)]),
        "input \"x\" has no rows, its shape is [0, 4]"
    );
    let twice = vec![input("a", floats(&[1])), input("a", floats(&[1]))];
    assert_eq!(info(twice), "two inputs have the name \"a\"");
    assert_eq!(
        info(vec![said("str", floats(&[1]))]),
        "content_type \"str\" of input \"x\" is for datatype BYTES, its datatype is FP32"
    );
    let wrong = NamedTensor {
        parameters: parameters(&[("names", "7")]),
        ..input("x", floats(&[1]))
    };
    assert!(info(vec![wrong]).starts_with("names of input \"x\" must be a list of strings"));
}

#[test]
fn memory_is_taken_before_text_is_made() {
    let budget = Budget::new(1 << 20);
    let text = "x".repeat(1 << 20);
    for content in ["str", "base64", "json"] {
        let meter = Meter::new(budget.account().charge(Use::Decoded, 0), 1 << 20);
        let request = InferRequest {
            inputs: vec![said(content, bytes(&[2], &[text.as_bytes(), b""]))],
            ..InferRequest::default()
        };
        let error = message(request, &meter).unwrap_err();
        let expected = if content == "json" {
            ErrorKind::BadData
        } else {
            ErrorKind::TooLarge
        };
        assert_eq!(error.kind, expected, "{content}");
    }
}
