//! One gRPC call, of bytes that are a message already.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::{Buf as _, BufMut as _};
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Endpoint;
use tonic::{Request, Status};

/// The gRPC port may open later than the REST port.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Calls a method once, as soon as the port is open.
pub(super) fn call(
    server: SocketAddr,
    method: &'static str,
    message: &[u8],
) -> anyhow::Result<Vec<u8>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let endpoint = Endpoint::from_shared(format!("http://{server}"))?;
        let since = Instant::now();
        let channel = loop {
            match endpoint.connect().await {
                Ok(channel) => break channel,
                Err(error) if since.elapsed() > TIMEOUT => return Err(error.into()),
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        let mut grpc = Grpc::new(channel);
        grpc.ready().await?;
        let request = Request::new(message.to_vec());
        let call = grpc.unary(request, PathAndQuery::from_static(method), Bytes);
        let response = tokio::time::timeout(TIMEOUT, call).await??;
        Ok(response.into_inner())
    })
}

/// Leaves messages as they are.
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut message = vec![0; from.remaining()];
        from.copy_to_slice(&mut message);
        Ok(Some(message))
    }
}
