//! The files that are checked.

use std::fs;
use std::process::Command;

use anyhow::Context as _;

use crate::shell::{output, root};

/// Where generated Rust lies.
const GENERATED: &str = "crates/proto/src/generated/";

/// A file under version control, or one that could be.
pub(super) struct Source {
    /// Path from the root.
    pub(super) path: String,
    pub(super) text: String,
}

/// The files that git tracks, and those that could be added: a commit should bring no surprise.
pub(super) fn sources() -> anyhow::Result<Vec<Source>> {
    let listed = output(
        Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others"])
            .args(["--exclude-standard", "--", "*.rs", "*.md", "*.py"])
            .current_dir(root()),
    )
    .context("git lists the files to check")?;
    let paths = listed.split('\0').filter(|path| !path.is_empty());
    let mut sources = Vec::new();
    for path in paths {
        let file = root().join(path);
        // A file that was deleted and is still in the index.
        if !file.exists() {
            continue;
        }
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {path}"))?;
        sources.push(Source {
            path: path.to_owned(),
            text,
        });
    }
    Ok(sources)
}

impl Source {
    pub(super) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    pub(super) fn is_markdown(&self) -> bool {
        self.path.ends_with(".md")
    }

    pub(super) fn is_python(&self) -> bool {
        self.path.ends_with(".py")
    }

    pub(super) fn is_generated(&self) -> bool {
        self.path.starts_with(GENERATED)
    }
}

#[cfg(test)]
pub(super) fn source(path: &str, text: &str) -> Source {
    Source {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}
