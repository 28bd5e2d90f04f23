//! Whether a golden file is what seldon-core says today.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::ensure;

use crate::shell::say;

/// Compares the lines of a golden file, one for each response, with those of today. A package that
/// has a newer version now is no difference by itself.
pub(super) fn check(path: &Path, committed: &str, today: &str) -> anyhow::Result<()> {
    let has_versions = |line: &&str| line.trim_start().starts_with("\"recorded\"");
    for (of, text) in [("recorded with", committed), ("today it is", today)] {
        if let Some(versions) = text.lines().find(has_versions) {
            say(format_args!("{of} {}", versions.trim()));
        }
    }
    let lines = |text| {
        str::lines(text)
            .filter(|line| !has_versions(line))
            .collect()
    };
    let (committed, today): (BTreeSet<_>, BTreeSet<_>) = (lines(committed), lines(today));
    for (sign, found) in [
        ('-', committed.difference(&today)),
        ('+', today.difference(&committed)),
    ] {
        for line in found {
            say(format_args!("{sign}{line}"));
        }
    }
    ensure!(
        committed == today,
        "{} is stale, record it again",
        path.display()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_response_is_stale_and_another_version_is_not() {
        let golden = "{\n  \"recorded\": {\"numpy\":\"1\"},\n  \"a\": 1,\n}";
        let path = Path::new("golden.json");
        assert!(check(path, golden, &golden.replace("\"1\"", "\"2\"")).is_ok());
        assert!(check(path, golden, &golden.replace("1,", "2,")).is_err());
        assert!(check(path, golden, "").is_err());
    }
}
