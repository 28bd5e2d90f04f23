//! The chores of the repository; `cargo xtask --help` lists them.

mod acceptance;
mod bench;
mod builds;
mod codegen;
mod collector;
mod conformance;
mod demo;
mod deny;
mod differential;
mod dist;
mod docs;
mod edges;
mod frames;
mod fuzz;
mod hostile;
mod image;
mod instructions;
mod manifests;
mod observe;
mod onnx;
mod options;
mod parity;
mod pythons;
mod shell;
mod soak;
mod standin;
mod style;
mod test;
mod tools;
mod venv;

use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::shell::say;

fn main() -> ExitCode {
    match run(&command().get_matches()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Its causes in one line; a backtrace would only show this file.
            say(format_args!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(matches: &ArgMatches) -> anyhow::Result<()> {
    match matches.subcommand() {
        Some(("demo", options)) => demo::run_options(options),
        Some(("test", options)) => test::run_options(options),
        Some(("builds", _)) => builds::build(),
        Some(("docs", flags)) => docs::run(flags.get_flag("check")),
        Some(("codegen", flags)) => codegen::run(flags.get_flag("check")),
        Some(("collector", _)) => collector::serve(),
        Some(("dist", options)) => dist::run_options(options),
        Some(("image", options)) => image::run_options(options),
        Some(("differential", options)) => differential::run_options(options),
        Some(("parity", options)) => parity::run_options(options),
        Some(("instructions", options)) => instructions::run_options(options),
        Some(("fuzz", options)) => fuzz::run_targets(options),
        Some(("hostile", options)) => hostile::run_options(options),
        Some(("soak", options)) => soak::run_options(options),
        Some(("onnx", _)) => onnx::record(),
        Some(("edges", _)) => edges::run(),
        Some(("standin", options)) => standin::run_options(options),
        Some(("manifests", _)) => manifests::run(),
        Some(("style", _)) => style::run(),
        Some(("acceptance", parts)) => acceptance::run(parts),
        Some(("bench", what)) => bench::run(what),
        Some(("conformance", rest)) => {
            let words = rest.get_many::<String>("arguments").unwrap_or_default();
            conformance::run(&words.cloned().collect::<Vec<_>>())
        }
        _ => unreachable!("clap demands a subcommand that it knows"),
    }
}

fn command() -> Command {
    Command::new("cargo xtask")
        .about("The chores of the repository")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(demo::command())
        .subcommand(test::command())
        .subcommand(Command::new("builds").about(
            "Build the server, and those that lack a transport, for the tests that run them",
        ))
        .subcommand(
            Command::new("docs")
                .about("Write the pages in docs/ that are generated from code and data")
                .arg(
                    Arg::new("check")
                        .long("check")
                        .action(ArgAction::SetTrue)
                        .help("Fail if a page is out of date instead of writing it"),
                ),
        )
        .subcommand(
            Command::new("codegen")
                .about("Write the Rust types of the protobuf messages")
                .arg(
                    Arg::new("check")
                        .long("check")
                        .action(ArgAction::SetTrue)
                        .help("Fail if a file is out of date instead of writing it"),
                ),
        )
        .subcommand(
            Command::new("onnx").about(
                "Train models, export them to ONNX, and record what their libraries predict",
            ),
        )
        .subcommand(Command::new("edges").about("Check which crate may depend on which"))
        .subcommand(Command::new("style").about(
            "Check the width of lines, names, the length of files, imports, and links of pages",
        ))
        .subcommand(
            Command::new("collector").about(
                "Run a real OpenTelemetry Collector that shows the spans it gets, until Ctrl-C",
            ),
        )
        .subcommand(
            Command::new("manifests")
                .about("Check the manifests of deploy/ and the values of the chart"),
        )
        .subcommand(differential::command())
        .subcommand(dist::command())
        .subcommand(image::command())
        .subcommand(standin::command())
        .subcommand(parity::command())
        .subcommand(fuzz::command())
        .subcommand(hostile::command())
        .subcommand(soak::command())
        .subcommand(instructions::command())
        .subcommand(acceptance::command())
        .subcommand(bench::command())
        .subcommand(
            Command::new("conformance")
                .about("Record the golden file from seldon-core, or compare a server with it")
                .disable_help_flag(true)
                .arg(
                    Arg::new("arguments")
                        .num_args(..)
                        .trailing_var_arg(true)
                        .allow_hyphen_values(true),
                ),
        )
}
