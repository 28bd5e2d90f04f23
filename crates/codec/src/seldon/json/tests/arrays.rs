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
        assert_eq!(array(text), Elements::Json(raw(text)), "{text}");
    }
}

#[test]
fn text_of_an_array_is_a_slice_of_the_body() {
    let body = body(r#"{"data":{"ndarray":["a"]}}"#);
    let Payload::Array(Array {
        elements: Elements::Json(json),
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
        assert_eq!(
            (data.layout, data.elements),
            (Layout::Flat, array),
            "{tensor}"
        );
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
            (data.layout, data.elements),
            (Layout::Flat, Elements::Json(raw(tensor))),
            "{tensor}"
        );
    }
}

#[test]
fn layouts_have_an_order() {
    let both = data(r#"{"data":{"ndarray":[1],"tensor":{"shape":[1],"values":[2]}}}"#);
    assert_eq!(
        (both.layout, both.elements),
        (Layout::Flat, ints(&[1], &[2]))
    );
    let text = r#"{"dtype":"DT_STRING"}"#;
    let tensorflow = data(&format!(r#"{{"data":{{"tftensor":{text}}}}}"#));
    assert_eq!(tensorflow.layout, Layout::TensorProto);
    assert_eq!(tensorflow.elements, Elements::Json(raw(text)));
    for text in ["{}", r#"{"colour":1}"#, "[]", r#"["x"]"#, r#""x""#] {
        let empty = data(&format!(r#"{{"data":{text}}}"#));
        assert_eq!(
            (empty.layout, empty.elements),
            (Layout::Unset, Elements::Typed(Tensor::empty()))
        );
    }
}

#[test]
fn short_documents_read_as_long_ones() {
    for text in [
        r#"{"data":{"ndarray":[[5.1,3.5],[1,0.2]]}}"#,
        r#"{"data": {"ndarray": [1, 2]}}"#,
        " {\n\"data\" :\t{ \"ndarray\" : [ [ true ] ] } } ",
        r#"{"data":{"ndarray":[]}}"#,
        r#"{"data":{"ndarray":[[1],[2,3]]}}"#,
        r#"{"data":{"ndarray":["a"]}}"#,
        r#"{"data":{"ndarray":[1],"names":["a"]}}"#,
        r#"{"data":{"ndarray":[1]},"meta":{"puid":"x"}}"#,
        r#"{"data":{"ndarray":[1],"ndarray":[2]}}"#,
        r#"{"data":{"ndarray":[1]},"data":{"ndarray":[2]}}"#,
        r#"{"data":{"ndarray":[1.]}}"#,
        r#"{"data":{"ndarray":[-.5]}}"#,
        r#"{"data":{"ndarray":[1,2.5,3e0]}}"#,
        r#"{"data":{"ndarray":[1.5]}}}"#,
        r#"{"data":{"ndarray":[1.5]}"#,
        r#"{"data":{"ndarray":[1.5]},}"#,
        r#"{"data":{"ndarray"[1.5]}}"#,
        r#"{"data":{"ndarray":}}"#,
    ] {
        let long = format!("{text}{}", " ".repeat(2000));
        let read = |text: &str| decode_message(&Bytes::copy_from_slice(text.as_bytes()));
        // Where the text breaks off, the long one has its spaces in addition.
        match (read(text), read(&long)) {
            (Err(short), Err(long)) => {
                let text = |error: &dyn std::fmt::Debug| {
                    let text = format!("{error:?}");
                    text.split("offset").next().unwrap_or_default().to_owned()
                };
                assert_eq!(text(&short), text(&long));
            }
            (short, long) => assert_eq!(short.unwrap(), long.unwrap(), "{text}"),
        }
    }
}
