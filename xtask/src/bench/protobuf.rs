//! `cargo xtask bench protobuf`: the codec's own protobuf beside prost's, on the same messages.

use crate::shell::{cargo, run as execute, say};

/// The command line of `bench protobuf`.
pub(crate) fn command() -> clap::Command {
    clap::Command::new("protobuf")
        .about("A small message, a tensor and an ndarray as protobuf, beside prost")
        .arg(
            clap::Arg::new("instructions")
                .long("instructions")
                .action(clap::ArgAction::SetTrue)
                .help("Counts instructions, too (needs valgrind; takes a minute)"),
        )
}

/// Measures both and prints their tables.
pub(crate) fn run(options: &clap::ArgMatches) -> anyhow::Result<()> {
    let bench = |name: &str, arguments: &[&str]| {
        execute(
            cargo()
                .args(["bench", "--quiet", "--locked", "--package"])
                .args(["streeling-codec", "--features", "proto", "--bench", name])
                .arg("--")
                .args(arguments),
        )
    };
    say("read: bytes to a message; write: a message to bytes; times: prost's part by ours\n");
    bench("protobuf", &[])?;
    bench("protobuf-memory", &[])?;
    if options.get_flag("instructions") {
        bench("protobuf", &["instructions"])?;
    }
    Ok(())
}
