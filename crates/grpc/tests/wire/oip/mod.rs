//! The Open Inference Protocol, as a generated client meets it.

mod errors;
mod infer;
mod service;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use streeling_codec::oip::Served;
use streeling_core::{ErrorKind, Method};
use streeling_grpc::oip::Oip;
use streeling_grpc::seldon::Seldon;
use streeling_grpc::{Config, Protocol};
use streeling_net::BearerToken;
use streeling_proto::inference as pb;
use streeling_proto::inference::grpc_inference_service_client::GrpcInferenceServiceClient;
use streeling_proto::inference::infer_parameter::ParameterChoice;
use streeling_proto::inference::model_infer_request::{
    InferInputTensor, InferRequestedOutputTensor,
};
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::{Server, text_of};

type Client = GrpcInferenceServiceClient<Channel>;

fn served(version: Option<&str>) -> Served {
    Served {
        name: "scripted".to_owned(),
        version: version.map(str::to_owned),
    }
}

fn oip() -> Oip {
    Oip::new(served(Some("2")), Method::Predict)
}

fn serve(oip: Oip) -> Server {
    let protocols: Vec<Arc<dyn Protocol>> = vec![Arc::new(Seldon), Arc::new(oip)];
    Server::speaking(&Config::default(), protocols)
}

async fn client(server: &Server) -> Client {
    GrpcInferenceServiceClient::new(server.channel().await)
}

fn input(name: &str, datatype: &str, shape: &[i64]) -> InferInputTensor {
    InferInputTensor {
        name: name.to_owned(),
        datatype: datatype.to_owned(),
        shape: shape.to_vec(),
        ..InferInputTensor::default()
    }
}

fn raw(inputs: Vec<InferInputTensor>, raw: &[&'static [u8]]) -> pb::ModelInferRequest {
    pb::ModelInferRequest {
        model_name: "scripted".to_owned(),
        inputs,
        raw_input_contents: raw.iter().map(|data| Bytes::from_static(data)).collect(),
        ..pb::ModelInferRequest::default()
    }
}

fn typed(
    datatype: &str,
    shape: &[i64],
    contents: pb::InferTensorContents,
) -> pb::ModelInferRequest {
    let mut input = input("x", datatype, shape);
    input.contents = Some(contents);
    raw(vec![input], &[])
}

fn floats(values: &[f32]) -> pb::InferTensorContents {
    pb::InferTensorContents {
        fp32_contents: values.to_vec(),
        ..pb::InferTensorContents::default()
    }
}

/// A text, which is a command to the model.
fn command(text: &str) -> pb::ModelInferRequest {
    let contents = pb::InferTensorContents {
        bytes_contents: vec![Bytes::copy_from_slice(text.as_bytes())],
        ..pb::InferTensorContents::default()
    };
    typed("BYTES", &[], contents)
}

async fn infer(
    server: &Server,
    request: pb::ModelInferRequest,
) -> Result<pb::ModelInferResponse, Status> {
    let response = client(server).await.model_infer(request).await?;
    Ok(response.into_inner())
}

fn load(name: &str) -> pb::RepositoryModelLoadRequest {
    pb::RepositoryModelLoadRequest {
        model_name: name.to_owned(),
        ..pb::RepositoryModelLoadRequest::default()
    }
}

fn unload(name: &str) -> pb::RepositoryModelUnloadRequest {
    pb::RepositoryModelUnloadRequest {
        model_name: name.to_owned(),
        ..pb::RepositoryModelUnloadRequest::default()
    }
}

fn ready() -> pb::ModelReadyRequest {
    pb::ModelReadyRequest {
        name: "scripted".to_owned(),
        version: "2".to_owned(),
    }
}
