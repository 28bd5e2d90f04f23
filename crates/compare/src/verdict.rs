//! Whether two replies to one request are equal.

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
    let own_error = matches!(old.status, 1..=99 | 400 | 500);
    if excuse_errors && own_error {
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
        found.push(format!("text: {:?} and {:?}", old.text, new.text));
    }
    match (shown(request, old, messages), shown(request, new, messages)) {
        _ if old.body == new.body => {}
        (Some(old), Some(new)) => old.mismatches(&new, rules, "$", &mut found),
        _ => found.push(format!(
            "body: {:?} and {:?}",
            String::from_utf8_lossy(&old.body),
            String::from_utf8_lossy(&new.body)
        )),
    }
    if found.is_empty() {
        Verdict::Same
    } else {
        Verdict::Differs(found)
    }
}

/// A body as JSON, if it is any.
fn shown(request: &Request, reply: &Reply, messages: &Messages) -> Option<Json> {
    match &request.sent {
        Sent::Call(call) => messages.response(&call.call, &reply.body).ok(),
        Sent::Http(_) => {
            let kind = reply.content_type.as_deref()?;
            let text = std::str::from_utf8(&reply.body).ok()?;
            kind.contains("json").then(|| Json::parse(text).ok())?
        }
    }
}

/// What an error says: Seldon's `status.info`, the text of a code, or the body.
pub(crate) fn info(reply: &Reply) -> String {
    if !reply.text.is_empty() {
        return reply.text.clone();
    }
    let value: Option<serde_json::Value> = serde_json::from_slice(&reply.body).ok();
    let info = value
        .as_ref()
        .and_then(|value| value.pointer("/status/info"));
    match info.and_then(serde_json::Value::as_str) {
        Some(info) => info.to_owned(),
        None => String::from_utf8_lossy(&reply.body).into_owned(),
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
