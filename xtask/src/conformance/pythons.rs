//! The Python that other servers are recorded with, and its environment.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::bail;

/// seldon-core does not run on newer Pythons.
const NEWEST_MINOR: u32 = 11;

/// The newest Python on the path that seldon-core runs on.
pub(crate) fn python() -> anyhow::Result<String> {
    let names = (8..=NEWEST_MINOR)
        .rev()
        .map(|minor| format!("python3.{minor}"));
    for name in names.chain(["python3".to_owned()]) {
        let code = "import sys; print(sys.version_info[1])";
        let output = Command::new(&name).args(["-c", code]).output();
        let minor = output
            .ok()
            .and_then(|out| String::from_utf8(out.stdout).ok()?.trim().parse().ok());
        if minor.is_some_and(|minor: u32| (8..=NEWEST_MINOR).contains(&minor)) {
            return Ok(name);
        }
    }
    bail!("no Python 3.8 to 3.{NEWEST_MINOR} on the path, which seldon-core needs; see --peer")
}

/// A small environment that is the same on every machine; hashes are fixed, so that sets print in
/// one order.
pub(crate) fn environment(python: &Path) -> BTreeMap<String, String> {
    let path = format!(
        "{}:/usr/local/bin:/usr/bin:/bin",
        python.join("bin").display()
    );
    [
        ("PATH", path.as_str()),
        ("LANG", "C.UTF-8"),
        ("HOME", "/tmp"),
        ("TZ", "UTC"),
    ]
    .into_iter()
    .chain([("PYTHONDONTWRITEBYTECODE", "1"), ("PYTHONHASHSEED", "0")])
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}
