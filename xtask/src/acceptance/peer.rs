//! seldon-core itself, today.

use std::path::Path;

use crate::shell::{cargo, root, run as run_command, target};
use crate::{conformance, standin};

/// Compares its responses with the golden files, its package with our own, and the server's
/// responses with the golden files where the components find seldon-core's package and not ours.
pub(super) fn run() -> anyhow::Result<String> {
    conformance::run(&["record".to_owned(), "--check".to_owned()])?;
    standin::record(None, true)?;
    run_command(cargo().args(["build", "--package", "streeling"]))?;
    let peer = conformance::peer(&root(), None)?;
    conformance::run(&compare(&target()?.join("debug/streeling"), &peer))?;
    Ok("the golden files and calls are what seldon-core says, also beside its package".to_owned())
}

fn compare(server: &Path, python: &Path) -> Vec<String> {
    let mut arguments = vec!["compare".to_owned()];
    for (name, path) in [("--server", server), ("--python", python)] {
        arguments.extend([name.to_owned(), path.display().to_string()]);
    }
    arguments
}
