//! As much of the Open Inference Protocol's protobuf as one row takes.

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct InferRequest {
    #[prost(string, tag = "1")]
    pub(super) model_name: String,
    #[prost(message, repeated, tag = "5")]
    pub(super) inputs: Vec<InferTensor>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct InferResponse {
    #[prost(message, repeated, tag = "5")]
    pub(super) outputs: Vec<InferTensor>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct InferTensor {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) datatype: String,
    #[prost(int64, repeated, tag = "3")]
    pub(super) shape: Vec<i64>,
    #[prost(message, optional, tag = "5")]
    pub(super) contents: Option<Contents>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Contents {
    #[prost(double, repeated, tag = "7")]
    pub(super) fp64: Vec<f64>,
}

impl InferTensor {
    pub(super) fn row(values: Vec<f64>) -> Self {
        Self {
            name: "x".to_owned(),
            datatype: "FP64".to_owned(),
            shape: vec![1, values.len() as i64],
            contents: Some(Contents { fp64: values }),
        }
    }
}

impl InferResponse {
    /// The only row of the only output.
    pub(super) fn into_row(mut self) -> Option<Vec<f64>> {
        let output = self.outputs.pop()?;
        let is_row = self.outputs.is_empty() && output.shape.first() == Some(&1);
        is_row.then_some(output.contents?.fp64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_row_of_one_output_is_a_row() {
        let response = |outputs| InferResponse { outputs };
        let row = InferTensor::row(vec![1.0, 2.0]);
        let one = response(vec![row.clone()]);
        assert_eq!(one.into_row(), Some(vec![1.0, 2.0]));
        assert_eq!(response(vec![row.clone(), row]).into_row(), None);
        assert_eq!(response(Vec::new()).into_row(), None);
    }
}
