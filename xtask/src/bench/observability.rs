//! What metrics, access log and traces cost: the same server with and without them, small arrays
//! over REST.

use std::fmt::Write as _;
use std::fs;
use std::net::UdpSocket;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{ArgMatches, Command};
use indicatif::{ProgressBar, ProgressStyle};

use super::install::{release, streeling};
use super::load::wrk;
use super::loads::Rest;
use super::models::{FOUR, SMALL};
use super::servers::Setup;
use super::spread::Spread;
use super::turns::{Options, Turn, middle};
use super::workplace::Workplace;
use crate::shell::{cargo, root, run as run_program, say};

const CONNECTIONS: usize = 64;

/// A way to run the server.
struct Variant {
    name: &'static str,
    /// Built without the feature `metrics`.
    is_bare: bool,
    env: Vec<(&'static str, String)>,
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
    let (bare, whole) = (streeling(build_bare()?)?, streeling(release()?)?);
    let work = Workplace::new()?;
    let agent = agent()?;
    let variants = variants(&work, agent)?;
    let bar = ProgressBar::new((variants.len() * options.rounds) as u64);
    bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}")?);
    let mut turns: Vec<Vec<Turn>> = variants.iter().map(|_| Vec::new()).collect();
    for _ in 0..options.rounds {
        for (variant, turns) in variants.iter().zip(&mut turns) {
            bar.set_message(variant.name);
            let rest = Rest {
                setup: Setup {
                    env: &variant.env,
                    ..Setup::threads(&SMALL, 1)
                },
                row: &FOUR,
                connections: CONNECTIONS,
            };
            let server = if variant.is_bare { &bare } else { &whole };
            turns.push(rest.turn(server, &work, options.seconds)?);
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

fn variants(work: &Workplace, agent: u16) -> anyhow::Result<Vec<Variant>> {
    let config = work.folder().join("jaeger.yaml");
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
    let variant = |name, env: &[(&'static str, String)]| Variant {
        name,
        is_bare: false,
        env: env
            .iter()
            .cloned()
            .chain([("GRPC_WORKERS", "0".to_owned())])
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
        let Turn {
            rate, median, p99, ..
        } = middle(own);
        // Each turn beside the default's of the same round: what the machine did meanwhile hit
        // both.
        let ratios = own.iter().zip(&turns[1]);
        let ratios = ratios.map(|(own, default)| own.rate / default.rate * 100.0);
        let ratio = Spread::of(ratios).context("no round")?;
        writeln!(
            text,
            "{:<28} | {rate:>8.0} | {median:>8.0} | {p99:>8.0} | {:>5.1} % ({:.0} to {:.0})",
            variant.name, ratio.median, ratio.low, ratio.high
        )?;
    }
    Ok(text)
}
