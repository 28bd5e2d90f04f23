//! How a group's exchanges go to a server.

use std::net::SocketAddr;
use std::time::Duration;

use super::exchange::{AnyRequest, Group};
use super::launch::Running;
use super::snapshot::Snapshot;
use super::stubs::{Call, Stubs};
use super::transport::Transport;

/// Longest wait for one response over REST; the slowest recorded one takes milliseconds.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(60);

/// A server's port and its client.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// The REST port.
    Rest(SocketAddr),
    /// The gRPC port.
    Grpc(SocketAddr, &'a Stubs),
}

impl<'a> Target<'a> {
    /// The port of `server` that serves `transport`.
    #[must_use]
    pub fn of(transport: Transport, server: &Running, stubs: &'a Stubs) -> Self {
        match transport {
            Transport::Rest => Self::Rest(server.address()),
            Transport::Grpc => Self::Grpc(server.grpc_address(), stubs),
        }
    }
}

impl Group {
    /// Sends the exchanges in their order; their ids, each with the response or why there is none.
    /// If the gRPC client fails, there is one error for the whole group, under the group's id.
    #[must_use]
    pub fn send(&self, target: Target<'_>) -> Vec<(String, Result<Snapshot, String>)> {
        match target {
            Target::Rest(server) => self.send_rest(server),
            Target::Grpc(server, stubs) => self.send_grpc(server, stubs),
        }
    }

    fn send_rest(&self, server: SocketAddr) -> Vec<(String, Result<Snapshot, String>)> {
        let responses = self.exchanges.iter().map(|exchange| {
            let response = match &exchange.request {
                AnyRequest::Http(request) => request
                    .send(server, RESPONSE_TIMEOUT)
                    .map(|raw| Snapshot::new(&raw, exchange.keep))
                    .map_err(|error| error.to_string()),
                AnyRequest::Call(_) => Err("a gRPC call among REST requests".to_owned()),
            };
            (exchange.id.clone(), response)
        });
        responses.collect()
    }

    fn send_grpc(
        &self,
        server: SocketAddr,
        stubs: &Stubs,
    ) -> Vec<(String, Result<Snapshot, String>)> {
        let calls: Option<Vec<&Call>> = self
            .exchanges
            .iter()
            .map(|exchange| match &exchange.request {
                AnyRequest::Call(call) => Some(call),
                AnyRequest::Http(_) => None,
            })
            .collect();
        let Some(calls) = calls else {
            let what = "a REST request among gRPC calls".to_owned();
            return vec![(self.id.clone(), Err(what))];
        };
        match stubs.call(server, &calls) {
            Ok(responses) => self
                .exchanges
                .iter()
                .zip(responses)
                .map(|(exchange, response)| {
                    (
                        exchange.id.clone(),
                        Ok(Snapshot::of_call(response, exchange.keep)),
                    )
                })
                .collect(),
            Err(error) => vec![(self.id.clone(), Err(format!("the gRPC client: {error}")))],
        }
    }
}
