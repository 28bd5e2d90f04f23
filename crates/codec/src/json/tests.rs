use bytes::Bytes;
use proptest::prelude::*;
use streeling_core::{
    Array, DType, Data, Feedback, Form, Message, Meta, Metric, MetricKind, Number, Payload,
    RawJson, Status, Table, Tensor,
};

use super::*;

fn body(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn message(text: &str) -> Message {
    decode_message(&body(text)).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn payload(text: &str) -> Payload {
    message(text).payload
}

fn data(text: &str) -> Data {
    match payload(text) {
        Payload::Data(data) => data,
        other => panic!("{text}: {other:?}"),
    }
}

fn array(ndarray: &str) -> Array {
    let data = data(&format!(r#"{{"data":{{"ndarray":{ndarray}}}}}"#));
    assert_eq!(data.form, Form::NdArray);
    data.array
}

fn error(text: &str) -> DecodeError {
    decode_message(&body(text)).expect_err(text)
}

fn encoded(message: &Message) -> String {
    let mut out = Vec::new();
    encode_message(message, &mut out);
    String::from_utf8(out).unwrap()
}

fn with_payload(payload: Payload) -> Message {
    Message {
        payload,
        ..Message::default()
    }
}

fn raw(text: &str) -> RawJson {
    RawJson::from_checked(body(text))
}

fn floats(shape: &[usize], values: &[f64]) -> Array {
    Array::Typed(Tensor::from_vec(shape.to_vec(), values.to_vec()).unwrap())
}

fn ints(shape: &[usize], values: &[i64]) -> Array {
    Array::Typed(Tensor::from_vec(shape.to_vec(), values.to_vec()).unwrap())
}

fn bools(shape: &[usize], values: &[bool]) -> Array {
    Array::Typed(Tensor::from_bools(shape.to_vec(), values.to_vec()).unwrap())
}

mod arrays {
    use super::*;

    #[test]
    fn numbers_keep_their_kind() {
        assert_eq!(array("[[1,2],[3,4]]"), ints(&[2, 2], &[1, 2, 3, 4]));
        assert_eq!(array("[1.5, 2.5]"), floats(&[2], &[1.5, 2.5]));
        assert_eq!(array("[true,false]"), bools(&[2], &[true, false]));
        assert_eq!(array("[-0]"), ints(&[1], &[0]));
        assert_eq!(array("[9223372036854775807]"), ints(&[1], &[i64::MAX]));
    }

    #[test]
    fn one_float_makes_all_of_them_floats() {
        assert_eq!(
            array("[[1,2],[3,4.5]]"),
            floats(&[2, 2], &[1.0, 2.0, 3.0, 4.5])
        );
        assert_eq!(
            array("[[1,2],[3.5,4]]"),
            floats(&[2, 2], &[1.0, 2.0, 3.5, 4.0])
        );
        assert_eq!(array("[1.5,2]"), floats(&[2], &[1.5, 2.0]));
        assert_eq!(
            array("[9007199254740993, 0.5]"),
            floats(&[2], &[9_007_199_254_740_992.0, 0.5])
        );
        assert_eq!(array("[1, Infinity]"), floats(&[2], &[1.0, f64::INFINITY]));
    }

    #[test]
    fn every_regular_nesting_has_its_shape() {
        assert_eq!(array("[]"), floats(&[0], &[]));
        assert_eq!(array("[ ]"), floats(&[0], &[]));
        assert_eq!(array("[[]]"), floats(&[1, 0], &[]));
        assert_eq!(array("[[],[]]"), floats(&[2, 0], &[]));
        assert_eq!(array("[[[]],[[]]]"), floats(&[2, 1, 0], &[]));
        assert_eq!(
            array("[[[1],[2]],[[3],[4]],[[5],[6]]]"),
            ints(&[3, 2, 1], &[1, 2, 3, 4, 5, 6])
        );
        assert_eq!(
            array(" [ [ 1 , 2 ] ,\n[\t3 , 4 ]\r] "),
            ints(&[2, 2], &[1, 2, 3, 4])
        );
        let deep = format!("{}7{}", "[".repeat(32), "]".repeat(32));
        assert_eq!(array(&deep), ints(&[1; 32], &[7]));
    }

    #[test]
    fn what_numpy_decides_stays_text() {
        let deep = format!("{}7{}", "[".repeat(33), "]".repeat(33));
        for text in [
            r#"["a"]"#,
            r#"[[1,"a"]]"#,
            "[null]",
            "[1,null]",
            "[true,1]",
            "[1,true]",
            "[1.5,false]",
            "[[1,2],[3]]",
            "[[1],[]]",
            "[[],[1]]",
            "[[],[[]]]",
            "[[[]],[]]",
            "[1,[2]]",
            "[[1],2]",
            "[[[1]],[2]]",
            "[[1],[[2]]]",
            "[9223372036854775808]",
            "[1,-9223372036854775809]",
            "[1.5,18446744073709551616]",
            r#"[{"a":1}]"#,
            r#"[ [1, 2], "b" ]"#,
            "5",
            "1.5",
            "null",
            "true",
            r#""abc""#,
            r#"{"a":1}"#,
            &deep,
        ] {
            assert_eq!(array(text), Array::Json(raw(text)), "{text}");
        }
    }

    #[test]
    fn text_of_an_array_is_a_slice_of_the_body() {
        let body = body(r#"{"data":{"ndarray":["a"]}}"#);
        let Payload::Data(Data {
            array: Array::Json(json),
            ..
        }) = decode_message(&body).unwrap().payload
        else {
            panic!("no text")
        };
        assert_eq!(json.as_bytes().as_ptr(), body[19..].as_ptr());
    }

    #[test]
    fn tensor_with_a_fitting_shape_is_typed() {
        for (tensor, array) in [
            (
                r#"{"shape":[2,2],"values":[1,2,3,4]}"#,
                ints(&[2, 2], &[1, 2, 3, 4]),
            ),
            (
                r#"{"values":[1,2.5],"shape":[1,2]}"#,
                floats(&[1, 2], &[1.0, 2.5]),
            ),
            (
                r#"{"shape":[2],"values":[true,false]}"#,
                bools(&[2], &[true, false]),
            ),
            (r#"{"shape":[],"values":[5]}"#, ints(&[], &[5])),
            (r#"{"shape":[0],"values":[]}"#, floats(&[0], &[])),
            (r#"{"shape":[3,0],"values":[]}"#, floats(&[3, 0], &[])),
            (
                r#"{"shape":[9],"shape":[1],"values":[2],"other":{}}"#,
                ints(&[1], &[2]),
            ),
        ] {
            let data = data(&format!(r#"{{"data":{{"tensor":{tensor}}}}}"#));
            assert_eq!((data.form, data.array), (Form::Tensor, array), "{tensor}");
        }
    }

    #[test]
    fn other_tensors_stay_text() {
        for tensor in [
            r#"{"shape":[-1],"values":[1,2]}"#,
            r#"{"shape":[3],"values":[1,2]}"#,
            r#"{"shape":[1.0],"values":[1]}"#,
            r#"{"shape":1,"values":[1]}"#,
            r#"{"shape":null,"values":[1]}"#,
            r#"{"shape":[true],"values":[1]}"#,
            r#"{"shape":["1"],"values":[1]}"#,
            r#"{"shape":[1],"values":["a"]}"#,
            r#"{"shape":[2],"values":[[1,2]]}"#,
            r#"{"shape":[1],"values":1}"#,
            r#"{"shape":[9223372036854775807,9223372036854775807],"values":[1]}"#,
            r#"{"shape":[1]}"#,
            r#"{"values":[1]}"#,
            "{}",
            "null",
            "[1]",
            "5",
        ] {
            let data = data(&format!(r#"{{"data":{{"tensor":{tensor}}}}}"#));
            assert_eq!(
                (data.form, data.array),
                (Form::Tensor, Array::Json(raw(tensor))),
                "{tensor}"
            );
        }
    }

    #[test]
    fn forms_have_an_order() {
        let both = data(r#"{"data":{"ndarray":[1],"tensor":{"shape":[1],"values":[2]}}}"#);
        assert_eq!((both.form, both.array), (Form::Tensor, ints(&[1], &[2])));
        let text = r#"{"dtype":"DT_FLOAT"}"#;
        let tensorflow = data(&format!(r#"{{"data":{{"tftensor":{text}}}}}"#));
        assert_eq!(tensorflow.form, Form::TfTensor);
        assert_eq!(tensorflow.array, Array::Json(raw(text)));
        for text in ["{}", r#"{"colour":1}"#, "[]", r#"["x"]"#, r#""x""#] {
            let empty = data(&format!(r#"{{"data":{text}}}"#));
            assert_eq!(
                (empty.form, empty.array),
                (Form::Empty, Array::Typed(Tensor::empty()))
            );
        }
    }
}

mod fields {
    use super::*;

    #[test]
    fn payloads_have_an_order() {
        let text = |text: &str| Payload::Text(text.to_owned());
        assert_eq!(payload(r#"{"strData":"a"}"#), text("a"));
        assert_eq!(
            payload(r#"{"binData":"AAEC"}"#),
            Payload::Binary(Bytes::from_static(&[0, 1, 2]))
        );
        assert_eq!(
            payload(r#"{"jsonData": {"a": 1} }"#),
            Payload::Json(raw(r#"{"a": 1}"#))
        );
        assert_eq!(payload(r#"{"jsonData":null}"#), Payload::Json(raw("null")));
        assert_eq!(payload(r#"{"binData":"AAEC","strData":"a"}"#), text("a"));
        assert_eq!(
            payload(r#"{"strData":"a","jsonData":1}"#),
            Payload::Json(raw("1"))
        );
        assert_eq!(
            payload(r#"{"binData":"AAEC","jsonData":1}"#),
            Payload::Json(raw("1"))
        );
        assert!(matches!(
            payload(r#"{"jsonData":1,"data":{},"strData":"a"}"#),
            Payload::Data(_)
        ));
    }

    #[test]
    fn unused_payload_may_be_anything() {
        assert!(matches!(
            payload(r#"{"data":{},"binData":5}"#),
            Payload::Data(_)
        ));
        assert!(matches!(
            error(r#"{"data":5,"strData":"a"}"#),
            DecodeError::WrongType { .. }
        ));
    }

    #[test]
    fn last_of_several_counts() {
        assert_eq!(
            payload(r#"{"strData":"a","strData":"b"}"#),
            Payload::Text("b".into())
        );
        assert_eq!(
            payload(r#"{"binData":5,"binData":"AA=="}"#),
            Payload::Binary(Bytes::from_static(&[0]))
        );
        assert!(matches!(
            error(r#"{"binData":"AA==","binData":5}"#),
            DecodeError::WrongType { .. }
        ));
        let data = data(r#"{"data":{"ndarray":[1],"names":[2],"ndarray":[2],"names":["n"]}}"#);
        assert_eq!(
            (data.names, data.array),
            (vec!["n".to_owned()], ints(&[1], &[2]))
        );
        assert_eq!(
            payload(r#"{"str\u0044ata":"a"}"#),
            Payload::Text("a".into())
        );
    }

    #[test]
    fn text_that_is_none_is_handed_on() {
        for text in [
            "null",
            "5",
            "[1]",
            "{}",
            r#""\ud800""#,
            r#""a\udc00\ud800""#,
        ] {
            let payload = payload(&format!(r#"{{"strData":{text}}}"#));
            assert_eq!(payload, Payload::Json(raw(text)), "{text}");
        }
    }

    #[test]
    fn base64_is_checked() {
        for text in ["!", "A", "AA=", "AA", "AAEC=", "-_-_", "A A="] {
            let error = error(&format!(r#"{{"binData":"{text}"}}"#));
            assert_eq!(
                error,
                DecodeError::Invalid {
                    path: "binData".into(),
                    offset: 11,
                    problem: "malformed base64"
                },
                "{text}"
            );
        }
        let lines = Payload::Binary(Bytes::from_static(&[0, 1, 2]));
        assert_eq!(payload(r#"{"binData":"AA\r\nEC\n"}"#), lines);
    }

    #[test]
    fn meta_is_read_in_full() {
        let meta = message(
            r#"{"meta":{"puid":"p","tags":{"b":[1, 2],"a":null,"b":"x"},"routing":{"r":1,"s":-1.0},
                "requestPath":{"u":"i"},"metrics":[{"key":"k","type":"TIMER","value":10,"tags":{"t":"v"}},
                {"key":"g","type":1,"value":0.5}],"extra":{"x":1}},"strData":""}"#,
        )
        .meta;
        assert_eq!(
            meta,
            Meta {
                puid: Some("p".into()),
                tags: Table::from_iter([
                    ("b".to_owned(), raw(r#""x""#)),
                    ("a".to_owned(), raw("null"))
                ]),
                routing: Table::from_iter([("r".to_owned(), 1), ("s".to_owned(), -1)]),
                request_path: Table::from_iter([("u".to_owned(), "i".to_owned())]),
                metrics: vec![
                    Metric {
                        key: "k".into(),
                        kind: MetricKind::Timer,
                        value: Number::Int(10),
                        tags: Some(Table::from_iter([("t".to_owned(), "v".to_owned())])),
                    },
                    Metric {
                        key: "g".into(),
                        kind: MetricKind::Gauge,
                        value: Number::Float(0.5),
                        tags: None,
                    },
                ],
                unknown: Table::from_iter([("extra".to_owned(), raw(r#"{"x":1}"#))]),
            }
        );
        assert_eq!(meta.tags.keys().collect::<Vec<_>>(), ["b", "a"]);
        for text in ["null", "{}", r#"{"puid":null,"tags":null,"metrics":null}"#] {
            assert!(decode_meta(&body(text)).unwrap().is_empty(), "{text}");
        }
    }

    #[test]
    fn lists_of_messages() {
        let two = r#"[{"strData":"a"},{"strData":"b"}]"#;
        for text in [
            two.to_owned(),
            format!(r#"{{"x":1,"seldonMessages":{two}}}"#),
        ] {
            let messages = decode_messages(&body(&text)).unwrap();
            assert_eq!(messages.len(), 2, "{text}");
            assert_eq!(messages[1].payload, Payload::Text("b".into()));
        }
        for text in [
            "{}",
            r#"{"seldonMessages":null}"#,
            r#"{"seldonMessages":{}}"#,
        ] {
            let error = decode_messages(&body(text)).unwrap_err();
            assert!(matches!(error, DecodeError::NoPayload { .. }), "{text}");
        }
        let error =
            decode_messages(&body(r#"{"seldonMessages":[{"strData":"a"},5]}"#)).unwrap_err();
        assert_eq!((error.path(), error.offset()), ("seldonMessages[1]", 35));
    }

    #[test]
    fn answers_need_no_payload_and_have_a_status() {
        let text = r#"{"status":{"code":409,"info":"i","reason":"r","status":"FAILURE"}}"#;
        let answer = decode_answer(&body(text)).unwrap();
        assert_eq!(answer.payload, Payload::None);
        assert_eq!(
            answer.status,
            Some(Status {
                code: 409,
                info: "i".into(),
                reason: "r".into(),
                failure: true
            })
        );
        assert_eq!(message(r#"{"status":5,"strData":"a"}"#).status, None);
    }

    #[test]
    fn names() {
        assert_eq!(decode_names(br#" ["a","\u00e9"] "#).unwrap(), ["a", "é"]);
        assert_eq!(decode_names(b"[]").unwrap(), Vec::<String>::new());
        for text in [r#"["\ud800"]"#, "[1]", "{}", "[", r#"["a",]"#] {
            assert!(decode_names(text.as_bytes()).is_err(), "{text}");
        }
    }
}

mod feedback {
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
        let Some(Payload::Data(data)) = feedback.request.as_ref().map(|m| &m.payload) else {
            panic!("no request")
        };
        assert_eq!(data.array, floats(&[1, 2], &[1.0, 2.0]));
        assert_eq!(feedback.routing("r"), Some(3));
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
        let Payload::Data(Data {
            array: Array::Json(json),
            ..
        }) = truth.payload
        else {
            panic!("no text")
        };
        let expected = r#"[["a 1\" 2",1.0,1.50,-7.0,null,1.8446744073709552e+19]]"#;
        assert_eq!(json, raw(expected));
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
    fn wrong_types_are_errors() {
        for text in [
            r#"{"request":[1]}"#,
            r#"{"request":{"strData":5}}"#,
            r#"{"request":{"strData":"a","jsonData":1}}"#,
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
}

mod syntax {
    use super::*;

    #[test]
    fn what_is_no_json_says_where() {
        for (text, offset) in [
            ("", 0),
            ("  ", 2),
            ("{", 1),
            (r#"{"strData""#, 10),
            (r#"{"strData":"#, 11),
            (r#"{"strData":"a"#, 13),
            (r#"{"strData":"a""#, 14),
            (r#"{"strData":"a"}}"#, 15),
            (r#"{"strData":"a"} x"#, 16),
            (r#"{"strData":"a",}"#, 15),
            (r#"{,"strData":"a"}"#, 1),
            (r#"{strData:"a"}"#, 1),
            (r#"{'strData':'a'}"#, 1),
            (r#"{"strData" "a"}"#, 11),
            (r#"{"strData":nul}"#, 11),
            (r#"{"strData":True}"#, 11),
            (r#"{"strData":"\x"}"#, 12),
            (r#"{"strData":"\u12g4"}"#, 12),
            (r#"{"strData":"\u+123"}"#, 12),
            ("{\"strData\":\"a\nb\"}", 13),
            (r#"{"data":{"ndarray":[1,]}}"#, 22),
            (r#"{"data":{"ndarray":[,1]}}"#, 20),
            (r#"{"data":{"ndarray":[1 2]}}"#, 22),
            (r#"{"data":{"ndarray":[01]}}"#, 21),
            (r#"{"data":{"ndarray":[1.]}}"#, 21),
            (r#"{"data":{"ndarray":[.5]}}"#, 20),
            (r#"{"data":{"ndarray":[+1]}}"#, 20),
            (r#"{"data":{"ndarray":[-]}}"#, 20),
            (r#"{"data":{"ndarray":[nan]}}"#, 20),
            (r#"{"data":{"ndarray":[1,[2}]}}"#, 24),
            (r#"{"data":{"ndarray":[[1],[2]"#, 27),
            (r#"{"x":[1,{"y":tru}],"strData":"a"}"#, 13),
            (r#"5 5"#, 2),
        ] {
            let error = error(text);
            assert!(
                matches!(error, DecodeError::Syntax { .. }),
                "{text}: {error}"
            );
            assert_eq!(error.offset(), offset, "{text}: {error}");
        }
        assert!(matches!(
            decode_message(&Bytes::from_static(b"{\"strData\":\"a\xff\"}")),
            Err(DecodeError::Syntax { offset: 13, .. })
        ));
    }

    #[test]
    fn errors_are_told_for_people() {
        for (text, display) in [
            (
                r#"{"data":{"names":["a",2],"ndarray":[]}}"#,
                "expected a string at data.names[1] (byte 22), found a number",
            ),
            (
                r#"{"strData":"a"#,
                "no valid JSON at strData (byte 13): expected the end of the string",
            ),
            (
                "[1]",
                "a message must be an object, but at byte 0 is a list",
            ),
            (
                "{}",
                "no payload in the message at byte 0: one of data, strData, binData, jsonData is needed",
            ),
            (
                r#"{"binData":"!"}"#,
                "malformed base64 at binData (byte 11)",
            ),
            (
                r#"{"strData":"a","meta":{"tags":{"\ud800":1}}}"#,
                "half of a surrogate pair in text at meta.tags (byte 32)",
            ),
        ] {
            assert_eq!(error(text).to_string(), display);
        }
        let long = error(&format!(r#"{{"{}":tru}}"#, "é".repeat(1000)));
        assert_eq!(long.path(), format!("{}…", "é".repeat(64)));
    }

    #[test]
    fn broken_json_wins_over_anything_else() {
        assert!(matches!(
            error("[1}"),
            DecodeError::Syntax { offset: 2, .. }
        ));
        assert!(matches!(
            error("{} x"),
            DecodeError::Syntax { offset: 3, .. }
        ));
        assert!(matches!(
            error(r#"{"data":5,"x"}"#),
            DecodeError::Syntax { offset: 13, .. }
        ));
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let objects =
            |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
        for make in [&nested as &dyn Fn(usize) -> String, &objects] {
            assert!(check(&body(&make(512))).is_ok());
            assert!(matches!(
                check(&body(&make(513))),
                Err(DecodeError::TooDeep { limit: 512, .. })
            ));
        }
        let open = "[".repeat(1_000_000);
        assert!(matches!(
            error(&format!(r#"{{"data":{{"ndarray":{open}}}}}"#)),
            DecodeError::TooDeep { offset: 531, .. }
        ));
    }

    #[test]
    fn strings() {
        for (literal, text) in [
            (r#""""#, ""),
            (
                r#""\u00e9\n\t\"\\\/\b\f\r\u003c\ud83d\ude00""#,
                "é\n\t\"\\/\u{8}\u{c}\r<😀",
            ),
            (r#""\uD83D\uDE00x""#, "😀x"),
            (r#""eight by\\tes and more""#, "eight by\\tes and more"),
            ("\"\u{7f}é日本😀\"", "\u{7f}é日本😀"),
        ] {
            let payload = payload(&format!(r#"{{"strData":{literal}}}"#));
            assert_eq!(payload, Payload::Text(text.into()), "{literal}");
        }
        // Every control character at every place in a word.
        for byte in 0..0x20_u8 {
            for before in 0..9 {
                let text = format!("\"{}{}\"", "a".repeat(before), char::from(byte));
                let error = check(&body(&text)).unwrap_err();
                assert_eq!(error.offset(), before + 1);
            }
        }
    }

    #[test]
    fn any_unicode_encoding_is_read() {
        let text = r#"{"strData":"é😀"}"#;
        let utf16 = |unit: u16, big: bool| {
            if big {
                unit.to_be_bytes()
            } else {
                unit.to_le_bytes()
            }
        };
        let utf32 = |c: char, big: bool| {
            if big {
                (c as u32).to_be_bytes()
            } else {
                (c as u32).to_le_bytes()
            }
        };
        let mut bodies = vec![format!("\u{feff}{text}").into_bytes()];
        for big in [false, true] {
            for text in [text.to_owned(), format!("\u{feff}{text}")] {
                bodies.push(
                    text.encode_utf16()
                        .flat_map(|unit| utf16(unit, big))
                        .collect(),
                );
                bodies.push(text.chars().flat_map(|c| utf32(c, big)).collect());
            }
        }
        for body in bodies {
            let message = decode_message(&body.clone().into());
            let expected = Payload::Text("é😀".into());
            assert_eq!(message.map(|m| m.payload), Ok(expected), "{body:?}");
        }
        for broken in [
            &b"{\0\"\0}"[..],
            b"{\0\0\0\0\0\x11\0",
            b"{\0\x00\xd8\"\0",
            b"\xff\xfe{",
        ] {
            let error = check(&Bytes::copy_from_slice(broken)).unwrap_err();
            assert!(matches!(error, DecodeError::Syntax { .. }), "{broken:?}");
        }
        assert_eq!(check(&Bytes::from_static(b"5\0")), Ok(raw("5")));
    }

    #[test]
    fn check_gives_the_value_without_a_copy() {
        let body = body(" \n[1, NaN] ");
        let value = check(&body).unwrap();
        assert_eq!(value, raw("[1, NaN]"));
        assert_eq!(value.as_bytes().as_ptr(), body[2..].as_ptr());
    }
}

mod writing {
    use super::*;

    fn written(array: Array, form: Form) -> String {
        encoded(&with_payload(Payload::Data(Data {
            names: Vec::new(),
            form,
            array,
        })))
    }

    fn tensor(dtype: DType, shape: &[usize], data: &[u8]) -> Array {
        Array::Typed(Tensor::new(dtype, shape.to_vec(), Bytes::copy_from_slice(data)).unwrap())
    }

    #[test]
    fn nesting_follows_the_shape() {
        for (shape, text) in [
            (&[6][..], "[1,2,3,4,5,6]"),
            (&[2, 3], "[[1,2,3],[4,5,6]]"),
            (&[3, 2, 1], "[[[1],[2]],[[3],[4]],[[5],[6]]]"),
            (&[1, 1, 6], "[[[1,2,3,4,5,6]]]"),
            (&[1, 2, 3], "[[[1,2,3],[4,5,6]]]"),
        ] {
            let expected = format!(r#"{{"data":{{"names":[],"ndarray":{text}}},"meta":{{}}}}"#);
            assert_eq!(
                written(ints(shape, &[1, 2, 3, 4, 5, 6]), Form::NdArray),
                expected
            );
        }
        for (shape, text) in [
            (&[0][..], "[]"),
            (&[1, 0], "[[]]"),
            (&[2, 0], "[[],[]]"),
            (&[2, 0, 3], "[[],[]]"),
            (&[2, 2, 0], "[[[],[]],[[],[]]]"),
            (&[0, 5], "[]"),
        ] {
            let expected = format!(r#"{{"data":{{"names":[],"ndarray":{text}}},"meta":{{}}}}"#);
            assert_eq!(written(floats(shape, &[]), Form::NdArray), expected);
        }
        let scalar = floats(&[], &[3.5]);
        assert_eq!(
            written(scalar, Form::NdArray),
            r#"{"data":{"names":[],"ndarray":3.5},"meta":{}}"#
        );
        let deep = ints(&[1; 40], &[7]);
        let nested = format!("{}7{}", "[".repeat(40), "]".repeat(40));
        assert!(written(deep, Form::NdArray).contains(&nested));
    }

    #[test]
    fn every_dtype() {
        for (dtype, data, text) in [
            (DType::Bool, &[0, 1][..], "false,true"),
            (DType::I8, &[0xff, 1], "-1,1"),
            (DType::I16, &[0xff, 0xff, 0, 1], "-1,256"),
            (
                DType::I32,
                &[0xff, 0xff, 0xff, 0xff, 0, 0, 1, 0],
                "-1,65536",
            ),
            (DType::U8, &[0xff, 1], "255,1"),
            (DType::U16, &[0xff, 0xff, 0, 1], "65535,256"),
            (
                DType::U32,
                &[0xff, 0xff, 0xff, 0xff, 0, 0, 1, 0],
                "4294967295,65536",
            ),
            (DType::F16, &[0, 0x3c, 0x66, 0x2e], "1.0,0.0999755859375"),
            (
                DType::F32,
                &[0, 0, 0x80, 0x3f, 0xcd, 0xcc, 0xcc, 0x3d],
                "1.0,0.10000000149011612",
            ),
        ] {
            let expected = format!(
                r#"{{"data":{{"names":[],"tensor":{{"shape":[2,1],"values":[{text}]}}}},"meta":{{}}}}"#
            );
            assert_eq!(
                written(tensor(dtype, &[2, 1], data), Form::Tensor),
                expected
            );
        }
        let widest = tensor(DType::U64, &[1], &[0xff; 8]);
        assert!(written(widest, Form::NdArray).contains("[18446744073709551615]"));
        let least = tensor(DType::I64, &[1], &i64::MIN.to_le_bytes());
        assert!(written(least, Form::NdArray).contains("[-9223372036854775808]"));
    }

    #[test]
    fn other_forms() {
        assert_eq!(
            written(floats(&[1, 1], &[1.0]), Form::TfTensor),
            r#"{"data":{"names":[],"tftensor":{"dtype":"DT_DOUBLE","tensorShape":{"dim":[{"size":"1"},{"size":"1"}]},"tensorContent":"AAAAAAAA8D8="}},"meta":{}}"#
        );
        assert_eq!(
            written(Array::Json(raw(r#"["a", null]"#)), Form::NdArray),
            r#"{"data":{"names":[],"ndarray":["a", null]},"meta":{}}"#
        );
        assert_eq!(
            written(Array::Typed(Tensor::empty()), Form::Empty),
            r#"{"data":{"names":[]},"meta":{}}"#
        );
    }

    #[test]
    fn buffer_at_an_odd_address() {
        let mut bytes = vec![0_u8];
        bytes.extend(1.5_f64.to_le_bytes());
        let tensor = Tensor::new(DType::F64, vec![1], Bytes::from(bytes).slice(1..)).unwrap();
        assert!(written(Array::Typed(tensor), Form::NdArray).contains("[1.5]"));
    }

    #[test]
    fn payloads() {
        assert_eq!(encoded(&Message::default()), r#"{"meta":{}}"#);
        assert_eq!(
            encoded(&with_payload(Payload::Text("a\"\u{1}\n\\é😀/".into()))),
            r#"{"meta":{},"strData":"a\"\u0001\n\\é😀/"}"#
        );
        assert_eq!(
            encoded(&with_payload(Payload::Binary(Bytes::from_static(&[
                0, 1, 2, 3
            ])))),
            r#"{"binData":"AAECAw==","meta":{}}"#
        );
        assert_eq!(
            encoded(&with_payload(Payload::Json(raw("[1, 2]")))),
            r#"{"jsonData":[1, 2],"meta":{}}"#
        );
    }

    #[test]
    fn feedback_and_lists() {
        let mut out = Vec::new();
        let feedback = Feedback {
            request: Some(with_payload(Payload::Text("q".into()))),
            reward: 0.1,
            ..Feedback::default()
        };
        encode_feedback(&feedback, &mut out);
        assert_eq!(
            out,
            br#"{"request":{"meta":{},"strData":"q"},"reward":0.1}"#
        );
        out.clear();
        encode_messages(&[Message::default(), Message::default()], &mut out);
        assert_eq!(out, br#"{"seldonMessages":[{"meta":{}},{"meta":{}}]}"#);
    }
}

mod properties {
    use super::*;

    fn any_tensor() -> impl Strategy<Value = Tensor> {
        let shape = prop::collection::vec(0_usize..4, 1..5);
        (shape, 0..3).prop_flat_map(|(shape, kind)| {
            let len: usize = shape.iter().product();
            let floats =
                prop::num::f64::ANY.prop_filter("NaN differs from itself in bits", |v| !v.is_nan());
            match kind {
                0 => prop::collection::vec(any::<i64>(), len)
                    .prop_map(move |v| Tensor::from_vec(shape.clone(), v).unwrap())
                    .boxed(),
                1 => prop::collection::vec(floats, len)
                    .prop_map(move |v| Tensor::from_vec(shape.clone(), v).unwrap())
                    .boxed(),
                _ => prop::collection::vec(any::<bool>(), len)
                    .prop_map(move |v| Tensor::from_bools(shape.clone(), v).unwrap())
                    .boxed(),
            }
        })
    }

    fn any_meta() -> impl Strategy<Value = Meta> {
        let text = || ".{0,12}";
        let number = prop_oneof![
            any::<i64>().prop_map(Number::Int),
            (-1e300_f64..1e300).prop_map(Number::Float),
        ];
        let kind = prop::sample::select(vec![
            MetricKind::Counter,
            MetricKind::Gauge,
            MetricKind::Timer,
        ]);
        let tags = prop::option::of(prop::collection::vec((text(), text()), 0..3));
        let metric = (text(), kind, number, tags).prop_map(|(key, kind, value, tags)| Metric {
            key,
            kind,
            value,
            tags: tags.map(Table::from_iter),
        });
        (
            prop::option::of(text()),
            prop::collection::vec(
                (
                    text(),
                    prop::sample::select(vec!["1", "[NaN]", "{\"a\":null}"]),
                ),
                0..4,
            ),
            prop::collection::vec((text(), any::<i32>()), 0..4),
            prop::collection::vec((text(), text()), 0..4),
            prop::collection::vec(metric, 0..3),
        )
            .prop_map(|(puid, tags, routing, request_path, metrics)| Meta {
                puid,
                tags: tags
                    .into_iter()
                    .map(|(name, text)| (name, raw(text)))
                    .collect(),
                routing: Table::from_iter(routing),
                request_path: Table::from_iter(request_path),
                metrics,
                unknown: Table::new(),
            })
    }

    fn any_payload() -> impl Strategy<Value = Payload> {
        let names = prop::collection::vec(".{0,12}", 0..4);
        let form = prop::sample::select(vec![Form::NdArray, Form::Tensor]);
        prop_oneof![
            ".{0,40}".prop_map(Payload::Text),
            prop::collection::vec(any::<u8>(), 0..40).prop_map(|v| Payload::Binary(v.into())),
            prop::sample::select(vec!["null", "[1, {\"a\": \"\\ud800\"}]", "-Infinity"])
                .prop_map(|text| Payload::Json(raw(text))),
            (names, form, any_tensor()).prop_map(|(names, form, tensor)| {
                Payload::Data(Data {
                    names,
                    form,
                    array: Array::Typed(tensor),
                })
            }),
        ]
    }

    /// What JSON does not tell: the dtype of no elements, and sides behind a zero.
    fn as_json_tells(payload: &Payload) -> Payload {
        let mut payload = payload.clone();
        if let Payload::Data(Data {
            array: Array::Typed(tensor),
            form,
            ..
        }) = &mut payload
            && tensor.is_empty()
        {
            let mut shape = tensor.shape().to_vec();
            if let (Form::NdArray, Some(zero)) = (*form, shape.iter().position(|&side| side == 0)) {
                shape.truncate(zero + 1);
            }
            *tensor = Tensor::from_vec::<f64>(shape, Vec::new()).unwrap();
        }
        payload
    }

    fn decode_with_everything(body: &Bytes) {
        let _ = decode_message(body);
        let _ = decode_answer(body);
        let _ = decode_messages(body);
        let _ = decode_feedback(body);
        let _ = decode_meta(body);
        let _ = decode_names(body);
        let _ = check(body);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn messages_go_there_and_back(payload in any_payload(), meta in any_meta()) {
            let message = Message { status: None, meta, payload };
            let text = encoded(&message);
            let back = decode_message(&body(&text));
            let expected = Message { payload: as_json_tells(&message.payload), ..message };
            prop_assert_eq!(back, Ok(expected), "{}", text);
        }

        #[test]
        fn a_message_cut_short_is_an_error(payload in any_payload(), meta in any_meta(), cut: prop::sample::Index) {
            let message = Message { status: None, meta, payload };
            let whole = Bytes::from(encoded(&message));
            let part = whole.slice(..cut.index(whole.len()));
            let syntax = matches!(decode_message(&part), Err(DecodeError::Syntax { .. }));
            prop_assert!(syntax);
            decode_with_everything(&part);
        }

        #[test]
        fn a_message_with_a_wrong_byte_is_no_panic(
            payload in any_payload(), meta in any_meta(), at: prop::sample::Index, byte: u8,
        ) {
            let mut text = encoded(&Message { status: None, meta, payload }).into_bytes();
            let at = at.index(text.len());
            text[at] = byte;
            decode_with_everything(&text.into());
        }

        #[test]
        fn any_bytes_are_no_panic(bytes: Vec<u8>) {
            decode_with_everything(&bytes.into());
        }

        #[test]
        fn anything_like_json_is_no_panic(
            text in r#"([\[\]{},:" 0-9.eE+\\-]|true|false|null|NaN|"data"|"ndarray"|"tensor"|"shape"|"values"|"meta"|"tags"|"request"){0,40}"#,
        ) {
            decode_with_everything(&text.into());
        }

        /// What was accepted can be written, and reads back as the same.
        #[test]
        fn accepted_lists_are_stable(text in r"\[(\[?(-?[0-9]{1,20}(\.[0-9]{1,20})?|true|null)\]?,? ?){0,12}\]") {
            let text = format!(r#"{{"data":{{"ndarray":{text}}}}}"#);
            if let Ok(message) = decode_message(&body(&text)) {
                prop_assert_eq!(decode_message(&body(&encoded(&message))), Ok(message));
            }
        }
    }
}
