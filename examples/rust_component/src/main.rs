//! The mean of each row, as a component in Rust: no Python, no worker process.
//!
//! `cargo run --package rust-component -- Mean --http-port 9000`, then
//!
//! ```console
//! $ curl http://127.0.0.1:9000/predict -H 'Content-Type: application/json' \
//!     -d '{"data":{"ndarray":[[1.0,2.0,6.0]]}}'
//! {"data":{"names":["mean"],"ndarray":[[3.0]]},"meta":{}}
//! ```

use std::error::Error;

use async_trait::async_trait;
use bytes::Bytes;
use streeling::config::{Annotations, Environment, Settings};
use streeling::core::{
    self, Array, Component, Context, Elements, ErrorKind, Message, Payload, RawJson, Response,
    Tensor,
};
use streeling::{Server, controller, on_signals};

struct Mean;

#[async_trait]
impl Component for Mean {
    async fn predict(&self, _: &Context, input: Message) -> core::Result<Response> {
        let Payload::Array(Array {
            elements: Elements::Typed(rows),
            ..
        }) = &input.payload
        else {
            return Err(wrong("data with numbers is needed"));
        };
        let &[count, columns] = rows.shape() else {
            return Err(wrong("an array of two dimensions is needed"));
        };
        // A JSON array without a point in it is one of integers.
        #[expect(clippy::cast_precision_loss, reason = "a mean is a float")]
        let values = rows
            .to_vec::<f64>()
            .or_else(|| {
                Some(
                    rows.to_vec::<i64>()?
                        .into_iter()
                        .map(|n| n as f64)
                        .collect(),
                )
            })
            .ok_or_else(|| wrong("numbers are needed, not truth values"))?;
        #[expect(clippy::cast_precision_loss, reason = "a mean is a float")]
        let means = (0..count)
            .map(|row| values[row * columns..][..columns].iter().sum::<f64>() / columns as f64)
            .collect();
        let tensor = Tensor::from_vec(vec![count, 1], means)
            .map_err(|error| core::Error::new(ErrorKind::Internal, error.to_string()))?;
        Ok(Response::from(tensor).with_names(vec!["mean".to_owned()]))
    }

    async fn metadata(&self) -> core::Result<RawJson> {
        Ok(RawJson::from_checked(Bytes::from_static(
            br#"{"name":"mean","platform":"rust"}"#,
        )))
    }
}

fn wrong(info: &str) -> core::Error {
    core::Error::new(ErrorKind::BadData, info)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let environment = Environment::from_process();
    let loaded = Settings::load(
        streeling::FEATURES,
        std::env::args_os(),
        &environment,
        &Annotations::default(),
    )?;
    let _log = streeling::init_log(&loaded.settings.log)?;
    let (controller, control) = controller();
    on_signals(controller, loaded.settings.workers.graceful_timeout)?;
    Server::with_component(loaded.settings, Mean)
        .run(control)
        .await?;
    Ok(())
}
