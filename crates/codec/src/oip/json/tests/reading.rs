use bytes::Bytes;
use streeling_core::{Budget, DType, ErrorKind, Meter, Tensor, Use};

use super::super::decode;
use super::{one, parameters, read, texts, wrong};

fn info(datatype: &str, shape: &str, data: &str) -> String {
    let error = one(datatype, shape, data).unwrap_err();
    assert_eq!(error.kind, ErrorKind::BadData);
    error.info
}

#[test]
fn every_field_of_a_request_is_read_in_any_order() {
    let request = read(
        r#" {"outputs":[{"parameters":{"binary_data":false},"name":"y","x":1}], "model_name":"a",
            "inputs":[{"data":[1,2],"x":{},"parameters":{"names":["a","b"],"c":null},
            "shape":[1,2],"datatype":"FP32","name":"x"}],
            "parameters":{"a":1,"b":"\u00e9","c":true,"d":-1.5e3,"e":null}, "id":"i"} "#,
    )
    .unwrap();
    assert_eq!(request.id.as_deref(), Some("i"));
    let expected = [
        ("a", "1"),
        ("b", r#""\u00e9""#),
        ("c", "true"),
        ("d", "-1.5e3"),
    ];
    assert_eq!(request.parameters, parameters(&expected));
    let input = &request.inputs[0];
    assert_eq!(input.name, "x");
    assert_eq!(input.parameters, parameters(&[("names", r#"["a","b"]"#)]));
    assert_eq!(
        input.tensor,
        Tensor::from_vec(vec![1, 2], vec![1_f32, 2.0]).unwrap()
    );
    assert_eq!(request.outputs[0].name, "y");
    assert_eq!(
        request.outputs[0].parameters,
        parameters(&[("binary_data", "false")])
    );
}

#[test]
fn null_is_as_good_as_absent() {
    let request = read(
        r#"{"id":null,"parameters":null,"outputs":null,"inputs":[
            {"name":"x","datatype":"INT8","shape":[1],"parameters":null,"data":[1]}]}"#,
    )
    .unwrap();
    assert_eq!(request.id, None);
    assert!(request.outputs.is_empty() && request.parameters.is_empty());
}

#[test]
fn data_is_flat_or_nested_as_the_shape_or_a_single_element() {
    let expected = Tensor::from_vec(vec![2, 3], vec![1_i64, 2, 3, 4, 5, 6]).unwrap();
    for data in ["[1,2,3,4,5,6]", "[[1,2,3],[4,5,6]]", "[[1,2.0,3],[4,5,6]]"] {
        assert_eq!(one("INT64", "[2,3]", data).unwrap(), expected, "{data}");
    }
    for (shape, data) in [("[]", "7"), ("[]", "[7]"), ("[1]", "7"), ("[1,1]", "[[7]]")] {
        let found = one("UINT8", shape, data).unwrap();
        assert_eq!(found.to_vec::<u8>().unwrap(), [7], "{shape} {data}");
    }
    for (shape, data) in [
        ("[0]", "[]"),
        ("[2,0]", "[[],[]]"),
        ("[2,0]", "[]"),
        ("[0,3]", "[]"),
    ] {
        for datatype in ["FP32", "BYTES", "BOOL"] {
            let found = one(datatype, shape, data).unwrap();
            assert!(found.is_empty(), "{datatype} {shape} {data}");
        }
    }
}

#[test]
fn every_datatype_has_its_own_elements() {
    fn data(datatype: &str, data: &str) -> Vec<u8> {
        let tensor = one(datatype, "[2]", data).unwrap();
        tensor.data().to_vec()
    }
    assert_eq!(data("BOOL", "[true,false]"), [1, 0]);
    assert_eq!(data("BOOL", "[1,0]"), [1, 0]);
    assert_eq!(data("BOOL", "[true, 0]"), [1, 0]);
    assert_eq!(data("INT8", "[-128,127]"), [0x80, 0x7f]);
    assert_eq!(data("UINT8", "[0,255]"), [0, 0xff]);
    assert_eq!(data("INT16", "[-32768,1]"), [0, 0x80, 1, 0]);
    assert_eq!(data("UINT16", "[65535,1e2]"), [0xff, 0xff, 100, 0]);
    assert_eq!(data("INT32", "[-1,1]"), [255, 255, 255, 255, 1, 0, 0, 0]);
    assert_eq!(
        data("UINT32", "[4294967295,0]"),
        [255, 255, 255, 255, 0, 0, 0, 0]
    );
    assert_eq!(data("FP16", "[1,-2.5]"), [0, 0x3c, 0, 0xc1]);
    assert_eq!(data("FP16", "[65519,-Infinity]"), [0xff, 0x7b, 0, 0xfc]);
    let floats = one("FP32", "[4]", "[0.1,16777217,NaN,-Infinity]").unwrap();
    let floats = floats.to_vec::<f32>().unwrap();
    assert_eq!(floats[..2], [0.1, 16_777_216.0]);
    assert!(floats[2].is_nan() && floats[3] == f32::NEG_INFINITY);
    let floats = one("FP64", "[3]", "[0.1,123456789012345678901,1]").unwrap();
    assert_eq!(
        floats.to_vec::<f64>().unwrap(),
        [0.1, 123_456_789_012_345_680_000.0, 1.0]
    );
    let large = one("UINT64", "[2,1]", "[[18446744073709551615],[1]]").unwrap();
    assert_eq!(large.to_vec::<u64>().unwrap(), [u64::MAX, 1]);
    let ints = one("INT64", "[2]", "[-9223372036854775808,9223372036854775807]").unwrap();
    assert_eq!(ints.to_vec::<i64>().unwrap(), [i64::MIN, i64::MAX]);
    let found = one("BYTES", "[2,1]", r#"[["a\u00e9"],[""]]"#).unwrap();
    assert_eq!(found, texts(&[2, 1], &["aé", ""]));
    assert_eq!(one("BYTES", "[]", r#""a""#).unwrap(), texts(&[], &["a"]));
    assert_eq!(found.dtype(), DType::Bytes);
}

#[test]
fn numbers_beyond_their_datatype_are_named() {
    assert_eq!(
        info("UINT8", "[2,2]", "[[1,2],[3,256]]"),
        "element 3 of input \"x\" is 256, datatype UINT8 holds integers from 0 to 255"
    );
    assert_eq!(
        info("INT8", "[1]", "[1.5]"),
        "element 0 of input \"x\" is 1.5, datatype INT8 holds integers from -128 to 127"
    );
    assert_eq!(
        info("FP16", "[1]", "[65520]"),
        "element 0 of input \"x\" is 65520, datatype FP16 holds numbers up to 65504"
    );
    assert_eq!(
        info("FP32", "[2]", "[1,1e39]"),
        "element 1 of input \"x\" is 1e39, datatype FP32 holds numbers up to 3.4028235e38"
    );
    for (datatype, value) in [
        ("UINT64", "-1"),
        ("UINT64", "18446744073709551616"),
        ("INT64", "9223372036854775808"),
        ("INT64", "1e19"),
        ("INT64", "NaN"),
        ("INT32", "2147483648"),
        ("UINT32", "-1"),
        ("BOOL", "2"),
        ("BOOL", "0.5"),
        ("INT16", "32768"),
    ] {
        let found = info(
            datatype,
            "[1,1]",
            &format!("[[1],[{value}]]").replace("[[", "[["),
        );
        assert!(found.contains(datatype), "{datatype} {value}: {found}");
    }
    let long = info("INT64", "[1]", &format!("[{}]", "9".repeat(100)));
    assert!(long.len() < 160 && long.contains("999…"), "{long}");
}

#[test]
fn elements_of_a_wrong_kind_are_named() {
    for (datatype, data, expected) in [
        (
            "FP32",
            "[true]",
            "holds booleans, elements of datatype FP32 are numbers",
        ),
        (
            "BYTES",
            "[1]",
            "holds numbers, elements of datatype BYTES are strings",
        ),
        (
            "FP32",
            r#"["1"]"#,
            "expected a number at inputs[0].data (byte",
        ),
        (
            "FP32",
            "[null]",
            "expected a number at inputs[0].data (byte",
        ),
        (
            "BOOL",
            r#"["true"]"#,
            "expected a boolean at inputs[0].data (byte",
        ),
        ("BYTES", "[{}]", "expected a string at inputs[0].data (byte"),
        (
            "BYTES",
            r#"["a",1]"#,
            "expected a string at inputs[0].data (byte",
        ),
        ("FP32", "{}", "expected a number at inputs[0].data (byte"),
        ("BYTES", r#"["\ud800"]"#, "half of a surrogate pair"),
        ("FP32", "[[1],2]", "lists of one level that differ"),
        (
            "BYTES",
            r#"[["a"],["b","c"]]"#,
            "lists of one level that differ",
        ),
    ] {
        let found = info(datatype, "[1]", data);
        assert!(found.contains(expected), "{datatype} {data}: {found}");
    }
}

#[test]
fn shapes_must_be_those_of_the_data() {
    assert_eq!(
        info("FP32", "[2,2]", "[1,2,3]"),
        "input \"x\" of datatype FP32 and shape [2, 2] takes 4 elements, found 3"
    );
    assert_eq!(
        info("FP32", "[2,3]", "[[1,2],[3,4],[5,6]]"),
        "data of input \"x\" is nested as [3, 2], its shape is [2, 3]"
    );
    assert_eq!(
        info("BYTES", "[4,4611686018427387904]", r#"["a"]"#),
        "input \"x\" of datatype BYTES and shape [4, 4611686018427387904] takes more elements than \
         memory holds, found 1"
    );
    assert_eq!(
        info("FP32", "[-1]", "[1]"),
        "input \"x\" has the side -1 in its shape, which must not be negative"
    );
    for (shape, expected) in [
        ("[1.5]", "expected an integer at inputs[0].shape[0] (byte"),
        ("[\"1\"]", "expected a number at inputs[0].shape[0] (byte"),
        ("1", "expected a list at inputs[0].shape (byte"),
        (
            "[99999999999999999999]",
            "expected an integer at inputs[0].shape[0] (byte",
        ),
    ] {
        let found = info("FP32", shape, "[1]");
        assert!(found.contains(expected), "{shape}: {found}");
    }
    let many = format!("[{}]", vec!["1"; 33].join(","));
    assert!(info("FP32", &many, "[1]").contains("a shape of 33 sides"));
}

#[test]
fn datatypes_must_be_known() {
    let found = info("fp32", "[1]", "[1]");
    assert!(
        found.starts_with("datatype \"fp32\" of input \"x\" is not known"),
        "{found}"
    );
    assert!(found.contains("BOOL, UINT8, UINT16"), "{found}");
    assert!(info("BF16", "[1]", "[1]").contains("exists as raw bytes alone"));
}

#[test]
fn fields_that_are_missing_or_wrong_are_named() {
    let input = |fields: &str| wrong(read(&format!(r#"{{"inputs":[{{{fields}}}]}}"#)));
    let rest = r#""datatype":"INT8","shape":[1],"data":[1]"#;
    assert_eq!(input(rest), "inputs[0] has no name");
    assert_eq!(
        input(r#""name":"x","shape":[1],"data":[1]"#),
        "inputs[0] has no datatype"
    );
    assert_eq!(
        input(r#""name":"x","datatype":"INT8","data":[1]"#),
        "inputs[0] has no shape"
    );
    assert_eq!(
        input(r#""name":"x","datatype":"INT8","shape":[1]"#),
        "input \"x\" has neither data nor a binary_data_size, it must have one of them"
    );
    for (body, expected) in [
        ("{}", "the request has no inputs"),
        (r#"{"inputs":null}"#, "the request has no inputs"),
        ("[]", "expected an object at byte 0, found a list"),
        ("", "no valid JSON at byte 0"),
        (r#"{"inputs":[{"#, "no valid JSON at "),
        (r#"{"inputs":[]} x"#, "expected the end of the document"),
        (
            r#"{"inputs":{}}"#,
            "expected a list at inputs (byte 10), found an object",
        ),
        (
            r#"{"inputs":[1]}"#,
            "expected an object at inputs[0] (byte 11), found a number",
        ),
        (
            r#"{"id":5,"inputs":[]}"#,
            "expected a string at id (byte 6), found a number",
        ),
        (
            r#"{"inputs":[{"name":1}]}"#,
            "expected a string at inputs[0].name",
        ),
        (
            r#"{"parameters":[],"inputs":[]}"#,
            "expected an object at parameters",
        ),
        (
            r#"{"parameters":{"a":{}},"inputs":[]}"#,
            "expected a string, a number or a boolean at parameters.a (byte 19), found an object",
        ),
        (r#"{"parameters":{"a":[1]},"inputs":[]}"#, "at parameters.a"),
        (
            r#"{"inputs":[{"parameters":{"a":[]}}]}"#,
            "at inputs[0].parameters.a",
        ),
        (
            r#"{"outputs":[{}],"inputs":[]}"#,
            "a requested output without a name at outputs[0]",
        ),
        (
            r#"{"outputs":[1],"inputs":[]}"#,
            "expected an object at outputs[0]",
        ),
    ] {
        let found = wrong(read(body));
        assert!(found.contains(expected), "{body}: {found}");
    }
    let shared = r#""name":"x","parameters":{"shared_memory_region":"r"},"#;
    assert!(input(&format!("{shared}{rest}")).contains("no shared memory"));
}

#[test]
fn lists_in_each_other_are_limited() {
    let deep = format!("{}{}", "[".repeat(600), "]".repeat(600));
    let error = one("FP32", "[1]", &deep).unwrap_err();
    assert_eq!(error.limit, Some(streeling_core::Limit::JsonDepth));
    let deep = format!("{}1{}", "[".repeat(40), "]".repeat(40));
    assert!(info("FP32", "[1]", &deep).contains("more than 32 lists"));
}

#[test]
fn memory_is_taken_before_it_is_used() {
    let inputs: Vec<_> = (0..20_000)
        .map(|index| format!(r#"{{"name":"{index}","datatype":"INT8","shape":[1],"data":[1]}}"#))
        .collect();
    let many = format!(r#"{{"inputs":[{}]}}"#, inputs.join(","));
    let texts = format!(
        r#"{{"inputs":[{{"name":"x","datatype":"BYTES","shape":[300000],"data":[{}]}}]}}"#,
        vec!["\"\""; 300_000].join(",")
    );
    for body in [many, texts] {
        let budget = Budget::new(1 << 20);
        let meter = Meter::new(budget.account().charge(Use::Decoded, 0), body.len());
        let error = decode(&Bytes::from(body), None, &meter).unwrap_err();
        assert_eq!(error.kind, ErrorKind::TooLarge);
    }
}
