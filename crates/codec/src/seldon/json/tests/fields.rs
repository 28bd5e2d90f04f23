use super::*;

#[test]
fn payloads_have_an_order() {
    let text = |text: &str| Payload::Text(text.to_owned());
    assert_eq!(payload(r#"{"strData":"a"}"#), text("a"));
    assert_eq!(
        payload(r#"{"binData":"AAEC"}"#),
        Payload::Bytes(Bytes::from_static(&[0, 1, 2]))
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
        Payload::Array(_)
    ));
}

#[test]
fn unused_payload_may_be_anything() {
    assert!(matches!(
        payload(r#"{"data":{},"binData":5}"#),
        Payload::Array(_)
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
        Payload::Bytes(Bytes::from_static(&[0]))
    );
    assert!(matches!(
        error(r#"{"binData":"AA==","binData":5}"#),
        DecodeError::WrongType { .. }
    ));
    let data = data(r#"{"data":{"ndarray":[1],"names":[2],"ndarray":[2],"names":["n"]}}"#);
    assert_eq!(
        (data.names, data.elements),
        (Names::from_iter(["n"]), ints(&[1], &[2]))
    );
    assert_eq!(
        payload(r#"{"str\u0044ata":"a"}"#),
        Payload::Text("a".into())
    );
}

#[test]
fn text_data_that_is_no_text_is_passed_on() {
    let payload = |text: &str| payload(&format!(r#"{{"strData":{text}}}"#));
    for text in ["null", "5", "[1]", "{}"] {
        assert_eq!(payload(text), Payload::Json(raw(text)), "{text}");
    }
    for text in [r#""\ud800""#, r#""a\udc00\ud800""#] {
        let payload = payload(text);
        assert_eq!(payload, Payload::Quoted(raw(text)), "{text}");
        let written = encoded(&with_payload(payload));
        assert_eq!(written, format!(r#"{{"meta":{{}},"strData":{text}}}"#));
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
    let lines = Payload::Bytes(Bytes::from_static(&[0, 1, 2]));
    assert_eq!(payload(r#"{"binData":"AA\r\nEC\n"}"#), lines);
}

#[test]
fn meta_is_read_in_full() {
    let meta = message(
        r#"{"meta":{"puid":"p","tags":{"b":[1, 2],"a":null,"b":"x"},"routing":{"r":1,"s":-1.0},
            "requestPath":{"u":"i"},
            "metrics":[{"key":"k","type":"TIMER","value":10,"tags":{"t":"v"}},
            {"key":"g","type":1,"value":0.5}],"extra":{"x":1}},"strData":""}"#,
    )
    .meta;
    assert_eq!(
        meta,
        Meta {
            id: Some("p".into()),
            tags: Table::from_iter([
                ("b".to_owned(), raw(r#""x""#)),
                ("a".to_owned(), raw("null"))
            ]),
            routing: Table::from_iter([("r".to_owned(), 1), ("s".to_owned(), -1)]),
            path: Table::from_iter([("u".to_owned(), "i".to_owned())]),
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
            untyped: None,
        }
    );
    assert_eq!(meta.tags.keys().collect::<Vec<_>>(), ["b", "a"]);
    for text in ["null", "{}", r#"{"puid":null,"tags":null,"metrics":null}"#] {
        assert!(decode_meta(&body(text)).unwrap().is_empty(), "{text}");
    }
}

#[test]
fn what_the_protocol_has_no_type_for_is_kept_in_requests() {
    let meta = |meta: &str| message(&format!(r#"{{"meta":{meta},"strData":""}}"#)).meta;
    let fields = |text: &str| meta(text).untyped.unwrap().fields;
    for (name, value) in [
        ("puid", "5"),
        ("puid", "null"),
        ("puid", r#""\ud800""#),
        ("tags", "[1]"),
        ("tags", "null"),
        ("routing", r#"{"a":"x"}"#),
        ("requestPath", "[]"),
    ] {
        let found = fields(&format!(r#"{{"{name}":{value}}}"#));
        let expected = Table::from_iter([(name.to_owned(), raw(value))]);
        assert_eq!(found, expected, "{name} {value}");
    }
    // Of a key that comes twice the last one counts.
    let found = meta(r#"{"puid":5,"puid":"p"}"#);
    assert_eq!(
        (found.id.as_deref(), found.untyped("puid")),
        (Some("p"), None)
    );
    let found = meta(r#"{"puid":"p","puid":5}"#);
    assert_eq!(
        (found.id.as_deref(), found.untyped("puid")),
        (None, Some(&raw("5")))
    );
    let found = meta(r#"{"requestPath":{"a":5,"b":"c","d":"e","d":null}}"#);
    assert_eq!(
        found.path,
        Table::from_iter([("b".to_owned(), "c".to_owned())])
    );
    let path = found.untyped.unwrap().path;
    let expected = [("a".to_owned(), raw("5")), ("d".to_owned(), raw("null"))];
    assert_eq!(path, Table::from_iter(expected));
    // All of it is handed on as it came.
    let text = r#"{ "colour": 1, "tags": {}, "metrics": null, "puid": "p" }"#;
    let mut out = Vec::new();
    encode_meta(&meta(text), &mut out);
    assert_eq!(out, text.as_bytes());
    // An empty one is not the same as none.
    assert!(!meta("{}").is_empty());
    assert!(message(r#"{"strData":""}"#).meta.is_empty());
    for text in ["null", "[]", "false", "0", "\"\""] {
        assert!(meta(text).is_empty(), "{text}");
    }
    assert!(decode_message(&body(r#"{"strData":"","meta":5}"#)).is_err());
    // Metrics are typed in requests as well, and everything is in feedback.
    assert!(decode_message(&body(r#"{"strData":"","meta":{"metrics":[5]}}"#)).is_err());
    assert!(decode_feedback(&body(r#"{"request":{"meta":{"puid":5}}}"#)).is_err());
}

#[test]
fn names_of_any_kind_are_kept_in_requests() {
    for names in ["null", "[1,null]", r#""ab""#, r#"{"a":1}"#, r#"["\ud800"]"#] {
        let found = data(&format!(r#"{{"data":{{"names":{names}}}}}"#)).names;
        assert_eq!(found, Names::Json(raw(names)), "{names}");
        let mut out = Vec::new();
        encode_names(&found, &mut out);
        assert_eq!(out, names.as_bytes());
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
    let error = decode_messages(&body(r#"{"seldonMessages":[{"strData":"a"},5]}"#)).unwrap_err();
    assert_eq!((error.path(), error.offset()), ("seldonMessages[1]", 35));
}

#[test]
fn responses_need_no_payload_and_have_a_status() {
    let text = r#"{"status":{"code":409,"info":"i","reason":"r","status":"FAILURE"}}"#;
    let response = decode_response(&body(text)).unwrap();
    assert_eq!(response.payload, Payload::None);
    assert_eq!(
        response.status,
        Some(Box::new(Status {
            code: 409,
            info: "i".into(),
            reason: "r".into(),
            failure: true
        }))
    );
    assert_eq!(message(r#"{"status":5,"strData":"a"}"#).status, None);
}

#[test]
fn names() {
    let mut out = Vec::new();
    encode_names(&Names::Numbered(11), &mut out);
    let expected: Vec<String> = (0..11).map(|column| format!("t:{column}")).collect();
    assert_eq!(decode_names(&out).unwrap(), expected);
    assert_eq!(decode_names(br#" ["a","\u00e9"] "#).unwrap(), ["a", "é"]);
    assert_eq!(decode_names(b"[]").unwrap(), Vec::<String>::new());
    for text in [r#"["\ud800"]"#, "[1]", "{}", "[", r#"["a",]"#] {
        assert!(decode_names(text.as_bytes()).is_err(), "{text}");
    }
}
