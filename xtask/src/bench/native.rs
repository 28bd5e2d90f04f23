//! `cargo xtask bench native`: components without Python over REST. Those in Rust beside a server
//! of hyper alone that responds with the same bytes to everything, an ONNX file beside the same
//! model in Python.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::{Arg, ArgAction, ArgMatches};
use indicatif::{ProgressBar, ProgressStyle};
use streeling_testkit::{Client, Request, Response};

use super::install::release;
use super::load::{Script, wrk};
use super::models::FOUR;
use super::protocol::Protocol;
use super::running::{Ports, Running};
use super::spread::Spread;
use super::turns::{Options, Phases, Turn, in_turns, middle};
use super::workplace::Workplace;
use crate::shell::{cargo, root, run as run_program, say, target};
use crate::venv;

/// Longer than any start takes when all is well.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What rows may differ by: an ONNX file computes with floats of 32 bits.
const TOLERANCE: f64 = 1e-5;

/// A component, and on how many connections it is called.
struct Load {
    component: &'static str,
    /// The row that [`FOUR`] gets.
    expected: fn() -> Vec<f64>,
    connections: usize,
}

static NATIVE: [Load; 4] = [
    mean_classifier(64),
    mean_classifier(16),
    mean_classifier(1),
    Load {
        component: "rust:echo",
        expected: || FOUR.to_vec(),
        connections: 64,
    },
];

static IRIS: [Load; 3] = [iris(64), iris(16), iris(1)];

const fn mean_classifier(connections: usize) -> Load {
    Load {
        component: "rust:mean_classifier",
        expected: || {
            let mean = FOUR.iter().sum::<f64>() / FOUR.len() as f64;
            vec![1.0 / (1.0 + (-mean).exp())]
        },
        connections,
    }
}

const fn iris(connections: usize) -> Load {
    Load {
        component: "iris",
        // Of the classifier of scikit-learn that both are made from.
        expected: || vec![0.981_070_3, 0.018_929_3, 0.000_000_4],
        connections,
    }
}

/// A program that takes turns with others.
struct Contender {
    name: &'static str,
    program: PathBuf,
    kind: Kind,
}

/// What a program is, to its command line.
enum Kind {
    /// This server, with the component of the load.
    Native,
    /// Hyper alone.
    Bare,
    /// This server, with this component and these flags.
    Model(String, Vec<String>),
}

/// The command line.
pub(super) fn command() -> clap::Command {
    clap::Command::new("native")
        .about("Components in Rust over REST, beside hyper alone with the same bytes (needs wrk)")
        .args(Options::of_ours())
        .arg(
            Arg::new("against")
                .long("against")
                .value_parser(clap::value_parser!(PathBuf))
                .conflicts_with("onnx")
                .help("Another executable of this server, which takes turns with the two"),
        )
        .arg(
            Arg::new("connections")
                .long("connections")
                .value_parser(["1", "16", "64"])
                .help("Measure only loads of so many connections; default all"),
        )
        .arg(
            Arg::new("onnx")
                .long("onnx")
                .action(ArgAction::SetTrue)
                .help(
                    "Measure an ONNX file beside the same model in Python instead; compiles a \
                     server with the feature onnx",
                ),
        )
}

/// Lets all programs take turns under each load and prints what that gave.
pub(super) fn run(matches: &ArgMatches) -> anyhow::Result<()> {
    let options = Options::from(matches);
    let only = matches.get_one::<String>("connections");
    wrk()?;
    let (loads, contenders) = if matches.get_flag("onnx") {
        (&IRIS[..], of_iris()?)
    } else {
        (&NATIVE[..], beside_bare(options.against.as_deref())?)
    };
    let is_chosen = |load: &&Load| only.is_none_or(|only| *only == load.connections.to_string());
    let loads: Vec<&Load> = loads.iter().filter(is_chosen).collect();
    let work = Workplace::new()?;
    let bar = ProgressBar::new((loads.len() * options.rounds * contenders.len()) as u64);
    bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}")?);
    let mut text = String::new();
    for load in loads {
        bar.set_message(load.component);
        let sample = sample(&contenders[0], load, &work)?;
        let mut turns: Vec<Vec<Turn>> = contenders.iter().map(|_| Vec::new()).collect();
        for round in 0..options.rounds {
            for (contender, turns) in in_turns(round, contenders.iter().zip(&mut turns)) {
                turns.push(contender.turn(load, &sample, &work, options.seconds)?);
                bar.inc(1);
            }
        }
        write_load(&mut text, load, &contenders, &turns)?;
    }
    bar.finish_and_clear();
    say(format_args!(
        "REST, an array of 1×4, wrk with one thread; medians of {} turns of {} s each, ratios of a \
         round as median (95 % interval)\n{text}",
        options.rounds, options.seconds
    ));
    Ok(())
}

/// This build, another one if there is one, and the baseline.
fn beside_bare(against: Option<&Path>) -> anyhow::Result<Vec<Contender>> {
    let mut contenders = vec![Contender {
        name: "this build",
        program: release()?,
        kind: Kind::Native,
    }];
    if let Some(program) = against {
        contenders.push(Contender {
            name: "other build",
            program: program.canonicalize()?,
            kind: Kind::Native,
        });
    }
    run_program(
        cargo()
            .args(["build", "--release", "--package", "streeling", "--locked"])
            .args(["--example", "bare_hyper"]),
    )?;
    contenders.push(Contender {
        name: "bare hyper",
        program: target()?.join("release/examples/bare_hyper"),
        kind: Kind::Bare,
    });
    Ok(contenders)
}

/// The model of `examples/iris` as an ONNX file and as it is there, in the same build.
fn of_iris() -> anyhow::Result<Vec<Contender>> {
    // In a folder of its own, so that no other build is thrown away for it.
    let folder = root().join("target/onnx");
    run_program(
        cargo()
            .args(["build", "--release", "--package", "streeling", "--locked"])
            .args(["--features", "onnx", "--target-dir"])
            .arg(&folder),
    )?;
    let program = folder.join("release/streeling");
    let examples = root().join("examples");
    let file = examples.join("onnx/iris.onnx");
    let python = venv::RUNTIME.ensure()?;
    let flags = [("--app-dir", examples.join("iris")), ("--python", python)];
    let flags = flags.map(|(flag, path)| [flag.to_owned(), path.display().to_string()]);
    Ok(vec![
        Contender {
            name: "ONNX",
            program: program.clone(),
            kind: Kind::Model(format!("onnx:{}", file.display()), Vec::new()),
        },
        Contender {
            name: "Python",
            program,
            kind: Kind::Model("Iris".to_owned(), flags.concat()),
        },
    ])
}

/// What this server responds, with the file that hyper alone reads it from.
struct Sample {
    response: Response,
    file: PathBuf,
}

/// Has the server respond once.
fn sample(server: &Contender, load: &Load, work: &Workplace) -> anyhow::Result<Sample> {
    let file = work.folder().join("response");
    let running = server.start(load, &file, work)?;
    let response = respond(&running)?;
    let mut bytes = format!("HTTP/1.1 {}\r\n", response.status).into_bytes();
    for (name, value) in &response.headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(&response.body);
    fs::write(&file, bytes)?;
    Ok(Sample { response, file })
}

/// A response on a connection that stays open, without its date.
fn respond(running: &Running) -> anyhow::Result<Response> {
    let protocol = running.protocol();
    let request = Request::json(protocol.path(), protocol.body(&FOUR));
    let mut response = Client::new(running.address(), TIMEOUT).send(&request)?;
    response.headers.remove("date");
    Ok(response)
}

impl Contender {
    /// Starts it and waits until it responds as the component does.
    fn start(&self, load: &Load, response: &Path, work: &Workplace) -> anyhow::Result<Running> {
        let ports = Ports::free()?;
        let mut command = Command::new(&self.program);
        command.current_dir(work.folder()).env("HOME", "/tmp");
        match &self.kind {
            Kind::Bare => {
                let address = format!("127.0.0.1:{}", ports.rest);
                command.arg(address).arg(response);
            }
            Kind::Native => serve(&mut command, load.component, ports),
            Kind::Model(component, flags) => {
                serve(&mut command, component, ports);
                command.args(flags);
            }
        }
        let log = work.folder().join("native.log");
        let mut running = Running::spawn(&command, Protocol::Seldon, ports, &log)?;
        let expected = (load.expected)();
        running.first_response(&FOUR, TIMEOUT, |row| is_alike(row, &expected))?;
        Ok(running)
    }

    fn turn(
        &self,
        load: &Load,
        sample: &Sample,
        work: &Workplace,
        seconds: u64,
    ) -> anyhow::Result<Turn> {
        let running = self.start(load, &sample.file, work)?;
        if matches!(self.kind, Kind::Bare) {
            let (found, expected) = (respond(&running)?, &sample.response);
            ensure!(
                (found.status, &found.headers, &found.body)
                    == (expected.status, &expected.headers, &expected.body),
                "{} responds otherwise: {found:?}, not {expected:?}",
                self.name
            );
        }
        let body = running.protocol().body(&FOUR);
        let script = Script::new(work.folder(), "native", &body)?;
        let phases = Phases {
            warm_up: Some(1),
            seconds,
        };
        script.turn(&running, load.connections, phases)
    }
}

/// Has this server serve a component, with everything else as it is by default.
fn serve(command: &mut Command, component: &str, ports: Ports) {
    command
        .arg(component)
        .args(["--http-port", &ports.rest.to_string()])
        .args(["--grpc-port", &ports.grpc.to_string()])
        .args(["--metrics-port", &ports.metrics.to_string()]);
}

fn is_alike(row: &[f64], expected: &[f64]) -> bool {
    let is_near = |(one, other): (&f64, &f64)| (one - other).abs() < TOLERANCE;
    row.len() == expected.len() && row.iter().zip(expected).all(is_near)
}

/// A line for each program, and one for each two of them.
fn write_load(
    text: &mut String,
    load: &Load,
    contenders: &[Contender],
    turns: &[Vec<Turn>],
) -> anyhow::Result<()> {
    writeln!(text, "{}, {} connections", load.component, load.connections)?;
    for (contender, turns) in contenders.iter().zip(turns) {
        let turn = middle(turns);
        writeln!(
            text,
            "  {:<12} {:>9.0} requests/s, p50 {:>6.0} µs, p99 {:>6.0} µs, \
             CPU {:>5.2} µs a request, {:>3.0} % of a core",
            contender.name,
            turn.rate,
            turn.median,
            turn.p99,
            turn.processor_time,
            turn.rate * turn.processor_time / 1e4
        )?;
    }
    for (at, (one, ours)) in contenders.iter().zip(turns).enumerate() {
        for (other, theirs) in contenders.iter().zip(turns).skip(at + 1) {
            let rate = ratio(ours, theirs, |turn| turn.rate)?;
            let time = ratio(ours, theirs, |turn| turn.processor_time)?;
            writeln!(
                text,
                "  {} beside {}: throughput {rate}, CPU of a request {time}",
                one.name, other.name
            )?;
        }
    }
    Ok(())
}

/// The ratio of two programs in the same round.
fn ratio(ours: &[Turn], theirs: &[Turn], value: impl Fn(&Turn) -> f64) -> anyhow::Result<String> {
    let ratios = ours.iter().zip(theirs);
    let ratios = ratios.map(|(ours, theirs)| value(ours) / value(theirs));
    let Spread { low, median, high } = Spread::of(ratios).context("no round")?;
    Ok(format!("{median:.3} ({low:.3} to {high:.3})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_compared_by_rounds() {
        let turns = |rates: [f64; 3]| {
            rates.map(|rate| Turn {
                rate,
                median: 1.0,
                p99: 1.0,
                processor_time: 1e6 / rate,
            })
        };
        // The medians of both are alike, those of the rounds are not.
        let (ours, theirs) = (turns([1.0, 10.0, 4.0]), turns([2.0, 4.0, 16.0]));
        let rate = ratio(&ours, &theirs, |turn| turn.rate).unwrap();
        assert_eq!(rate, "0.500 (0.250 to 2.500)");
        let time = ratio(&ours, &theirs, |turn| turn.processor_time).unwrap();
        assert_eq!(time, "2.000 (0.400 to 4.000)");
    }

    #[test]
    fn rows_are_alike_but_for_the_precision_of_an_onnx_file() {
        let row = (mean_classifier(1).expected)();
        assert!(is_alike(&row, &[0.927_573_5]), "{row:?}");
        assert!(!is_alike(&row, &[0.927_5]));
        assert!(!is_alike(&row, &[]));
    }
}
