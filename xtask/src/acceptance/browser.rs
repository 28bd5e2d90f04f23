//! A page of another origin, in a real browser.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::clients::found;
use super::record::{Recorder, loopback};
use crate::shell::{output, root};

/// Where the page comes from; its origin is in what the browser sends to the server.
const PAGE_PORT: u16 = 19_001;

/// What the page shows when every response was right.
const PASSED: &str = "<pre id=\"result\">passed</pre>";

/// Records the browser.
pub(super) fn run() -> anyhow::Result<String> {
    let chromium = found(
        "chromium",
        "Chromium is needed (Debian: apt-get install chromium)",
    )?;
    let page = fs::read_to_string(root().join("tests/acceptance/clients/browser.html"))?;
    serve(page)?;
    let version = output(Command::new(&chromium).arg("--version"))?;
    let folder = tempfile::tempdir()?;
    let mut recorder = Recorder::start()?;
    recorder.record_with("chromium", || {
        let shown = output(
            Command::new(&chromium)
                .args([
                    "--headless",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--disable-quic",
                ])
                .args(["--no-first-run", "--disable-background-networking"])
                .args(["--disable-component-update", "--disable-sync"])
                .arg(format!("--user-data-dir={}", folder.path().display()))
                .args(["--virtual-time-budget=60000", "--dump-dom"])
                .arg(format!("http://127.0.0.1:{PAGE_PORT}/")),
        )?;
        ensure!(shown.contains(PASSED), "the page shows\n{shown}");
        // Behind the version, Debian's says what it runs on.
        let words: Vec<_> = version.split_whitespace().take(2).collect();
        Ok(words.join(" "))
    })?;
    Ok(recorder.seen.text())
}

/// Serves the page for as long as this program runs.
fn serve(page: String) -> anyhow::Result<()> {
    let listener = TcpListener::bind(loopback(PAGE_PORT))
        .with_context(|| format!("port {PAGE_PORT} is needed for the page"))?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let page = page.clone();
            // A browser opens connections that it may not use.
            std::thread::spawn(move || send(stream, &page));
        }
    });
    Ok(())
}

fn send(mut stream: TcpStream, page: &str) -> std::io::Result<()> {
    let mut request = [0; 4096];
    let count = stream.read(&mut request)?;
    let (status, body) = if request[..count].starts_with(b"GET / ") {
        ("200 OK", page)
    } else {
        ("404 Not Found", "")
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}
