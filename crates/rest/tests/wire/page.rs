//! The server's page, beside Seldon's protocol.

use std::sync::Arc;
use std::time::Instant;

use streeling_net::BearerToken;
use streeling_rest::page::{About, Page, State};
use streeling_rest::seldon::Seldon;
use streeling_rest::{Config, Protocol};

use crate::support::{Reply, Server, config};

/// As browsers send it.
const HTML: &str = "accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

const FILES: [(&str, &str); 5] = [
    ("page.css", "text/css; charset=utf-8"),
    ("page.js", "text/javascript; charset=utf-8"),
    ("body.js", "text/javascript; charset=utf-8"),
    ("numbers.js", "text/javascript; charset=utf-8"),
    ("icon.svg", "image/svg+xml"),
];

fn server(config: &Config) -> Server {
    let about = About {
        version: "1.2.3",
        interface: "Iris".to_owned(),
        model: "iris".to_owned(),
        service_type: "MODEL",
        started: Instant::now(),
    };
    let seldon: Arc<dyn Protocol> = Arc::new(Seldon::default());
    let page = Page::new(about, Arc::new(State::default), &[Arc::clone(&seldon)]);
    Server::speaking(config, vec![seldon, Arc::new(page)])
}

async fn request(server: &Server, verb: &str, target: &str, headers: &[&str]) -> Reply {
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let request = format!("{verb} {target} HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
    server.call(&request).await
}

/// What a browser makes sure of by these headers.
#[track_caller]
fn has_the_headers_of_a_page(reply: &Reply) {
    let policy = reply.header("content-security-policy").unwrap();
    let parts: Vec<&str> = policy.split("; ").collect();
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ] {
        assert!(parts.contains(&part), "{part} in {policy}");
    }
    assert!(
        !policy.contains("unsafe") && !policy.contains('*'),
        "{policy}"
    );
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(reply.header(name), Some(value), "{name}");
    }
    assert_eq!(reply.header("access-control-allow-origin"), None);
}

#[tokio::test(start_paused = true)]
async fn browsers_get_the_page_and_programs_what_they_got_before() {
    let server = server(&config());
    let page = request(&server, "GET", "/", &[HTML]).await;
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(page.body.starts_with(b"<!doctype html>"));
    has_the_headers_of_a_page(&page);
    let head = request(&server, "HEAD", "/?a=b", &[HTML]).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(
        head.header("content-length"),
        Some(&*page.body.len().to_string())
    );
    let options = request(&server, "OPTIONS", "/", &[HTML]).await;
    assert_eq!(options.header("allow"), Some("GET, HEAD, OPTIONS"));
    let wrong = request(&server, "DELETE", "/", &[HTML]).await;
    wrong.failure(405, "MICROSERVICE_METHOD_NOT_ALLOWED");

    let plain = Server::start();
    for (verb, headers) in [
        ("GET", &[][..]),
        ("GET", &["accept: */*"]),
        ("GET", &["accept: application/json"]),
        ("HEAD", &["accept: */*"]),
        ("OPTIONS", &["accept: */*"]),
        ("DELETE", &[]),
    ] {
        let got = request(&server, verb, "/", headers).await;
        let before = request(&plain, verb, "/", headers).await;
        assert_eq!(got.status, 404, "{verb} {headers:?}");
        let without_date = |reply: &Reply| -> Vec<(String, String)> {
            let headers = reply.headers.iter().filter(|(name, _)| name != "date");
            headers.cloned().collect()
        };
        assert_eq!(got.body, before.body);
        assert_eq!(without_date(&got), without_date(&before));
    }
    // There is a page at that path alone.
    let other = request(&server, "GET", "/other", &[HTML]).await;
    other.failure(404, "MICROSERVICE_NOT_FOUND");
}

#[tokio::test(start_paused = true)]
async fn files_are_what_they_say_and_count_as_no_call() {
    let server = server(&config());
    for (name, content_type) in FILES {
        let path = format!("/streeling-page/{name}");
        let file = server.get(&path).await;
        assert_eq!(file.status, 200, "{path}");
        assert_eq!(file.header("content-type"), Some(content_type));
        assert!(!file.body.is_empty());
        has_the_headers_of_a_page(&file);
    }
    let state = server.get("/streeling-page/state").await;
    assert_eq!(state.json()["interface"], "Iris");
    has_the_headers_of_a_page(&state);
    let wrong = server.post("/streeling-page/state", "{}").await;
    wrong.failure(405, "MICROSERVICE_METHOD_NOT_ALLOWED");
    let nothing = server.get("/streeling-page/").await;
    nothing.failure(404, "MICROSERVICE_NOT_FOUND");
    let seen = server.recorder.seen();
    let labels: Vec<&str> = seen.iter().map(|seen| seen.label).collect();
    assert_eq!(labels[..7], ["server_page"; 7]);
    assert!(!labels.contains(&"predict"), "{labels:?}");
    assert_eq!(server.model.started.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_state_needs_the_token_and_the_static_page_does_not() {
    let token = BearerToken::new("s3cret").unwrap();
    let server = server(&Config {
        token: Some(token),
        ..config()
    });
    let page = request(&server, "GET", "/", &[HTML]).await;
    assert_eq!(page.status, 200);
    for (name, _) in FILES {
        let file = server.get(&format!("/streeling-page/{name}")).await;
        assert_eq!(file.status, 200, "{name}");
    }
    let path = "/streeling-page/state";
    for headers in [&[][..], &["authorization: Bearer wrong"]] {
        let refused = request(&server, "GET", path, headers).await;
        refused.failure(401, "MICROSERVICE_UNAUTHENTICATED");
    }
    let state = request(&server, "GET", path, &["authorization: Bearer s3cret"]).await;
    assert_eq!(state.json()["version"], "1.2.3");
    // Without a page there is nothing that needs none.
    for headers in [&[][..], &["accept: application/json"]] {
        let refused = request(&server, "GET", "/", headers).await;
        refused.failure(401, "MICROSERVICE_UNAUTHENTICATED");
    }
}
