//! Clients over gRPC.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use streeling_proto::seldon::protos::{
    SeldonMessage, SeldonMessageList, combiner_client::CombinerClient, model_client::ModelClient,
    transformer_client::TransformerClient,
};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Response, Status};

use super::account::{Ended, Refusal};
use super::call::{Call, Method, Operation};
use super::material::Material;
use super::rest::{TIMEOUT, is_on_purpose};

/// More than the largest message.
const LARGEST: usize = 256 << 20;

/// One connection.
#[derive(Clone)]
pub(super) struct Client {
    channel: Channel,
}

impl Client {
    pub(super) async fn connect(server: SocketAddr) -> anyhow::Result<Self> {
        let endpoint = Endpoint::from_shared(format!("http://{server}"))?;
        let channel = endpoint.connect().await.context("no gRPC connection")?;
        Ok(Self { channel })
    }

    /// Sends a request and judges its response.
    pub(super) async fn call(&self, call: &Call, material: &Material) -> Ended {
        match tokio::time::timeout(TIMEOUT, self.send(call, material)).await {
            Err(_) => Ended::Broken(format!("no response in {} s", TIMEOUT.as_secs())),
            Ok(Ok(_)) if call.operation == Operation::Raise => {
                Ended::Broken("a response where the component raised".to_owned())
            }
            Ok(Ok(response)) => match call.judge_proto(response.into_inner(), material) {
                Ok(()) => Ended::Right,
                Err(text) => Ended::Broken(format!("{:?}: {text}", call.operation)),
            },
            Ok(Err(status)) => judge(call, &status),
        }
    }

    /// Sends a request and goes away after so long; says whether the response had not come.
    pub(super) async fn abandon(&self, call: &Call, material: &Material, after: Duration) -> bool {
        let sent = self.send(call, material);
        tokio::time::timeout(after, sent).await.is_err()
    }

    async fn send(
        &self,
        call: &Call,
        material: &Material,
    ) -> Result<Response<SeldonMessage>, Status> {
        let mut messages = call.proto(material);
        let channel = self.channel.clone();
        if call.method == Method::Aggregate {
            let mut client = CombinerClient::new(channel).max_decoding_message_size(LARGEST);
            let list = SeldonMessageList {
                seldon_messages: messages,
            };
            return client.aggregate(list).await;
        }
        let message = messages.pop().unwrap_or_default();
        if call.method == Method::TransformInput {
            let mut client = TransformerClient::new(channel).max_decoding_message_size(LARGEST);
            return client.transform_input(message).await;
        }
        let mut client = ModelClient::new(channel).max_decoding_message_size(LARGEST);
        client.predict(message).await
    }
}

/// The server's own errors have details; that of a broken connection, which is the client's, has
/// none.
fn judge(call: &Call, status: &Status) -> Ended {
    let text = status.message();
    if is_on_purpose(call, text) && status.code() == Code::Unknown {
        return Ended::Right;
    }
    match Refusal::of_grpc(status.code(), status.details()) {
        Some(refusal) => Ended::Refused(refusal, text.to_owned()),
        None => Ended::Broken(format!("{:?}: {status:?}", call.operation)),
    }
}
