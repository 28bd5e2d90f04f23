//! `cargo xtask image`: container images without a daemon, as layouts of the Open Container
//! Initiative. What an image is, `deploy/image/Dockerfile` says.

mod arch;
mod container;
mod contents;
mod debian;
mod dockerfile;
mod layout;
mod making;
mod push;
mod sbom;
mod trial;
mod unpack;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Arg, ArgAction, ArgMatches, Command};

use self::arch::ARCHITECTURES;
use crate::shell::root;

pub(crate) use self::making::{Options, make};
pub(crate) use self::push::{Destination, push_image};
pub(crate) use self::trial::try_image;

/// The images, by the names of their stages in the Dockerfile.
pub(crate) const NAMES: [&str; 3] = ["rest-only", "full", "python"];

/// Where layouts go, from the root of the repository.
const OUTPUT: &str = "target/dist/image";

/// The subcommand.
pub(crate) fn command() -> Command {
    let names = |help| {
        Arg::new("name")
            .value_name("NAME")
            .num_args(0..)
            .value_parser(NAMES)
            .help(help)
    };
    let output = Arg::new("output")
        .long("output")
        .value_name("FOLDER")
        .default_value(OUTPUT)
        .help("Where the layouts are: NAME in this folder");
    Command::new("image")
        .about("Make container images without a daemon, try them, push them to a registry")
        .args_conflicts_with_subcommands(true)
        .arg(names("Only these; default all"))
        .arg(
            Arg::new("target")
                .long("target")
                .value_name("ARCH")
                .value_delimiter(',')
                .value_parser(ARCHITECTURES)
                .help("Only for these, separated by commas; default all"),
        )
        .arg(
            Arg::new("programs")
                .long("programs")
                .value_name("FOLDER")
                .default_value("target/dist/bin")
                .help("Where `cargo xtask dist binaries` has put the programs"),
        )
        .arg(
            Arg::new("record")
                .long("record")
                .action(ArgAction::SetTrue)
                .help("Record which packages Debian has now, in place of comparing them"),
        )
        .arg(output.clone())
        .subcommand(
            Command::new("try")
                .about("Unpack the images and serve in them, in namespaces of their own")
                .arg(names("Only these; default all"))
                .arg(output.clone()),
        )
        .subcommand(
            Command::new("push")
                .about("Push an image to a registry, and print its digest")
                .arg(
                    Arg::new("name")
                        .value_name("NAME")
                        .required(true)
                        .value_parser(NAMES),
                )
                .arg(
                    Arg::new("to")
                        .long("to")
                        .value_name("HOST/REPO")
                        .required(true)
                        .help("Without a tag; REGISTRY_USER and REGISTRY_TOKEN log in"),
                )
                .arg(
                    Arg::new("tag")
                        .long("tag")
                        .value_delimiter(',')
                        .help("Tags, separated by commas; default NAME and VERSION-NAME"),
                )
                .arg(output),
        )
}

pub(crate) fn run_options(matches: &ArgMatches) -> anyhow::Result<()> {
    match matches.subcommand() {
        Some(("try", options)) => {
            for name in chosen(options, "name", &NAMES) {
                try_image(&folder(options, "output")?.join(name), name)?;
            }
            Ok(())
        }
        Some(("push", options)) => push::run_options(options, &folder(options, "output")?),
        _ => {
            let options = Options {
                names: chosen(matches, "name", &NAMES),
                architectures: matches
                    .get_many::<String>("target")
                    .map(|_| chosen(matches, "target", &ARCHITECTURES)),
                programs: folder(matches, "programs")?,
                output: folder(matches, "output")?,
                record: matches.get_flag("record"),
            };
            make(&options).map(|_| ())
        }
    }
}

/// Those of the values that an option names, in their own order; all where it is not given.
fn chosen(matches: &ArgMatches, option: &str, values: &[&'static str]) -> Vec<&'static str> {
    let given: Vec<&String> = matches
        .get_many::<String>(option)
        .unwrap_or_default()
        .collect();
    let chosen = values
        .iter()
        .filter(|value| given.is_empty() || given.iter().any(|one| one == *value));
    chosen.copied().collect()
}

/// A folder, from the root of the repository.
fn folder(matches: &ArgMatches, option: &str) -> anyhow::Result<PathBuf> {
    let path = matches.get_one::<String>(option);
    Ok(root().join(path.context("it has a default")?))
}
