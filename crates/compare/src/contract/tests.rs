use super::*;

const CONTRACT: &str = r#"{
    "features": [
        {"name": "a", "ftype": "continuous", "dtype": "FLOAT", "range": [4, 8]},
        {"name": "b", "ftype": "continuous", "dtype": "INT", "range": [0, "inf"]},
        {"name": "c", "ftype": "categorical", "dtype": "STRING", "values": ["x", "y"]},
        {"name": "d", "ftype": "continuous", "range": ["-inf", 0], "repeat": 2}
    ],
    "targets": [{"name": "t", "ftype": "continuous", "dtype": "FLOAT", "range": [0, 1]}]
}"#;

fn message(contract: &str, layout: Layout) -> Result<Value, String> {
    Contract::parse(contract)?.message(2, layout, &mut Dice::new(1))
}

#[test]
fn rows_are_within_the_contract() {
    let message = message(CONTRACT, Layout::Ndarray).unwrap();
    let data = &message["data"];
    assert_eq!(data["names"], json!(["a", "b", "c", "d1", "d2"]));
    let rows = data["ndarray"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    for row in rows {
        let number = |at: usize| row[at].as_f64().unwrap();
        assert!((4.0..=8.0).contains(&number(0)), "{row}");
        assert!(number(1) >= 0.0 && number(1).fract() == 0.0, "{row}");
        assert!(["x", "y"].contains(&row[2].as_str().unwrap()), "{row}");
        assert!(number(3) <= 0.0 && number(4) <= 0.0, "{row}");
    }
}

#[test]
fn the_same_seed_gives_the_same_rows() {
    let contract = Contract::parse(CONTRACT).unwrap();
    let of = |seed| contract.feedback(3, Layout::Ndarray, &mut Dice::new(seed));
    assert_eq!(of(1), of(1));
    assert_ne!(of(1), of(2));
    let feedback = of(1).unwrap();
    assert_eq!(feedback["response"]["data"]["names"], json!(["t"]));
    assert_eq!(
        feedback["request"]["data"]["ndarray"][2]
            .as_array()
            .unwrap()
            .len(),
        5
    );
}

#[test]
fn a_shape_is_a_value_of_its_own() {
    let image = r#"{"features": [{"name": "i", "ftype": "continuous", "range": [0, 1],
        "shape": [2, 3]}]}"#;
    let message = message(image, Layout::Tensor).unwrap();
    assert_eq!(message["data"]["tensor"]["shape"], json!([2, 2, 3]));
    assert_eq!(
        message["data"]["tensor"]["values"]
            .as_array()
            .unwrap()
            .len(),
        12
    );
    assert_eq!(message["data"]["names"], json!(["i"]));
}

#[test]
fn what_a_contract_must_be_is_said() {
    let field = |rest: &str| format!(r#"{{"features":[{{"name":"a","ftype":{rest}}}]}}"#);
    for (text, what) in [
        ("{}".to_owned(), "missing field `features`"),
        (r#"{"features":[]}"#.to_owned(), "must not be empty"),
        (
            field(r#""odd""#),
            "unknown variant `odd`, expected `continuous` or `categorical`",
        ),
        (
            field(r#""categorical""#),
            "\"a\": a categorical field must have values",
        ),
        (
            field(r#""continuous","range":[2,1]"#),
            "must begin with the lower bound",
        ),
        (
            field(r#""continuous","range":["x",1]"#),
            "must be a number, \"inf\" or \"-inf\"",
        ),
        (
            field(r#""continuous","repeat":0"#),
            "repeat must be at least 1",
        ),
    ] {
        let error = Contract::parse(&text).unwrap_err();
        assert!(error.contains(what), "{text}: {error}");
    }
    let error = message(CONTRACT, Layout::Tensor).unwrap_err();
    assert!(error.contains("cannot be sent in a tensor"), "{error}");
    let untargeted = Contract::parse(&field(r#""continuous""#)).unwrap();
    assert!(
        untargeted
            .feedback(1, Layout::Ndarray, &mut Dice::new(1))
            .is_err()
    );
}
