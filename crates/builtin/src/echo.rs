//! A component that returns what it is given.

use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;
use streeling_core::{Component, Context, Message, RawJson, Response, Result};

/// Returns the payload of each request, with its names. It takes no parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Echo {}

#[async_trait]
impl Component for Echo {
    async fn predict(&self, _: &Context, input: Message) -> Result<Response> {
        Ok(Response::unchanged(input))
    }

    async fn metadata(&self) -> Result<RawJson> {
        let text = br#"{"name":"echo","platform":"rust"}"#;
        Ok(RawJson::from_checked(Bytes::from_static(text)))
    }
}

#[cfg(test)]
mod tests {
    use streeling_core::{Input, Method, Payload, Request, Tensor, service};

    use super::*;

    #[tokio::test]
    async fn the_payload_comes_back_with_its_names() {
        let array = Payload::from(Tensor::from_vec(vec![1, 2], vec![1.0, 2.0]).unwrap());
        let named = Response::from(array).with_names(vec!["a".to_owned(), "b".to_owned()]);
        for payload in [
            named.message.payload,
            Payload::Text("x".to_owned()),
            Payload::None,
        ] {
            let request = Request {
                method: Method::Predict,
                model: None,
                input: Input::Message(Message {
                    payload: payload.clone(),
                    ..Message::default()
                }),
            };
            let response = service(Echo {}).call(&Context::default(), request).await;
            assert_eq!(response.unwrap().message.payload, payload);
        }
    }
}
