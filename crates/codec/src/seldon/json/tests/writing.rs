use super::*;

fn written(array: Elements, layout: Layout) -> String {
    encoded(&with_payload(Payload::Array(Array {
        names: Names::new(),
        layout,
        elements: array,
    })))
}

fn tensor(dtype: DType, shape: &[usize], data: &[u8]) -> Elements {
    Elements::Typed(Tensor::new(dtype, shape.to_vec(), Bytes::copy_from_slice(data)).unwrap())
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
            written(ints(shape, &[1, 2, 3, 4, 5, 6]), Layout::Nested),
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
        assert_eq!(written(floats(shape, &[]), Layout::Nested), expected);
    }
    let scalar = floats(&[], &[3.5]);
    assert_eq!(
        written(scalar, Layout::Nested),
        r#"{"data":{"names":[],"ndarray":3.5},"meta":{}}"#
    );
    let deep = ints(&[1; 40], &[7]);
    let nested = format!("{}7{}", "[".repeat(40), "]".repeat(40));
    assert!(written(deep, Layout::Nested).contains(&nested));
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
            written(tensor(dtype, &[2, 1], data), Layout::Flat),
            expected
        );
    }
    let widest = tensor(DType::U64, &[1], &[0xff; 8]);
    assert!(written(widest, Layout::Nested).contains("[18446744073709551615]"));
    let least = tensor(DType::I64, &[1], &i64::MIN.to_le_bytes());
    assert!(written(least, Layout::Nested).contains("[-9223372036854775808]"));
}

#[test]
fn other_layouts() {
    assert_eq!(
        written(floats(&[1, 1], &[1.0]), Layout::TensorProto),
        concat!(
            r#"{"data":{"names":[],"tftensor":{"dtype":"DT_DOUBLE","tensorShape":"#,
            r#"{"dim":[{"size":"1"},{"size":"1"}]},"doubleVal":[1.0]}},"meta":{}}"#
        )
    );
    assert_eq!(
        written(Elements::Json(raw(r#"["a", null]"#)), Layout::Nested),
        r#"{"data":{"names":[],"ndarray":["a", null]},"meta":{}}"#
    );
    assert_eq!(
        written(Elements::Typed(Tensor::empty()), Layout::Unset),
        r#"{"data":{"names":[]},"meta":{}}"#
    );
}

#[test]
fn buffer_at_an_odd_address() {
    let mut bytes = vec![0_u8];
    bytes.extend(1.5_f64.to_le_bytes());
    let tensor = Tensor::new(DType::F64, vec![1], Bytes::from(bytes).slice(1..)).unwrap();
    assert!(written(Elements::Typed(tensor), Layout::Nested).contains("[1.5]"));
}

#[test]
fn payloads() {
    assert_eq!(encoded(&Message::default()), r#"{"meta":{}}"#);
    assert_eq!(
        encoded(&with_payload(Payload::Text("a\"\u{1}\n\\é😀/".into()))),
        r#"{"meta":{},"strData":"a\"\u0001\n\\é😀/"}"#
    );
    assert_eq!(
        encoded(&with_payload(Payload::Bytes(Bytes::from_static(&[
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

fn strings(shape: &[usize], elements: &[&[u8]]) -> Elements {
    Elements::Typed(Tensor::from_byte_elements(shape.to_vec(), elements).unwrap())
}

#[test]
fn bytes_are_written_as_strings() {
    let all = strings(&[2, 2], &[b"a\"", b"", "é".as_bytes(), b"\n"]);
    assert_eq!(
        written(all.clone(), Layout::Nested),
        r#"{"data":{"names":[],"ndarray":[["a\"",""],["é","\n"]]},"meta":{}}"#
    );
    assert_eq!(
        written(all.clone(), Layout::Flat),
        r#"{"data":{"names":[],"tensor":{"shape":[2,2],"values":["a\"","","é","\n"]}},"meta":{}}"#
    );
    let expected = concat!(
        r#"{"data":{"names":[],"tftensor":{"dtype":"DT_STRING","tensorShape":"#,
        r#"{"dim":[{"size":"2"},{"size":"2"}]},"stringVal":["YSI=","","w6k=","Cg=="]}},"meta":{}}"#
    );
    assert_eq!(written(all, Layout::TensorProto), expected);
    for (shape, text) in [(&[0][..], "[]"), (&[2, 0], "[[],[]]")] {
        let expected = format!(r#"{{"data":{{"names":[],"ndarray":{text}}},"meta":{{}}}}"#);
        assert_eq!(written(strings(shape, &[]), Layout::Nested), expected);
    }
    assert_eq!(
        written(strings(&[], &[b"x"]), Layout::Nested),
        r#"{"data":{"names":[],"ndarray":"x"},"meta":{}}"#
    );
}

/// The right-hand sides are what Python's `json.dumps(element.decode(errors="surrogateescape"))`
/// says.
#[test]
fn bytes_that_are_not_utf8_are_escaped() {
    for (element, text) in [
        (&b"\xff"[..], r#""\udcff""#),
        (b"a\x80b", r#""a\udc80b""#),
        (b"\xe2\x82", r#""\udce2\udc82""#),
        (b"\xe2\x82\xac\xe2\x82", r#""€\udce2\udc82""#),
        (b"\xed\xb2\x80", r#""\udced\udcb2\udc80""#),
        (b"\xf0\x9f\"", r#""\udcf0\udc9f\"""#),
        (b"\xc0\xaf", r#""\udcc0\udcaf""#),
    ] {
        let written = written(strings(&[1], &[element]), Layout::Nested);
        let expected = format!(r#"{{"data":{{"names":[],"ndarray":[{text}]}},"meta":{{}}}}"#);
        assert_eq!(written, expected);
    }
}

#[test]
fn an_array_without_a_layout_has_only_names() {
    let array = Payload::from(Tensor::from_vec(vec![1], vec![1.0]).unwrap());
    assert_eq!(
        encoded(&with_payload(array)),
        r#"{"data":{"names":[]},"meta":{}}"#
    );
}

#[test]
fn named_payloads_are_an_object() {
    let array = |layout, elements| {
        Payload::Array(Array {
            names: Names::from_iter(["left out"]),
            layout,
            elements,
        })
    };
    let named = [
        ("nested", array(Layout::Nested, ints(&[1, 2], &[1, 2]))),
        ("flat", array(Layout::Flat, floats(&[2], &[0.5, f64::NAN]))),
        ("bytes", array(Layout::TensorProto, strings(&[1], &[b"s"]))),
        (
            "numpy's",
            array(Layout::Nested, Elements::Json(raw(r#"["a", null]"#))),
        ),
        ("te\"xt", Payload::Text("é\n".into())),
        ("json", Payload::Json(raw(r#"{"a": 1}"#))),
        (
            "binary",
            Payload::Bytes(Bytes::from_static(&[0, 1, 2, 0xff])),
        ),
        (
            "any",
            Payload::Any {
                type_url: "x/y".into(),
                value: Bytes::from_static(b"v"),
            },
        ),
        ("none", Payload::None),
    ];
    let named = named.map(|(name, payload)| Named {
        name: name.into(),
        payload,
    });
    let expected = concat!(
        r#"{"jsonData":{"nested":[[1,2]],"flat":[0.5,NaN],"bytes":["s"],"numpy's":["a", null],"#,
        r#""te\"xt":"é\n","json":{"a": 1},"binary":"AAEC/w==","#,
        r#""any":{"typeUrl":"x/y","value":"dg=="},"none":null},"meta":{}}"#
    );
    let text = encoded(&with_payload(Payload::Named(named.into())));
    assert_eq!(text, expected);
    assert!(matches!(payload(&text), Payload::Json(_)));
    assert_eq!(
        encoded(&with_payload(Payload::Named(Vec::new()))),
        r#"{"jsonData":{},"meta":{}}"#
    );
}
