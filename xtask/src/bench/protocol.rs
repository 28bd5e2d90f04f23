//! What is sent to the servers and comes back, over REST and over gRPC.

use prost::Message as _;
use prost_types::{ListValue, Value as Proto, value::Kind};
use serde_json::{Value, json};
use streeling_proto::seldon::protos::{
    DefaultData, SeldonMessage, Tensor, default_data, seldon_message,
};

use super::infer::{InferRequest, InferResponse, InferTensor};

/// The messages that a server takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Seldon's, which litserve's adapter takes too.
    Seldon,
    /// The same bodies at Mosec's route.
    Mosec,
    /// The Open Inference Protocol, for a model of the name `bench`.
    OpenInference,
}

/// How an array is sent over gRPC.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Tensor,
    Ndarray,
}

impl Protocol {
    /// The route of a prediction.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Seldon => "/predict",
            Self::Mosec => "/inference",
            Self::OpenInference => "/v2/models/bench/infer",
        }
    }

    /// A request for one row, as JSON.
    pub(super) fn body(self, row: &[f64]) -> String {
        let count = row.len();
        let numbers: Vec<String> = row.iter().map(f64::to_string).collect();
        let numbers = numbers.join(",");
        match self {
            Self::Seldon | Self::Mosec => format!(r#"{{"data":{{"ndarray":[[{numbers}]]}}}}"#),
            Self::OpenInference => format!(
                "{{\"inputs\":[{{\"name\":\"x\",\"shape\":[1,{count}],\"datatype\":\"FP64\",\
                 \"data\":[{numbers}]}}]}}"
            ),
        }
    }

    /// The only row of a response.
    pub(super) fn row(self, response: &Value) -> Option<Vec<f64>> {
        let row = match self {
            Self::Seldon | Self::Mosec => {
                match response["data"]["ndarray"].as_array()?.as_slice() {
                    [row] => row,
                    _ => return None,
                }
            }
            Self::OpenInference => {
                let output = &response["outputs"][0];
                if output["shape"][0] != json!(1) {
                    return None;
                }
                &output["data"]
            }
        };
        row.as_array()?.iter().map(Value::as_f64).collect()
    }

    /// The gRPC method of a prediction; none where there is no gRPC.
    pub(super) fn method(self) -> Option<&'static str> {
        match self {
            Self::Seldon => Some("/seldon.protos.Model/Predict"),
            Self::Mosec => None,
            Self::OpenInference => Some("/inference.GRPCInferenceService/ModelInfer"),
        }
    }

    /// A request for one row, as protobuf.
    pub(super) fn message(self, form: Form, row: Vec<f64>) -> Vec<u8> {
        match self {
            Self::Seldon | Self::Mosec => {
                let data = match form {
                    Form::Tensor => default_data::DataOneof::Tensor(Tensor {
                        shape: vec![1, i32::try_from(row.len()).expect("a row that fits")],
                        values: row,
                    }),
                    Form::Ndarray => {
                        let values = row.into_iter().map(Kind::NumberValue).map(value).collect();
                        let row = value(Kind::ListValue(ListValue { values }));
                        default_data::DataOneof::Ndarray(ListValue { values: vec![row] })
                    }
                };
                let data = DefaultData {
                    names: Vec::new(),
                    data_oneof: Some(data),
                };
                let message = SeldonMessage {
                    data_oneof: Some(seldon_message::DataOneof::Data(data)),
                    ..SeldonMessage::default()
                };
                message.encode_to_vec()
            }
            Self::OpenInference => {
                let request = InferRequest {
                    model_name: "bench".to_owned(),
                    inputs: vec![InferTensor::row(row)],
                };
                request.encode_to_vec()
            }
        }
    }

    /// The only row of a response in protobuf.
    pub(super) fn row_of_message(self, response: &[u8]) -> Option<Vec<f64>> {
        match self {
            Self::Seldon | Self::Mosec => {
                let message = SeldonMessage::decode(response).ok()?;
                let Some(seldon_message::DataOneof::Data(data)) = message.data_oneof else {
                    return None;
                };
                match data.data_oneof? {
                    default_data::DataOneof::Tensor(tensor) => {
                        (tensor.shape.first() == Some(&1)).then_some(tensor.values)
                    }
                    default_data::DataOneof::Ndarray(list) => match &list.values[..] {
                        [
                            Proto {
                                kind: Some(Kind::ListValue(row)),
                            },
                        ] => row.values.iter().map(number).collect(),
                        _ => None,
                    },
                    default_data::DataOneof::Tftensor(_) => None,
                }
            }
            Self::OpenInference => InferResponse::decode(response).ok()?.into_row(),
        }
    }
}

fn value(kind: Kind) -> Proto {
    Proto { kind: Some(kind) }
}

fn number(value: &Proto) -> Option<f64> {
    match value.kind {
        Some(Kind::NumberValue(number)) => Some(number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: [f64; 2] = [0.5, -2.0];

    #[test]
    fn a_row_is_sent_as_each_server_takes_it() {
        let body = Protocol::Seldon.body(&ROW);
        assert_eq!(body, r#"{"data":{"ndarray":[[0.5,-2]]}}"#);
        let body = Protocol::OpenInference.body(&ROW);
        let expected =
            r#"{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP64","data":[0.5,-2]}]}"#;
        assert_eq!(body, expected);
    }

    #[test]
    fn only_one_row_is_a_response() {
        let row = |protocol: Protocol, text: &str| {
            protocol.row(&serde_json::from_str::<Value>(text).unwrap())
        };
        let one = r#"{"data":{"ndarray":[[0.5,-2]]}}"#;
        assert_eq!(row(Protocol::Mosec, one), Some(ROW.to_vec()));
        assert_eq!(
            row(Protocol::Seldon, r#"{"data":{"ndarray":[[1],[2]]}}"#),
            None
        );
        assert_eq!(row(Protocol::Seldon, r#"{"error":"no"}"#), None);
        let outputs = r#"{"outputs":[{"shape":[1,2],"data":[0.5,-2.0]}]}"#;
        assert_eq!(row(Protocol::OpenInference, outputs), Some(ROW.to_vec()));
    }

    #[test]
    fn a_row_comes_back_from_its_own_message() {
        for form in [Form::Tensor, Form::Ndarray] {
            let message = Protocol::Seldon.message(form, ROW.to_vec());
            assert_eq!(
                Protocol::Seldon.row_of_message(&message),
                Some(ROW.to_vec())
            );
        }
    }
}
