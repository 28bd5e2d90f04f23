//! Requests that are made of a contract or of an access log.

use serde_json::{Value, json};

use crate::contract::{Contract, Dice, Layout};

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
) -> Result<Vec<Value>, String> {
    let mut lines = Vec::new();
    for (method, path) in log.lines().filter_map(logged).take(count) {
        if method == "GET" {
            lines.push(json!({"path": path}));
            continue;
        }
        let contract = contract.ok_or_else(|| {
            format!("{method} {path}: an access log has no bodies, so --contract must say them")
        })?;
        let route = path.split('?').next().unwrap_or_default();
        let feedback = route.contains("feedback");
        let body = if feedback {
            contract.feedback(1, Layout::Ndarray, dice)?
        } else {
            contract.message(1, Layout::Ndarray, dice)?
        };
        let body = match route {
            "/aggregate" => json!({"seldonMessages": [body]}),
            _ => body,
        };
        let call = path.strip_prefix("/seldon.protos.");
        lines.push(match call {
            Some(call) => json!({"call": call, "message": body}),
            None => json!({"method": method, "path": path, "json": body}),
        });
    }
    if lines.is_empty() {
        return Err(
            "no request found: the file must be a contract, or an access log with \
                    \"METHOD PATH HTTP/1.1\" or JSON in its lines"
                .to_owned(),
        );
    }
    Ok(lines)
}

/// Method and path of a line of a log.
fn logged(line: &str) -> Option<(String, String)> {
    if let Ok(Value::Object(fields)) = serde_json::from_str(line) {
        let text = |name: &str| fields.get(name)?.as_str().map(str::to_owned);
        return text("method").zip(text("path"));
    }
    line.split('"').find_map(|part| {
        let mut words = part.split(' ');
        let (method, path, protocol) = (words.next()?, words.next()?, words.next()?);
        let sound = protocol.starts_with("HTTP/") && path.starts_with('/');
        sound.then(|| (method.to_owned(), path.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let lines = of_access_log(log, Some(&contract), 10, &mut Dice::new(1)).unwrap();
        assert_eq!(lines.len(), 4);
        assert_eq!(
            (&lines[0]["method"], &lines[0]["path"]),
            (&json!("POST"), &json!("/predict"))
        );
        assert!(lines[0]["json"]["data"]["ndarray"].is_array());
        assert_eq!(lines[1], json!({"path": "/health/status"}));
        assert_eq!(lines[2]["call"], "Model/Predict");
        assert!(lines[3]["json"]["seldonMessages"].is_array());
        let error = of_access_log(log, None, 10, &mut Dice::new(1)).unwrap_err();
        assert!(error.contains("--contract"), "{error}");
        assert!(of_access_log("", None, 1, &mut Dice::new(1)).is_err());
    }
}
