//! The file of requests: one JSON object a line (`docs/compare.md`).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use crate::messages::Messages;

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What reports call it.
    pub name: String,
    /// What is sent.
    pub sent: Sent,
}

/// What is sent, by its transport.
#[derive(Clone, Debug, PartialEq)]
pub enum Sent {
    /// Over REST.
    Http(HttpRequest),
    /// Over gRPC.
    Call(Call),
}

/// A request over REST.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpRequest {
    /// HTTP method.
    pub method: String,
    /// Path and query, percent-encoded, sent as it is.
    pub path: String,
    /// Headers, besides `Host` and the length.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Bytes>,
}

/// A call over gRPC.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// `Service/Method`; a service without a package is one of Seldon's.
    pub call: String,
    /// The message's bytes.
    pub message: Bytes,
    /// Metadata.
    pub headers: Vec<(String, String)>,
}

/// A line that is no request.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct RequestError {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong, and what is allowed.
    pub what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    name: Option<String>,
    method: Option<String>,
    path: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
    #[serde(default, deserialize_with = "present")]
    json: Option<Value>,
    base64: Option<String>,
    call: Option<String>,
    message: Option<Value>,
}

/// Tells `"json": null`, which is a body, from no `json`.
fn present<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(reader).map(Some)
}

impl Request {
    /// Reads a whole file; empty lines are passed over.
    ///
    /// # Errors
    ///
    /// The first line that is no request, or a file without any.
    pub fn parse_all(text: &str, messages: &Messages) -> Result<Vec<Self>, RequestError> {
        let mut requests = Vec::new();
        for (index, text) in text.lines().enumerate() {
            let line = index + 1;
            if text.trim().is_empty() {
                continue;
            }
            let value = serde_json::from_str(text).map_err(|error| error.to_string());
            let request = value.and_then(|value| Self::from_json(value, messages));
            let mut request = request.map_err(|what| RequestError { line, what })?;
            if request.name.is_empty() {
                request.name = format!("line {line}: {}", request.route());
            }
            requests.push(request);
        }
        if requests.is_empty() {
            let what = "there is no request".to_owned();
            return Err(RequestError { line: 1, what });
        }
        Ok(requests)
    }

    /// Reads one line's value.
    ///
    /// # Errors
    ///
    /// What is wrong, and what is allowed.
    pub fn from_json(value: Value, messages: &Messages) -> Result<Self, String> {
        let line: Line = serde_json::from_value(value).map_err(|error| error.to_string())?;
        let name = line.name.clone().unwrap_or_default();
        let sent = if line.call.is_some() {
            line.into_call(messages).map(Sent::Call)?
        } else {
            line.into_http().map(Sent::Http)?
        };
        Ok(Self { name, sent })
    }

    /// The path without its query, or the call: what latencies are gathered by.
    #[must_use]
    pub fn route(&self) -> &str {
        match &self.sent {
            Sent::Http(request) => request.path.split('?').next().unwrap_or_default(),
            Sent::Call(call) => &call.call,
        }
    }

    /// Whether it goes over gRPC.
    #[must_use]
    pub fn is_call(&self) -> bool {
        matches!(self.sent, Sent::Call(_))
    }
}

impl Line {
    fn into_call(self, messages: &Messages) -> Result<Call, String> {
        let call = self.call.unwrap_or_default();
        if self.method.is_some()
            || self.path.is_some()
            || self.body.is_some()
            || self.json.is_some()
        {
            return Err(
                "method, path, body and json are for REST; a call has message or base64".to_owned(),
            );
        }
        let message = match (self.message, self.base64) {
            (Some(_), Some(_)) => return Err("a call has message or base64, not both".to_owned()),
            (_, Some(text)) => decode(&text)?,
            (message, None) => {
                let message = message.unwrap_or_else(|| Value::Object(serde_json::Map::new()));
                messages.request(&call, &message)?
            }
        };
        Ok(Call {
            call,
            message: message.into(),
            headers: self.headers.into_iter().collect(),
        })
    }

    fn into_http(self) -> Result<HttpRequest, String> {
        if self.message.is_some() {
            return Err(
                "message is for a call over gRPC; REST has body, json or base64".to_owned(),
            );
        }
        let path = self
            .path
            .ok_or_else(|| "must have path (REST) or call (gRPC)".to_owned())?;
        if !path.starts_with('/') {
            return Err(format!("path \"{path}\", must begin with /"));
        }
        let mut headers: Vec<_> = self.headers.into_iter().collect();
        let typed = headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let body = match (self.body, self.json, self.base64) {
            (None, None, None) => None,
            (Some(text), None, None) => Some(text.into_bytes()),
            (None, Some(value), None) => Some(value.to_string().into_bytes()),
            (None, None, Some(text)) => Some(decode(&text)?),
            _ => return Err("must have at most one of body, json, base64".to_owned()),
        };
        if body.is_some() && !typed {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
        }
        let default = if body.is_some() { "POST" } else { "GET" };
        Ok(HttpRequest {
            method: self.method.unwrap_or_else(|| default.to_owned()),
            path,
            headers,
            body: body.map(Bytes::from),
        })
    }
}

fn decode(text: &str) -> Result<Vec<u8>, String> {
    STANDARD
        .decode(text)
        .map_err(|error| format!("base64: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Request>, RequestError> {
        Request::parse_all(text, &Messages::new())
    }

    #[test]
    fn bodies_are_text_json_or_bytes() {
        let text = r#"
            {"path": "/predict?a=1", "json": {"strData": "x"}}
            {"name": "two", "path": "/a", "body": "NaN", "headers": {"Content-Type": "text/x"}}
            {"path": "/predict", "base64": "/w==", "method": "PUT"}
            {"path": "/health/ping"}
            {"path": "/predict", "json": null}
            {"call": "Model/Predict", "message": {"strData": "x"}}
            {"call": "Model/Metadata"}
        "#;
        let found = parse(text).unwrap();
        let http = |index: usize| match &found[index].sent {
            Sent::Http(request) => request,
            Sent::Call(_) => panic!("{index} is a call"),
        };
        assert_eq!(found[0].name, "line 2: /predict");
        assert_eq!(http(0).method, "POST");
        assert_eq!(http(0).body.as_deref(), Some(&br#"{"strData":"x"}"#[..]));
        assert_eq!(http(0).headers[0].1, "application/json");
        assert_eq!(
            http(1).headers,
            [("Content-Type".to_owned(), "text/x".to_owned())]
        );
        assert_eq!(
            (http(2).method.as_str(), http(2).body.as_deref()),
            ("PUT", Some(&b"\xff"[..]))
        );
        assert_eq!((http(3).method.as_str(), &http(3).body), ("GET", &None));
        assert_eq!(http(4).body.as_deref(), Some(&b"null"[..]));
        assert!(matches!(&found[5].sent, Sent::Call(call) if *call.message == *b"\x2a\x01x"));
        assert!(found[6].is_call());
    }

    #[test]
    fn a_bad_line_is_named_by_its_number() {
        for (text, line, what) in [
            ("", 1, "no request"),
            ("{}", 1, "must have path"),
            ("\n{\"path\":\"/a\"}\n{", 3, "EOF"),
            (r#"{"path":"predict"}"#, 1, "must begin with /"),
            (r#"{"path":"/a","body":"","json":1}"#, 1, "at most one"),
            (r#"{"path":"/a","base64":"!"}"#, 1, "base64"),
            (r#"{"path":"/a","odd":1}"#, 1, "odd"),
            (r#"{"path":"/a","message":{}}"#, 1, "for a call"),
            (r#"{"call":"Model/Odd"}"#, 1, "no method Odd"),
            (r#"{"call":"Model/Predict","path":"/a"}"#, 1, "are for REST"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.line, line, "{text}");
            assert!(error.what.contains(what), "{text}: {error}");
        }
    }
}
