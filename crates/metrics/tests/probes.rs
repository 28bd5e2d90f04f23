//! The metrics port from outside.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use streeling_core::Observers;
use streeling_metrics::{Identity, Pages, Registry};
use streeling_net::{BindError, Bound, bind, serve};
use streeling_testkit::Request;
use tokio::sync::oneshot;

#[test]
fn the_port_serves_probes_and_scrapes_until_shutdown() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let ready = Arc::new(AtomicBool::new(false));
    let bound = bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = bound.local_addr();
    let (end, ended) = oneshot::channel();
    let serving = runtime.spawn({
        let ready = Arc::clone(&ready);
        async move {
            let port = bound.listen().unwrap();
            let readiness = move || {
                ready
                    .load(Ordering::Relaxed)
                    .then_some(())
                    .ok_or("still loading")
            };
            let shutdown = async move { ended.await.unwrap() };
            let pages = Pages {
                ready: Arc::new(readiness),
                endpoint: "/prometheus".into(),
                registry: Arc::new(Registry::new(&Identity::default())),
                observers: Observers::default(),
                requests: None,
            };
            serve(port, pages, shutdown).await
        }
    });
    let timeout = Duration::from_secs(60);
    let mut get = Request::get("/ready");
    // The port opens a moment after the task has started.
    let since = Instant::now();
    while get.send(address, timeout).is_err() {
        assert!(!serving.is_finished() && since.elapsed() < timeout);
    }
    let response = get.send(address, timeout).unwrap();
    assert_eq!(response.status, 503);
    assert_eq!(response.body, b"not ready: still loading\n");
    ready.store(true, Ordering::Relaxed);
    assert_eq!(get.send(address, timeout).unwrap().status, 200);
    get.method = "HEAD".to_owned();
    assert_eq!(get.send(address, timeout).unwrap().body, b"");
    let scrape = Request::get("/prometheus?x=1");
    let scrape = scrape.send(address, timeout).unwrap();
    assert_eq!(scrape.status, 200);
    let text = String::from_utf8(scrape.body).unwrap();
    assert!(text.contains("{reason=\"limit\"} 0\n"), "{text}");
    let elsewhere = Request::get("/metrics").send(address, timeout).unwrap();
    assert_eq!(elsewhere.status, 404);

    let error = {
        let _inside = runtime.enter();
        bind(address).and_then(Bound::listen).unwrap_err()
    };
    assert!(matches!(error, BindError::InUse { .. }), "{error}");
    end.send(Duration::from_secs(1)).unwrap();
    let drained = runtime.block_on(serving).unwrap();
    assert_eq!(drained.aborted, 0);
    assert!(get.send(address, timeout).is_err());
}
