//! Clients that request health pages all the time, each on a new connection, as a kubelet does.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use streeling_testkit::Request;

/// Between a response and the next request.
const PAUSE: Duration = Duration::from_millis(40);

/// A probe that takes longer has failed.
const TIMEOUT: Duration = Duration::from_secs(15);

/// What the probes of one page came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Probed {
    pub(crate) name: &'static str,
    pub(crate) count: u64,
    pub(crate) slowest: Duration,
    /// Those that had no good response, with the first reason.
    pub(crate) failed: u64,
    pub(crate) reason: Option<String>,
}

/// Running probes.
pub(crate) struct Probes {
    stop: Arc<AtomicBool>,
    pages: Vec<Arc<Mutex<Page>>>,
    threads: Vec<JoinHandle<()>>,
}

struct Page {
    probed: Probed,
    /// When the request that is under way was sent.
    sent: Option<Instant>,
}

impl Probes {
    /// Starts to request these pages, each by its name.
    pub(crate) fn start(pages: &[(&'static str, SocketAddr, &'static str)]) -> Self {
        let mut probes = Self {
            stop: Arc::default(),
            pages: Vec::new(),
            threads: Vec::new(),
        };
        for &(name, server, path) in pages {
            let page = Arc::new(Mutex::new(Page {
                probed: Probed {
                    name,
                    ..Probed::default()
                },
                sent: None,
            }));
            probes.pages.push(Arc::clone(&page));
            let stop = Arc::clone(&probes.stop);
            let request = Request::get(path);
            probes.threads.push(std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    probe(&page, &request, server);
                    std::thread::sleep(PAUSE);
                }
            }));
        }
        probes
    }

    /// What has been seen since the last call; a probe that waits counts with its time so far.
    pub(crate) fn take(&self) -> Vec<Probed> {
        let take = |page: &Arc<Mutex<Page>>| {
            let mut page = lock(page);
            let name = page.probed.name;
            let next = Probed {
                name,
                ..Probed::default()
            };
            let mut probed = std::mem::replace(&mut page.probed, next);
            if let Some(sent) = page.sent {
                probed.slowest = probed.slowest.max(sent.elapsed());
            }
            probed
        };
        self.pages.iter().map(take).collect()
    }
}

impl Drop for Probes {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // One that panicked has said so.
            drop(thread.join());
        }
    }
}

fn probe(page: &Mutex<Page>, request: &Request, server: SocketAddr) {
    let sent = Instant::now();
    lock(page).sent = Some(sent);
    let response = request.send(server, TIMEOUT);
    let took = sent.elapsed();
    let mut page = lock(page);
    page.sent = None;
    page.probed.count += 1;
    page.probed.slowest = page.probed.slowest.max(took);
    let reason = match response {
        Ok(response) if response.status == 200 => return,
        Ok(response) => format!("status {}", response.status),
        Err(error) => format!("{error} after {} ms", took.as_millis()),
    };
    page.probed.failed += 1;
    page.probed.reason.get_or_insert(reason);
}

fn lock(page: &Mutex<Page>) -> MutexGuard<'_, Page> {
    page.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn the_slowest_and_the_failed_are_counted() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        let statuses = ["200 OK", "503 Service Unavailable"];
        let serving = std::thread::spawn(move || {
            for status in statuses {
                let (mut stream, _) = server.accept().unwrap();
                assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
                std::thread::sleep(Duration::from_millis(30));
                let text = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
                stream.write_all(text.as_bytes()).unwrap();
            }
        });
        let page = Mutex::new(Page {
            probed: Probed::default(),
            sent: None,
        });
        for _ in statuses {
            probe(&page, &Request::get("/live"), address);
        }
        serving.join().unwrap();
        let probed = lock(&page).probed.clone();
        assert_eq!((probed.count, probed.failed), (2, 1));
        assert!(probed.slowest >= Duration::from_millis(30), "{probed:?}");
        assert_eq!(probed.reason.as_deref(), Some("status 503"));
    }
}
