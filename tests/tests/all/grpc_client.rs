//! A client of the gRPC port.

use std::net::SocketAddr;

use streeling_proto::seldon::protos::{
    DefaultData, SeldonMessage, Tensor, default_data, model_client::ModelClient, seldon_message,
};
use tonic::Status;
use tonic::transport::Endpoint;

use crate::support::PATIENCE;

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
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let call = async {
            let channel = Endpoint::from_shared(format!("http://{server}")).unwrap();
            let channel = channel.connect().await.unwrap();
            let mut client = ModelClient::new(channel);
            Ok(client.predict(message).await?.into_inner())
        };
        tokio::time::timeout(PATIENCE, call).await.unwrap()
    })
}
