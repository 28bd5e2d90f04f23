//! The two transports of the suite, and how a group's exchanges go to a server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::{Answer, Ask, Call, Group, Running, Stubs};

/// Longest wait for one answer over REST; the slowest recorded one takes milliseconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// How exchanges travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// HTTP/1.1 requests.
    Rest,
    /// Calls by the incumbent's own stubs.
    Grpc,
}

/// A server's port and who talks to it.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// The REST port.
    Rest(SocketAddr),
    /// The gRPC port.
    Grpc(SocketAddr, &'a Stubs),
}

impl Transport {
    /// Both, in the order in which they are recorded.
    pub const ALL: [Self; 2] = [Self::Rest, Self::Grpc];

    /// The transport's name in file names and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Grpc => "grpc",
        }
    }

    /// The folder of the exchanges, below `tests/conformance`.
    #[must_use]
    pub fn exchanges(self) -> PathBuf {
        match self {
            Self::Rest => "exchanges".into(),
            Self::Grpc => "exchanges/grpc".into(),
        }
    }

    /// The golden file, below `tests/conformance`.
    #[must_use]
    pub fn golden(self) -> PathBuf {
        format!("golden/{}.json", self.name()).into()
    }

    /// Where `server` serves this transport.
    #[must_use]
    pub fn target<'a>(self, server: &Running, stubs: &'a Stubs) -> Target<'a> {
        match self {
            Self::Rest => Target::Rest(server.address()),
            Self::Grpc => Target::Grpc(server.grpc_address(), stubs),
        }
    }
}

impl Group {
    /// Sends the exchanges in their order; their ids, each with the answer or why there is none. A
    /// gRPC client that fails answers for the whole group, under the group's id.
    #[must_use]
    pub fn ask(&self, target: Target<'_>) -> Vec<(String, Result<Answer, String>)> {
        match target {
            Target::Rest(server) => self.ask_rest(server),
            Target::Grpc(server, stubs) => self.ask_grpc(server, stubs),
        }
    }

    fn ask_rest(&self, server: SocketAddr) -> Vec<(String, Result<Answer, String>)> {
        let answers = self.exchanges.iter().map(|exchange| {
            let answer = match &exchange.ask {
                Ask::Http(request) => request
                    .send(server, ANSWER_TIMEOUT)
                    .map(|raw| Answer::new(&raw, exchange.keep))
                    .map_err(|error| error.to_string()),
                Ask::Call(_) => Err("a gRPC call among REST requests".to_owned()),
            };
            (exchange.id.clone(), answer)
        });
        answers.collect()
    }

    fn ask_grpc(&self, server: SocketAddr, stubs: &Stubs) -> Vec<(String, Result<Answer, String>)> {
        let calls: Option<Vec<&Call>> = self
            .exchanges
            .iter()
            .map(|exchange| match &exchange.ask {
                Ask::Call(call) => Some(call),
                Ask::Http(_) => None,
            })
            .collect();
        let Some(calls) = calls else {
            let what = "a REST request among gRPC calls".to_owned();
            return vec![(self.id.clone(), Err(what))];
        };
        match stubs.ask(server, &calls) {
            Ok(answers) => self
                .exchanges
                .iter()
                .zip(answers)
                .map(|(exchange, answer)| {
                    (
                        exchange.id.clone(),
                        Ok(Answer::of_call(answer, exchange.keep)),
                    )
                })
                .collect(),
            Err(error) => vec![(self.id.clone(), Err(format!("the gRPC client: {error}")))],
        }
    }
}
