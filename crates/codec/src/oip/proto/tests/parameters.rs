//! Parameters, which are JSON on this side.

use super::*;
use ParameterChoice::{BoolParam, DoubleParam, Int64Param, StringParam, Uint64Param};

/// What becomes of a JSON value in a response.
fn choice(json: &str) -> ParameterChoice {
    let response = InferResponse {
        parameters: [("k".to_owned(), raw_json(json))].into_iter().collect(),
        ..InferResponse::default()
    };
    let mut found = written(&response, false).parameters;
    found.remove("k").unwrap().parameter_choice.unwrap()
}

fn json(choice: ParameterChoice) -> String {
    let mut wanted = request(vec![], vec![]);
    wanted.parameters = [("k".to_owned(), parameter(choice))].into();
    let found = read(&wanted).unwrap().request;
    format!("{:?}", found.parameters.get("k").unwrap())
}

#[test]
fn every_type_goes_there_and_back() {
    for (text, value) in [
        ("true", BoolParam(true)),
        ("false", BoolParam(false)),
        ("0", Int64Param(0)),
        ("-7", Int64Param(-7)),
        ("-9223372036854775808", Int64Param(i64::MIN)),
        ("18446744073709551615", Uint64Param(u64::MAX)),
        ("1.5", DoubleParam(1.5)),
        ("1e+20", DoubleParam(1e20)),
        ("-Infinity", DoubleParam(f64::NEG_INFINITY)),
        ("\"\"", StringParam(String::new())),
        ("\"é\\n\"", StringParam("é\n".to_owned())),
    ] {
        assert_eq!(choice(text), value);
        assert_eq!(json(value), text);
    }
    assert_eq!(json(Uint64Param(7)), "7");
}

#[test]
fn what_has_no_type_is_json_as_text() {
    for text in ["null", "[1, \"a\"]", "{\"a\":1}"] {
        assert_eq!(choice(text), StringParam(text.to_owned()));
    }
    assert_eq!(choice("100000000000000000000"), DoubleParam(1e20));
    let response = InferResponse {
        parameters: [("k".to_owned(), raw_json("\"\\ud800\""))]
            .into_iter()
            .collect(),
        ..InferResponse::default()
    };
    let served = Served {
        name: "m".to_owned(),
        version: None,
    };
    let error = encode_response(&served, &response, false, &mut Vec::new()).unwrap_err();
    assert_eq!(
        (error.kind, error.info.as_str()),
        (
            ErrorKind::Component,
            "the component's response cannot be sent: parameter \"k\" has half of a surrogate \
             pair, which protobuf does not hold"
        )
    );
}

#[test]
fn a_parameter_without_a_value_is_null_and_the_last_value_counts() {
    let body = [field(4, &field(1, b"k"))].concat();
    let found = decode_request(&body.into(), &Meter::unlimited()).unwrap();
    assert_eq!(found.request.parameters.get("k"), Some(&raw_json("null")));
    let value = field(2, &[1 << 3, 1, 2 << 3, 5]);
    let body = field(4, &[field(1, b"k"), value].concat());
    let found = decode_request(&body.into(), &Meter::unlimited()).unwrap();
    assert_eq!(found.request.parameters.get("k"), Some(&raw_json("5")));
}
