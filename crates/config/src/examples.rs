//! The end of `--help`: what to type first, and where to read on.

use std::ffi::OsStr;
use std::fmt::Write as _;

use crate::features::Features;
use crate::load::file_name;

/// Where the documentation is.
const LINK: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/tree/main/docs");

/// What follows the program's name, and what the line does.
type Example = (&'static str, &'static str);

const OF_CLASSES: [Example; 3] = [
    ("Iris", "serve the class Iris of Iris.py"),
    (
        "Iris --check",
        "load it once, print what would be served, open no port",
    ),
    (
        "models.flowers.Iris --workers 4 --http-port 8080",
        "the class Iris of models/flowers.py, four processes for REST, which is at port 8080",
    ),
];

/// Of a program that has a component of its own.
const OF_ONE: [Example; 3] = [
    ("", "serve"),
    ("--check", "print what would be served, open no port"),
    (
        "--http-port 8080 --access-log",
        "REST at port 8080, and a line for each request",
    ),
];

/// Three command lines for a program that was started by this path, and a link.
#[must_use]
pub fn examples(features: Features, program: &OsStr) -> String {
    let program = file_name(Some(program));
    let examples = match features.component {
        None => OF_CLASSES,
        Some(_) => OF_ONE,
    };
    let mut text = "Examples:\n".to_owned();
    for (arguments, meaning) in examples {
        let line = format!("{program} {arguments}");
        let _ = writeln!(text, "  {}\n          {meaning}", line.trim_end());
    }
    let _ = write!(text, "\nDocumentation: {LINK}");
    text
}
