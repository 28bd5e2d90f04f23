//! `cargo xtask hostile`: attacks on the server as it is released, while its probes are requested
//! all the time. Writes `docs/reliability.md`.

mod attack;
mod bodies;
mod connections;
mod floods;
mod h2spec;
mod report;
mod schemathesis;
mod smuggling;
mod target;
mod timeouts;
mod wire;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::{Arg, ArgAction, ArgMatches};

use self::attack::{Attack, Came};
use self::report::{Finding, Findings, PAGE};
use self::target::{PING, Seen, Target, command as server};
use crate::options::{number, number_of};
use crate::shell::{root, say, target as target_folder};
use crate::soak;

/// What is no attack of its own.
const TOOLS: [&str; 3] = ["h2spec", "schemathesis", "smuggling"];

/// How it is run.
pub(crate) struct Options {
    program: PathBuf,
    /// Parts of the names of what is run; all without any.
    names: Vec<String>,
    /// The time within which probes of the metrics port must respond.
    probe: Duration,
    /// Whether the page in `docs` is written, or one in the target folder.
    docs: bool,
}

/// The command line.
pub(crate) fn command() -> clap::Command {
    clap::Command::new("hostile")
        .about("Attack the server, and write docs/reliability.md")
        .arg(
            Arg::new("name")
                .num_args(0..)
                .help("Parts of the names of what is run, as in the page; default all of it"),
        )
        .arg(number(
            "probe-ms",
            "100",
            "Milliseconds within which probes of the metrics port must respond",
        ))
        .arg(
            Arg::new("program")
                .long("program")
                .help("The server to run; default one that is built with optimisation"),
        )
        .arg(
            Arg::new("list")
                .long("list")
                .action(ArgAction::SetTrue)
                .help("List the names"),
        )
}

/// Runs it as the command line says.
pub(crate) fn run_options(matches: &ArgMatches) -> anyhow::Result<()> {
    if matches.get_flag("list") {
        attacks().for_each(|attack| say(attack.name));
        TOOLS.iter().for_each(say);
        return Ok(());
    }
    let names: Vec<String> = matches
        .get_many::<String>("name")
        .unwrap_or_default()
        .cloned()
        .collect();
    let program = match matches.get_one::<String>("program") {
        Some(program) => PathBuf::from(program).canonicalize()?,
        None => soak::build()?,
    };
    let seen = run(&Options {
        program,
        docs: names.is_empty(),
        names,
        probe: Duration::from_millis(number_of(matches, "probe-ms")),
    })?;
    say(seen);
    Ok(())
}

impl Options {
    /// All of it, of the server as it is released.
    pub(crate) fn all() -> anyhow::Result<Self> {
        Ok(Self {
            program: soak::build()?,
            names: Vec::new(),
            probe: Duration::from_millis(100),
            docs: true,
        })
    }

    fn has(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|part| name.contains(part.as_str()))
    }
}

fn attacks() -> impl Iterator<Item = &'static Attack> {
    static TIMEOUTS: [Attack; 1] = [timeouts::ATTACK];
    static BODIES: [Attack; bodies::ATTACKS.len()] = bodies::ATTACKS;
    static CONNECTIONS: [Attack; connections::ATTACKS.len()] = connections::ATTACKS;
    static FLOODS: [Attack; floods::ATTACKS.len()] = floods::ATTACKS;
    let first = BODIES.iter().chain(&CONNECTIONS);
    first.chain(&FLOODS).chain(&TIMEOUTS)
}

/// Runs it; gives what was seen, in a few words.
pub(crate) fn run(options: &Options) -> anyhow::Result<String> {
    let mut findings = Findings::default();
    for attack in attacks().filter(|attack| options.has(attack.name)) {
        let finding = one(options, attack)?;
        let seen = &finding.seen;
        let slowest = seen.probed.iter().map(|probed| probed.slowest).max();
        say(format_args!(
            "   {}: {}; probes {} ms, peak {} / {} MB, kept {} MB, {:.1} s{}",
            attack.name,
            finding.came.text,
            slowest.unwrap_or_default().as_millis(),
            seen.peak.0 / 1024,
            seen.peak.1 / 1024,
            seen.kept / 1024,
            finding.took.as_secs_f64(),
            finding
                .faults
                .iter()
                .map(|fault| format!("\n      NOT HELD: {fault}"))
                .collect::<String>()
        ));
        findings.attacks.push(finding);
    }
    tools(options, &mut findings)?;
    let page = if options.docs {
        root().join(PAGE)
    } else {
        target_folder()?.join("hostile/reliability.md")
    };
    findings.write(&page)?;
    say(format_args!("   written: {}", page.display()));
    let faults = findings.faults();
    if !faults.is_empty() {
        bail!("{} not held:\n{}", faults.len(), faults.join("\n"));
    }
    Ok(format!("{} attacks held", findings.attacks.len()))
}

/// What other people's programs, and the table of HTTP/1, say.
fn tools(options: &Options, findings: &mut Findings) -> anyhow::Result<()> {
    let [h2, schema, smuggled] = TOOLS.map(|name| options.has(name));
    if !(h2 || schema || smuggled) {
        return Ok(());
    }
    let server = server(&options.program, &[], None)?.start()?;
    if smuggled {
        findings.smuggling = smuggling::table(server.address())?;
        say("   the table of HTTP/1 is there");
    }
    if h2 {
        findings.h2spec = Some(h2spec::run(server.grpc_address())?);
        say("   h2spec has run");
    }
    if schema {
        findings.schemathesis = Some(schemathesis::run(server.address())?);
        say("   schemathesis has run");
    }
    target::is_right(server.address()).context("the server is not right behind all these")
}

fn one(options: &Options, attack: &'static Attack) -> anyhow::Result<Finding> {
    say(format_args!("── {}", attack.name));
    let target = start(&options.program, attack)?;
    let since = Instant::now();
    let came = (attack.run)(&target).unwrap_or_else(|error| Came {
        text: wire::short(&format!("{error:#}")),
        right: false,
    });
    let took = since.elapsed();
    let seen = target.recover();
    let faults = judge(options, attack, &came, &seen);
    Ok(Finding {
        attack,
        came,
        seen,
        took,
        faults,
    })
}

fn start(program: &Path, attack: &Attack) -> anyhow::Result<Target> {
    Target::start(&server(program, attack.arguments, attack.files)?)
}

fn judge(options: &Options, attack: &Attack, came: &Came, seen: &Seen) -> Vec<String> {
    let mut faults = Vec::new();
    if !came.right {
        faults.push(format!("{} came, right is {}", came.text, attack.right));
    }
    for probed in &seen.probed {
        let (name, slowest) = (probed.name, probed.slowest.as_millis());
        if let Some(reason) = &probed.reason {
            faults.push(format!(
                "{} probes of {name} failed: {reason}",
                probed.failed
            ));
            continue;
        }
        let most = match name {
            PING => Duration::from_millis(attack.ping),
            _ => options.probe,
        };
        if probed.slowest > most {
            faults.push(format!(
                "{name} took {slowest} ms, allowed are {} ms",
                most.as_millis()
            ));
        }
    }
    let peak = seen.peak.1 / 1024;
    if peak > attack.memory {
        faults.push(format!(
            "a peak of {peak} MB, {} are allowed",
            attack.memory
        ));
    }
    faults.extend(seen.hurt.clone());
    faults
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_name_is_there_twice_and_every_attack_says_what_is_right() {
        let mut names: BTreeSet<&str> = TOOLS.into();
        for attack in attacks() {
            assert!(names.insert(attack.name), "{}", attack.name);
            assert!(!attack.sent.is_empty() && !attack.right.is_empty());
        }
    }
}
