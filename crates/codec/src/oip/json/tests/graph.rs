use bytes::Bytes;
use streeling_core::{Elements, ErrorKind, Meter, Payload, Tensor};

use super::super::{decode_feedback, decode_messages};

const INPUT: &str = r#"[{"name":"x","datatype":"FP32","shape":[1],"data":[0.5]}]"#;

fn messages(json: &str) -> Result<usize, String> {
    let json = Bytes::from(json.to_owned());
    match decode_messages(&json, &Meter::unlimited()) {
        Ok(messages) => {
            let expected = Tensor::from_vec(vec![1], vec![0.5_f32]).unwrap();
            assert!(messages.iter().all(|one| one.inputs[0].tensor == expected));
            Ok(messages.len())
        }
        Err(error) => {
            assert_eq!(error.kind, ErrorKind::BadData);
            Err(error.info)
        }
    }
}

#[test]
fn messages_are_responses_or_requests() {
    let list = format!(r#"[{{"model_name":"a","outputs":{INPUT}}},{{"inputs":{INPUT}}}]"#);
    assert_eq!(messages(&list), Ok(2));
    assert_eq!(messages("[]"), Ok(0));
    assert_eq!(
        messages("{}").unwrap_err(),
        "expected a list at byte 0, found an object"
    );
    assert_eq!(
        messages("[{}]").unwrap_err(),
        "[0]: the request has no inputs"
    );
    let wrong = INPUT.replace("[1]", "[2]");
    assert_eq!(
        messages(&format!(r#"[{{"inputs":{INPUT}}},{{"inputs":{wrong}}}]"#)).unwrap_err(),
        "[1]: input \"x\" of datatype FP32 and shape [2] takes 2 elements, found 1"
    );
}

#[test]
fn feedback_has_parts_that_may_be_missing() {
    let read = |json: String| decode_feedback(&Bytes::from(json), &Meter::unlimited());
    let feedback = read(format!(
        r#"{{"request":{{"id":"i","inputs":{INPUT}}},"response":{{"outputs":{INPUT}}},"reward":2}}"#
    ))
    .unwrap();
    let request = feedback.request.unwrap();
    assert_eq!(request.meta.id.as_deref(), Some("i"));
    let Payload::Array(array) = request.payload else {
        panic!("no array")
    };
    assert!(matches!(array.elements, Elements::Typed(_)));
    assert!(feedback.response.is_some() && feedback.truth.is_none());
    assert!((feedback.reward - 2.0).abs() < f32::EPSILON);
    let wrong = read(r#"{"truth":{"inputs":[]}}"#.to_owned()).unwrap_err();
    assert!(
        wrong.info.starts_with("truth: the request has no inputs"),
        "{wrong}"
    );
    let wrong = read(r#"{"reward":"1"}"#.to_owned()).unwrap_err();
    assert!(
        wrong.info.starts_with("expected a number at reward"),
        "{wrong}"
    );
}
