use super::*;

fn feedback(text: &str) -> Result<Feedback, DecodeError> {
    decode_feedback(&body(text))
}

#[test]
fn parts() {
    let feedback = feedback(
        r#"{"request":{"data":{"ndarray":[[1,2]]}},"response":{"meta":{"routing":{"r":"3"}}},
            "truth":{"strData":"t"},"reward":0.1}"#,
    )
    .unwrap();
    let Some(Payload::Array(data)) = feedback.request.as_ref().map(|m| &m.payload) else {
        panic!("no request")
    };
    assert_eq!(data.elements, floats(&[1, 2], &[1.0, 2.0]));
    assert_eq!(feedback.routing_of("r"), Some(3));
    assert_eq!(feedback.reward, 0.1);
    assert_eq!(feedback.truth.unwrap().payload, Payload::Text("t".into()));
    assert_eq!(self::feedback("{}").unwrap(), Feedback::default());
    assert_eq!(
        self::feedback(r#"{"request":null,"reward":null}"#).unwrap(),
        Feedback::default()
    );
}

#[test]
fn numbers_in_text_become_floats_too() {
    let text =
        r#"{"truth":{"data":{"ndarray":[["a 1\" 2",1,1.50,-7,null,18446744073709551616]]}}}"#;
    let truth = feedback(text).unwrap().truth.unwrap();
    let Payload::Array(Array {
        elements: Elements::Json(json),
        ..
    }) = truth.payload
    else {
        panic!("no text")
    };
    let expected = r#"[["a 1\" 2",1.0,1.50,-7.0,null,1.8446744073709552e+19]]"#;
    assert_eq!(json, raw(expected));
}

fn truth(data: &str) -> Result<Elements, DecodeError> {
    let feedback = feedback(&format!(r#"{{"truth":{{"data":{{{data}}}}}}}"#))?;
    match feedback.truth.unwrap().payload {
        Payload::Array(array) => Ok(array.elements),
        other => panic!("{other:?}"),
    }
}

#[test]
fn floats_that_json_has_no_number_for_are_text() {
    let found = truth(r#""ndarray":[[NaN,-Infinity,1.5]]"#).unwrap();
    assert_eq!(found, Elements::Json(raw(r#"[["NaN","-Infinity",1.5]]"#)));
}

#[test]
fn of_a_tensor_the_last_values_count() {
    for (tensor, shape, values) in [
        (
            r#"{"shape":[1,2],"values":[1,2,3,4.5,5]}"#,
            &[1, 2][..],
            &[4.5, 5.0][..],
        ),
        (r#"{"shape":[0],"values":[1,2]}"#, &[0], &[]),
        (
            r#"{"shape":[1.0],"values":["1.5","Infinity"]}"#,
            &[1],
            &[f64::INFINITY],
        ),
        (
            r#"{"shape":["2"],"values":[true,false]}"#,
            &[2],
            &[1.0, 0.0],
        ),
        (r#"{"values":null,"shape":[0]}"#, &[0], &[]),
        (r#"{"shape":[1],"values":[7]}"#, &[1], &[7.0]),
    ] {
        let found = truth(&format!(r#""tensor":{tensor}"#));
        assert_eq!(found, Ok(floats(shape, values)), "{tensor}");
    }
    for (tensor, text) in [
        (
            r#"{"shape":[2],"values":[1]}"#,
            r#"{"shape":[2],"values":[1.0]}"#,
        ),
        (
            r#"{"shape":[-1],"values":["1"]}"#,
            r#"{"shape":[-1],"values":[1.0]}"#,
        ),
    ] {
        let found = truth(&format!(r#""tensor":{tensor}"#));
        assert_eq!(found, Ok(Elements::Json(raw(text))), "{tensor}");
    }
    for tensor in [
        r#"{"shape":[1],"values":["x"]}"#,
        r#"{"shape":[1.5],"values":[1]}"#,
        r#"{"shape":[1],"values":[[1]]}"#,
        r#"{"shape":[1],"values":[1],"colour":1}"#,
    ] {
        assert!(truth(&format!(r#""tensor":{tensor}"#)).is_err(), "{tensor}");
    }
}

#[test]
fn rewards() {
    for (text, reward) in [
        ("1", 1.0),
        ("-0.5", -0.5),
        (r#""1.5""#, 1.5),
        ("true", 1.0),
        ("false", 0.0),
        (r#""Infinity""#, f32::INFINITY),
    ] {
        let feedback = feedback(&format!(r#"{{"reward":{text}}}"#)).unwrap();
        assert_eq!(feedback.reward, reward, "{text}");
    }
    for text in ["NaN", "Infinity", "1e39", "[1]", "{}", r#""good""#] {
        let error = feedback(&format!(r#"{{"reward":{text}}}"#)).unwrap_err();
        assert!(
            matches!(error, DecodeError::WrongType { offset: 10, .. }),
            "{text}: {error}"
        );
    }
}

#[test]
fn unknown_fields_are_errors_everywhere() {
    for (text, path) in [
        (r#"{"colour":1}"#, "colour"),
        (r#"{"request":{"colour":1}}"#, "request.colour"),
        (r#"{"request":{"str_data":"a"}}"#, "request.str_data"),
        (
            r#"{"request":{"meta":{"colour":1}}}"#,
            "request.meta.colour",
        ),
        (
            r#"{"request":{"data":{"colour":1}}}"#,
            "request.data.colour",
        ),
        (
            r#"{"truth":{"data":{"tensor":{"colour":1}}}}"#,
            "truth.data.tensor.colour",
        ),
        (
            r#"{"truth":{"status":{"colour":1}}}"#,
            "truth.status.colour",
        ),
        (
            r#"{"response":{"meta":{"metrics":[{"colour":1}]}}}"#,
            "response.meta.metrics[0].colour",
        ),
    ] {
        let error = feedback(text).unwrap_err();
        assert!(
            matches!(error, DecodeError::UnknownField { .. }),
            "{text}: {error}"
        );
        assert_eq!(error.path(), path);
    }
}

#[test]
fn custom_data_is_dropped() {
    for text in [
        r#"{"request":{"customData":{"@type":"x","value":1}}}"#,
        r#"{"request":{"customData":null}}"#,
    ] {
        let request = feedback(text).unwrap().request.unwrap();
        assert_eq!(request.payload, Payload::None, "{text}");
    }
}

#[test]
fn wrong_types_are_errors() {
    for text in [
        r#"{"request":[1]}"#,
        r#"{"request":{"strData":5}}"#,
        r#"{"request":{"strData":"a","jsonData":1}}"#,
        r#"{"request":{"strData":"a","customData":{}}}"#,
        r#"{"request":{"customData":5}}"#,
        r#"{"request":{"data":{"ndarray":[1],"tensor":{}}}}"#,
        r#"{"request":{"data":{"names":[1]}}}"#,
        r#"{"request":{"data":[]}}"#,
        r#"{"request":{"meta":{"puid":5}}}"#,
        r#"{"response":{"meta":{"routing":{"r":3.5}}}}"#,
        r#"{"response":{"meta":{"routing":{"r":"x"}}}}"#,
        r#"{"request":{"meta":{"metrics":[{"type":"ODD"}]}}}"#,
        r#"{"request":{"status":{"code":"x"}}}"#,
        "[1]",
        "null",
    ] {
        assert!(feedback(text).is_err(), "{text}");
    }
}
