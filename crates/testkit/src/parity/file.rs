//! The recording: one JSON object a line, a class followed by its exchanges.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use streeling_compare::{Messages, Reply, Request};

use super::error::ParityError;

/// All classes of a recording.
#[derive(Clone, Debug, Default)]
pub struct Shapes {
    /// The classes, in the file's order.
    pub shapes: Vec<Shape>,
}

/// One class and what it is sent.
#[derive(Clone, Debug)]
pub struct Shape {
    /// The class, and the module that it is in.
    pub component: String,
    /// The module's source.
    pub source: String,
    /// Variables of the server.
    pub env: BTreeMap<String, String>,
    pub(super) exchanges: Vec<Recorded>,
}

#[derive(Clone, Debug)]
pub(super) struct Recorded {
    /// The request in the form of `streeling compare`.
    request: Map<String, Value>,
    pub(super) response: Reply,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Head {
    component: String,
    source: String,
    env: BTreeMap<String, String>,
}

/// A response; of one that is not compared the status alone.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    status: u16,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

impl Shapes {
    /// Reads a recording, or what is to be recorded: then there are no responses yet.
    ///
    /// # Errors
    ///
    /// The first line that cannot be read.
    pub fn parse(text: &str) -> Result<Self, ParityError> {
        let mut shapes: Vec<Shape> = Vec::new();
        for (index, text) in text.lines().enumerate() {
            let fault = |what: String| ParityError::Line {
                line: index + 1,
                what,
            };
            let mut line: Map<String, Value> =
                serde_json::from_str(text).map_err(|error| fault(error.to_string()))?;
            if line.contains_key("component") {
                let head: Head = serde_json::from_value(Value::Object(line))
                    .map_err(|error| fault(error.to_string()))?;
                shapes.push(Shape {
                    component: head.component,
                    source: head.source,
                    env: head.env,
                    exchanges: Vec::new(),
                });
                continue;
            }
            let response = match line.shift_remove("response") {
                None => Reply::default(),
                Some(kept) => reply(kept).map_err(fault)?,
            };
            let shape = shapes
                .last_mut()
                .ok_or_else(|| fault("an exchange must come after its class".to_owned()))?;
            shape.exchanges.push(Recorded {
                request: line,
                response,
            });
        }
        Ok(Self { shapes })
    }

    /// The recording's text.
    ///
    /// # Panics
    ///
    /// Never: texts and maps of them can be written as JSON.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for shape in &self.shapes {
            let head = Head {
                component: shape.component.clone(),
                source: shape.source.clone(),
                env: shape.env.clone(),
            };
            push_line(&mut text, &head);
            for exchange in &shape.exchanges {
                let mut line = exchange.request.clone();
                let response = serde_json::to_value(kept(&exchange.response));
                let response = response.expect("texts can be written as JSON");
                line.insert("response".to_owned(), response);
                push_line(&mut text, &line);
            }
        }
        text
    }

    /// How many exchanges there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shapes.iter().map(|shape| shape.exchanges.len()).sum()
    }

    /// Whether there is no exchange.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Shape {
    /// Its requests.
    ///
    /// # Errors
    ///
    /// One that cannot be sent.
    pub fn requests(&self, messages: &Messages) -> Result<Vec<Request>, ParityError> {
        let made = self.exchanges.iter().map(|exchange| {
            let line = Value::Object(exchange.request.clone());
            Request::from_json(line, messages).map_err(|what| ParityError::Request {
                id: format!("{} {:?}", self.component, exchange.request.get("name")),
                what,
            })
        });
        made.collect()
    }

    /// Takes `replies` as what seldon-core responds.
    pub fn record(&mut self, replies: Vec<Reply>) {
        for (exchange, reply) in self.exchanges.iter_mut().zip(replies) {
            exchange.response = reply;
        }
    }

    /// Writes the class into `folder`.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        std::fs::write(folder.join(format!("{}.py", self.component)), &self.source)
    }
}

fn push_line(text: &mut String, value: &impl Serialize) {
    let line = serde_json::to_string(value).expect("texts and maps of them can be written as JSON");
    writeln!(text, "{line}").expect("a String grows");
}

fn kept(reply: &Reply) -> Kept {
    // seldon-core's own errors are not compared, and would only make the file larger.
    let compared = !reply.is_own_error();
    let text = std::str::from_utf8(&reply.body).ok();
    let text = text.filter(|_| reply.content_type.is_some());
    Kept {
        status: reply.status,
        content_type: reply.content_type.clone().filter(|_| compared),
        body: text.filter(|_| compared).map(str::to_owned),
        base64: (compared && text.is_none()).then(|| STANDARD.encode(&reply.body)),
    }
}

fn reply(kept: Value) -> Result<Reply, String> {
    let kept: Kept = serde_json::from_value(kept).map_err(|error| error.to_string())?;
    let body = match (kept.body, kept.base64) {
        (Some(text), _) => text.into_bytes(),
        (None, Some(text)) => STANDARD.decode(text).map_err(|error| error.to_string())?,
        (None, None) => Vec::new(),
    };
    Ok(Reply {
        status: kept.status,
        content_type: kept.content_type,
        body: body.into(),
        ..Reply::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_read_back() {
        let text = r#"{"component":"A","source":"class A: ...\n","env":{"B":"c"}}
{"name":"0 ok","path":"/predict","response":{"status":200,"type":"application/json","body":"é"}}
{"name":"1 call","call":"Model/Predict","response":{"status":0,"base64":"KgF4"}}
{"name":"2 error","path":"/predict","response":{"status":500}}
"#;
        let shapes = Shapes::parse(text).unwrap();
        assert_eq!(shapes.len(), 3);
        assert_eq!(shapes.to_text(), text);
        let requests = shapes.shapes[0].requests(&Messages::new()).unwrap();
        assert_eq!(requests[1].name, "1 call");
        let error = Shapes::parse("{}").unwrap_err().to_string();
        assert_eq!(error, "line 1: an exchange must come after its class");
    }
}
