//! Whether two replies to one request are equal.

use crate::clip::clip;
use crate::json::{Json, Rules};
use crate::messages::Messages;
use crate::reply::Reply;
use crate::request::{Request, Sent};

/// What the comparison of one exchange says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Equal.
    Same,
    /// One line for each way in which they differ.
    Differs(Vec<String>),
    /// The old server did not serve the request, so that any response will do.
    Excused,
}

/// Compares what two servers responded.
///
/// JSON is compared by value: the order of keys is free, numbers are equal as numbers of the same
/// kind and within the tolerance of `rules`. Other bodies are compared byte by byte. With
/// `excuse_errors`, nothing is demanded where the old server responded with an error of its own:
/// 400, 500 or, over gRPC, anything but OK.
#[must_use]
pub fn judge(
    request: &Request,
    (old, new): (&Reply, &Reply),
    rules: Rules,
    excuse_errors: bool,
    messages: &Messages,
) -> Verdict {
    if excuse_errors && old.is_own_error() {
        return Verdict::Excused;
    }
    let mut found = Vec::new();
    if old.status != new.status {
        found.push(format!(
            "status: {} and {}: {}",
            old.status_name(),
            new.status_name(),
            info(new)
        ));
        return Verdict::Differs(found);
    }
    if old.content_type != new.content_type {
        found.push(format!(
            "content-type: {:?} and {:?}",
            old.content_type.as_deref().unwrap_or_default(),
            new.content_type.as_deref().unwrap_or_default()
        ));
    }
    if old.text != new.text {
        let text = |reply: &Reply| clip(format_args!("{:?}", reply.text));
        found.push(format!("text: {} and {}", text(old), text(new)));
    }
    if old.body != new.body {
        compare_bodies(request, (old, new), rules, messages, &mut found);
    }
    if found.is_empty() {
        Verdict::Same
    } else {
        Verdict::Differs(found)
    }
}

/// Compares two bodies that are not the same bytes.
fn compare_bodies(
    request: &Request,
    (old, new): (&Reply, &Reply),
    rules: Rules,
    messages: &Messages,
    found: &mut Vec<String>,
) {
    let (one, two) = (shown(request, old, messages), shown(request, new, messages));
    if let (Ok(Some(one)), Ok(Some(two))) = (&one, &two) {
        return one.mismatches(two, rules, "$", found);
    }
    // Bodies that cannot be read might be equal by value: that must not look like a difference of
    // another kind.
    for (name, shown) in [("old", one), ("new", two)] {
        if let Err(error) = shown {
            found.push(format!(
                "the {name} body cannot be compared by value: {error}"
            ));
        }
    }
    let text = |reply: &Reply| clip(format_args!("{:?}", String::from_utf8_lossy(&reply.body)));
    found.push(format!("body: {} and {}", text(old), text(new)));
}

/// A body as JSON, if it is meant to be any.
fn shown(request: &Request, reply: &Reply, messages: &Messages) -> Result<Option<Json>, String> {
    match &request.sent {
        Sent::Call(call) => messages.response(&call.call, &reply.body).map(Some),
        Sent::Http(_) => {
            let kind = reply.content_type.as_deref().unwrap_or_default();
            if !kind.contains("json") {
                return Ok(None);
            }
            let text = std::str::from_utf8(&reply.body).map_err(|error| error.to_string())?;
            Json::parse(text).map(Some)
        }
    }
}

/// What an error says: Seldon's `status.info`, the text of a code, or the body.
pub(crate) fn info(reply: &Reply) -> String {
    if !reply.text.is_empty() {
        return clip(&reply.text);
    }
    let value: Option<serde_json::Value> = serde_json::from_slice(&reply.body).ok();
    let info = value
        .as_ref()
        .and_then(|value| value.pointer("/status/info"));
    match info.and_then(serde_json::Value::as_str) {
        Some(info) => clip(info),
        None => clip(String::from_utf8_lossy(&reply.body)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(status: u16, body: &'static str) -> Reply {
        Reply {
            status,
            content_type: Some("application/json".to_owned()),
            body: body.into(),
            ..Reply::default()
        }
    }

    fn verdict(line: &str, old: &Reply, new: &Reply, excuse: bool) -> Verdict {
        let messages = Messages::new();
        let request = Request::parse_all(line, &messages).unwrap().remove(0);
        judge(&request, (old, new), Rules::default(), excuse, &messages)
    }

    #[test]
    fn json_is_compared_by_value_and_kind() {
        let line = r#"{"path":"/predict"}"#;
        let old = json(200, r#"{"a":1,"b":[0.1]}"#);
        let same = json(200, "{\"b\":[0.1], \"a\":1}\n");
        assert_eq!(verdict(line, &old, &same, false), Verdict::Same);
        let other = json(200, r#"{"a":1.0,"b":[0.1]}"#);
        let expected = vec!["$.a: want integer 1, got float 1.0".to_owned()];
        assert_eq!(
            verdict(line, &old, &other, false),
            Verdict::Differs(expected)
        );
    }

    #[test]
    fn errors_of_the_old_server_may_be_excused_and_those_of_a_component_may_not() {
        let line = r#"{"path":"/predict"}"#;
        let new = json(200, "{}");
        for (status, excused) in [(400, true), (500, true), (403, false), (418, false)] {
            let found = verdict(line, &json(status, "{}"), &new, true);
            assert_eq!(found == Verdict::Excused, excused, "{status}");
            assert!(matches!(
                verdict(line, &json(status, "{}"), &new, false),
                Verdict::Differs(_)
            ));
        }
        let failed = verdict(line, &new, &json(400, r#"{"status":{"info":"no"}}"#), true);
        assert_eq!(
            failed,
            Verdict::Differs(vec!["status: 200 and 400: no".to_owned()])
        );
    }

    #[test]
    fn what_cannot_be_read_is_said_to_be_so() {
        let line = r#"{"path":"/predict"}"#;
        let nested = |item| {
            let text = format!("{}{item}{}", "[".repeat(200_000), "]".repeat(200_000));
            Reply {
                body: text.into(),
                ..json(200, "")
            }
        };
        assert_eq!(verdict(line, &nested(1), &nested(1), false), Verdict::Same);
        let Verdict::Differs(lines) = verdict(line, &nested(1), &nested(2), false) else {
            panic!("equal");
        };
        let why = "body cannot be compared by value: nested more than 512 levels deep";
        assert_eq!(
            lines[..2],
            [format!("the old {why}"), format!("the new {why}")]
        );
        assert!(lines[2].starts_with("body: \"[[["), "{}", lines[2]);
        assert!(lines[2].len() < 3_000, "{}", lines[2].len());

        let broken = verdict(line, &json(200, "{}"), &json(200, "{"), false);
        let why = "the new body cannot be compared by value: end of text, want '\"'";
        let bytes = "body: \"{}\" and \"{\"";
        assert_eq!(
            broken,
            Verdict::Differs(vec![why.to_owned(), bytes.to_owned()])
        );
    }

    #[test]
    fn messages_are_compared_by_their_fields() {
        let line = r#"{"call":"Model/Predict"}"#;
        let reply = |body: &'static [u8]| Reply {
            body: body.into(),
            ..Reply::default()
        };
        // The same two fields in another order.
        let (one, two) = (b"\x12\x00\x2a\x01x", b"\x2a\x01x\x12\x00");
        assert_eq!(verdict(line, &reply(one), &reply(two), true), Verdict::Same);
        assert_ne!(
            verdict(line, &reply(one), &reply(b"\x12\x00"), true),
            Verdict::Same
        );
    }
}
