//! `cargo xtask demo`: from a fresh machine to a model that serves.
//!
//! Progress and the server's log go to standard error, the predictions to standard output.

mod server;
mod table;

use std::fs;
use std::io::{Write as _, stdout};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Arg, ArgMatches, value_parser};
use serde_json::Value;
use streeling_testkit::Request;

use self::server::{Server, TIMEOUT};
use crate::shell::{cargo, root, run, say, step, target};
use crate::venv;

/// All rows that the training of the example never saw, and the file with their species.
const ROWS: &str = "held_out.json";
const TRUTH: &str = "truth.json";

/// The subcommand.
pub(crate) fn command() -> clap::Command {
    clap::Command::new("demo")
        .about("Serve the iris example on a fresh machine: environment, release build, predictions")
        .arg(
            Arg::new("port")
                .long("port")
                .default_value("9000")
                .value_parser(value_parser!(u16))
                .help("Port on 127.0.0.1 to serve REST on (0: the system chooses one)"),
        )
}

/// Sets everything up, shows real predictions beside the truth, and goes on serving until Ctrl-C.
pub(crate) fn run_options(options: &ArgMatches) -> anyhow::Result<()> {
    let port = *options.get_one("port").context("it has a default")?;
    say(
        "This compiles the server in release mode and serves examples/iris on 127.0.0.1 alone.\n\
         The first time takes some seven minutes on two cores, and 1.4 GB below target/; after \
         that it takes seconds.",
    );
    check_port(port)?;
    let mut python = PathBuf::new();
    step(
        "1/3 environment with NumPy (the first time: a minute)",
        || {
            python = venv::DEMO.ensure()?;
            Ok(())
        },
    )?;
    step("2/3 release build (the first time: most of it all)", || {
        run(cargo().args(["build", "--release", "--package", "streeling", "--locked"]))
    })?;
    say("── 3/3 serving examples/iris");
    let program = target()?.join("release/streeling");
    let mut server = Server::start(&program, &python, port)?;
    let shown = server.address().and_then(|address| {
        show(address)?;
        say_how_to_call(address);
        Ok(())
    });
    server.end(shown)
}

/// Says before minutes of compiling, and not after, that the port cannot be had.
fn check_port(port: u16) -> anyhow::Result<()> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).with_context(|| {
        format!(
            "port {port} of 127.0.0.1 cannot be opened: stop what listens there, or choose another \
             one with `cargo xtask demo --port PORT` (0: the system chooses)"
        )
    })?;
    Ok(())
}

/// Sends the rows that the model was not trained on, and prints what comes beside what is true.
fn show(address: SocketAddr) -> anyhow::Result<()> {
    let folder = root().join("examples/iris/requests");
    let read = |name| fs::read(folder.join(name)).with_context(|| format!("cannot read {name}"));
    let body = read(ROWS)?;
    let request: Value = serde_json::from_slice(&body)?;
    let truth: Value = serde_json::from_slice(&read(TRUTH)?)?;
    let response = Request::json("/predict", body).send(address, TIMEOUT)?;
    let response: Value = serde_json::from_slice(&response.body)?;
    let lines = table::lines(&request, &response, &truth[ROWS])?;
    // Who has closed standard output wants no table.
    let _ = write!(stdout(), "{}", table::text(&lines));
    Ok(())
}

fn say_how_to_call(address: SocketAddr) {
    say(format_args!(
        "\nIt goes on serving; Ctrl-C ends it. Try it from another terminal:\n\n  \
         curl http://{address}/predict -H 'Content-Type: application/json' \\\n    \
         -d @{}/requests/one_row.json\n",
        root().join("examples/iris").display()
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_is_an_error_with_what_to_do() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = format!("{:#}", check_port(port).unwrap_err());
        for part in [&port.to_string(), "--port", "in use"] {
            assert!(error.contains(part), "{error}");
        }
        drop(taken);
        check_port(0).unwrap();
    }

    #[test]
    fn the_rows_are_thirty_and_all_differ() {
        let folder = root().join("examples/iris/requests");
        let read = |name| -> Value {
            serde_json::from_slice(&fs::read(folder.join(name)).unwrap()).unwrap()
        };
        let (request, truth) = (read(ROWS), read(TRUTH));
        let rows = request["data"]["ndarray"].as_array().unwrap();
        let distinct: std::collections::BTreeSet<_> =
            rows.iter().map(ToString::to_string).collect();
        let species = truth[ROWS].as_array().unwrap().len();
        assert_eq!((rows.len(), distinct.len(), species), (30, 30, 30));
    }
}
