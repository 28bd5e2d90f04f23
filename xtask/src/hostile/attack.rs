//! What an attack is.

use super::target::Target;

/// One attack, on a server of its own.
pub(super) struct Attack {
    pub(super) name: &'static str,
    pub(super) sent: &'static str,
    pub(super) right: &'static str,
    /// Arguments of the server beside the defaults.
    pub(super) arguments: &'static [&'static str],
    /// Files that the server may have open.
    pub(super) files: Option<u64>,
    /// What the server may take beside what it has at its start, in MB, with its workers.
    pub(super) memory: u64,
    /// Milliseconds within which `/health/ping` must respond, which shares its port with what is
    /// attacked.
    pub(super) ping: u64,
    pub(super) run: fn(&Target) -> anyhow::Result<Came>,
}

/// What came of it, beside what is observed of every attack.
#[derive(Debug)]
pub(super) struct Came {
    pub(super) text: String,
    pub(super) right: bool,
}

impl Attack {
    /// On a server at its defaults, which needs little for it.
    pub(super) const PLAIN: Self = Self {
        name: "",
        sent: "",
        right: "",
        arguments: &[],
        files: None,
        memory: 200,
        ping: 1000,
        run: |_| anyhow::bail!("no attack"),
    };
}
