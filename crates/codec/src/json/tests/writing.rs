use super::*;

fn written(array: Array, form: Form) -> String {
    encoded(&with_payload(Payload::Data(Data {
        names: Names::new(),
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
