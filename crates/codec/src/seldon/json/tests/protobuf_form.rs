use super::*;

fn written(message: &Message) -> String {
    let mut out = Vec::new();
    encode_in_protobuf_form(message, &mut out);
    String::from_utf8(out).unwrap()
}

fn laid_out(layout: Layout, elements: Elements) -> Message {
    Message {
        payload: Payload::Array(Array {
            names: Names::new(),
            layout,
            elements,
        }),
        ..Message::default()
    }
}

#[test]
fn numbers_are_floats_and_what_is_empty_is_left_out() {
    let ints = |shape: &[usize], values: Vec<i64>| {
        Elements::Typed(Tensor::from_vec(shape.to_vec(), values).unwrap())
    };
    for (layout, elements, expected) in [
        (
            Layout::Nested,
            ints(&[1, 2], vec![1, -2]),
            r#""ndarray":[[1.0,-2.0]]"#,
        ),
        (Layout::Nested, ints(&[0], vec![]), r#""ndarray":[]"#),
        (
            Layout::Flat,
            ints(&[2], vec![1, i64::MAX]),
            r#""tensor":{"shape":[2],"values":[1.0,9.223372036854776e+18]}"#,
        ),
        (
            Layout::Flat,
            ints(&[0, 2], vec![]),
            r#""tensor":{"shape":[0,2]}"#,
        ),
        (
            Layout::Flat,
            ints(&[], vec![5]),
            r#""tensor":{"values":[5.0]}"#,
        ),
        (
            Layout::Nested,
            floats(&[3], &[f64::NAN, f64::INFINITY, 0.1]),
            r#""ndarray":["NaN","Infinity",0.1]"#,
        ),
        (
            Layout::Nested,
            Elements::Json(raw(r#"["1 -2",null,[true,-Infinity,3]]"#)),
            r#""ndarray":["1 -2",null,[true,"-Infinity",3.0]]"#,
        ),
        (
            Layout::TensorProto,
            ints(&[1], vec![3]),
            concat!(
                r#""tftensor":{"dtype":"DT_INT64","tensorShape":{"dim":[{"size":"1"}]},"#,
                r#""int64Val":["3"]}"#
            ),
        ),
        (
            Layout::TensorProto,
            floats(&[0, 2], &[]),
            r#""tftensor":{"dtype":"DT_DOUBLE","tensorShape":{"dim":[{},{"size":"2"}]}}"#,
        ),
    ] {
        let found = written(&laid_out(layout, elements));
        assert_eq!(found, format!(r#"{{"data":{{{expected}}},"meta":{{}}}}"#));
    }
    let json = Message {
        payload: Payload::Json(raw(r#"{"a":[1,"1",NaN],"b":{}}"#)),
        ..Message::default()
    };
    assert_eq!(
        written(&json),
        r#"{"jsonData":{"a":[1.0,"1","NaN"],"b":{}},"meta":{}}"#
    );
}

#[test]
fn meta_and_status_have_what_differs_from_their_defaults() {
    let metric = |kind, value| Metric {
        key: "k".to_owned(),
        kind,
        value,
        tags: Some(Table::new()),
    };
    let message = Message {
        status: Some(Box::new(Status {
            code: 0,
            info: "i".to_owned(),
            reason: String::new(),
            failure: true,
        })),
        meta: Meta {
            tags: [("t".to_owned(), raw("1"))].into_iter().collect(),
            metrics: vec![
                metric(MetricKind::Counter, Number::Int(0)),
                metric(MetricKind::Gauge, Number::Float(0.1)),
                metric(MetricKind::Timer, Number::Float(f64::INFINITY)),
                metric(MetricKind::Counter, Number::Int(16_777_217)),
            ],
            ..Meta::default()
        },
        payload: Payload::None,
    };
    assert_eq!(
        written(&message),
        concat!(
            r#"{"meta":{"tags":{"t":1.0},"metrics":[{"key":"k"},"#,
            r#"{"key":"k","type":"GAUGE","value":0.1},"#,
            r#"{"key":"k","type":"TIMER","value":"Infinity"},{"key":"k","value":16777216.0}]},"#,
            r#""status":{"info":"i","status":"FAILURE"}}"#
        )
    );
}
