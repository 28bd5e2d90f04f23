//! Architectures, in the words of Debian and of images.

use std::path::Path;

use anyhow::{Context as _, bail};

/// Those that there are images for.
pub(super) const ARCHITECTURES: [&str; 2] = ["amd64", "arm64"];

/// What Linux and Rust call the same.
const MACHINES: [&str; 2] = ["x86_64", "aarch64"];

/// The architecture of this machine.
pub(super) fn own() -> anyhow::Result<&'static str> {
    let machine = std::env::consts::ARCH;
    let place = MACHINES.iter().position(|one| *one == machine);
    let Some(place) = place else {
        bail!("there is no image for {machine}");
    };
    Ok(ARCHITECTURES[place])
}

/// Whether its programs run on this machine, if only in an emulator that Linux calls for them.
pub(super) fn runs_here(arch: &str) -> anyhow::Result<bool> {
    let place = ARCHITECTURES.iter().position(|one| *one == arch);
    let place = place.with_context(|| format!("{arch} is no architecture of an image"))?;
    let emulator = format!("/proc/sys/fs/binfmt_misc/qemu-{}", MACHINES[place]);
    Ok(own()? == arch || Path::new(&emulator).exists())
}
