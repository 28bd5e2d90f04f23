//! `streeling compare`.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::options::{count, count_of, pace, pace_options, read, runtime, seed};
use super::output::{complain, print, progress};
use super::requests::{self, Logged};
use crate::contract::{Contract, Dice};
use crate::messages::Messages;
use crate::report::{About, Report};
use crate::request::Request;
use crate::run::exchange;
use crate::target::Target;
use crate::{Pace, Rules};

const HELP: &str = "\
A server is HOST:PORT or http://HOST:PORT for REST, grpc://HOST:PORT for gRPC, or both with a comma
between. REQUESTS has one JSON object a line, see docs/compare.md.
Exit code: 0 if all responses are equal, 1 if one differs, 2 if they cannot be compared.";

pub(super) fn command() -> Command {
    let path = |name: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help(help)
    };
    Command::new("compare")
        .bin_name("streeling compare")
        .about("Send the same requests to two servers and compare the responses")
        .after_help(HELP)
        .arg(
            Arg::new("old")
                .value_name("OLD")
                .help("The server that is trusted"),
        )
        .arg(
            Arg::new("new")
                .value_name("NEW")
                .help("The server that is to take its place"),
        )
        .arg(
            Arg::new("requests")
                .value_name("REQUESTS")
                .value_parser(clap::value_parser!(PathBuf))
                .help("The file of requests"),
        )
        .arg(
            Arg::new("tolerance")
                .long("tolerance")
                .value_name("RELATIVE")
                .default_value("1e-12")
                .value_parser(tolerance)
                .help("Largest relative distance of two floats that count as equal"),
        )
        .arg(
            Arg::new("excuse-errors")
                .long("excuse-errors")
                .action(ArgAction::SetTrue)
                .help("Allow any response where the old server responds with an error of its own"),
        )
        .args(pace_options())
        .arg(count(
            "repeat",
            "1",
            "How often the file is sent, for latencies",
        ))
        .arg(path("markdown", "Write the page in Markdown, too"))
        .arg(path("html", "Write the page in HTML, too"))
        .arg(
            path(
                "make-from",
                "Print requests made of this contract or access log, and end",
            )
            .conflicts_with_all(["old", "new", "requests"]),
        )
        .arg(path(
            "contract",
            "Where the bodies of an access log's requests come from",
        ))
        .arg(count("count", "100", "How many requests are made"))
}

fn tolerance(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if (0.0..1.0).contains(&number) => Ok(number),
        _ => Err("must be a number of at least 0 and below 1".to_owned()),
    }
}

pub(super) fn run(matches: &ArgMatches) -> Result<bool, String> {
    if let Some(source) = matches.get_one::<PathBuf>("make-from") {
        make(matches, source)?;
        return Ok(true);
    }
    let text = |name: &str| matches.get_one::<String>(name).cloned();
    let (Some(old), Some(new), Some(path)) = (
        text("old"),
        text("new"),
        matches.get_one::<PathBuf>("requests"),
    ) else {
        return Err("OLD, NEW and REQUESTS must be given, see --help".to_owned());
    };
    let messages = Messages::new();
    let requests = Request::parse_all(&read(path)?, &messages)
        .map_err(|error| format!("{}: {error}", path.display()))?;
    let repeat = count_of(matches, "repeat");
    let requests: Vec<_> = (0..repeat).flat_map(|_| requests.iter().cloned()).collect();
    let about = About {
        old,
        new,
        requests: path.display().to_string(),
        at: jiff::Timestamp::now()
            .strftime("%Y-%m-%d %H:%M:%S UTC")
            .to_string(),
        rules: Rules {
            tolerance: *matches.get_one("tolerance").expect("it has a default"),
            ..Rules::default()
        },
        excuse_errors: matches.get_flag("excuse-errors"),
        pace: pace(matches),
    };
    let report = runtime()?.block_on(compare(about, &requests, &messages))?;
    // The files come first: the page is still there if it cannot be printed.
    write(matches, "markdown", &report.to_markdown())?;
    write(matches, "html", &report.to_html())?;
    print(&report.to_string())?;
    Ok(report.differences().is_empty())
}

async fn compare(
    about: About,
    requests: &[Request],
    messages: &Messages,
) -> Result<Report, String> {
    let pace = about.pace;
    let old = reach("old", &about.old, requests, pace).await?;
    let new = reach("new", &about.new, requests, pace).await?;
    let bar = progress(requests.len());
    let step = bar.clone();
    let exchanges = exchange((&old, &new), requests, pace, move || step.inc(1)).await;
    bar.finish_and_clear();
    Ok(Report::new(about, requests, &exchanges, messages))
}

async fn reach(
    name: &str,
    address: &str,
    requests: &[Request],
    pace: Pace,
) -> Result<Target, String> {
    let named = |error| format!("the {name} server: {error}");
    let target = Target::parse(address).map_err(named)?;
    target.reach(requests, pace.timeout).await.map_err(named)?;
    Ok(target)
}

fn make(matches: &ArgMatches, source: &Path) -> Result<(), String> {
    let contract = |path: &Path| -> Result<Contract, String> {
        Contract::parse(&read(path)?).map_err(|error| format!("{}: {error}", path.display()))
    };
    let text = read(source)?;
    let (count, mut dice) = (count_of(matches, "count"), Dice::new(seed(matches)));
    // A contract is one JSON object, a log is lines.
    let is_contract = serde_json::from_str::<serde_json::Value>(&text)
        .is_ok_and(|value| value.get("features").is_some());
    let made = if is_contract {
        requests::of_contract(&contract(source)?, count, &mut dice)
            .map(|lines| Logged { lines, skipped: 0 })
    } else {
        let bodies = matches.get_one::<PathBuf>("contract");
        let bodies = bodies.map(|path| contract(path)).transpose()?;
        let messages = Messages::new();
        requests::of_access_log(&text, bodies.as_ref(), count, &mut dice, &messages)
    };
    let made = made.map_err(|error| format!("{}: {error}", source.display()))?;
    for line in made.lines {
        print(&format!("{line}\n"))?;
    }
    if made.skipped > 0 {
        complain(&format!(
            "{}: skipped {} gRPC calls whose messages no contract describes",
            source.display(),
            made.skipped
        ));
    }
    Ok(())
}

fn write(matches: &ArgMatches, name: &str, page: &str) -> Result<(), String> {
    match matches.get_one::<PathBuf>(name) {
        None => Ok(()),
        Some(path) => std::fs::write(path, page)
            .map_err(|error| format!("cannot write {}: {error}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tolerance_is_at_least_0_and_below_1() {
        for text in ["0", "1e-3", "0.999"] {
            assert!(tolerance(text).is_ok(), "{text}");
        }
        for text in ["1", "-0.1", "NaN", "inf", "x", ""] {
            let error = tolerance(text).unwrap_err();
            assert_eq!(
                error, "must be a number of at least 0 and below 1",
                "{text}"
            );
        }
    }
}
