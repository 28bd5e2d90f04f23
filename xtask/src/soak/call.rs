//! A request, as it is written for either transport, and what the right response to it is.

use std::ops::Range;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use streeling_proto::seldon::protos::{
    DefaultData, SeldonMessage, Tensor, default_data::DataOneof as Array,
    seldon_message::DataOneof as Payload,
};

use super::material::{Material, WIDTH, hex};

/// What the component is to do, by the numbers in `tests/components/Accounted.py`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Digest,
    Echo,
    Sleep,
    Hang,
    Exit,
    Garbage,
    Grow,
    Raise,
    Lock,
}

/// What the data is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Numbers,
    Bytes,
    Text,
    /// The number of the request alone, as eight bytes.
    Least,
}

/// How it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Predict,
    TransformInput,
    /// With the same data twice, the second time under another number.
    Aggregate,
}

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) number: u64,
    pub(super) operation: Operation,
    pub(super) argument: u64,
    pub(super) method: Method,
    pub(super) form: Form,
    /// Of the material: numbers, or triples of bytes, or four letters.
    pub(super) data: Range<usize>,
}

/// What an aggregate adds to its number for its second message.
/// Sums of it and of quarters are exact.
pub(super) const SECOND: u64 = 1 << 40;

impl Call {
    /// The bytes that its data takes as text, nearly.
    pub(super) fn size(&self) -> usize {
        let units = self.data.len();
        let once = match self.form {
            Form::Numbers => units * WIDTH,
            Form::Bytes | Form::Text => units * 4,
            Form::Least => 10,
        };
        once * self.numbers().count()
    }

    /// Its number, and that of the second message.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u64> {
        let second = (self.method == Method::Aggregate).then_some(self.number + SECOND);
        [Some(self.number), second].into_iter().flatten()
    }

    pub(super) fn path(&self) -> &'static str {
        match self.method {
            Method::Predict => "/predict",
            Method::TransformInput => "/transform-input",
            Method::Aggregate => "/aggregate",
        }
    }

    /// The body over REST.
    pub(super) fn json(&self, material: &Material) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.size() + 200);
        if self.method == Method::Aggregate {
            out.extend_from_slice(b"{\"seldonMessages\":[");
            for number in self.numbers() {
                self.message(number, material, &mut out);
                out.push(b',');
            }
            out.pop();
            out.extend_from_slice(b"]}");
        } else {
            self.message(self.number, material, &mut out);
        }
        out
    }

    fn message(&self, number: u64, material: &Material, out: &mut Vec<u8>) {
        let data = self.data.clone();
        let header = self.header(number);
        match self.form {
            Form::Numbers => {
                let operation = self.operation as u64;
                let head = format!(
                    "{{\"data\":{{\"ndarray\":[[{number},{operation},{}{}",
                    self.argument,
                    if data.is_empty() { "" } else { "," }
                );
                out.extend_from_slice(head.as_bytes());
                out.extend_from_slice(material.text_of(data));
                out.extend_from_slice(b"]]}}");
            }
            Form::Bytes => {
                out.extend_from_slice(b"{\"binData\":\"");
                out.extend_from_slice(BASE64_STANDARD.encode(header).as_bytes());
                out.extend_from_slice(&material.base64[data.start * 4..data.end * 4]);
                out.extend_from_slice(b"\"}");
            }
            Form::Text => {
                out.extend_from_slice(b"{\"strData\":\"");
                out.extend_from_slice(hex(&header).as_bytes());
                out.extend_from_slice(&material.base64[data.start * 4..data.end * 4]);
                out.extend_from_slice(b"\"}");
            }
            Form::Least => {
                let text = BASE64_STANDARD.encode(number.to_le_bytes());
                out.extend_from_slice(format!("{{\"binData\":\"{text}\"}}").as_bytes());
            }
        }
    }

    /// The messages over gRPC.
    pub(super) fn proto(&self, material: &Material) -> Vec<SeldonMessage> {
        let numbers = self.numbers();
        numbers
            .map(|number| SeldonMessage {
                data_oneof: Some(self.payload(number, material)),
                ..SeldonMessage::default()
            })
            .collect()
    }

    fn payload(&self, number: u64, material: &Material) -> Payload {
        let data = self.data.clone();
        let header = self.header(number);
        match self.form {
            Form::Numbers => {
                let values = self.values(number, material);
                Payload::Data(DefaultData {
                    names: Vec::new(),
                    data_oneof: Some(Array::Tensor(Tensor {
                        shape: vec![1, values.len() as i32],
                        values,
                    })),
                })
            }
            Form::Bytes => {
                let bytes = &material.bytes[data.start * 3..data.end * 3];
                Payload::BinData([&header, bytes].concat().into())
            }
            Form::Text => {
                let text = &material.base64[data.start * 4..data.end * 4];
                Payload::StrData(hex(&header) + &String::from_utf8_lossy(text))
            }
            Form::Least => Payload::BinData(number.to_le_bytes().to_vec().into()),
        }
    }

    fn values(&self, number: u64, material: &Material) -> Vec<f64> {
        let header = [number, self.operation as u64, self.argument];
        let mut values: Vec<f64> = header.map(|value| value as f64).to_vec();
        values.extend_from_slice(&material.numbers[self.data.clone()]);
        values
    }

    fn header(&self, number: u64) -> [u8; 24] {
        let mut header = [0; 24];
        header[..8].copy_from_slice(&number.to_le_bytes());
        header[8..16].copy_from_slice(&(self.operation as u64).to_le_bytes());
        header[16..].copy_from_slice(&self.argument.to_le_bytes());
        header
    }

    /// Count and sum of the values that the component sees.
    fn digest(&self, number: u64, material: &Material) -> (usize, f64) {
        let data = self.data.clone();
        let header = self.header(number);
        let sum = |bytes: &[u8]| bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>();
        let (count, sum) = match self.form {
            Form::Numbers => {
                let head = number + self.operation as u64 + self.argument;
                let sum = head as f64 + material.sum_of_numbers(data.clone());
                return (3 + data.len(), sum);
            }
            Form::Bytes => (
                24 + data.len() * 3,
                sum(&header) + material.sum_of_bytes(data.start * 3..data.end * 3),
            ),
            Form::Text => (
                48 + data.len() * 4,
                sum(hex(&header).as_bytes()) + material.sum_of_base64(data.start * 4..data.end * 4),
            ),
            Form::Least => (8, sum(&number.to_le_bytes())),
        };
        (count, sum as f64)
    }

    fn digests(&self, material: &Material) -> Vec<f64> {
        let one = |number: u64| {
            let (count, sum) = self.digest(number, material);
            [number as f64, count as f64, sum]
        };
        self.numbers().flat_map(one).collect()
    }

    fn digest_text(&self, material: &Material) -> String {
        let one = |number: u64| {
            let (count, sum) = self.digest(number, material);
            format!("{number}:{count}:{sum:.0}")
        };
        self.numbers().map(one).collect::<Vec<_>>().join("+")
    }

    /// Compares a response over REST with the right one; says what it is if it is another.
    pub(super) fn judge_json(&self, body: &[u8], material: &Material) -> Result<(), String> {
        if self.operation == Operation::Echo && self.form != Form::Numbers {
            // Between its quotes the body is the request's own.
            let sent = self.json(material);
            let text = sent.split(|&byte| byte == b'"').nth(3).unwrap_or_default();
            let found = memchr_find(body, text.get(..16).unwrap_or_default());
            let same = found.is_some_and(|at| body[at..].starts_with(text));
            return same.then_some(()).ok_or_else(|| beginning(body));
        }
        let json: Value = serde_json::from_slice(body).map_err(|_| beginning(body))?;
        let numbers = || -> Option<Vec<f64>> {
            let rows = json["data"]["ndarray"].as_array()?;
            let values = rows
                .iter()
                .flat_map(|row| row.as_array().into_iter().flatten());
            values.map(Value::as_f64).collect()
        };
        let same = match (self.form, self.operation) {
            (Form::Numbers, Operation::Echo) => {
                numbers().is_some_and(|found| found == self.values(self.number, material))
            }
            (Form::Numbers, _) => numbers().is_some_and(|found| found == self.digests(material)),
            _ => json["strData"] == self.digest_text(material).as_str(),
        };
        same.then_some(()).ok_or_else(|| beginning(body))
    }

    /// The same over gRPC.
    pub(super) fn judge_proto(&self, found: SeldonMessage, m: &Material) -> Result<(), String> {
        let echo = self.operation == Operation::Echo;
        let text = |found: &Payload| beginning(format!("{found:?}").as_bytes());
        let Some(payload) = found.data_oneof else {
            return Err("a message without a payload".to_owned());
        };
        let same = match &payload {
            Payload::Data(data) => match &data.data_oneof {
                Some(Array::Tensor(tensor)) if echo => tensor.values == self.values(self.number, m),
                Some(Array::Tensor(tensor)) => tensor.values == self.digests(m),
                _ => false,
            },
            payload if echo => *payload == self.payload(self.number, m),
            Payload::StrData(found) => *found == self.digest_text(m),
            _ => false,
        };
        same.then_some(()).ok_or_else(|| text(&payload))
    }
}

fn memchr_find(body: &[u8], text: &[u8]) -> Option<usize> {
    // Only meta and a name stand before it.
    let start = &body[..body.len().min(4096)];
    start
        .windows(text.len().max(1))
        .position(|window| window == text)
}

/// The start of something that may be long.
pub(super) fn beginning(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned();
    format!("{text} ({} bytes)", body.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(form: Form, operation: Operation, method: Method) -> Call {
        Call {
            number: 7,
            operation,
            argument: 0,
            method,
            form,
            data: if form == Form::Least { 0..0 } else { 3..60 },
        }
    }

    fn response(text: &str) -> SeldonMessage {
        SeldonMessage {
            data_oneof: Some(Payload::StrData(text.to_owned())),
            ..SeldonMessage::default()
        }
    }

    #[test]
    fn the_right_response_is_the_one_of_this_request_alone() {
        let material = Material::new(10_000, &mut fastrand::Rng::with_seed(3));
        let one = call(Form::Bytes, Operation::Digest, Method::Predict);
        let text = one.digest_text(&material);
        let bytes = &material.bytes[9..180];
        let sum: u64 = bytes.iter().map(|&byte| u64::from(byte)).sum();
        assert_eq!(text, format!("7:{}:{}", 24 + 171, sum + 7));
        let body = |text: &str| format!(r#"{{"strData":"{text}","meta":{{}}}}"#).into_bytes();
        assert!(one.judge_json(&body(&text), &material).is_ok());
        assert!(one.judge_proto(response(&text), &material).is_ok());
        let other = Call {
            number: 8,
            ..one.clone()
        };
        assert!(other.judge_json(&body(&text), &material).is_err());
        assert!(other.judge_proto(response(&text), &material).is_err());
        let shifted = Call { data: 4..61, ..one };
        assert!(shifted.judge_json(&body(&text), &material).is_err());
    }

    #[test]
    fn echoes_are_compared_byte_by_byte() {
        let material = Material::new(10_000, &mut fastrand::Rng::with_seed(3));
        for form in [Form::Bytes, Form::Text] {
            let one = call(form, Operation::Echo, Method::Predict);
            let mut body = one.json(&material);
            assert!(one.judge_json(&body, &material).is_ok(), "{form:?}");
            let last = body.len() - 3;
            body[last] ^= 1;
            assert!(one.judge_json(&body, &material).is_err(), "{form:?}");
        }
        let one = call(Form::Numbers, Operation::Echo, Method::Predict);
        assert!(one.judge_json(&one.json(&material), &material).is_ok());
        let sent = one.proto(&material).remove(0);
        assert!(one.judge_proto(sent, &material).is_ok());
    }

    #[test]
    fn an_aggregate_has_two_messages() {
        let material = Material::new(10_000, &mut fastrand::Rng::with_seed(3));
        let one = call(Form::Numbers, Operation::Digest, Method::Aggregate);
        let json: Value = serde_json::from_slice(&one.json(&material)).unwrap();
        let second = &json["seldonMessages"][1]["data"]["ndarray"][0];
        assert_eq!(second[0], 7 + SECOND);
        assert_eq!(second.as_array().unwrap().len(), 60);
        assert_eq!(one.digests(&material).len(), 6);
    }
}
