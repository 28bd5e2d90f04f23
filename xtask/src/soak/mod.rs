//! `cargo xtask soak`: mixed load on both transports while workers are killed, stopped, replaced
//! and garbled and clients go away. An account is kept of every request; see `account.rs`.

mod account;
mod call;
mod faults;
mod grpc;
mod load;
mod material;
mod report;
mod rest;
mod samples;
mod vanish;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::{Arg, ArgMatches};
use streeling_testkit::{Server, ServerCommand, Signal};

use self::account::Account;
use self::load::Shared;
use self::material::Material;
use self::report::Report;
use self::samples::Samples;
use crate::observe::{Probes, Usage};
use crate::options::{number, number_of};
use crate::shell::{cargo, root, run as run_program, say, target};
use crate::venv;

/// A soak that is shorter says what memory did, and does not judge it.
const LONG: Duration = Duration::from_secs(20 * 60);

/// Between two samples, and between two lines that say how it goes.
const SAMPLE: Duration = Duration::from_secs(1);
const PROGRESS: Duration = Duration::from_secs(5);

/// Until what was held for the load is given back.
const QUIET: Duration = Duration::from_secs(60);

/// What may be kept: the connections of the probes come and go.
const DESCRIPTORS: u64 = 12;
const THREADS: u64 = 4;

/// How it is run.
pub(crate) struct Options {
    pub(crate) program: PathBuf,
    pub(crate) length: Duration,
    pub(crate) seed: u64,
    /// Bytes of the largest body.
    pub(crate) largest: usize,
    /// The time within which `/live` must respond.
    pub(crate) live: Duration,
    /// Between two faults, on the mean.
    pub(crate) period: Duration,
    /// Between two calls of a client, at most.
    pub(crate) pause: Duration,
}

/// Between two calls of a client, at most, unless the command line says otherwise: hardly any.
const PAUSE: Duration = Duration::from_millis(8);

/// The command line.
pub(crate) fn command() -> clap::Command {
    clap::Command::new("soak")
        .about("Load the server while it is maltreated, and account for every request")
        .arg(number(
            "minutes",
            "10",
            "How long; from 20 on memory must stay flat",
        ))
        .arg(number("seconds", "0", "How long beside the minutes"))
        .arg(number(
            "seed",
            "1",
            "What the requests and faults are drawn by",
        ))
        .arg(number("largest", "50000000", "Bytes of the largest body"))
        .arg(number(
            "live-ms",
            "1000",
            "Milliseconds within which /live must respond",
        ))
        .arg(number(
            "period-ms",
            "2000",
            "Milliseconds between two faults, on the mean",
        ))
        .arg(number(
            "pause-ms",
            "8",
            "Milliseconds between two calls of a client, at most",
        ))
        .arg(
            Arg::new("program")
                .long("program")
                .help("The server to run; default one that is built with optimisation"),
        )
}

/// Runs it as the command line says.
pub(crate) fn run_options(matches: &ArgMatches) -> anyhow::Result<()> {
    let program = match matches.get_one::<String>("program") {
        Some(program) => PathBuf::from(program).canonicalize()?,
        None => build()?,
    };
    let length = 60 * number_of(matches, "minutes") + number_of(matches, "seconds");
    let seen = run(&Options {
        program,
        length: Duration::from_secs(length),
        seed: number_of(matches, "seed"),
        largest: number_of(matches, "largest") as usize,
        live: Duration::from_millis(number_of(matches, "live-ms")),
        period: Duration::from_millis(number_of(matches, "period-ms")),
        pause: Duration::from_millis(number_of(matches, "pause-ms")),
    })?;
    say(seen);
    Ok(())
}

impl Options {
    /// So many minutes at the full size, of the server as it is released.
    pub(crate) fn long(minutes: u64) -> anyhow::Result<Self> {
        Ok(Self {
            program: build()?,
            length: Duration::from_secs(60 * minutes),
            seed: 1,
            largest: 50_000_000,
            live: Duration::from_secs(1),
            period: Duration::from_secs(2),
            pause: PAUSE,
        })
    }

    /// Half a minute of small bodies and many faults, of a server that is there already. Other
    /// programs keep this one from its core, so that the bound of the probes is a guard alone.
    pub(crate) fn short(program: PathBuf) -> Self {
        Self {
            program,
            length: Duration::from_secs(30),
            seed: 1,
            largest: 1_000_000,
            live: Duration::from_secs(10),
            period: Duration::from_secs(1),
            pause: PAUSE,
        }
    }
}

/// Builds the server as it is released.
pub(crate) fn build() -> anyhow::Result<PathBuf> {
    run_program(cargo().args(["build", "--release", "--package", "streeling", "--locked"]))?;
    Ok(target()?.join("release/streeling"))
}

/// Runs it; gives what was seen, in a few words.
pub(crate) fn run(options: &Options) -> anyhow::Result<String> {
    ensure!(options.length >= Duration::from_secs(10), "too short");
    let mut random = fastrand::Rng::with_seed(options.seed);
    let folder = tempfile::tempdir()?;
    let ledger = folder.path().join("calls");
    let mut server = server(&options.program, &ledger)?.start()?;
    let before = Usage::of(server.pid())?;
    let shared = Arc::new(Shared {
        account: Account::default(),
        material: Material::new(options.largest, &mut random),
        rest: server.address(),
        grpc: server.grpc_address(),
        metrics: server.metrics_address(),
        largest: options.largest,
        pause: options.pause,
        stop: AtomicBool::new(false),
        large: AtomicUsize::new(0),
    });
    let probes = Probes::start(&[
        ("/live", shared.metrics, "/live"),
        ("/ready", shared.metrics, "/ready"),
        ("/health/ping", shared.rest, "/health/ping"),
    ]);
    let mut threads = load::start(&shared, &mut random);
    threads.extend(vanish::start(&shared, &mut random));
    let period = options.period;
    threads.push(faults::start(&shared, random.fork(), server.pid(), period));
    let start = Instant::now();
    let observed = observe(&server, &shared, start, options.length);
    shared.stop.store(true, Ordering::Relaxed);
    for thread in threads {
        if thread.join().is_err() {
            shared.account.object("a client panicked".to_owned());
        }
    }
    let length = start.elapsed();
    let samples = observed.inspect_err(|_| show_log(&server))?;
    let probed = probes.take();
    drop(probes);
    let after = until_quiet(&server, before)?;
    let warm_up = (options.length / 5).min(Duration::from_secs(300));
    let report = Report {
        seed: options.seed,
        length,
        settlement: shared.account.settle(&ledger)?,
        samples,
        warm_up,
        probed,
        usage: (before, after),
    };
    print(&report.write()?);
    let judged = judge(&report, options);
    if judged.is_err() {
        show_log(&server);
    }
    judged?;
    server.signal(Signal::TERM)?;
    let status = server
        .wait(Duration::from_secs(30))
        .context("the server does not end")?;
    ensure!(status.success(), "the server ended with {status}");
    Ok(format!(
        "{} requests, {} faults, no objection; /live within {} ms",
        report.requests(),
        report.faults(),
        report.probed[0].slowest.as_millis()
    ))
}

fn server(program: &Path, ledger: &Path) -> anyhow::Result<ServerCommand> {
    let parameters = serde_json::json!([
        {"name": "ledger", "value": ledger, "type": "STRING"}
    ]);
    let command = ServerCommand::new(program, root().join("tests/components"))
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", "/tmp")
        .env("LANG", "C.UTF-8")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("STREELING_PYTHON", venv::RUNTIME.ensure()?)
        .args(["Accounted", "--http-port", "0", "--grpc-port", "0"])
        .args(["--metrics-port", "0", "--host", "127.0.0.1"])
        .args(["--workers", "2", "--threads", "4"])
        .args(["--grpc-workers", "2", "--grpc-threads", "4"])
        .args(["--max-requests", "1000", "--max-requests-jitter", "200"])
        .args(["--timeout-ms", &load::TIMEOUT_MS.to_string()])
        .args(["--parameters", &parameters.to_string()]);
    Ok(command)
}

fn observe(
    server: &Server,
    shared: &Shared,
    start: Instant,
    length: Duration,
) -> anyhow::Result<Samples> {
    let mut samples = Samples::default();
    let mut shown = Duration::ZERO;
    while start.elapsed() < length {
        std::thread::sleep(SAMPLE);
        let at = start.elapsed();
        let usage = Usage::of(server.pid())?;
        samples.0.push((at, usage));
        if at - shown >= PROGRESS {
            shown = at;
            let (right, failed, broken, faults) = shared.account.progress();
            say(format_args!(
                "   {:>4} s: {right} right, {failed} errors, {broken} objections, {faults} faults; \
                 server {} MB, with workers {} MB, {} descriptors",
                at.as_secs(),
                usage.resident / 1024,
                usage.tree / 1024,
                usage.descriptors
            ));
        }
    }
    Ok(samples)
}

/// Waits until the server has given back what it does not need; gives what it has then.
fn until_quiet(server: &Server, before: Usage) -> anyhow::Result<Usage> {
    let since = Instant::now();
    loop {
        let usage = Usage::of(server.pid())?;
        let is_quiet = usage.descriptors <= before.descriptors + DESCRIPTORS
            && usage.threads <= before.threads + THREADS
            && usage.processes <= before.processes;
        if is_quiet || since.elapsed() > QUIET {
            return Ok(usage);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn judge(report: &Report, options: &Options) -> anyhow::Result<()> {
    let objections = &report.settlement.objections;
    ensure!(
        objections.is_empty(),
        "{} objections; the first: {}",
        objections.len(),
        objections[0]
    );
    let live = &report.probed[0];
    ensure!(
        live.failed == 0 && live.slowest <= options.live,
        "{} of {} probes of /live failed, and the slowest took {} ms, at most {} are allowed",
        live.failed,
        live.count,
        live.slowest.as_millis(),
        options.live.as_millis()
    );
    let (before, after) = report.usage;
    for (name, first, last, slack) in [
        (
            "descriptors",
            before.descriptors,
            after.descriptors,
            DESCRIPTORS,
        ),
        ("threads", before.threads, after.threads, THREADS),
        ("processes", before.processes, after.processes, 0),
    ] {
        if last > first + slack {
            bail!("there were {first} {name} before the load, and {last} after it");
        }
    }
    if options.length >= LONG {
        report.samples.check(report.warm_up)?;
    }
    Ok(())
}

/// The end of the server's log, without what the component raised on purpose.
fn show_log(server: &Server) {
    let is_ours = |line: &String| line.contains(" streeling") && !line.contains("on purpose");
    let lines: Vec<String> = server.log().into_iter().filter(is_ours).collect();
    for line in &lines[lines.len().saturating_sub(60)..] {
        say(line);
    }
}

#[expect(clippy::print_stdout, reason = "the report is what the command is for")]
fn print(text: &str) {
    println!("{text}");
}
