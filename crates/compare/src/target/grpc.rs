//! gRPC, whose messages stay bytes.

use std::error::Error as _;
use std::time::{Duration, Instant};

use bytes::{Buf, BufMut, Bytes};
use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::{MetadataKey, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use super::http::chain;
use crate::messages::path;
use crate::reply::Reply;
use crate::request::Call;

/// A connection for calls, made at the first of them.
#[derive(Clone, Debug)]
pub(super) struct Calls {
    address: String,
    endpoint: Endpoint,
    channel: Channel,
}

impl Calls {
    /// Calls to `HOST:PORT`.
    ///
    /// # Errors
    ///
    /// The address is none.
    pub(super) fn to(address: &str) -> Result<Self, String> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))
            .map_err(|error| format!("\"{address}\": {error}"))?
            .tcp_nodelay(true);
        Ok(Self {
            address: address.to_owned(),
            channel: endpoint.connect_lazy(),
            endpoint,
        })
    }

    /// Checks that something accepts connections there and speaks gRPC.
    pub(super) async fn reach(&self, timeout: Duration) -> Result<(), String> {
        let address = &self.address;
        match tokio::time::timeout(timeout, self.check()).await {
            Ok(result) => result.map_err(|error| format!("no gRPC at {address}: {error}")),
            Err(_) => Err(format!(
                "no gRPC at {address}: no response within {} s",
                timeout.as_secs_f64()
            )),
        }
    }

    async fn check(&self) -> Result<(), String> {
        let channel = self
            .endpoint
            .connect()
            .await
            .map_err(|error| chain(&error))?;
        let mut client = Grpc::new(channel);
        client.ready().await.map_err(|error| chain(&error))?;
        let path = PathAndQuery::from_static("/grpc.health.v1.Health/Check");
        match client
            .unary(Request::new(Bytes::new()), path, AsBytes)
            .await
        {
            // A server without this service says so; only a broken connection has a cause.
            Err(status) if status.source().is_some() => Err(chain(&status)),
            _ => Ok(()),
        }
    }

    /// Makes a call; a status other than OK is a reply as well.
    ///
    /// # Errors
    ///
    /// The call cannot be made, or breaks off before there is a status.
    pub(super) async fn send(&self, call: &Call) -> Result<Reply, String> {
        let path: PathAndQuery = path(&call.call)
            .parse()
            .map_err(|error| format!("call \"{}\": {error}", call.call))?;
        let mut request = Request::new(call.message.clone());
        for (name, value) in &call.headers {
            let bad = |what: &str| format!("metadata {name}: {what}");
            let name = MetadataKey::from_bytes(name.as_bytes())
                .map_err(|error| bad(&error.to_string()))?;
            let value = MetadataValue::try_from(value).map_err(|error| bad(&error.to_string()))?;
            request.metadata_mut().insert(name, value);
        }
        let mut client = Grpc::new(self.channel.clone())
            .max_decoding_message_size(usize::MAX)
            .max_encoding_message_size(usize::MAX);
        let since = Instant::now();
        client
            .ready()
            .await
            .map_err(|error| format!("no gRPC at {}: {}", self.address, chain(&error)))?;
        match client.unary(request, path, AsBytes).await {
            Ok(response) => Ok(Reply {
                took: since.elapsed(),
                body: response.into_inner(),
                ..Reply::default()
            }),
            Err(status) => match status.source() {
                // tonic makes a status of a broken connection, too, often UNAVAILABLE; the server's
                // own has no cause.
                Some(cause) => Err(chain(cause)),
                None => Ok(Reply {
                    status: u16::try_from(i32::from(status.code())).unwrap_or(u16::MAX),
                    took: since.elapsed(),
                    text: status.message().to_owned(),
                    ..Reply::default()
                }),
            },
        }
    }
}

/// Messages as they are on the wire.
struct AsBytes;

impl Codec for AsBytes {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for AsBytes {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(message);
        Ok(())
    }
}

impl Decoder for AsBytes {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
