use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use streeling_core::Method;
use streeling_rest::oip::{Oip, Served};

use super::{Node, failure, good, served, server, serving, speaking};
use crate::support::{Server, config};

#[tokio::test(start_paused = true)]
async fn health_is_there_before_the_model() {
    let server = server();
    for (path, ready) in [
        ("/v2/health/live", json!({"live": true})),
        ("/v2/health/ready", json!({"ready": true})),
        (
            "/v2/models/scripted/ready",
            json!({"name": "scripted", "ready": true}),
        ),
        (
            "/v2/models/scripted/versions/v7/ready",
            json!({"name": "scripted", "ready": true}),
        ),
        (
            "/v1/models/scripted",
            json!({"name": "scripted", "ready": true}),
        ),
        ("/v1/models", json!({"models": ["scripted"]})),
    ] {
        assert_eq!(good(&server.get(path).await), ready, "{path}");
    }
    server.ready.send(false).unwrap();
    for (path, body) in [
        ("/v2/health/ready", json!({"ready": false})),
        (
            "/v2/models/scripted/ready",
            json!({"name": "scripted", "ready": false}),
        ),
    ] {
        let reply = server.get(path).await;
        assert_eq!((reply.status, reply.json()), (503, body), "{path}");
    }
    for path in ["/v1/models/scripted", "/v2/models/scripted"] {
        let info = failure(&server.get(path).await, 503);
        assert_eq!(info, "the component has not finished loading");
    }
    assert_eq!(
        good(&server.get("/v2/health/live").await),
        json!({"live": true})
    );
    let index = server.post("/v2/repository/index", "").await;
    assert_eq!(good(&index)[0]["state"], "UNAVAILABLE");
    let infer = server.post("/v2/models/scripted/infer", "{}").await;
    failure(&infer, 503);
}

#[tokio::test(start_paused = true)]
async fn pages_of_other_models_and_versions_are_not_found() {
    let server = server();
    for path in [
        "/v2/models/other/ready",
        "/v2/models/scripted/versions/8/ready",
        "/v2/models/scripted/versions/8",
        "/v2/models/other",
        "/v1/models/other",
    ] {
        let info = failure(&server.get(path).await, 404);
        assert!(info.contains("is served here, only"), "{path}: {info}");
    }
    for path in [
        "/v2/repository/models/other/load",
        "/v2/repository/models/other/unload",
    ] {
        failure(&server.post(path, "").await, 404);
    }
    let without = Served {
        version: None,
        ..served()
    };
    let server = speaking(Oip::new(without, Method::Predict));
    let info = failure(
        &server.get("/v2/models/scripted/versions/1/ready").await,
        404,
    );
    assert_eq!(
        info,
        "no version \"1\" of model \"scripted\" is served here, it has none"
    );
}

#[tokio::test(start_paused = true)]
async fn server_and_model_say_what_they_are() {
    let server = server();
    let about = good(&server.get("/v2").await);
    assert_eq!(about["name"], "streeling");
    assert_eq!(
        about["extensions"],
        json!(["binary_tensor_data", "parameters"])
    );
    let unknown = json!({"name": "scripted", "versions": ["v7"], "platform": "",
                         "inputs": [], "outputs": []});
    assert_eq!(good(&server.get("/v2/models/scripted").await), unknown);

    let server = serving(Node, Method::Predict);
    let known = json!({"name": "scripted", "versions": ["v7", "v8"], "platform": "rust",
                       "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}],
                       "outputs": []});
    for path in ["/v2/models/scripted", "/v2/models/scripted/versions/v7"] {
        assert_eq!(good(&server.get(path).await), known);
    }
}

#[tokio::test(start_paused = true)]
async fn the_repository_has_one_model_which_can_be_loaded_anew() {
    let reloads = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&reloads);
    let reload = Arc::new(move || {
        counted.fetch_add(1, Ordering::SeqCst);
    });
    let server = speaking(Oip::new(served(), Method::Predict).with_reload(reload));
    let index = good(
        &server
            .post("/v2/repository/index", r#"{"ready":true}"#)
            .await,
    );
    let expected = json!([{"name": "scripted", "version": "v7", "state": "READY", "reason": ""}]);
    assert_eq!(index, expected);
    let load = "/v2/repository/models/scripted/load";
    let loaded = server.post(load, "{}").await;
    assert_eq!(good(&loaded), json!({"name": "scripted", "load": true}));
    assert_eq!(reloads.load(Ordering::SeqCst), 1);
    let about = good(&server.get("/v2").await);
    assert_eq!(about["extensions"][2], "model_repository");
    let unload = server
        .post("/v2/repository/models/scripted/unload", "{}")
        .await;
    assert!(failure(&unload, 501).contains("cannot be unloaded"));
    assert_eq!(server.get(load).await.status, 405);

    let fixed = super::server();
    let refused = fixed.post(load, "").await;
    assert_eq!(
        failure(&refused, 501),
        "the model of this server cannot be loaded anew"
    );
}

#[tokio::test(start_paused = true)]
async fn probes_bring_no_token() {
    let guarded = streeling_rest::Config {
        token: Some(streeling_net::BearerToken::new("secret").unwrap()),
        ..config()
    };
    let oip = Oip::new(served(), Method::Predict);
    let server = Server::speaking(&guarded, vec![Arc::new(oip)]);
    for path in [
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/scripted/ready",
        "/v1/models/scripted",
    ] {
        assert_eq!(server.get(path).await.status, 200, "{path}");
    }
    for path in ["/v2", "/v2/models/scripted", "/v1/models"] {
        assert!(
            failure(&server.get(path).await, 401).contains("bearer token"),
            "{path}"
        );
    }
    let refused = server.post("/v2/models/scripted/infer", "{}").await;
    assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
    failure(&refused, 401);
}
