//! Every route with every HTTP method, and what is no route.

use serde_json::json;

use crate::support::{Server, post};

const MESSAGE: &str = r#"{"data":{"ndarray":[[1,2.5]]}}"#;

#[tokio::test(start_paused = true)]
async fn every_route_with_every_method() {
    let server = Server::start();
    let rows = [
        ("/predict", "GET POST", MESSAGE, "data"),
        ("/api/v1.0/predictions", "POST", MESSAGE, "data"),
        ("/api/v0.1/predictions", "POST", MESSAGE, "data"),
        ("/transform-input", "GET POST", MESSAGE, "data"),
        ("/transform-output", "GET POST", MESSAGE, "data"),
        (
            "/aggregate",
            "GET POST",
            r#"{"seldonMessages":[{"strData":"a"}]}"#,
            "strData",
        ),
        ("/send-feedback", "GET POST", r#"{"reward":1}"#, "strData"),
        ("/api/v1.0/feedback", "POST", r#"{"reward":1}"#, "strData"),
        ("/api/v0.1/feedback", "POST", r#"{"reward":1}"#, "strData"),
        ("/health/status", "GET", "", "strData"),
        ("/api/v1.0/health/status", "GET", "", "strData"),
        ("/metadata", "GET", "", "name"),
        ("/api/v1.0/metadata", "GET", "", "name"),
        ("/seldon.json", "GET", "", "paths"),
    ];
    for (path, allowed, body, field) in rows {
        for verb in ["GET", "POST", "HEAD", "PUT", "DELETE", "PATCH"] {
            let reply = server
                .call(&post(path, "application/json", body).replacen("POST", verb, 1))
                .await;
            assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
            if allowed.contains(&verb.replace("HEAD", "GET")) {
                assert_eq!(reply.status, 200, "{verb} {path}");
                if verb == "HEAD" {
                    assert_ne!(reply.header("content-length"), Some("0"), "{path}");
                } else {
                    assert!(reply.json().get(field).is_some(), "{verb} {path}");
                }
            } else {
                assert_eq!(reply.status, 405, "{verb} {path}");
                let listed = reply.header("allow").unwrap();
                assert_eq!(listed.contains("GET"), allowed.contains("GET"), "{path}");
                assert_eq!(listed.contains("POST"), allowed.contains("POST"), "{path}");
                if verb != "HEAD" {
                    reply.failure(405, "MICROSERVICE_METHOD_NOT_ALLOWED");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn method_that_the_component_lacks() {
    let server = Server::start();
    for verb in ["GET", "POST"] {
        let request = post("/route", "application/json", MESSAGE).replacen("POST", verb, 1);
        let info = server
            .call(&request)
            .await
            .failure(400, "MICROSERVICE_BAD_DATA");
        assert_eq!(info, "Route not defined");
    }
}

#[tokio::test(start_paused = true)]
async fn ping_is_html() {
    let server = Server::start();
    let reply = server.get("/health/ping").await;
    assert_eq!((reply.status, &*reply.body), (200, &b"pong"[..]));
    assert_eq!(
        reply.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let head = server
        .call("HEAD /health/ping HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    assert_eq!(
        (head.status, head.header("content-length")),
        (200, Some("4"))
    );
}

#[tokio::test(start_paused = true)]
async fn unknown_routes() {
    let server = Server::start();
    for path in [
        "/",
        "/predict/",
        "/nothing",
        "/Predict",
        "/metrics",
        "/predict/x?json=1",
    ] {
        let info = server
            .get(path)
            .await
            .failure(404, "MICROSERVICE_NOT_FOUND");
        assert!(info.contains(path.split('?').next().unwrap()), "{info}");
        server
            .post(path, MESSAGE)
            .await
            .failure(404, "MICROSERVICE_NOT_FOUND");
    }
    let star = server.call("OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n").await;
    star.failure(404, "MICROSERVICE_NOT_FOUND");
    assert_eq!(server.post("//%70redict", MESSAGE).await.status, 200);
    let absolute = post("http://other/predict", "application/json", MESSAGE);
    assert_eq!(server.call(&absolute).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_target_without_a_slash_is_refused() {
    let server = Server::start();
    let mut client = server.connect();
    for verb in ["GET", "HEAD", "POST", "OPTIONS", "CONNECT"] {
        let request = format!("{verb} predict HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
        let reply = client.call(&request).await;
        assert_eq!(reply.status, 400, "{verb}");
        if verb != "HEAD" {
            let info = reply.failure(400, "MICROSERVICE_BAD_DATA");
            assert!(info.contains("/predict"), "{info}");
        }
    }
    // The connection is good for more.
    assert_eq!(
        client
            .call(&post("/predict", "application/json", MESSAGE))
            .await
            .status,
        200
    );
    assert_eq!(server.recorder.seen()[0].code, "400");
}

#[tokio::test(start_paused = true)]
async fn options_and_preflight() {
    let server = Server::start();
    let plain = server
        .call("OPTIONS /predict HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    assert_eq!((plain.status, plain.body.len()), (200, 0));
    assert_eq!(plain.header("allow"), Some("GET, HEAD, OPTIONS, POST"));
    assert_eq!(plain.header("access-control-allow-origin"), Some("*"));
    assert_eq!(plain.header("access-control-allow-methods"), None);

    let preflight = server
        .call(
            "OPTIONS /api/v1.0/predictions HTTP/1.1\r\nhost: x\r\norigin: http://a.example\r\n\
             access-control-request-method: POST\r\n\
             access-control-request-headers: x-b, content-type,x-a\r\n\r\n",
        )
        .await;
    assert_eq!((preflight.status, preflight.body.len()), (200, 0));
    assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
    let methods = preflight.header("access-control-allow-methods").unwrap();
    assert!(methods.contains("POST"), "{methods}");
    assert_eq!(
        preflight.header("access-control-allow-headers"),
        Some("content-type, x-a, x-b")
    );
    assert_eq!(server.model.started.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn description_is_what_is_served() {
    let server = Server::start();
    let document = server.get("/seldon.json").await.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.0."));
    assert_eq!(document["info"]["title"], "Streeling");
    for (path, operations) in document["paths"].as_object().unwrap() {
        for verb in ["get", "post"] {
            let request = format!(
                "{} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n",
                verb.to_uppercase()
            );
            let served = server.call(&request).await.status;
            assert_ne!(served, 404, "{path}");
            assert_eq!(
                served != 405,
                operations.get(verb).is_some(),
                "{verb} {path}"
            );
        }
    }
    assert_eq!(
        server.get("/metadata").await.json(),
        json!({"name": "scripted"})
    );
}
