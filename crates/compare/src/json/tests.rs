use super::*;

const STRICTLY: Rules = Rules {
    globs: false,
    loosely: false,
    tolerance: TOLERANCE,
};
const GLOBS: Rules = Rules {
    globs: true,
    ..STRICTLY
};
const LOOSELY: Rules = Rules {
    loosely: true,
    ..STRICTLY
};

fn found(want: &str, got: &str, rules: Rules) -> Vec<String> {
    let mut found = Vec::new();
    Json::parse(want)
        .unwrap()
        .mismatches(&Json::parse(got).unwrap(), rules, "$", &mut found);
    found
}

#[test]
fn loosely_is_by_value_and_without_what_protobuf_leaves_out() {
    for (want, got) in [
        ("[1.0]", "[1]"),
        ("1", "1.0"),
        ("0.1", "0.1"),
        (
            r#"{"a":1.0}"#,
            r#"{"a":1,"names":[],"tags":{},"type":"COUNTER"}"#,
        ),
        (r#"{"a":0,"b":0.0,"c":false,"d":""}"#, "{}"),
    ] {
        assert_eq!(found(want, got, LOOSELY), [""; 0], "{want} {got}");
    }
    for (want, got) in [
        ("[1.0]", "[2]"),
        ("1", "true"),
        ("1", r#""1""#),
        ("{}", r#"{"names":["a"]}"#),
        ("{}", r#"{"type":"GAUGE"}"#),
        ("{}", r#"{"a":1}"#),
        (r#"{"a":null}"#, "{}"),
        (r#"{"a":true}"#, "{}"),
    ] {
        assert_eq!(found(want, got, LOOSELY).len(), 1, "{want} {got}");
    }
    assert_eq!(found("{}", r#"{"names":[]}"#, STRICTLY).len(), 1);
}

#[test]
fn order_of_keys_and_notation_of_floats_do_not_count() {
    assert_eq!(
        found(r#"{"a":1.0,"b":[NaN]}"#, r#"{"b":[NaN],"a":1e0}"#, STRICTLY),
        [""; 0]
    );
    assert_eq!(found("0.1", "0.10000000000000002", STRICTLY), [""; 0]);
    assert_eq!(found("-Infinity", "-Infinity", STRICTLY), [""; 0]);
}

#[test]
fn the_tolerance_can_be_set() {
    let rules = Rules {
        tolerance: 1e-3,
        ..STRICTLY
    };
    assert_eq!(found("100.0", "100.05", rules), [""; 0]);
    assert_eq!(found("100.0", "100.2", rules).len(), 1);
    assert_eq!(found("100", "100.05", rules).len(), 1);
}

#[test]
fn integers_and_floats_are_different_kinds() {
    assert_eq!(
        found("1", "1.0", STRICTLY),
        ["$: want integer 1, got float 1.0"]
    );
    assert_eq!(found("0.1", "0.100000000001", STRICTLY).len(), 1);
    assert_eq!(found("Infinity", "1e308", STRICTLY).len(), 1);
    assert_eq!(
        found("123456789012345678901", "123456789012345678902", STRICTLY).len(),
        1
    );
}

#[test]
fn missing_and_unexpected_fields_are_named() {
    assert_eq!(
        found(r#"{"a":{"b":null}}"#, r#"{"a":{"c":[]}}"#, STRICTLY),
        ["$.a.b: missing, want null", "$.a.c: not expected, got []"]
    );
}

#[test]
fn globs_count_only_where_the_rules_say_so() {
    assert_eq!(
        found(
            r#"{"info":"no * here"}"#,
            r#"{"info":"no way here"}"#,
            GLOBS
        ),
        [""; 0]
    );
    assert_eq!(found(r#""no *""#, r#""no way""#, STRICTLY).len(), 1);
}

#[test]
fn what_is_written_is_read_again() {
    let text = r#"{"a":[1,2.5,NaN,-Infinity,1e300],"é\"\\":[null,true,"\n\u0001"],"c":{}}"#;
    let value = Json::parse(text).unwrap();
    let written = value.to_string();
    assert_eq!(Json::parse(&written).unwrap().to_string(), written);
    assert_eq!(written, text);
}

#[test]
fn escapes() {
    let text = r#""\u00e9\ud83d\ude00\ud83dx\n""#;
    assert_eq!(
        Json::parse(text),
        Ok(Json::Text("é😀\\ud83dx\n".to_owned()))
    );
}

#[test]
fn nonsense_is_refused() {
    for text in [
        "",
        "nan",
        "[1,]",
        "{\"a\" 1}",
        "1 2",
        "\"a",
        "-",
        "0x1",
        "1.5.2",
    ] {
        assert!(Json::parse(text).is_err(), "{text}");
    }
}

#[test]
fn what_is_nested_too_deeply_is_refused() {
    let nested = |open: &str, close: &str, depth| {
        let text = format!("{}1{}", open.repeat(depth), close.repeat(depth));
        Json::parse(&text)
    };
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let (one, two) = (nested(open, close, DEPTH), nested(open, close, DEPTH - 1));
        let (one, two) = (one.unwrap(), two.unwrap());
        let mut found = Vec::new();
        one.mismatches(&two, STRICTLY, "$", &mut found);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(one.to_string().matches(open).count(), DEPTH);
        let error = nested(open, close, 1_000_000).unwrap_err();
        assert_eq!(error, "nested more than 512 levels deep");
    }
    // Beside one another is not within one another.
    assert!(Json::parse(&format!("[{}1]", "[],{},".repeat(DEPTH))).is_ok());
}

#[test]
fn there_are_no_more_lines_than_people_read() {
    let array = |item: &str| format!("[{}{item}]", format!("{item},").repeat(100_000 - 1));
    let lines = found(&array("1"), &array("2"), STRICTLY);
    assert_eq!(lines.len(), LINES + 1);
    assert_eq!(lines[1], "$[1]: want integer 1, got integer 2");
    assert_eq!(lines[LINES], "and 99980 more differences");
    // A shape that differs is one line, and not a long one.
    let lines = found(&array("1"), "{}", STRICTLY);
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("$: want [integer 1, integer 1, "));
    assert!(lines[0].ends_with("…, got {}"), "{}", lines[0]);
    assert!(lines[0].len() < 2_000, "{}", lines[0].len());
}
