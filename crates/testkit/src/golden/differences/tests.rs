use super::*;
use crate::{CallResponse, Keep, Response, Snapshot};

const PAGE: &str = "# Page\n\nText.\n\n## Unknown route\n\n| | |\n|---|---|\n\
    | Exchanges | `A/*/get*`, `B/plain/x` |\n| seldon-core | 500 |\n| Status | 404 |\n\
    | Body | `{\"info\":\"404*\",\"code\":-1}` |\n| Header allow | absent |\n\
    | Reason | because |\n\n## Prose only\n\nNothing.\n";

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
fn a_table_says_what_is_expected_instead() {
    let differences = Differences::parse(PAGE).unwrap();
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
fn stars_of_headers_count_in_the_table_alone() {
    let page = PAGE
        .replace("| Header allow | absent |", "| Header allow | `*, POST` |")
        .replace("| Body |", "| seldon-core |");
    let differences = Differences::parse(&page).unwrap();
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
    let page = "\n## Null\n\n| Exchanges | `A/*/null` |\n| seldon-core | 500 |\n\
        | Responds as | `none` |\n| Compare | loosely |\n| Reason | because |\n";
    let differences = Differences::parse(page).unwrap();
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
    assert!(Differences::parse(&page.replace("loosely", "a bit")).is_err());
}

#[test]
fn calls_are_another_transport_and_have_codes() {
    let page = "\n## Bad data\n\n| Calls | `A/*/bad` |\n| seldon-core | UNKNOWN |\n\
        | Code | INVALID_ARGUMENT |\n| Without | `Oh: ` |\n| Body | absent |\n\
        | Reason | because |\n";
    let differences = Differences::parse(page).unwrap();
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
    assert!(Differences::parse(&page.replace("INVALID_ARGUMENT", "BAD")).is_err());
}

#[test]
fn one_place_of_a_body_may_differ() {
    let page = "\n## Flag\n\n| Exchanges | `A/*/x` |\n| seldon-core | false |\n\
        | At /a/flag | `true` |\n| At /b | `[1.0]` |\n| Reason | because |\n";
    let differences = Differences::parse(page).unwrap();
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
    let differences = Differences::parse(PAGE).unwrap();
    let ids = [("A/plain", "A/plain/get"), ("B/plain", "B/plain/x")];
    assert!(differences.cover(&ids).is_ok());
    assert!(matches!(
        differences.cover(&ids[..1]),
        Err(GoldenError::Idle { .. })
    ));
    let doubled = Differences::parse(&PAGE.replace("Prose only\n\nNothing.", &{
        let start = PAGE.find("| |").unwrap();
        format!(
            "Again\n\n{}",
            &PAGE[start..PAGE.find("\n\n## Prose").unwrap()]
        )
    }));
    assert!(matches!(
        doubled.unwrap().cover(&ids),
        Err(GoldenError::Covered { .. })
    ));
}

#[test]
fn half_a_table_is_an_error() {
    for (from, to) in [
        ("| Reason | because |\n", ""),
        ("Status | 404", "Status | four"),
        ("Header allow", "Haeder allow"),
        ("\"info\":", "\"info\""),
        ("`A/*/get*`, `B/plain/x`", ""),
    ] {
        assert!(
            Differences::parse(&PAGE.replace(from, to)).is_err(),
            "{from}"
        );
    }
}
