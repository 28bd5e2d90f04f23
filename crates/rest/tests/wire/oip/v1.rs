use serde_json::json;

use super::{failure, good, server};

const PREDICT: &str = "/v1/models/scripted:predict";

#[tokio::test(start_paused = true)]
async fn instances_become_predictions() {
    let server = server();
    for (body, expected) in [
        (
            r#"{"instances":[[1,2.5],[3,4]]}"#,
            json!([[1.0, 2.5], [3.0, 4.0]]),
        ),
        (r#"{"inputs":[1,2]}"#, json!([1, 2])),
        (r#"{"instances":["a","b"]}"#, json!(["a", "b"])),
        (
            r#"{"instances":[{"a":1,"b":"x"}]}"#,
            json!({"a": [1], "b": ["x"]}),
        ),
    ] {
        let reply = server.post(PREDICT, body).await;
        assert_eq!(good(&reply), json!({"predictions": expected}));
    }
}

#[tokio::test(start_paused = true)]
async fn bad_requests_are_named() {
    let server = server();
    for (body, expected) in [
        ("{}", "the request has neither instances nor inputs"),
        ("x", "no valid JSON at byte 0: expected a value"),
        (r#"{"instances":[]}"#, "instances has no rows"),
    ] {
        let info = failure(&server.post(PREDICT, body).await, 400);
        assert!(info.contains(expected), "{body}: {info}");
    }
    assert_eq!(server.get(PREDICT).await.status, 405);
}
