//! Options that both tools have, and what they read.

use std::path::Path;

use clap::{Arg, ArgMatches};

/// An option that is a whole number of at least 1.
pub(super) fn count(name: &'static str, default: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name("N")
        .default_value(default)
        .value_parser(clap::value_parser!(u32).range(1..))
        .help(help)
}

pub(super) fn count_of(matches: &ArgMatches, name: &str) -> usize {
    let count: u32 = *matches.get_one(name).expect("it has a default");
    usize::try_from(count).expect("an address has 32 bits at least")
}

/// The options of [`Pace`](crate::Pace), and the seed.
pub(super) fn pace_options() -> [Arg; 3] {
    [
        count(
            "concurrency",
            "1",
            "Requests in flight at once, at each server",
        ),
        Arg::new("timeout")
            .long("timeout")
            .value_name("SECONDS")
            .default_value("30")
            .value_parser(clap::value_parser!(u32).range(1..))
            .help("How long a response may take"),
        Arg::new("seed")
            .long("seed")
            .value_name("N")
            .default_value("1")
            .value_parser(clap::value_parser!(u64))
            .help("Which random values are made of a contract"),
    ]
}

pub(super) fn pace(matches: &ArgMatches) -> crate::Pace {
    let seconds: u32 = *matches.get_one("timeout").expect("it has a default");
    crate::Pace {
        concurrency: count_of(matches, "concurrency"),
        timeout: std::time::Duration::from_secs(seconds.into()),
    }
}

pub(super) fn seed(matches: &ArgMatches) -> u64 {
    *matches.get_one("seed").expect("it has a default")
}

pub(super) fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start the runtime: {error}"))
}
