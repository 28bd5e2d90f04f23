use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::*;
use crate::seldon::Seldon;

fn page(source: Source) -> Page {
    page_beside(source, &[Arc::new(Seldon::default())])
}

fn page_beside(source: Source, protocols: &[Arc<dyn Protocol>]) -> Page {
    let about = About {
        version: "1.2.3",
        interface: "Iris".to_owned(),
        model: "iris".to_owned(),
        service_type: "MODEL",
        started: Instant::now(),
    };
    Page::new(about, source, protocols)
}

fn body(reply: &Reply) -> Bytes {
    match reply.body() {
        Body::Whole(bytes) => bytes.clone(),
        Body::Stream(_) => unreachable!("no page streams"),
    }
}

#[test]
fn a_server_is_looked_at_once_for_many_who_look() {
    static LOOKS: AtomicUsize = AtomicUsize::new(0);
    let page = page(Arc::new(|| {
        LOOKS.fetch_add(1, Ordering::Relaxed);
        State::default()
    }));
    let since = Instant::now();
    let first = page.state();
    while since.elapsed() < FRESH / 2 {
        assert_eq!(page.state(), first);
    }
    assert_eq!(LOOKS.load(Ordering::Relaxed), 1);
    while page.last.lock().unwrap().as_ref().unwrap().0.elapsed() < FRESH {}
    page.state();
    assert_eq!(LOOKS.load(Ordering::Relaxed), 2);
}

#[test]
fn a_state_is_json() {
    let page = page(Arc::new(|| State {
        unready: Some("it is \"loading\""),
        workers: vec![Workers {
            pool: "rest",
            ready: 1,
            desired: 2,
            queued: 3,
            in_flight: 4,
        }],
        in_flight: 8,
        bounds: &[0.5],
        calls: Some(vec![Calls {
            transport: "grpc",
            method: "predict",
            count: 9,
            errors: 1,
            seconds: 2.5,
            buckets: vec![7],
        }]),
        ..State::default()
    }));
    let mut state: Value = serde_json::from_slice(&page.state()).unwrap();
    assert!(state["uptime_seconds"].take().is_number());
    let calls = json!({
        "transport": "grpc", "method": "predict",
        "count": 9, "errors": 1, "seconds": 2.5, "buckets": [7],
    });
    let workers = json!({"pool": "rest", "ready": 1, "desired": 2, "queued": 3, "in_flight": 4});
    let expected = json!({
        "version": "1.2.3", "uptime_seconds": null,
        "interface": "Iris", "model": "iris", "service_type": "MODEL",
        "methods": null, "runtime": null, "protocols": ["seldon"],
        "ready": false, "unready": "it is \"loading\"",
        // One of the eight is the request that looks.
        "workers": [workers], "in_flight": 7,
        "bounds": [0.5], "calls": [calls],
    });
    assert_eq!(state, expected);
}

/// V2 is offered where it calls something.
#[cfg(feature = "oip")]
#[test]
fn protocols_are_those_that_the_server_speaks() {
    use crate::oip::{Oip, Served};

    for (infer, expected) in [
        (Some(Method::Predict), json!(["seldon", "v2"])),
        (Some(Method::Route), json!(["seldon", "v2"])),
        (None, json!(["seldon"])),
    ] {
        let served = Served {
            name: "iris".to_owned(),
            version: None,
        };
        let oip = Oip::new(served, infer);
        let protocols: [Arc<dyn Protocol>; 2] = [Arc::new(Seldon::default()), Arc::new(oip)];
        let page = page_beside(Arc::new(State::default), &protocols);
        let state: Value = serde_json::from_slice(&page.state()).unwrap();
        assert_eq!(state["protocols"], expected, "{infer:?}");
    }
}

/// Whatever the page loads, it loads from its own origin by paths that go through a proxy that puts
/// it below a path of its own.
#[test]
fn the_page_refers_to_its_own_files_alone() {
    let page = page(Arc::new(State::default));
    let paths: Vec<&str> = ROUTES.iter().map(|route| &route.path[1..]).collect();
    let mut referred = 0;
    for route in &ROUTES[..6] {
        let (Action::Page(name) | Action::HtmlPage(name)) = route.action else {
            panic!("{route:?}");
        };
        let text = body(&page.page(name, &Params::default(), true));
        let text = std::str::from_utf8(&text).unwrap().to_owned();
        for mark in ["href=\"", "src=\"", "from './"] {
            for rest in text.split(mark).skip(1) {
                let end = rest.find(['"', '\'']).unwrap();
                let target = &rest[..end];
                let local = match mark {
                    "from './" => format!("streeling-page/{target}"),
                    _ => target.to_owned(),
                };
                assert!(
                    target.starts_with('#') || paths.contains(&&*local),
                    "{name}: {target}"
                );
                referred += 1;
            }
        }
        for foreign in [
            "https://", " url(", "@import", "<style", "style=", "onclick=",
        ] {
            assert!(!text.contains(foreign), "{name}: {foreign}");
        }
    }
    assert_eq!(referred, 7);
}

/// All that goes over the wire for it, without a compression.
#[test]
fn it_is_small() {
    let page = page(Arc::new(State::default));
    let sizes = ROUTES[..6].iter().map(|route| {
        let (Action::Page(name) | Action::HtmlPage(name)) = route.action else {
            panic!("{route:?}");
        };
        body(&page.page(name, &Params::default(), true)).len()
    });
    let all: usize = sizes.sum();
    assert!(all < 40_000, "{all} bytes");
}
