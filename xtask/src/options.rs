//! Options that several chores have.

use clap::{Arg, ArgMatches};

/// An option `--NAME` that is a whole number.
pub(crate) fn number(name: &'static str, default: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_parser(clap::value_parser!(u64))
        .default_value(default)
        .help(help)
}

/// The value of an option that [`number`] has made.
pub(crate) fn number_of(matches: &ArgMatches, name: &str) -> u64 {
    *matches.get_one(name).expect("it has a default")
}
