//! A classifier that needs no training: the larger the mean of a row, the likelier its class.

use std::sync::OnceLock;

use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;
use streeling_core::{
    Array, Component, Context, Elements, Error, ErrorKind, Message, Payload, RawJson, Response,
    Result, Tensor,
};

/// One probability a row: the logistic function of (mean of the row − `threshold`).
///
/// `intValue` is the number of leading columns that are no features (a row number, a key) and stay
/// out of the mean: the parameters, the names and the tags of `examples/mean_classifier`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MeanClassifier {
    threshold: f64,
    #[serde(rename = "intValue")]
    skip: usize,
    /// The threshold as a tag, written once.
    #[serde(skip)]
    tag: OnceLock<RawJson>,
}

impl MeanClassifier {
    /// Probabilities of shape (n, 1) for rows of shape (n, m), m greater than `intValue`.
    fn probabilities(&self, rows: &Tensor) -> Result<Tensor> {
        let (&[count, columns], Some(values)) = (rows.shape(), rows.floats()) else {
            return Err(self.wrong(&format!("{:?} of shape {:?}", rows.dtype(), rows.shape())));
        };
        if columns <= self.skip {
            return Err(self.wrong(&format!("rows of {columns}")));
        }
        let probability = |row: &[f64]| {
            let features = &row[self.skip..];
            #[expect(clippy::cast_precision_loss, reason = "a mean is a float")]
            let mean = features.iter().sum::<f64>() / features.len() as f64;
            // tanh saturates where exp would overflow.
            0.5 * (1.0 + (0.5 * (mean - self.threshold)).tanh())
        };
        let probabilities = values.chunks_exact(columns).map(probability).collect();
        Tensor::from_vec(vec![count, 1], probabilities)
            .map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))
    }

    fn tag(&self) -> RawJson {
        // Debug, because Display writes 1.0 as 1, and that is an integer.
        let write = || RawJson::from_checked(Bytes::from(format!("{:?}", self.threshold)));
        self.tag.get_or_init(write).clone()
    }

    fn wrong(&self, found: &str) -> Error {
        let info = format!(
            "rust:mean_classifier takes rows of at least {} numbers in data; this request has \
             {found}",
            self.skip + 1
        );
        Error::new(ErrorKind::BadData, info)
    }
}

#[async_trait]
impl Component for MeanClassifier {
    async fn predict(&self, _: &Context, input: Message) -> Result<Response> {
        let probabilities = match &input.payload {
            Payload::Array(Array {
                elements: Elements::Typed(rows),
                ..
            }) => self.probabilities(rows)?,
            Payload::Array(_) => return Err(self.wrong("what is no array of numbers")),
            _ => return Err(self.wrong("none")),
        };
        let mut response = Response::from(probabilities).with_names(vec!["proba".to_owned()]);
        let tags = &mut response.message.meta.tags;
        tags.insert("threshold".to_owned(), self.tag());
        Ok(response)
    }

    async fn metadata(&self) -> Result<RawJson> {
        let text = br#"{"name":"mean_classifier","platform":"rust"}"#;
        Ok(RawJson::from_checked(Bytes::from_static(text)))
    }
}

#[cfg(test)]
mod tests {
    use streeling_core::Layout;

    use super::*;

    async fn predict(skip: usize, payload: Payload) -> Result<Response> {
        let classifier = MeanClassifier {
            threshold: 1.0,
            skip,
            ..MeanClassifier::default()
        };
        let message = Message {
            payload,
            ..Message::default()
        };
        classifier.predict(&Context::default(), message).await
    }

    #[tokio::test]
    async fn the_mean_decides() {
        let rows = Tensor::from_vec(vec![2, 3], vec![9_i64, 1, 1, 9, 3, 5]).unwrap();
        let response = predict(1, rows.into()).await.unwrap();
        let Payload::Array(array) = response.message.payload else {
            panic!("no array");
        };
        let Elements::Typed(found) = array.elements else {
            panic!("no numbers");
        };
        assert_eq!(found.shape(), [2, 1]);
        let expected = 1.0 / (1.0 + (-3.0_f64).exp());
        let found = found.to_vec::<f64>().unwrap();
        assert!((found[0] - 0.5).abs() < 1e-15, "{found:?}");
        assert!((found[1] - expected).abs() < 1e-15, "{found:?}");
        let threshold = response.message.meta.tags.get("threshold").unwrap();
        assert_eq!(threshold.as_bytes(), b"1.0");
    }

    #[tokio::test]
    async fn what_has_no_rows_is_refused() {
        let text = RawJson::from_checked(Bytes::from_static(b"[[\"a\"]]"));
        for (payload, expected) in [
            (
                Tensor::from_vec(vec![2], vec![1.0, 2.0]).unwrap().into(),
                "F64 of shape [2]",
            ),
            (
                Tensor::from_vec(vec![2, 1], vec![1.0, 2.0]).unwrap().into(),
                "rows of 1",
            ),
            (
                Tensor::from_vec(vec![0, 0], Vec::<f64>::new())
                    .unwrap()
                    .into(),
                "rows of 0",
            ),
            (
                Tensor::from_bools(vec![1, 2], vec![true, false])
                    .unwrap()
                    .into(),
                "Bool of shape [1, 2]",
            ),
            (Payload::Text("x".to_owned()), "none"),
            (
                Payload::Array(Array {
                    names: streeling_core::Names::new(),
                    layout: Layout::Nested,
                    elements: Elements::Json(text),
                }),
                "what is no array of numbers",
            ),
        ] {
            let error = predict(1, payload).await.unwrap_err();
            let start = "rust:mean_classifier takes rows of at least 2 numbers in data";
            assert_eq!(error.kind, ErrorKind::BadData);
            assert_eq!(error.info, format!("{start}; this request has {expected}"));
        }
    }

    #[tokio::test]
    async fn no_rows_have_no_probabilities() {
        let none = Tensor::from_vec(vec![0, 3], Vec::<f64>::new()).unwrap();
        assert!(predict(0, none.into()).await.is_ok());
    }
}
