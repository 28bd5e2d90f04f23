//! The programs as archives, for who wants neither a wheel nor an image.

use std::fs;

use clap::ArgMatches;

use super::archive::{self, Entry};
use super::release::{
    Target, Variant, chosen_targets, chosen_variants, folder, program, target_argument,
    variant_argument, version,
};
use crate::shell::{root, say};

/// The subcommand.
pub(super) fn command() -> clap::Command {
    clap::Command::new("archives")
        .about("Archives of the programs that `dist binaries` has made")
        .arg(variant_argument())
        .arg(target_argument())
}

pub(super) fn run_options(options: &ArgMatches) -> anyhow::Result<()> {
    let version = version()?;
    for target in chosen_targets(options) {
        for variant in chosen_variants(options) {
            let name = name(&version, variant, target);
            let packed = pack(&name, variant, target)?;
            let file = folder().join(format!("{name}.tar.gz"));
            fs::write(&file, &packed)?;
            #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
            let megabytes = packed.len() as f64 / 1e6;
            say(format_args!(
                "{megabytes:6.2} MB  {}\n           sha256:{}",
                file.display(),
                archive::sha256(&packed)
            ));
        }
    }
    Ok(())
}

fn name(version: &str, variant: &Variant, target: &Target) -> String {
    format!("streeling-{version}-{}{}", target.triple, variant.suffix)
}

/// One folder with the program, and what everyone who gets it has a right to read.
fn pack(name: &str, variant: &Variant, target: &Target) -> anyhow::Result<Vec<u8>> {
    let program = fs::read(program(variant, target)?)?;
    let mut entries = vec![Entry::program(format!("{name}/streeling"), program)];
    for file in ["LICENSE", "README.md"] {
        let bytes = fs::read(root().join(file))?;
        entries.push(Entry::file(format!("{name}/{file}"), bytes));
    }
    let tar = archive::tar(&entries, archive::entry_date()?, Vec::new())?;
    archive::gzip(&tar)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dist::release::{TARGETS, VARIANTS};

    #[test]
    fn no_two_archives_have_one_name() {
        let names: Vec<String> = TARGETS
            .iter()
            .flat_map(|target| VARIANTS.iter().map(move |variant| (variant, target)))
            .map(|(variant, target)| name("1.2.3", variant, target))
            .collect();
        let expected = [
            "streeling-1.2.3-x86_64-unknown-linux-musl",
            "streeling-1.2.3-x86_64-unknown-linux-musl-rest-only",
            "streeling-1.2.3-aarch64-unknown-linux-musl",
            "streeling-1.2.3-aarch64-unknown-linux-musl-rest-only",
        ];
        assert_eq!(names, expected);
    }
}
