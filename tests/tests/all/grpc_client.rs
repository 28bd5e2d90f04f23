//! A client of the gRPC port.

use std::net::SocketAddr;

use streeling_proto::seldon::protos::{
    DefaultData, Feedback, SeldonMessage, Tensor, default_data, model_client::ModelClient,
    seldon_message,
};
use tonic::metadata::{AsciiMetadataKey, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};

use crate::support::TIMEOUT;

/// A message that holds an array of floats.
pub(crate) fn tensor(shape: [i32; 2], values: &[f64]) -> SeldonMessage {
    let tensor = Tensor {
        shape: shape.to_vec(),
        values: values.to_vec(),
    };
    let data = DefaultData {
        names: Vec::new(),
        data_oneof: Some(default_data::DataOneof::Tensor(tensor)),
    };
    SeldonMessage {
        data_oneof: Some(seldon_message::DataOneof::Data(data)),
        ..SeldonMessage::default()
    }
}

/// The shape and values of a message's tensor.
pub(crate) fn values(message: &SeldonMessage) -> (&[i32], &[f64]) {
    let Some(seldon_message::DataOneof::Data(data)) = &message.data_oneof else {
        panic!("no data in {message:?}");
    };
    let Some(default_data::DataOneof::Tensor(tensor)) = &data.data_oneof else {
        panic!("no tensor in {message:?}");
    };
    (&tensor.shape, &tensor.values)
}

/// Calls `Predict` of the service `Model` on a connection of its own.
pub(crate) fn predict(server: SocketAddr, message: SeldonMessage) -> Result<SeldonMessage, Status> {
    call(server, async |mut client| client.predict(message).await)
}

/// Calls `Predict` with metadata.
pub(crate) fn predict_with(
    server: SocketAddr,
    message: SeldonMessage,
    metadata: &[(&str, &str)],
) -> Result<SeldonMessage, Status> {
    let mut request = Request::new(message);
    for (name, value) in metadata {
        let name: AsciiMetadataKey = name.parse().unwrap();
        let value: MetadataValue<_> = value.parse().unwrap();
        request.metadata_mut().insert(name, value);
    }
    call(server, async |mut client| client.predict(request).await)
}

/// A message that holds a text.
pub(crate) fn text(text: &str) -> SeldonMessage {
    SeldonMessage {
        data_oneof: Some(seldon_message::DataOneof::StrData(text.to_owned())),
        ..SeldonMessage::default()
    }
}

/// Calls `SendFeedback` of the service `Model` with a reward alone, on a connection of its own.
pub(crate) fn feedback(server: SocketAddr, reward: f32) -> Result<SeldonMessage, Status> {
    let feedback = Feedback {
        request: Some(tensor([1, 1], &[1.0])),
        reward,
        ..Feedback::default()
    };
    call(server, async |mut client| {
        client.send_feedback(feedback).await
    })
}

fn call(
    server: SocketAddr,
    of: impl AsyncFnOnce(ModelClient<Channel>) -> Result<Response<SeldonMessage>, Status>,
) -> Result<SeldonMessage, Status> {
    connected(server, async |channel| of(ModelClient::new(channel)).await)
}

/// Makes one call on a connection of its own.
pub(crate) fn connected<T>(
    server: SocketAddr,
    call: impl AsyncFnOnce(Channel) -> Result<Response<T>, Status>,
) -> Result<T, Status> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let call = async {
            let channel = Endpoint::from_shared(format!("http://{server}")).unwrap();
            let channel = channel.connect().await.unwrap();
            Ok(call(channel).await?.into_inner())
        };
        tokio::time::timeout(TIMEOUT, call).await.unwrap()
    })
}
