use bytes::Bytes;
use streeling_core::{Error, Meter, Tensor};

use super::super::super::InferRequest;
use super::super::decode;
use super::{read, texts, wrong};

fn both(inputs: &str, binary: &[u8]) -> Result<InferRequest, Error> {
    let json = Bytes::from(format!(r#"{{"inputs":[{inputs}]}}"#));
    let binary = Bytes::copy_from_slice(binary);
    decode(&json, Some(binary), &Meter::unlimited())
}

fn input(name: &str, datatype: &str, shape: &str, size: &str) -> String {
    format!(
        r#"{{"name":"{name}","datatype":"{datatype}","shape":{shape},
            "parameters":{{"binary_data_size":{size},"a":1}}}}"#
    )
}

#[test]
fn tensors_follow_in_order_and_are_slices() {
    let inputs = [
        input("a", "INT16", "[2]", "4"),
        r#"{"name":"b","datatype":"INT8","shape":[1],"data":[7]}"#.to_owned(),
        input("c", "BYTES", "[1]", "6"),
        input("d", "FP32", "[0]", "0"),
    ];
    let binary = Bytes::from_static(b"\x01\0\xff\xff\x02\0\0\0hi");
    let json = Bytes::from(format!(r#"{{"inputs":[{}]}}"#, inputs.join(",")));
    let request = decode(&json, Some(binary.clone()), &Meter::unlimited()).unwrap();
    let tensors: Vec<&Tensor> = request.inputs.iter().map(|input| &input.tensor).collect();
    assert_eq!(tensors[0].to_vec::<i16>().unwrap(), [1, -1]);
    assert_eq!(tensors[0].data().as_ptr(), binary.as_ptr());
    assert_eq!(tensors[1].to_vec::<i8>().unwrap(), [7]);
    assert_eq!(*tensors[2], texts(&[1], &["hi"]));
    assert!(tensors[3].is_empty());
    let parameters = &request.inputs[0].parameters;
    assert_eq!(parameters.keys().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn sizes_that_lie_are_named() {
    let fails = |input: String, binary: &[u8]| wrong(both(&input, binary));
    assert_eq!(
        fails(input("x", "INT16", "[2]", "4"), &[0; 3]),
        "binary_data_size of input \"x\" is 4, but only 3 bytes are left"
    );
    assert_eq!(
        fails(input("x", "INT16", "[2]", "4"), &[0; 7]),
        "3 bytes are left behind the tensors of the inputs"
    );
    assert_eq!(
        fails(input("x", "INT16", "[2]", "3"), &[0; 3]),
        "input \"x\" of datatype INT16 and shape [2] takes 4 bytes, found 3"
    );
    assert_eq!(
        fails(input("x", "BYTES", "[1]", "6"), b"\x03\0\0\0hi"),
        "element 0 of input \"x\" claims 3 bytes, 2 are left"
    );
    assert_eq!(
        fails(input("x", "BYTES", "[2]", "6"), b"\x02\0\0\0hi"),
        "input \"x\" of datatype BYTES and shape [2] takes 2 elements, found 1"
    );
    for (size, found) in [
        ("-1", "a number"),
        ("1.5", "a number"),
        ("\"4\"", "a string"),
    ] {
        assert_eq!(
            fails(input("x", "INT16", "[2]", size), &[0; 4]),
            format!("binary_data_size of input \"x\" must be a number of bytes, found {found}")
        );
    }
    let huge = fails(input("x", "INT16", "[2]", "18446744073709551615"), &[0; 4]);
    assert!(huge.contains("only 4 bytes are left"), "{huge}");
}

#[test]
fn data_lies_in_one_place() {
    let twice = r#"{"name":"x","datatype":"INT8","shape":[1],"data":[1],
        "parameters":{"binary_data_size":1}}"#;
    assert_eq!(
        wrong(both(twice, &[1])),
        "input \"x\" has both data and a binary_data_size, it must have one of them"
    );
    let without = read(&format!(
        r#"{{"inputs":[{}]}}"#,
        input("x", "INT8", "[1]", "1")
    ));
    assert_eq!(
        wrong(without),
        "input \"x\" has a binary_data_size, but the request lacks the header \
         Inference-Header-Content-Length"
    );
}
