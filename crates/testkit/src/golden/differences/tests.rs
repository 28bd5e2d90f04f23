use super::*;
use crate::{CallResponse, Keep, Response, Snapshot};

/// The file with one heading, and below it rows with these cases.
fn file(cases: &[&str]) -> String {
    let mut text = r#"
        intro = "Text."
        [[audience]]
        who = "call it"
        what = "some"
        see = ["Errors"]
        [[heading]]
        title = "Errors"
        prose = "Prose."
    "#
    .to_owned();
    for (number, case) in cases.iter().enumerate() {
        text += &format!(
            "[[heading.difference]]\nwhen = \"row {number}\"\nseldon-core = \"500\"\n\
             streeling = \"another\"\nreason = \"because\"\n[[heading.difference.case]]\n{case}\n"
        );
    }
    text
}

const ROUTE: &str = r#"
    exchanges = ["A/*/get*", "B/plain/x"]
    status = 404
    headers = { allow = "absent" }
    body = '{"info":"404*","code":-1}'
"#;

fn parse(case: &str) -> Differences {
    Differences::parse(&file(&[case])).unwrap()
}

fn recorded() -> Snapshot {
    let headers = [("allow", "GET"), ("content-type", "application/json")];
    let headers = headers.map(|(k, v)| (k.to_owned(), v.to_owned()));
    let raw = Response {
        status: 500,
        headers: headers.into(),
        body: b"{}".to_vec(),
    };
    Snapshot::new(&raw, Keep::All)
}

#[test]
fn a_case_says_what_is_expected_instead() {
    let differences = parse(ROUTE);
    assert_eq!(differences.iter().count(), 1);
    assert!(differences.of("A/plain/post").is_none());
    let expected = differences
        .of("A/plain/get x")
        .unwrap()
        .expected(Some(&recorded()));
    let mut got = recorded();
    got.status = 404;
    got.headers.remove("allow");
    got.body = Some(r#"{"code":-1,"info":"404 not found"}"#.to_owned());
    assert_eq!(expected.mismatches(&got), [""; 0]);
    assert_eq!(expected.mismatches(&recorded()).len(), 4);
}

#[test]
fn stars_of_headers_count_in_the_case_alone() {
    let differences = parse(
        r#"
        exchanges = ["B/plain/x"]
        status = 404
        headers = { allow = "*, POST" }
        "#,
    );
    let mut reference = recorded();
    reference.headers.insert("vary".to_owned(), "*".to_owned());
    let expected = differences
        .of("B/plain/x")
        .unwrap()
        .expected(Some(&reference));
    let mut got = reference.clone();
    got.status = 404;
    got.headers
        .insert("allow".to_owned(), "GET, POST".to_owned());
    assert_eq!(expected.mismatches(&got), [""; 0]);
    got.headers.insert("vary".to_owned(), "origin".to_owned());
    assert_eq!(expected.mismatches(&got).len(), 1);
}

#[test]
fn a_response_may_be_that_of_another_exchange_or_compared_loosely() {
    let differences = parse(
        r#"
        exchanges = ["A/*/null"]
        responds-as = "none"
        compare = "loosely"
        "#,
    );
    let difference = differences.of("A/plain/null").unwrap();
    assert_eq!(
        difference.model_of("A/plain/null").as_deref(),
        Some("A/plain/none")
    );
    let mut got = recorded();
    got.body = Some(r#"{"names":[]}"#.to_owned());
    assert_eq!(
        difference.expected(Some(&recorded())).mismatches(&got),
        [""; 0]
    );
}

#[test]
fn calls_are_another_transport_and_have_codes() {
    let differences = parse(
        r#"
        calls = ["A/*/bad"]
        code = "INVALID_ARGUMENT"
        without = "Oh: "
        body = "absent"
        "#,
    );
    assert_eq!(differences.clone().over(Transport::Rest).iter().count(), 0);
    let differences = differences.over(Transport::Grpc);
    let call = |status, details: &str, message: Option<&str>| {
        let (details, message) = (details.to_owned(), message.map(str::to_owned));
        let response = CallResponse {
            status,
            details,
            message,
        };
        Snapshot::of_call(response, Keep::All)
    };
    let reference = call(2, "Oh: no", Some("{}"));
    let expected = differences
        .of("A/plain/bad")
        .unwrap()
        .expected(Some(&reference));
    assert_eq!(expected.mismatches(&call(3, "no", None)), [""; 0]);
    assert_eq!(expected.mismatches(&reference).len(), 3);
}

#[test]
fn one_place_of_a_body_may_differ() {
    let differences = parse(
        r#"
        exchanges = ["A/*/x"]
        at = { "/a/flag" = "true", "/b" = "[1.0]" }
        "#,
    );
    let mut reference = recorded();
    reference.body = Some(r#"{"a":{"flag":false,"n":1.0}}"#.to_owned());
    let expected = differences.of("A/p/x").unwrap().expected(Some(&reference));
    let mut got = recorded();
    got.body = Some(r#"{"a":{"flag":true,"n":1.0},"b":[1.0]}"#.to_owned());
    assert_eq!(expected.mismatches(&got), [""; 0]);
    assert_eq!(expected.mismatches(&reference).len(), 2);
}

#[test]
fn idle_patterns_and_overlaps_are_errors() {
    let differences = parse(ROUTE);
    let ids = [("A/plain", "A/plain/get"), ("B/plain", "B/plain/x")];
    assert!(differences.cover(&ids).is_ok());
    assert!(matches!(
        differences.cover(&ids[..1]),
        Err(GoldenError::Idle { .. })
    ));
    let doubled = Differences::parse(&file(&[ROUTE, ROUTE])).unwrap();
    assert!(matches!(
        doubled.cover(&ids),
        Err(GoldenError::Covered { .. })
    ));
}

#[test]
fn a_start_that_does_not_differ_is_an_error() {
    let mut golden = Golden::default();
    golden.insert_failed_start("A/bad");
    let groups = ["A/bad", "A/good"];
    for (pattern, start, occurs) in [
        ("A/bad*", "serves", true),
        ("A/good*", "fails", true),
        ("A/bad*", "fails", false),
        ("A/good*", "serves", false),
        ("A/*", "serves", false),
        ("A/bad/x", "serves", false),
    ] {
        let case = format!("exchanges = [\"{pattern}\"]\nstart = \"{start}\"");
        let result = parse(&case).starts_differ(&groups, &golden);
        assert_eq!(result.is_ok(), occurs, "{pattern} {start}");
    }
}

#[test]
fn errors_name_the_difference_or_its_line_and_what_is_allowed() {
    let whole = file(&[ROUTE]);
    let patterns = r#"exchanges = ["A/*/get*", "B/plain/x"]"#;
    for (from, to, place, allowed) in [
        (
            "reason = \"because\"",
            "",
            "line 10",
            "missing field `reason`",
        ),
        ("\"because\"", "\" \"", "row 0", "reason must be one line"),
        (
            "status =",
            "stat =",
            "line 18",
            "one of `exchanges`, `calls`,",
        ),
        (
            ".case]]",
            ".caes]]",
            "line 15",
            "one of `when`, `seldon-core`,",
        ),
        ("404", "\"four\"", "line 18", "u16"),
        (
            "status = 404",
            "code = \"NO\"",
            "line 18",
            "one of OK, CANC",
        ),
        (
            "status = 404",
            "code = \"OK\"",
            "row 0",
            "a case with calls",
        ),
        (
            "status = 404",
            "start = \"no\"",
            "line 18",
            "`serves` or `fails`",
        ),
        ("status = 404", "compare = \"a\"", "line 18", "`loosely`"),
        (
            "status = 404",
            "calls = [\"a\"]",
            "row 0",
            "exchanges or calls",
        ),
        (
            "status = 404",
            "at = { a = \"1\" }",
            "row 0",
            "JSON pointer",
        ),
        (
            "status = 404",
            "at = { \"/a\" = \"x\" }",
            "row 0",
            "must be JSON",
        ),
        ("{ allow", "{ alow", "row 0", "one of [\"access-control"),
        (
            "\"info\":",
            "\"info\"",
            "row 0",
            "must be JSON or \"absent\"",
        ),
        (patterns, "", "row 0", "exchanges or calls"),
        ("exchanges =", "calls =", "row 0", "code instead of status"),
        (
            "see = [\"Errors\"]",
            "see = [\"x\"]",
            "see \"x\"",
            "one of {\"Errors\"}",
        ),
        (
            "see = [\"Errors\"]",
            "see = []",
            "\"Errors\"",
            "`see` of an audience",
        ),
    ] {
        assert!(whole.contains(from), "{from}");
        let error = Differences::parse(&whole.replacen(from, to, 1)).unwrap_err();
        assert!(error.contains(place), "{to}: {error}");
        assert!(error.contains(allowed), "{to}: {error}");
    }
    let silent = whole
        .replace("streeling = \"another\"", "")
        .replace("status = 404", "");
    let error = Differences::parse(&silent).unwrap_err();
    assert!(
        error.contains("row 0") && error.contains("`streeling`"),
        "{error}"
    );
    let idle = file(&["exchanges = [\"A/*\"]"]);
    let error = Differences::parse(&idle).unwrap_err();
    assert!(error.contains("at least one of start, status"), "{error}");
}

#[test]
fn a_row_shows_the_statuses_and_codes_that_its_cases_check() {
    let response = |text: &str, cases: &str| {
        let text = file(&[cases]).replace("streeling = \"another\"", text);
        let differences = Differences::parse(&text).unwrap();
        differences.list().headings[0].rows[0].response()
    };
    let another = "streeling = \"another\"";
    let case = |key: &str, lines: &str| format!("{key} = [\"A/*\"]\n{lines}\n");
    let next = "[[heading.difference.case]]\n";
    let (ok, bad) = (
        case("exchanges", "status = 200"),
        case("exchanges", "status = 400"),
    );
    let text_only = case("exchanges", "headers = { vary = \"*\" }");
    let grpc = case("calls", "code = \"OK\"");
    let fails = case("exchanges", "start = \"fails\"");
    assert_eq!(response("", &ok), "200");
    assert_eq!(response("", &fails), "does not start");
    assert_eq!(response("", &grpc), "`OK`");
    assert_eq!(
        response(another, &[&bad, next, &ok, next, &ok].concat()),
        "200 or 400: another"
    );
    assert_eq!(
        response(another, &[&ok, next, &grpc].concat()),
        "200, `OK` over gRPC: another"
    );
    assert_eq!(
        response(another, &[&ok, next, &text_only].concat()),
        "another"
    );
    assert_eq!(
        response(another, &[&text_only, next, &grpc].concat()),
        "`OK` over gRPC: another"
    );
}
