//! The Open Inference Protocol, and `KServe`'s V1.

mod binary;
mod graph;
mod inference;
mod pages;
mod v1;

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use streeling_core::{
    Annotate, Component, Context, Feedback, Layer as _, Message, Method, Models, Payload, RawJson,
    Response, Result, Tensor, service,
};
use streeling_rest::oip::{Oip, Served};
use streeling_rest::seldon::Seldon;

use crate::support::{Reply, Server, config, post};

const INFER: &str = "/v2/models/scripted/infer";

fn served() -> Served {
    Served {
        name: "scripted".to_owned(),
        version: Some("v7".to_owned()),
    }
}

fn server() -> Server {
    speaking(Oip::new(served(), Method::Predict))
}

/// Speaks Seldon's protocol, too, which comes first.
fn speaking(oip: Oip) -> Server {
    Server::speaking(&config(), vec![Arc::new(Seldon::default()), Arc::new(oip)])
}

/// A server of a component of the test's own.
fn serving(component: impl Component + 'static, infer: impl Into<Option<Method>>) -> Server {
    let annotate = Annotate::default();
    let models = Models::one("scripted", annotate.layer(service(component)));
    let oip = Oip::new(served(), infer);
    Server::serving(&config(), vec![Arc::new(oip)], models)
}

async fn infer(server: &Server, body: &str) -> Reply {
    server.call(&post(INFER, "application/json", body)).await
}

/// A request of one input.
fn one(datatype: &str, shape: &str, data: &str) -> String {
    format!(
        r#"{{"inputs":[{{"name":"x","datatype":"{datatype}","shape":{shape},"data":{data}}}]}}"#
    )
}

/// The text of an error of this status, after checking the rest of its form.
fn failure(reply: &Reply, status: u16) -> String {
    let json = reply.json();
    assert_eq!(reply.status, status, "{json}");
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    assert_eq!(json.as_object().unwrap().len(), 1, "{json}");
    json["error"].as_str().unwrap().to_owned()
}

/// The body of a good response.
fn good(reply: &Reply) -> Value {
    let json = reply.json();
    assert_eq!(reply.status, 200, "{json}");
    json
}

/// A component that does what graphs and rewards need, and says what it is.
struct Node;

#[async_trait]
impl Component for Node {
    async fn predict(&self, _: &Context, input: Message) -> Result<Response> {
        Ok(Response::unchanged(input))
    }

    async fn transform_input(&self, _: &Context, _: Message) -> Result<Response> {
        Ok("input".to_owned().into())
    }

    async fn transform_output(&self, _: &Context, _: Message) -> Result<Response> {
        Ok("output".to_owned().into())
    }

    async fn route(&self, _: &Context, _: Message) -> Result<Response> {
        Ok(Tensor::from_vec(vec![1, 1], vec![1_i64]).unwrap().into())
    }

    async fn aggregate(&self, _: &Context, inputs: Vec<Message>) -> Result<Response> {
        Ok(inputs
            .into_iter()
            .next_back()
            .unwrap_or_default()
            .payload
            .into())
    }

    async fn send_feedback(&self, _: &Context, feedback: Feedback) -> Result<Response> {
        let has = |message: &Option<Message>| {
            let payload = message.as_ref().map(|message| &message.payload);
            matches!(payload, Some(Payload::Array(_)))
        };
        let parts = [&feedback.request, &feedback.response, &feedback.truth].map(has);
        Ok(format!("{} {parts:?}", feedback.reward).into())
    }

    async fn metadata(&self) -> Result<RawJson> {
        let text = br#"{"name":"own","platform":"rust","versions":["v7","v8"],"custom":{"a":1},
            "inputs":[{"name":"x","datatype":"FP32","shape":[-1,4]},
                      {"messagetype":"tensor","schema":{"shape":[4]}}]}"#;
        Ok(RawJson::from_checked(text[..].into()))
    }
}
