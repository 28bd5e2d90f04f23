//! Requests that are made of a contract or of an access log.

use serde_json::{Value, json};

use crate::contract::{Contract, Dice, Layout};
use crate::messages::Messages;

/// Lines of `count` requests that a contract describes: both layouts over both transports, and
/// feedback where there are targets.
///
/// # Errors
///
/// A contract that describes no message.
pub(super) fn of_contract(
    contract: &Contract,
    count: usize,
    dice: &mut Dice,
) -> Result<Vec<Value>, String> {
    // Text cannot be sent in a tensor; then everything is an ndarray.
    let has_numbers = contract.message(1, Layout::Tensor, dice).is_ok();
    let has_targets = contract.feedback(1, Layout::Ndarray, dice).is_ok();
    let mut lines = Vec::new();
    for number in 0..count {
        let layout = match number % 2 {
            1 if has_numbers => Layout::Tensor,
            _ => Layout::Ndarray,
        };
        let line = match number % 5 {
            3 => json!({"call": "Model/Predict", "message": contract.message(1, layout, dice)?}),
            4 if has_targets => {
                json!({"path": "/send-feedback", "json": contract.feedback(1, layout, dice)?})
            }
            _ => json!({"path": "/predict", "json": contract.message(1, layout, dice)?}),
        };
        lines.push(line);
    }
    Ok(lines)
}

/// What an access log gives.
#[derive(Debug)]
pub(super) struct Logged {
    /// The lines of the requests.
    pub(super) lines: Vec<Value>,
    /// gRPC calls that are left out: nothing says what their messages hold.
    pub(super) skipped: usize,
}

/// Lines of the requests in an access log, in gunicorn's format or in JSON: methods and paths are
/// the log's, bodies are of a contract, since no log holds them.
///
/// # Errors
///
/// A log without requests, or with bodies where there is no contract.
pub(super) fn of_access_log(
    log: &str,
    contract: Option<&Contract>,
    count: usize,
    dice: &mut Dice,
    messages: &Messages,
) -> Result<Logged, String> {
    let (mut lines, mut skipped) = (Vec::new(), 0);
    for entry in log.lines().filter_map(Entry::parse) {
        if lines.len() == count {
            break;
        }
        let Entry { method, path, .. } = &entry;
        let Some(content) = entry.content(messages) else {
            skipped += 1;
            continue;
        };
        let body = match (content, contract) {
            (Content::Nothing, _) => None,
            (_, None) => {
                return Err(format!(
                    "{method} {path}: an access log has no bodies, so --contract must say them"
                ));
            }
            (Content::Message, Some(contract)) => {
                Some(contract.message(1, Layout::Ndarray, dice)?)
            }
            (Content::Messages, Some(contract)) => {
                let message = contract.message(1, Layout::Ndarray, dice)?;
                Some(json!({"seldonMessages": [message]}))
            }
            (Content::Feedback, Some(contract)) => {
                Some(contract.feedback(1, Layout::Ndarray, dice)?)
            }
        };
        lines.push(match (entry.call(), body) {
            (Some(call), None) => json!({"call": call}),
            (Some(call), Some(body)) => json!({"call": call, "message": body}),
            (None, None) => json!({"path": path}),
            (None, Some(body)) => json!({"method": method, "path": path, "json": body}),
        });
    }
    match (lines.is_empty(), skipped) {
        (false, _) => Ok(Logged { lines, skipped }),
        (true, 0) => Err(
            "no request found: the file must be a contract, or an access log with \
             \"METHOD PATH HTTP/1.1\" or JSON in its lines"
                .to_owned(),
        ),
        (true, _) => Err(
            "no request found but gRPC calls of other services than Seldon's, whose messages no \
             contract describes"
                .to_owned(),
        ),
    }
}

/// A request in a log.
struct Entry {
    method: String,
    path: String,
    /// Such as `HTTP/1.1`; not every log in JSON has it.
    protocol: Option<String>,
}

/// What the body of a request must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Nothing,
    Message,
    Messages,
    Feedback,
}

impl Entry {
    fn parse(line: &str) -> Option<Self> {
        if let Ok(Value::Object(fields)) = serde_json::from_str(line) {
            let text = |name: &str| fields.get(name)?.as_str().map(str::to_owned);
            return Some(Self {
                method: text("method")?,
                path: text("path")?,
                protocol: text("protocol"),
            });
        }
        line.split('"').find_map(|part| {
            let mut words = part.split(' ');
            let (method, path, protocol) = (words.next()?, words.next()?, words.next()?);
            let sound = protocol.starts_with("HTTP/") && path.starts_with('/');
            sound.then(|| Self {
                method: method.to_owned(),
                path: path.to_owned(),
                protocol: Some(protocol.to_owned()),
            })
        })
    }

    /// `Service/Method`, if this is a gRPC call; without the package where it is Seldon's.
    fn call(&self) -> Option<&str> {
        let path = self.path.strip_prefix('/')?;
        if let Some(call) = path.strip_prefix("seldon.protos.") {
            return Some(call);
        }
        let (service, method) = path.split_once('/')?;
        let http2 = self.protocol.as_deref()?.starts_with("HTTP/2");
        let named = service.contains('.') && !method.contains('/');
        (http2 && named && self.method == "POST").then_some(path)
    }

    /// What its body must hold; none for a call that nothing is known of.
    fn content(&self, messages: &Messages) -> Option<Content> {
        if let Some(call) = self.call() {
            return match messages.input(call)?.as_str() {
                "seldon.protos.SeldonMessage" => Some(Content::Message),
                "seldon.protos.SeldonMessageList" => Some(Content::Messages),
                "seldon.protos.Feedback" => Some(Content::Feedback),
                // The calls for metadata: there is nothing in them that must be said.
                _ => Some(Content::Nothing),
            };
        }
        let route = self.path.split('?').next().unwrap_or_default();
        Some(match route {
            _ if self.method == "GET" => Content::Nothing,
            "/aggregate" => Content::Messages,
            _ if route.contains("feedback") => Content::Feedback,
            _ => Content::Message,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Request;

    const CONTRACT: &str = r#"{
        "features": [{"name": "a", "ftype": "continuous", "range": [0, 1]}],
        "targets": [{"name": "t", "ftype": "continuous", "range": [0, 1]}]
    }"#;

    #[test]
    fn a_contract_gives_every_kind_of_request() {
        let contract = Contract::parse(CONTRACT).unwrap();
        let lines = of_contract(&contract, 5, &mut Dice::new(1)).unwrap();
        assert!(lines[0]["json"]["data"]["ndarray"].is_array());
        assert!(lines[1]["json"]["data"]["tensor"].is_object());
        assert_eq!(lines[3]["call"], "Model/Predict");
        assert_eq!(lines[4]["path"], "/send-feedback");
    }

    #[test]
    fn a_log_gives_its_paths_and_the_contract_the_bodies() {
        let log = r#"
10.0.0.1 - - [01/Jan/2026:00:00:00 +0000] "POST /predict HTTP/1.1" 200 5 "-" "curl"
nothing here
10.0.0.1 - - [01/Jan/2026:00:00:00 +0000] "GET /health/status HTTP/1.1" 200 5 "-" "curl"
{"method":"POST","path":"/seldon.protos.Model/Predict","status":200}
10.0.0.1 - - [01/Jan/2026:00:00:00 +0000] "POST /aggregate HTTP/1.1" 200 5 "-" "curl"
"#;
        let contract = Contract::parse(CONTRACT).unwrap();
        let logged = made(log, Some(&contract)).unwrap();
        let lines = logged.lines;
        assert_eq!((lines.len(), logged.skipped), (4, 0));
        assert_eq!(
            (&lines[0]["method"], &lines[0]["path"]),
            (&json!("POST"), &json!("/predict"))
        );
        assert!(lines[0]["json"]["data"]["ndarray"].is_array());
        assert_eq!(lines[1], json!({"path": "/health/status"}));
        assert_eq!(lines[2]["call"], "Model/Predict");
        assert!(lines[3]["json"]["seldonMessages"].is_array());
        let error = made(log, None).unwrap_err();
        assert!(error.contains("--contract"), "{error}");
        assert!(made("", None).is_err());
    }

    #[test]
    fn calls_in_a_log_get_their_messages_or_are_counted() {
        let log = r#"
- - - [x] "POST /seldon.protos.Model/Predict HTTP/2.0" 200 10 "-" "grpc-go/1.7" "p" OK
- - - [x] "POST /seldon.protos.Model/SendFeedback HTTP/2.0" 200 10 "-" "grpc-go/1.7" "p" OK
- - - [x] "POST /seldon.protos.Combiner/Aggregate HTTP/2.0" 200 10 "-" "grpc-go/1.7" "p" OK
- - - [x] "POST /seldon.protos.Model/Metadata HTTP/2.0" 200 10 "-" "grpc-go/1.7" "p" OK
{"method":"POST","path":"/seldon.protos.Seldon/ModelMetadata","protocol":"HTTP/2.0"}
- - - [x] "POST /seldon.protos.Model/Odd HTTP/2.0" 200 0 "-" "grpc-go/1.7" "p" UNIMPLEMENTED
{"method":"POST","path":"/grpc.health.v1.Health/Check","protocol":"HTTP/2.0"}
- - - [x] "POST /v1.0/predict HTTP/1.1" 200 10 "-" "curl" "p"
"#;
        let contract = Contract::parse(CONTRACT).unwrap();
        let logged = made(log, Some(&contract)).unwrap();
        assert_eq!((logged.lines.len(), logged.skipped), (6, 2));
        let (lines, messages) = (&logged.lines, Messages::new());
        for line in lines {
            let made = Request::from_json(line.clone(), &messages);
            assert!(made.is_ok(), "{line}: {made:?}");
        }
        assert!(lines[1]["message"]["reward"].is_number());
        assert!(lines[2]["message"]["seldonMessages"].is_array());
        assert_eq!(lines[3], json!({"call": "Model/Metadata"}));
        assert_eq!(lines[5]["path"], "/v1.0/predict");

        let log = r#"{"method":"POST","path":"/a.B/C","protocol":"HTTP/2.0"}"#;
        let error = made(log, Some(&contract)).unwrap_err();
        assert!(error.contains("gRPC"), "{error}");
    }

    fn made(log: &str, contract: Option<&Contract>) -> Result<Logged, String> {
        of_access_log(log, contract, 10, &mut Dice::new(1), &Messages::new())
    }
}
