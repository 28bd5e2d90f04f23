//! What metrics, access log and traces cost: the same server with and without them, small arrays
//! over REST.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{ArgMatches, Command};
use indicatif::{ProgressBar, ProgressStyle};
use streeling_testkit::{Group, Launch, Request};
use tempfile::TempDir;

use super::load::{Script, wrk};
use super::models::SMALL;
use super::servers::launch;
use super::turns::{Options, Turn, middle};
use crate::shell::{cargo, root, run as run_program, say, target};
use crate::venv;

const CONNECTIONS: usize = 64;

const BODY: &str = r#"{"data":{"ndarray":[[5.1,3.5,1.4,0.2]]}}"#;

/// A way to run the server.
struct Variant {
    name: &'static str,
    /// Built without the feature `metrics`.
    is_bare: bool,
    env: BTreeMap<String, String>,
}

/// The command line.
pub(super) fn command() -> Command {
    Command::new("observability")
        .about(
            "What metrics, access log and traces cost, beside the same server without them \
             (needs wrk)",
        )
        .args(Options::of_ours())
}

/// Measures every variant in turns and prints a table.
pub(super) fn run(matches: &ArgMatches) -> anyhow::Result<()> {
    let options = Options::from(matches);
    wrk()?;
    let (bare, whole) = (build_bare()?, build_whole()?);
    let python = venv::RUNTIME.ensure()?;
    let bin = python.parent().context("an interpreter lies in a folder")?;
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("Bench.py"), SMALL.source)?;
    let script = Script::new(folder.path(), "small", BODY)?;
    let agent = agent()?;
    let variants = variants(&folder, agent)?;
    let bar = ProgressBar::new((variants.len() * options.rounds) as u64);
    bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}")?);
    let mut turns: Vec<Vec<Turn>> = variants.iter().map(|_| Vec::new()).collect();
    for _ in 0..options.rounds {
        for (variant, turns) in variants.iter().zip(&mut turns) {
            bar.set_message(variant.name);
            let program = if variant.is_bare { &bare } else { &whole };
            let launch = launch(program.clone(), bin, folder.path());
            turns.push(turn(&launch, variant, &folder, &script, options.seconds)?);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    say(format_args!(
        "REST, arrays of 1×4, one worker of one thread, {CONNECTIONS} connections; \
         medians of {} turns of {} s each\n{}",
        options.rounds,
        options.seconds,
        table(&variants, &turns)?
    ));
    Ok(())
}

fn turn(
    launch: &Launch,
    variant: &Variant,
    folder: &TempDir,
    script: &Script,
    seconds: u64,
) -> anyhow::Result<Turn> {
    let group = Group {
        id: format!("bench/{}", variant.name.replace(' ', "_")),
        component: SMALL.name.to_owned(),
        flags: ["--workers", "1", "--threads", "1"]
            .map(str::to_owned)
            .into(),
        env: variant.env.clone(),
        tensorflow: false,
        exchanges: Vec::new(),
    };
    let running = launch.start(&group, folder.path())?;
    let response =
        Request::json("/predict", BODY).send(running.address(), Duration::from_secs(5))?;
    if response.status != 200 {
        bail!(
            "{}: {}",
            response.status,
            String::from_utf8_lossy(&response.body)
        );
    }
    script.turn(&running, CONNECTIONS, seconds)
}

fn variants(folder: &TempDir, agent: u16) -> anyhow::Result<Vec<Variant>> {
    let config = folder.path().join("jaeger.yaml");
    fs::write(&config, "sampler: {type: probabilistic, param: 0.01}\n")?;
    let access = ("GUNICORN_ACCESS_LOG", "true".to_owned());
    let tracing = [
        ("TRACING", "1".to_owned()),
        ("JAEGER_AGENT_HOST", "127.0.0.1".to_owned()),
        ("JAEGER_AGENT_PORT", agent.to_string()),
    ];
    let sampled = ("JAEGER_CONFIG_PATH", config.display().to_string());
    let one_in_a_hundred: Vec<_> = tracing.iter().cloned().chain([sampled]).collect();
    let everything: Vec<_> = one_in_a_hundred
        .iter()
        .cloned()
        .chain([access.clone()])
        .collect();
    let variant = |name, env: &[(&str, String)]| Variant {
        name,
        is_bare: false,
        env: env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .chain([("GRPC_WORKERS".to_owned(), "0".to_owned())])
            .collect(),
    };
    Ok(vec![
        Variant {
            is_bare: true,
            ..variant("built without metrics", &[])
        },
        variant("metrics (the default)", &[]),
        variant("metrics, access log", &[access]),
        variant("metrics, traces of 1 %", &one_in_a_hundred),
        variant("metrics, traces of all", &tracing),
        variant("all three, traces of 1 %", &everything),
    ])
}

/// A backend for spans that reads whatever comes.
fn agent() -> anyhow::Result<u16> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let port = socket.local_addr()?.port();
    std::thread::spawn(move || {
        let mut packet = vec![0; 65_536];
        while socket.recv(&mut packet).is_ok() {}
    });
    Ok(port)
}

fn build_whole() -> anyhow::Result<PathBuf> {
    run_program(cargo().args(["build", "--release", "--package", "streeling", "--locked"]))?;
    Ok(target()?.join("release/streeling"))
}

/// In a folder of its own, so that neither build throws away the other's.
fn build_bare() -> anyhow::Result<PathBuf> {
    let folder = root().join("target/bare");
    run_program(
        cargo()
            .args(["build", "--release", "--package", "streeling", "--locked"])
            .args(["--no-default-features", "--features", "rest,python"])
            .arg("--target-dir")
            .arg(&folder),
    )?;
    Ok(folder.join("release/streeling"))
}

fn table(variants: &[Variant], turns: &[Vec<Turn>]) -> anyhow::Result<String> {
    let mut text = format!(
        "{:<28} | {:>8} | {:>8} | {:>8} | beside the default, by turns\n",
        "", "req/s", "p50 µs", "p99 µs"
    );
    for (variant, own) in variants.iter().zip(turns) {
        let Turn { rate, median, p99 } = middle(own);
        // Each turn beside the default's of the same round: what the machine did meanwhile hit
        // both.
        let mut ratios: Vec<f64> = own
            .iter()
            .zip(&turns[1])
            .map(|(own, default)| own.rate / default.rate)
            .collect();
        ratios.sort_by(f64::total_cmp);
        let [least, half, most] = [0, ratios.len() / 2, ratios.len() - 1].map(|at| ratios[at]);
        writeln!(
            text,
            "{:<28} | {rate:>8.0} | {median:>8.0} | {p99:>8.0} | {:>5.1} % ({:.0} to {:.0})",
            variant.name,
            half * 100.0,
            least * 100.0,
            most * 100.0
        )?;
    }
    Ok(text)
}
