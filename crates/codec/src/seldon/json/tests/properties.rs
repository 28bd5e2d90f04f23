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
        .prop_map(|(id, tags, routing, path, metrics)| Meta {
            id,
            tags: tags
                .into_iter()
                .map(|(name, text)| (name, raw(text)))
                .collect(),
            routing: Table::from_iter(routing),
            path: Table::from_iter(path),
            metrics,
            untyped: None,
        })
}

fn any_payload() -> impl Strategy<Value = Payload> {
    let names = prop_oneof![
        prop::collection::vec(".{0,12}", 0..4).prop_map(Names::from),
        (0_usize..1200).prop_map(Names::Numbered),
    ];
    let layout = prop::sample::select(vec![Layout::Nested, Layout::Flat]);
    prop_oneof![
        ".{0,40}".prop_map(Payload::Text),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(|v| Payload::Bytes(v.into())),
        prop::sample::select(vec!["null", "[1, {\"a\": \"\\ud800\"}]", "-Infinity"])
            .prop_map(|text| Payload::Json(raw(text))),
        (names, layout, any_tensor()).prop_map(|(names, layout, tensor)| {
            Payload::Array(Array {
                names,
                layout,
                elements: Elements::Typed(tensor),
            })
        }),
    ]
}

/// What JSON does not say: the dtype of no elements, and sides behind a zero.
fn as_json_says(payload: &Payload) -> Payload {
    let mut payload = payload.clone();
    if let Payload::Array(Array {
        elements: Elements::Typed(tensor),
        layout,
        ..
    }) = &mut payload
        && tensor.is_empty()
    {
        let mut shape = tensor.shape().to_vec();
        if let (Layout::Nested, Some(zero)) = (*layout, shape.iter().position(|&side| side == 0)) {
            shape.truncate(zero + 1);
        }
        *tensor = Tensor::from_vec::<f64>(shape, Vec::new()).unwrap();
    }
    payload
}

/// Whatever the bytes are: nothing panics, an error says where in them, and what is no JSON is
/// nothing else either.
fn decode_with_everything(body: &Bytes) {
    fn outcome<T>(body: &Bytes, found: Result<T, DecodeError>) -> bool {
        found
            .map_err(|error| assert!(error.offset() <= body.len(), "{error}"))
            .is_ok()
    }
    let is_json = outcome(body, check(body));
    for is_accepted in [
        outcome(body, decode_message(body)),
        outcome(body, decode_response(body)),
        outcome(body, decode_messages(body)),
        outcome(body, decode_feedback(body)),
        outcome(body, decode_meta(body)),
        outcome(body, decode_names(body)),
    ] {
        assert!(is_json || !is_accepted, "{body:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn messages_go_there_and_back(payload in any_payload(), meta in any_meta()) {
        let message = Message { status: None, meta, payload };
        let text = encoded(&message);
        let back = decode_message(&body(&text));
        let expected = Message { payload: as_json_says(&message.payload), ..message };
        prop_assert_eq!(back, Ok(expected), "{}", text);
    }

    #[test]
    fn a_message_cut_short_is_an_error(
        payload in any_payload(), meta in any_meta(), cut: prop::sample::Index,
    ) {
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
        text in concat!(
            r#"([\[\]{},:" 0-9.eE+\\-]|true|false|null|NaN|"data"|"ndarray"|"tensor"|"shape"|"#,
            r#""values"|"meta"|"tags"|"request"){0,40}"#
        ),
    ) {
        decode_with_everything(&text.into());
    }

    /// What was accepted can be written, and reads back as the same.
    #[test]
    fn accepted_lists_are_stable(
        text in r"\[(\[?(-?[0-9]{1,20}(\.[0-9]{1,20})?|true|null)\]?,? ?){0,12}\]",
    ) {
        let text = format!(r#"{{"data":{{"ndarray":{text}}}}}"#);
        if let Ok(message) = decode_message(&body(&text)) {
            prop_assert_eq!(decode_message(&body(&encoded(&message))), Ok(message));
        }
    }
}
