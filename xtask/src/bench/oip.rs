//! `cargo xtask bench oip`: the Open Inference Protocol beside mlserver on the same model, and
//! binary tensors beside the same as JSON.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::ArgMatches;
use serde_json::Value;
use streeling_testkit::Request;

use super::h2load::{Callers, h2load};
use super::install::{MLSERVER, candidates};
use super::load::{Script, wrk};
use super::loads::{Grpc, Rest};
use super::models::{ELEMENTS, FOUR, MEAN, SMALL, six_digits};
use super::protocol::Form;
use super::running::Running;
use super::servers::{Kind, Server, Setup};
use super::spread::Spread;
use super::turns::{Options, Phases, Table, Turn, in_turns, middle};
use super::workplace::Workplace;
use crate::shell::say;

/// Calls at once of a small array.
const CALLS: usize = 64;

/// Connections on which large arrays are sent.
const LARGE_AT_ONCE: usize = 4;

/// Longer than the largest request takes.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The header that says where the tensors of a body start.
const HEADER_LENGTH: &str = "Inference-Header-Content-Length";

/// The command line.
pub(super) fn command() -> clap::Command {
    clap::Command::new("oip")
        .about(
            "The Open Inference Protocol beside mlserver, and binary tensors beside JSON (needs \
             wrk and h2load)",
        )
        .args(Options::of_ours())
}

/// Measures both and prints the tables.
pub(super) fn run(matches: &ArgMatches) -> anyhow::Result<()> {
    let options = Options::from(matches);
    wrk()?;
    h2load()?;
    let servers = servers()?;
    let work = Workplace::new()?;
    let mut table = Table::new(2, options.rounds)?;
    let rest = Rest {
        setup: Setup::threads(&SMALL, 1),
        row: &FOUR,
        connections: CALLS,
    };
    table.measure("REST, 64 connections", &servers, |server| {
        rest.turn(server, &work, options.seconds)
    })?;
    let grpc = Grpc {
        setup: Setup::threads(&SMALL, 1),
        row: &FOUR,
        form: Form::Tensor,
        callers: Callers {
            connections: CALLS,
            streams: 1,
        },
    };
    table.measure("gRPC, 64 connections", &servers, |server| {
        grpc.turn(server, &work, options.seconds)
    })?;
    let [ours, theirs] = &servers;
    let large = large(ours, &work, &options)?;
    say(format_args!(
        "the Open Inference Protocol, {} beside {}; an array of 1×4, one worker; medians of {} \
         turns of {} s each\n{table}\nFP32 of 1×{ELEMENTS} over REST, {LARGE_AT_ONCE} \
         connections\n{large}",
        ours.versions, theirs.versions, options.rounds, options.seconds
    ));
    Ok(())
}

/// This server and mlserver.
fn servers() -> anyhow::Result<[Server; 2]> {
    let mut found = Vec::new();
    for candidate in candidates(&[MLSERVER], None) {
        found.push(candidate.server.context(candidate.name)?);
    }
    let [mut ours, theirs] = <[Server; 2]>::try_from(found)
        .map_err(|found| anyhow::anyhow!("{} servers, not two", found.len()))?;
    ours.kind = Kind::StreelingOip;
    Ok([ours, theirs])
}

/// A form of the same large tensor.
struct Body {
    name: &'static str,
    bytes: Vec<u8>,
    headers: Vec<(&'static str, String)>,
}

impl Body {
    /// As text.
    fn json(row: &[f32]) -> Self {
        let numbers: Vec<String> = row.iter().map(f32::to_string).collect();
        let text = format!(
            r#"{{"inputs":[{{"name":"x","shape":[1,{}],"datatype":"FP32","data":[{}]}}]}}"#,
            row.len(),
            numbers.join(",")
        );
        Self {
            name: "JSON",
            bytes: text.into_bytes(),
            headers: vec![("Content-Type", "application/json".to_owned())],
        }
    }

    /// As raw bytes behind a header of JSON.
    fn binary(row: &[f32]) -> Self {
        let data: Vec<u8> = row.iter().flat_map(|value| value.to_le_bytes()).collect();
        let header = format!(
            "{{\"inputs\":[{{\"name\":\"x\",\"shape\":[1,{}],\"datatype\":\"FP32\",\
             \"parameters\":{{\"binary_data_size\":{}}}}}]}}",
            row.len(),
            data.len()
        );
        Self {
            name: "binary",
            headers: vec![
                ("Content-Type", "application/octet-stream".to_owned()),
                (HEADER_LENGTH, header.len().to_string()),
            ],
            bytes: [header.into_bytes(), data].concat(),
        }
    }

    fn headers(&self) -> Vec<(&str, &str)> {
        let headers = self.headers.iter();
        headers.map(|(name, value)| (*name, &**value)).collect()
    }

    /// Sends it once, and looks at the mean that comes back.
    fn check(&self, running: &Running, mean: f64) -> anyhow::Result<()> {
        let mut request = Request::json(running.protocol().path(), self.bytes.clone());
        let headers = self.headers.iter();
        request.headers = headers
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        let response = request.send(running.address(), TIMEOUT)?;
        let text = String::from_utf8_lossy(&response.body);
        ensure!(
            response.status == 200,
            "{}: {}: {text}",
            self.name,
            response.status
        );
        let body: Value = serde_json::from_slice(&response.body)?;
        let found = body["outputs"][0]["data"][0].as_f64();
        let found = found.with_context(|| format!("no number in {text}"))?;
        ensure!(
            (found - mean).abs() < 1e-4,
            "{found} came, the mean is {mean}"
        );
        Ok(())
    }
}

/// The two forms in turns on the same server.
fn large(server: &Server, work: &Workplace, options: &Options) -> anyhow::Result<String> {
    let row = six_digits(ELEMENTS);
    let mean = row.iter().sum::<f64>() / row.len() as f64;
    let row: Vec<f32> = row.iter().map(|&value| value as f32).collect();
    let bodies = [Body::binary(&row), Body::json(&row)];
    let running = server.start(work, Setup::threads(&MEAN, 10))?;
    let mut turns: [Vec<Turn>; 2] = Default::default();
    for body in &bodies {
        body.check(&running, mean)?;
    }
    let phases = Phases {
        warm_up: Some(1),
        seconds: options.seconds,
    };
    for round in 0..options.rounds {
        for (body, turns) in in_turns(round, bodies.iter().zip(&mut turns)) {
            let headers = body.headers();
            let script = Script::with_headers(work.folder(), "large", &body.bytes, &headers)?;
            turns.push(script.turn(&running, LARGE_AT_ONCE, phases)?);
        }
    }
    let mut text = String::new();
    for (body, turns) in bodies.iter().zip(&turns) {
        let turn = middle(turns);
        writeln!(
            text,
            "  {:<8} {:>8.1} requests/s, p50 {:>7.0} µs, p99 {:>7.0} µs, CPU {:>6.0} µs a request",
            body.name, turn.rate, turn.median, turn.p99, turn.processor_time
        )?;
    }
    let [binary, json] = &turns;
    let ratios = binary
        .iter()
        .zip(json)
        .map(|(one, other)| one.rate / other.rate);
    let Spread { low, median, high } = Spread::of(ratios).context("no round")?;
    writeln!(
        text,
        "  binary beside JSON: {median:.1} times ({low:.1} to {high:.1})"
    )?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binary_body_says_where_its_tensor_starts() {
        let body = Body::binary(&[1.0, 2.0]);
        let length: usize = body.headers[1].1.parse().unwrap();
        let header: Value = serde_json::from_slice(&body.bytes[..length]).unwrap();
        assert_eq!(header["inputs"][0]["parameters"]["binary_data_size"], 8);
        assert_eq!(body.bytes.len(), length + 8);
    }
}
