//! `cargo xtask parity`: random classes and random requests, beside seldon-core.

mod seldon_core;
mod summary;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context as _, ensure};
use clap::{Arg, ArgAction, ArgMatches};
use streeling_compare::{Messages, Reply};
use streeling_testkit::{
    Differences, Held, KnownKinds, ServerCommand, Shape, Shapes, hold, lay_out, responses,
};

use self::seldon_core::SeldonCore;
use self::summary::print;
use crate::options::{number, number_of};
use crate::shell::{cargo, output, root, run, say, target, timed};
use crate::{conformance, venv};

/// The committed recording.
const RECORDED: &str = "tests/parity/recorded.jsonl";

/// Servers at once.
const AT_ONCE: usize = 2;

/// The command line of `parity`.
pub(crate) fn command() -> clap::Command {
    let flag = |name: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .action(ArgAction::SetTrue)
            .help(help)
    };
    clap::Command::new("parity")
        .about("Send random requests to random classes on seldon-core and on this server")
        .arg(number("seed", "1", "Which classes and requests"))
        .arg(number("classes", "64", "How many classes"))
        .arg(number("exchanges", "90", "How many requests to each class"))
        .arg(
            Arg::new("peer")
                .long("peer")
                .value_name("DIR")
                .value_parser(clap::value_parser!(PathBuf))
                .help("Environment that holds seldon-core; default .peer, made if missing"),
        )
        .arg(
            Arg::new("server")
                .long("server")
                .value_name("PROGRAM")
                .value_parser(clap::value_parser!(PathBuf))
                .help("The server; default the one in target/debug, which is built before"),
        )
        .arg(flag(
            "record",
            "Keep what seldon-core responds: the tests replay it",
        ))
        .arg(
            flag("replay", "Compare with what is kept, without seldon-core")
                .conflicts_with_all(["record", "peer"]),
        )
}

/// Does what the options say; a difference that is not listed is an error.
pub(crate) fn run_options(options: &ArgMatches) -> anyhow::Result<()> {
    let recorded = root().join(RECORDED);
    let shapes = if options.get_flag("replay") {
        let text = std::fs::read_to_string(&recorded)
            .with_context(|| format!("cannot read {}", recorded.display()))?;
        Shapes::parse(&text)?
    } else {
        let peer = options.get_one::<PathBuf>("peer").map(PathBuf::as_path);
        let peer = conformance::peer(&root(), peer)?;
        let shapes = record(generate(options)?, &peer)?;
        if options.get_flag("record") {
            std::fs::write(&recorded, shapes.to_text())?;
            say(format_args!("{} exchanges in {RECORDED}", shapes.len()));
        }
        shapes
    };
    let server = match options.get_one::<PathBuf>("server") {
        Some(server) => server.canonicalize()?,
        None => {
            run(cargo().args(["build", "--package", "streeling"]))?;
            target()?.join("debug/streeling")
        }
    };
    compare(&shapes, &server)
}

fn generate(options: &ArgMatches) -> anyhow::Result<Shapes> {
    let mut command = Command::new("python3");
    command.arg(root().join("tests/parity/generate.py"));
    for name in ["seed", "classes", "exchanges"] {
        command.args([format!("--{name}"), number_of(options, name).to_string()]);
    }
    Ok(Shapes::parse(&output(&mut command)?)?)
}

/// Lets seldon-core respond to every request.
fn record(mut shapes: Shapes, peer: &Path) -> anyhow::Result<Shapes> {
    let messages = Messages::new();
    let folder = folder(&shapes, "seldon-core")?;
    let seldon_core = SeldonCore::start(peer, &folder)?;
    timed("seldon-core", || {
        let replies = each(&shapes.shapes, |shape| {
            let running = seldon_core.serve(shape)?;
            Ok(responses(shape, &running.target(), &messages)?)
        })?;
        for (shape, replies) in shapes.shapes.iter_mut().zip(replies) {
            shape.record(replies);
        }
        Ok(())
    })?;
    Ok(shapes)
}

fn compare(shapes: &Shapes, server: &Path) -> anyhow::Result<()> {
    let python = venv::RUNTIME.ensure()?;
    let messages = Messages::new();
    let folder = folder(shapes, "streeling")?;
    let mut all = Held::default();
    timed("streeling", || {
        let held = each(&shapes.shapes, |shape| {
            let mut command = ServerCommand::new(server, &folder)
                .args([shape.component.as_str(), "--http-port", "0"])
                .args(["--grpc-port", "0", "--metrics-port", "0"])
                .env("STREELING_PYTHON", &python)
                .env("PYTHONHASHSEED", "0")
                .env("PYTHONDONTWRITEBYTECODE", "1");
            for (name, value) in &shape.env {
                command = command.env(name, value);
            }
            let server = command
                .start()
                .with_context(|| format!("cannot serve {}", shape.component))?;
            let target = format!("{},grpc://{}", server.address(), server.grpc_address());
            let replies: Vec<Reply> = responses(shape, &target, &messages)?;
            Ok(hold(
                shape,
                &shape.requests(&messages)?,
                &replies,
                &messages,
            ))
        })?;
        for held in held {
            all.same += held.same;
            all.excused += held.excused;
            all.findings.extend(held.findings);
        }
        Ok(())
    })?;
    let total = all.findings.len();
    let idle = KnownKinds::of(&Differences::load(&root())?).take_out(&mut all.findings);
    print(&all.findings);
    say(format_args!(
        "{} exchanges: {} equal, {} that seldon-core does not serve, {} with a listed difference, \
         {} with another",
        shapes.len(),
        all.same,
        all.excused,
        total - all.findings.len(),
        all.findings.len()
    ));
    for pattern in &idle {
        say(format_args!("listed, and did not occur: {pattern}"));
    }
    ensure!(
        all.findings.is_empty(),
        "{} exchanges differ; the classes are in {}",
        all.findings.len(),
        folder.display()
    );
    Ok(())
}

/// The folder that servers run in, with the classes.
fn folder(shapes: &Shapes, name: &str) -> anyhow::Result<PathBuf> {
    let folder = target()?.join("parity").join(name);
    std::fs::create_dir_all(&folder)?;
    lay_out(&root(), &folder)?;
    for shape in &shapes.shapes {
        shape.write(&folder)?;
    }
    Ok(folder)
}

/// Does `work` for every class, a few at once, and gives the results in their order.
fn each<T: Send>(
    shapes: &[Shape],
    work: impl Fn(&Shape) -> anyhow::Result<T> + Sync,
) -> anyhow::Result<Vec<T>> {
    let todo: Mutex<VecDeque<_>> = Mutex::new(shapes.iter().enumerate().collect());
    let next = || todo.lock().ok()?.pop_front();
    let mut done: Vec<(usize, anyhow::Result<T>)> = std::thread::scope(|scope| {
        let one = || {
            let mut done = Vec::new();
            while let Some((index, shape)) = next() {
                done.push((index, work(shape)));
            }
            done
        };
        let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(one)).collect();
        let joined = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
        joined.flat_map(Result::unwrap_or_default).collect()
    });
    done.sort_by_key(|(index, _)| *index);
    ensure!(done.len() == shapes.len(), "a thread panicked");
    done.into_iter().map(|(_, result)| result).collect()
}
