//! A load on a server of its own, whose response is checked before it is timed.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use super::call::call;
use super::h2load::{Callers, Frame};
use super::load::Script;
use super::models::{Model, close};
use super::protocol::Form;
use super::running::Running;
use super::servers::{Server, Setup};
use super::turns::{Phases, Turn};
use super::workplace::Workplace;

/// Longer than the slowest server takes for the largest array.
const TIMEOUT: Duration = Duration::from_secs(120);

/// A row over REST, on so many connections.
#[derive(Clone, Copy)]
pub(super) struct Rest<'a> {
    pub(super) setup: Setup<'a>,
    pub(super) row: &'a [f64],
    pub(super) connections: usize,
}

/// A row over gRPC, with so many calls at once.
#[derive(Clone, Copy)]
pub(super) struct Grpc<'a> {
    pub(super) setup: Setup<'a>,
    pub(super) row: &'a [f64],
    pub(super) form: Form,
    pub(super) callers: Callers,
}

impl Rest<'_> {
    pub(super) fn turn(
        &self,
        server: &Server,
        work: &Workplace,
        seconds: u64,
    ) -> anyhow::Result<Turn> {
        let running = server.start(work, self.setup)?;
        let took = check(&running, self.setup.model, self.row)?;
        let body = running.protocol().body(self.row);
        let script = Script::new(work.folder(), "rest", &body)?;
        let phases = Phases::new(seconds, took, self.connections);
        script.turn(&running, self.connections, phases)
    }
}

impl Grpc<'_> {
    pub(super) fn turn(
        &self,
        server: &Server,
        work: &Workplace,
        seconds: u64,
    ) -> anyhow::Result<Turn> {
        let method = server.kind.method().context("it has no gRPC")?;
        let running = server.start(work, self.setup)?;
        let protocol = running.protocol();
        let message = protocol.message(self.form, self.row.to_vec());
        // The first call waits for the port, too.
        call(running.grpc_address(), method, &message)?;
        let start = Instant::now();
        let response = call(running.grpc_address(), method, &message)?;
        let took = start.elapsed();
        let row = protocol.row_of_message(&response);
        compare(&row.context("no row")?, self.setup.model, self.row)?;
        let frame = Frame::new(work.folder(), "grpc", &message)?;
        let calls = self.callers.connections * self.callers.streams;
        let phases = Phases::new(seconds, took, calls);
        frame.turn(&running, method, self.callers, phases, &response)
    }
}

/// Whether the server responds to a row over REST as the model does, and how long that took.
pub(super) fn check(running: &Running, model: &Model, row: &[f64]) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let found = running.predict(row, TIMEOUT)?;
    let took = start.elapsed();
    compare(&found, model, row)?;
    Ok(took)
}

fn compare(found: &[f64], model: &Model, row: &[f64]) -> anyhow::Result<()> {
    ensure!(!found.is_empty(), "an empty row");
    if let Some(predict) = model.predict {
        let expected = predict(row);
        if !close(found, &expected) {
            let start = |row: &[f64]| row[..row.len().min(4)].to_vec();
            bail!(
                "{} numbers, {:?} …, where the model has {}, {:?} …",
                found.len(),
                start(found),
                expected.len(),
                start(&expected)
            );
        }
    }
    Ok(())
}
