//! The container images: reproducible, served from, pushed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::image::{Destination, NAMES, Options, make, push_image, try_image};
use crate::shell::{output, root, say};
use crate::tools;

const TIMEOUT: Duration = Duration::from_secs(30);

/// Makes every image twice, tries it, and pushes it.
pub(super) fn run() -> anyhow::Result<String> {
    let folder = root().join("target/dist");
    let options = |output: &str| Options {
        names: NAMES.to_vec(),
        architectures: None,
        programs: folder.join("bin"),
        output: folder.join(output),
        record: false,
    };
    let made = make(&options("image"))?;
    let again = make(&options("image-again"))?;
    for (one, other) in made.iter().zip(&again) {
        ensure!(
            one.digest == other.digest,
            "{} is {}, and {} when made again",
            one.name,
            one.digest,
            other.digest
        );
    }
    let layouts = folder.join("image");
    for name in NAMES {
        try_image(&layouts.join(name), name)?;
    }
    let registry = Registry::start()?;
    for one in &made {
        registry.push(&layouts.join(one.name), one.name, &one.digest)?;
    }
    login_is_used(&layouts.join("rest-only"))?;
    let digests: Vec<_> = made.iter().map(|one| &one.digest[7..19]).collect();
    Ok(format!("equal when made again: {}", digests.join(", ")))
}

/// A registry of other people's, in memory.
struct Registry {
    process: Child,
    port: u16,
}

impl Registry {
    fn start() -> anyhow::Result<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let process = Command::new(tools::registry()?)
            .args(["-port", &port.to_string()])
            // It lists every request.
            .stderr(Stdio::null())
            .spawn()?;
        let registry = Self { process, port };
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(start.elapsed() < TIMEOUT, "the registry does not start");
            thread::sleep(Duration::from_millis(50));
        }
        Ok(registry)
    }

    /// Pushes, and looks at what the registry has afterwards.
    fn push(&self, layout: &Path, name: &str, digest: &str) -> anyhow::Result<()> {
        let repository = format!("localhost:{}/streeling", self.port);
        let destination = Destination {
            repository: repository.clone(),
            tags: vec![name.to_owned(), format!("{name}-1")],
            login: None,
        };
        let pushed = push_image(layout, name, &destination)?;
        ensure!(pushed == digest, "{name} was pushed as {pushed}");
        for tag in &destination.tags {
            let reference = format!("{repository}:{tag}");
            let found = output(Command::new(tools::oras()?).args(["resolve", &reference]))?;
            ensure!(found.trim() == digest, "{reference} is {found}");
        }
        // Its bill of materials has come along.
        let reference = format!("{repository}:{name}");
        let found = output(
            Command::new(tools::oras()?)
                .args(["discover", "--platform", "linux/amd64", "--format", "json"])
                .arg(&reference),
        )?;
        ensure!(
            found.contains("application/vnd.cyclonedx+json"),
            "nothing refers to {reference}: {found}"
        );
        say(format_args!("   pushed {reference}"));
        Ok(())
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It may have ended.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// A registry that wants a login gets the one that the environment has.
fn login_is_used(layout: &Path) -> anyhow::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // What is not received in time is an error below.
            if let Ok(Some(login)) = refuse(stream) {
                sender.send(login).ok();
            }
        }
    });
    let destination = Destination {
        repository: format!("localhost:{port}/streeling"),
        tags: vec!["rest-only".to_owned()],
        login: Some(("someone".to_owned(), "a token".to_owned())),
    };
    let refused = push_image(layout, "rest-only", &destination);
    ensure!(refused.is_err(), "a registry that refuses all has an image");
    let header = receiver
        .recv_timeout(TIMEOUT)
        .context("the registry got no login")?;
    let expected = format!("Basic {}", BASE64_STANDARD.encode("someone:a token"));
    ensure!(header == expected, "the registry got {header:?}");
    Ok(())
}

/// Responds as a registry that refuses every client; gives the login that it was sent.
fn refuse(mut stream: TcpStream) -> anyhow::Result<Option<String>> {
    let mut login = None;
    for line in BufReader::new(stream.try_clone()?).lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("authorization")
        {
            login = Some(value.to_owned());
        }
    }
    let status = match login {
        Some(_) => "403 Forbidden\r\n",
        None => "401 Unauthorized\r\nwww-authenticate: Basic realm=\"images\"\r\n",
    };
    write!(
        stream,
        "HTTP/1.1 {status}connection: close\r\ncontent-length: 0\r\n\r\n"
    )?;
    Ok(login)
}
