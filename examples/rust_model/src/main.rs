//! The mean of each row, as a component in Rust: no Python, no worker process.
//!
//! `cargo run -- --http-port 9000` in this folder, then
//!
//! ```console
//! $ curl http://127.0.0.1:9000/predict -H 'Content-Type: application/json' \
//!     -d '{"data":{"ndarray":[[1.0,2.0,6.0]]}}'
//! {"data":{"names":["mean"],"ndarray":[[3.0]]},"meta":{}}
//! ```

use std::process::ExitCode;

use async_trait::async_trait;
use streeling::core::{
    Array, Component, Context, Elements, Error, ErrorKind, Message, Payload, RawJson, Response,
    Result, Tensor,
};

struct Mean;

#[async_trait]
impl Component for Mean {
    async fn predict(&self, _: &Context, input: Message) -> Result<Response> {
        let Payload::Array(Array {
            elements: Elements::Typed(rows),
            ..
        }) = &input.payload
        else {
            return Err(wrong("data with numbers is needed"));
        };
        let (&[count, columns @ (1..)], Some(values)) = (rows.shape(), rows.to_floats()) else {
            return Err(wrong("rows of at least one number are needed"));
        };
        let mean = |row: &[f64]| row.iter().sum::<f64>() / row.len() as f64;
        let means = values.chunks_exact(columns).map(mean).collect();
        let means = Tensor::from_vec(vec![count, 1], means)
            .map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?;
        Ok(Response::from(means).with_names(vec!["mean".to_owned()]))
    }

    async fn metadata(&self) -> Result<RawJson> {
        Ok(RawJson::from_checked(r#"{"name":"mean","platform":"rust"}"#.into()))
    }
}

fn wrong(info: &str) -> Error {
    Error::new(ErrorKind::BadData, info)
}

fn main() -> ExitCode {
    streeling::serve(Mean)
}
