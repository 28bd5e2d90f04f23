//! `tftensor`, as protobuf and as JSON.

use std::fmt::Write as _;

use streeling_core::DType;
use tf::tensor_shape_proto::Dim;

use super::*;

fn shape(sides: &[i64]) -> Option<tf::TensorShapeProto> {
    Some(tf::TensorShapeProto {
        dim: sides
            .iter()
            .map(|&size| Dim {
                size,
                name: "ignored".to_owned(),
            })
            .collect(),
        unknown_rank: false,
    })
}

fn message(tensor: tf::TensorProto) -> pb::SeldonMessage {
    pb::SeldonMessage {
        data_oneof: Some(pb::seldon_message::DataOneof::Data(pb::DefaultData {
            names: vec![],
            data_oneof: Some(pb::default_data::DataOneof::Tftensor(tensor)),
        })),
        ..pb::SeldonMessage::default()
    }
}

fn array(tensor: tf::TensorProto) -> Result<Elements, DecodeError> {
    match read(&message(tensor))?.payload {
        Payload::Array(Array {
            layout: Layout::TensorProto,
            elements: array,
            ..
        }) => Ok(array),
        other => panic!("{other:?}"),
    }
}

/// Every dtype with values in its list, those values in memory order, and the list in JSON.
fn table() -> Vec<(DType, tf::TensorProto, Vec<u8>, &'static str)> {
    let proto = |dtype: tf::DataType| tf::TensorProto {
        dtype: dtype.into(),
        tensor_shape: shape(&[2]),
        ..tf::TensorProto::default()
    };
    macro_rules! bytes {
        ($($value:expr),*) => { [$(&$value.to_le_bytes()[..]),*].concat() };
    }
    use tf::DataType as T;
    vec![
        (
            DType::F32,
            tf::TensorProto {
                float_val: vec![1.5, f32::NAN],
                ..proto(T::DtFloat)
            },
            bytes!(1.5_f32, f32::NAN),
            r#""floatVal":[1.5,"NaN"]"#,
        ),
        (
            DType::F64,
            tf::TensorProto {
                double_val: vec![0.1, -0.0],
                ..proto(T::DtDouble)
            },
            bytes!(0.1_f64, -0.0_f64),
            r#""double_val":["0.1",-0.0]"#,
        ),
        (
            DType::I32,
            tf::TensorProto {
                int_val: vec![-1, i32::MAX],
                ..proto(T::DtInt32)
            },
            bytes!(-1_i32, i32::MAX),
            r#""intVal":[-1,2147483647]"#,
        ),
        (
            DType::U8,
            tf::TensorProto {
                int_val: vec![0, 255],
                ..proto(T::DtUint8)
            },
            bytes!(0_u8, 255_u8),
            r#""int_val":[0,"255"]"#,
        ),
        (
            DType::I16,
            tf::TensorProto {
                int_val: vec![-32768, 1],
                ..proto(T::DtInt16)
            },
            bytes!(i16::MIN, 1_i16),
            r#""intVal":[-32768,1.0]"#,
        ),
        (
            DType::I8,
            tf::TensorProto {
                int_val: vec![-128, 1],
                ..proto(T::DtInt8)
            },
            bytes!(i8::MIN, 1_i8),
            r#""intVal":[-128,1]"#,
        ),
        (
            DType::I64,
            tf::TensorProto {
                int64_val: vec![i64::MIN, 1],
                ..proto(T::DtInt64)
            },
            bytes!(i64::MIN, 1_i64),
            r#""int64Val":["-9223372036854775808",1]"#,
        ),
        (
            DType::Bool,
            tf::TensorProto {
                bool_val: vec![true, false],
                ..proto(T::DtBool)
            },
            vec![1, 0],
            r#""boolVal":[true,false]"#,
        ),
        (
            DType::U16,
            tf::TensorProto {
                int_val: vec![65535, 1],
                ..proto(T::DtUint16)
            },
            bytes!(u16::MAX, 1_u16),
            r#""intVal":[65535,1]"#,
        ),
        (
            DType::F16,
            tf::TensorProto {
                half_val: vec![0x3c00, 0xfc00],
                ..proto(T::DtHalf)
            },
            bytes!(0x3c00_u16, 0xfc00_u16),
            r#""halfVal":[15360,64512]"#,
        ),
        (
            DType::U32,
            tf::TensorProto {
                uint32_val: vec![u32::MAX, 1],
                ..proto(T::DtUint32)
            },
            bytes!(u32::MAX, 1_u32),
            r#""uint32Val":[4294967295,1]"#,
        ),
        (
            DType::U64,
            tf::TensorProto {
                uint64_val: vec![u64::MAX, 1],
                ..proto(T::DtUint64)
            },
            bytes!(u64::MAX, 1_u64),
            r#""uint64Val":["18446744073709551615",18446744073709551615]"#,
        ),
    ]
}

fn typed(dtype: DType, sides: &[usize], bytes: &[u8]) -> Elements {
    Elements::Typed(Tensor::new(dtype, sides.to_vec(), Bytes::copy_from_slice(bytes)).unwrap())
}

fn from_json(text: &str) -> Elements {
    let body = Bytes::from(format!("{{\"data\":{{\"tftensor\":{text}}}}}"));
    match crate::seldon::json::decode_message(&body).unwrap().payload {
        Payload::Array(Array {
            layout: Layout::TensorProto,
            elements: array,
            ..
        }) => array,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_dtype_is_read_and_written() {
    // `DType::Bytes` has a test of its own.
    assert_eq!(table().len(), DType::ALL.len() - 1);
    for (dtype, tensor, bytes, _) in table() {
        let expected = typed(dtype, &[2], &bytes);
        assert_eq!(array(tensor.clone()), Ok(expected.clone()), "{dtype:?}");
        let Elements::Typed(elements) = &expected else {
            unreachable!()
        };
        let content = tf::TensorProto {
            dtype: tensor.dtype,
            tensor_shape: tensor.tensor_shape.clone(),
            tensor_content: elements.data().clone(),
            ..tf::TensorProto::default()
        };
        assert_eq!(array(content.clone()), Ok(expected.clone()), "{dtype:?}");
        let written = read_by_prost(&data(Layout::TensorProto, expected));
        let Some(pb::seldon_message::DataOneof::Data(found)) = written.data_oneof else {
            panic!("no data");
        };
        let Some(pb::default_data::DataOneof::Tftensor(found)) = found.data_oneof else {
            panic!("no tftensor");
        };
        assert_eq!(found.dtype, content.dtype);
        let is_listed = matches!(dtype, DType::U16 | DType::Bool);
        assert_eq!(found.tensor_content.is_empty(), is_listed, "{dtype:?}");
        assert_eq!(array(found.clone()), array(content), "{dtype:?}");
        let sides: Vec<i64> = found
            .tensor_shape
            .unwrap()
            .dim
            .iter()
            .map(|dim| dim.size)
            .collect();
        assert_eq!(sides, [2]);
    }
}

#[test]
fn every_dtype_is_read_from_json() {
    for (dtype, tensor, bytes, list) in table() {
        let mut bytes = bytes;
        if dtype == DType::U64 {
            bytes[8..].copy_from_slice(&u64::MAX.to_le_bytes());
        }
        let name = tensor.dtype().as_str_name();
        let number = tensor.dtype;
        let expected = typed(dtype, &[2], &bytes);
        for dtype in [format!("{name:?}"), number.to_string()] {
            let text =
                format!(r#"{{{list},"dtype":{dtype},"tensorShape":{{"dim":[{{"size":"2"}}]}}}}"#);
            assert_eq!(from_json(&text), expected, "{text}");
        }
        // What this crate writes comes back.
        let echo = data(Layout::TensorProto, expected);
        let mut text = Vec::new();
        crate::seldon::json::encode_message(&echo, &mut text);
        assert_eq!(crate::seldon::json::decode_message(&text.into()), Ok(echo));
    }
}

#[test]
fn json_that_is_no_tensor_of_numbers_stays_text() {
    for text in [
        r#"{"dtype":"DT_STRING","tensorShape":{"dim":[{"size":"1"}]},"stringVal":["YQ=="]}"#,
        r#"{"dtype":"DT_FLOAT","tensorShape":{"dim":[{"size":"1"}]},"floatVal":[1,2]}"#,
        r#"{"dtype":"DT_INT8","tensorShape":{"dim":[{"size":1}]},"intVal":[2147483648]}"#,
        r#"{"dtype":"DT_INT32","tensorShape":{"dim":[{"size":1}]},"intVal":[1.5]}"#,
        r#"{"dtype":"DT_FLOAT","tensorShape":{"dim":[{"size":-1}]},"floatVal":[1]}"#,
        r#"{"dtype":"DT_FLOAT","tensorShape":{"unknownRank":true},"floatVal":[1,2]}"#,
        r#"{"dtype":"DT_FLOAT","tensorShape":{"dim":[{"size":"99999999999"}]},"floatVal":[1]}"#,
        r#"{"dtype":"DT_FLOAT","tensorContent":"!"}"#,
        r#"{"dtype":"DT_NONE"}"#,
        "{}",
    ] {
        assert_eq!(from_json(text), Elements::Json(raw(text)));
    }
}

#[test]
fn short_list_repeats_its_last_value() {
    let tensor = |sides: &[i64], float_val: Vec<f32>| tf::TensorProto {
        dtype: tf::DataType::DtFloat.into(),
        tensor_shape: shape(sides),
        float_val,
        ..tf::TensorProto::default()
    };
    let floats = |values: &[f32]| {
        values
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let found = array(tensor(&[2, 2], vec![1.0, 2.0]));
    assert_eq!(
        found,
        Ok(typed(DType::F32, &[2, 2], &floats(&[1.0, 2.0, 2.0, 2.0])))
    );
    let found = array(tensor(&[3], vec![]));
    assert_eq!(
        found,
        Ok(typed(DType::F32, &[3], &floats(&[0.0, 0.0, 0.0])))
    );
    let found = array(tensor(&[], vec![7.0]));
    assert_eq!(found, Ok(typed(DType::F32, &[], &floats(&[7.0]))));
    let json = r#"{"dtype":1,"tensor_shape":{"dim":[{"size":3}]},"floatVal":[1,"2"]}"#;
    assert_eq!(
        from_json(json),
        typed(DType::F32, &[3], &floats(&[1.0, 2.0, 2.0]))
    );
}

#[test]
fn what_is_repeated_is_bounded_over_the_whole_document() {
    let thousand = message(tf::TensorProto {
        dtype: tf::DataType::DtFloat.into(),
        tensor_shape: shape(&[1000]),
        float_val: vec![1.0],
        ..tf::TensorProto::default()
    });
    let list = pb::SeldonMessageList {
        seldon_messages: vec![thousand.clone(), thousand],
    };
    let body = Bytes::from(list.encode_to_vec());
    let within = |repeated| decode_messages(&body, Limits { repeated });
    assert_eq!(within(8000).unwrap().len(), 2);
    let error = within(7999).unwrap_err();
    assert!(matches!(error, DecodeError::TooLarge { .. }), "{error}");
    assert_eq!(error.path(), "seldonMessages[1].data.tftensor");
}

#[test]
fn parts_that_do_not_belong_together_are_errors() {
    let base = |sides: &[i64]| tf::TensorProto {
        dtype: tf::DataType::DtInt8.into(),
        tensor_shape: shape(sides),
        ..tf::TensorProto::default()
    };
    let content = |sides: &[i64], bytes: &'static [u8]| tf::TensorProto {
        tensor_content: Bytes::from_static(bytes),
        ..base(sides)
    };
    let ints = |sides: &[i64], int_val: Vec<i32>| tf::TensorProto {
        int_val,
        ..base(sides)
    };
    let mut shown = String::new();
    for tensor in [
        content(&[3], b"ab"),
        ints(&[1], vec![1, 2]),
        ints(&[-1], vec![1]),
        ints(&[1; 33], vec![1]),
        ints(&[i64::MAX, i64::MAX], vec![1]),
        ints(&[i64::MAX, 0], vec![]),
        ints(&[], vec![1, 2]),
    ] {
        let error = array(tensor).unwrap_err();
        writeln!(shown, "{error}").unwrap();
        assert!(error.path().starts_with("data.tftensor"), "{error}");
    }
    assert_eq!(shown.matches("takes too much memory").count(), 2, "{shown}");
    assert_eq!(shown.lines().count(), 7);
}

#[test]
fn an_element_has_the_lowest_bits_of_its_integer() {
    let tensor = |dtype: tf::DataType, value: i32| tf::TensorProto {
        dtype: dtype.into(),
        tensor_shape: shape(&[1]),
        int_val: vec![value],
        ..tf::TensorProto::default()
    };
    let found = array(tensor(tf::DataType::DtInt8, 300));
    assert_eq!(found, Ok(typed(DType::I8, &[1], &[44])));
    let found = array(tensor(tf::DataType::DtUint16, -1));
    assert_eq!(found, Ok(typed(DType::U16, &[1], &[255, 255])));
}

#[test]
fn a_single_value_is_written_into_its_list() {
    for (dtype, tensor, bytes, _) in table() {
        let size = bytes.len() / 2;
        let one = typed(dtype, &[1], &bytes[..size]);
        let written = read_by_prost(&data(Layout::TensorProto, one.clone()));
        let Some(pb::seldon_message::DataOneof::Data(found)) = written.data_oneof else {
            panic!("no data");
        };
        let Some(pb::default_data::DataOneof::Tftensor(found)) = found.data_oneof else {
            panic!("no tftensor");
        };
        assert!(found.tensor_content.is_empty(), "{dtype:?}");
        assert_eq!(found.dtype, tensor.dtype);
        assert_eq!(array(found), Ok(one), "{dtype:?}");
    }
}

#[test]
fn other_dtypes_are_json_of_the_form() {
    let tensor = |dtype: i32| tf::TensorProto {
        dtype,
        tensor_shape: shape(&[1]),
        ..tf::TensorProto::default()
    };
    let complex = tf::TensorProto {
        scomplex_val: vec![0.5, f32::NAN],
        ..tensor(tf::DataType::DtComplex64.into())
    };
    let bfloat16 = tf::TensorProto {
        half_val: vec![16256],
        ..tensor(tf::DataType::DtBfloat16.into())
    };
    let content = tf::TensorProto {
        tensor_content: Bytes::from_static(b"\x01"),
        ..tensor(-1)
    };
    for (tensor, rest) in [
        (complex, r#""DT_COMPLEX64",R,"scomplexVal":[0.5,NaN]"#),
        (bfloat16, r#"14,R,"halfVal":[16256]"#),
        (content, r#"-1,R,"tensorContent":"AQ==""#),
    ] {
        let rest = rest.replace('R', r#""tensorShape":{"dim":[{"size":"1"}]}"#);
        let text = format!(r#"{{"dtype":{rest}}}"#);
        assert_eq!(array(tensor), Ok(Elements::Json(raw(&text))));
    }
}

#[test]
fn strings_are_json_of_the_form_and_come_back() {
    let strings = tf::TensorProto {
        dtype: tf::DataType::DtString.into(),
        tensor_shape: shape(&[2]),
        string_val: vec![Bytes::from_static(b"\xffa"), Bytes::new()],
        ..tf::TensorProto::default()
    };
    let found = array(strings).unwrap();
    let text =
        r#"{"dtype":"DT_STRING","tensorShape":{"dim":[{"size":"2"}]},"stringVal":["/2E=",""]}"#;
    assert_eq!(found, Elements::Json(raw(text)));
    let echo = data(Layout::TensorProto, found);
    assert_eq!(decode_message(&written(&echo), Limits::default()), Ok(echo));
}

#[test]
fn truth_values_in_content_are_0_or_1() {
    let found = array(tf::TensorProto {
        dtype: tf::DataType::DtBool.into(),
        tensor_shape: shape(&[3]),
        tensor_content: Bytes::from_static(&[0, 1, 7]),
        ..tf::TensorProto::default()
    });
    assert_eq!(found, Ok(typed(DType::Bool, &[3], &[0, 1, 1])));
}
