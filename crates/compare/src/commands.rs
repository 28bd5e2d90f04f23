//! The command lines of `streeling test` and `streeling compare`.

mod compare;
mod options;
mod output;
mod requests;
mod test;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command};

/// The name under which there are no tools: who types it wants seldon-core's command line.
const SELDON_CORE: &str = "seldon-core-microservice";

/// What the server's `--help` says of the tools.
pub const TOOLS: &str = "\
Clients in the same program, each with its own --help:
  streeling compare OLD NEW REQUESTS  compare the responses of two servers
  streeling test CONTRACT HOST PORT   send a server what a contract describes";

/// A tool with its command line.
#[derive(Debug)]
pub struct Tool {
    run: fn(&ArgMatches) -> Result<bool, String>,
    command: Command,
    arguments: Vec<OsString>,
}

/// The tool that a command line means, if it means one.
///
/// `streeling NAME` serves a class, also one that is called `test` or `compare`. So a tool is meant
/// only if its name is the first argument and what follows is an argument that the server does not
/// take: one without a dash, or a flag of the tool. A class with such a name is always
/// served by `streeling compare.compare`, which says module and class.
#[must_use]
pub fn tool(arguments: impl IntoIterator<Item = OsString>) -> Option<Tool> {
    let arguments: Vec<_> = arguments.into_iter().collect();
    let program = Path::new(arguments.first()?).file_name()?;
    if program == SELDON_CORE {
        return None;
    }
    let (run, command): (fn(&ArgMatches) -> _, _) = match arguments.get(1)?.to_str()? {
        "test" => (test::run, test::command()),
        "compare" => (compare::run, compare::command()),
        _ => return None,
    };
    let next = arguments.get(2)?.to_string_lossy().into_owned();
    is_of_tool(&command, &next).then(|| Tool {
        run,
        command,
        arguments: arguments.into_iter().skip(1).collect(),
    })
}

fn is_of_tool(command: &Command, argument: &str) -> bool {
    let Some(flag) = argument.strip_prefix('-').filter(|_| argument != "-") else {
        return !argument.is_empty();
    };
    if let Some(long) = flag.strip_prefix('-') {
        let name = long.split('=').next().unwrap_or_default();
        let known = |arg: &Arg| arg.get_long() == Some(name);
        return name == "help" || command.get_arguments().any(known);
    }
    let short = flag.chars().next();
    short == Some('h') || command.get_arguments().any(|arg| arg.get_short() == short)
}

impl Tool {
    /// Runs the tool: 0 where all is well, 1 where something differs or failed, 2 where the tool
    /// could not do its work.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let matches = match self.command.try_get_matches_from(self.arguments) {
            Ok(matches) => matches,
            Err(error) => {
                let code = u8::try_from(error.exit_code()).unwrap_or(2);
                return match output::written(error.print()) {
                    Ok(()) => ExitCode::from(code),
                    Err(error) => failed(&error),
                };
            }
        };
        match (self.run)(&matches) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => failed(&error),
        }
    }
}

fn failed(error: &str) -> ExitCode {
    output::complain(error);
    ExitCode::from(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_tool(line: &str) -> bool {
        tool(line.split(' ').map(OsString::from)).is_some()
    }

    #[test]
    fn a_tool_is_meant_only_by_what_a_server_does_not_take() {
        for line in [
            "streeling test contract.json host 9000",
            "/usr/bin/streeling compare a:1 b:2 requests.jsonl",
            "streeling test --grpc contract.json host 5000",
            "streeling test -p contract.json host 9000",
            "streeling compare --tolerance=1e-3 a:1 b:2 r",
            "streeling compare --help",
            "streeling test -h",
        ] {
            assert!(is_tool(line), "{line}");
        }
        for line in [
            "streeling",
            "streeling test",
            "streeling compare",
            "streeling test --http-port 9000",
            "streeling compare --check",
            "streeling test.test contract.json",
            "streeling --workers 2 test x",
            "streeling Iris",
            "seldon-core-microservice test contract.json host 9000",
        ] {
            assert!(!is_tool(line), "{line}");
        }
    }

    #[test]
    fn command_lines_are_sound() {
        test::command().debug_assert();
        compare::command().debug_assert();
    }
}
