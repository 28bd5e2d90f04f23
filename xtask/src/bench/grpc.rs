//! `cargo xtask bench grpc`: arrays over gRPC.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::{Arg, ArgMatches};
use prost_types::{ListValue, Value, value::Kind};
use streeling_proto::seldon::protos::{
    DefaultData, SeldonMessage, Tensor, default_data, model_client::ModelClient, seldon_message,
};
use tonic::transport::Endpoint;

use super::h2load::{Callers, Frame, h2load};
use super::models::{ELEMENTS, MEAN, Model, SMALL, six_digits};
use super::servers::Servers;
use super::turns::{Options, Table};
use crate::shell::say;

/// The gRPC port may open later than the REST port.
const TIMEOUT: Duration = Duration::from_secs(20);

/// How an array is sent.
#[derive(Clone, Copy)]
enum Form {
    Tensor,
    Ndarray,
}

/// One load: what is sent, how the servers are started, and how many calls there are at once.
struct Load {
    name: &'static str,
    model: &'static Model,
    form: Form,
    threads: usize,
    callers: Callers,
}

const fn small(connections: usize, streams: usize) -> Load {
    Load {
        name: "small tensor",
        model: &SMALL,
        form: Form::Tensor,
        threads: 1,
        callers: Callers {
            connections,
            streams,
        },
    }
}

const fn large(name: &'static str, form: Form) -> Load {
    Load {
        name,
        model: &MEAN,
        form,
        threads: 10,
        callers: Callers {
            connections: 4,
            streams: 1,
        },
    }
}

const LOADS: [Load; 6] = [
    small(1, 1),
    small(16, 1),
    small(64, 1),
    small(1, 64),
    large("large tensor", Form::Tensor),
    large("large ndarray", Form::Ndarray),
];

impl Load {
    fn message(&self) -> anyhow::Result<SeldonMessage> {
        let row = if self.model.name == SMALL.name {
            vec![5.1, 3.5, 1.4, 0.2]
        } else {
            let numbers = (0..ELEMENTS as u64).map(|index| six_digits(index).parse());
            numbers.collect::<Result<Vec<f64>, _>>()?
        };
        let data = match self.form {
            Form::Tensor => default_data::DataOneof::Tensor(Tensor {
                shape: vec![1, i32::try_from(row.len())?],
                values: row,
            }),
            Form::Ndarray => {
                let values = row.into_iter().map(Kind::NumberValue).map(value).collect();
                let row = value(Kind::ListValue(ListValue { values }));
                default_data::DataOneof::Ndarray(ListValue { values: vec![row] })
            }
        };
        Ok(SeldonMessage {
            data_oneof: Some(seldon_message::DataOneof::Data(DefaultData {
                names: Vec::new(),
                data_oneof: Some(data),
            })),
            ..SeldonMessage::default()
        })
    }
}

fn value(kind: Kind) -> Value {
    Value { kind: Some(kind) }
}

/// The command line of `bench grpc`.
pub(super) fn command() -> clap::Command {
    clap::Command::new("grpc")
        .about("Arrays over gRPC: throughput and latency (needs h2load)")
        .args(Options::arguments())
        .arg(
            Arg::new("size")
                .long("size")
                .value_parser(["small", "large"])
                .help("Send only arrays of 1×4, or only arrays of 1×150528; default both"),
        )
}

/// Measures both servers and prints a table.
pub(super) fn run(matches: &ArgMatches) -> anyhow::Result<()> {
    let options = Options::from(matches);
    let only = matches.get_one::<String>("size");
    let loads: Vec<&Load> = LOADS
        .iter()
        .filter(|load| only.is_none_or(|only| load.name.starts_with(only)))
        .collect();
    h2load()?;
    let servers = Servers::prepare(&options, &[&SMALL, &MEAN])?;
    let mut table = Table::new(loads.len(), options.rounds)?;
    for load in loads {
        let message = load.message()?;
        let frame = Frame::new(servers.folder(), &load.name.replace(' ', "_"), &message)?;
        let Callers {
            connections,
            streams,
        } = load.callers;
        let name = format!(
            "{}, threads {}, {connections} × {streams}",
            load.name, load.threads
        );
        // Both servers must respond alike.
        let mut expected = None;
        table.measure(&name, |side| {
            let running = servers.launch(side, load.model, load.threads)?;
            let response = predict(running.grpc_address(), &message)?;
            let row = row(&response).with_context(|| format!("{side:?} sent {response:?}"))?;
            let expected = expected.get_or_insert_with(|| row.clone());
            if row.is_empty() || !close(&row, expected) {
                bail!("{side:?} sent {row:?}, not {expected:?}");
            }
            frame.turn(&running, load.callers, options.seconds, &response)
        })?;
    }
    say(format_args!(
        "gRPC, arrays of 1×4 (small) and 1×{ELEMENTS} (large), one worker, \
         connections × streams; medians of {} turns of {} s each\n{table}",
        options.rounds, options.seconds
    ));
    Ok(())
}

/// Calls `Predict` once, as soon as the port is open.
fn predict(server: SocketAddr, message: &SeldonMessage) -> anyhow::Result<SeldonMessage> {
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
        let call = async move { ModelClient::new(channel).predict(message.clone()).await };
        let response = tokio::time::timeout(TIMEOUT, call).await??;
        Ok(response.into_inner())
    })
}

/// The only row of a response.
fn row(response: &SeldonMessage) -> Option<Vec<f64>> {
    let Some(seldon_message::DataOneof::Data(data)) = &response.data_oneof else {
        return None;
    };
    match data.data_oneof.as_ref()? {
        default_data::DataOneof::Tensor(tensor) => {
            (tensor.shape.first() == Some(&1)).then(|| tensor.values.clone())
        }
        default_data::DataOneof::Ndarray(list) => match &list.values[..] {
            [
                Value {
                    kind: Some(Kind::ListValue(row)),
                },
            ] => row
                .values
                .iter()
                .map(|value| match value.kind {
                    Some(Kind::NumberValue(number)) => Some(number),
                    _ => None,
                })
                .collect(),
            _ => None,
        },
        default_data::DataOneof::Tftensor(_) => None,
    }
}

fn close(one: &[f64], two: &[f64]) -> bool {
    one.len() == two.len() && one.iter().zip(two).all(|(a, b)| (a - b).abs() < 1e-9)
}
