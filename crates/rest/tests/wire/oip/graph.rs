use serde_json::json;
use streeling_core::Method;

use super::{Node, failure, good, one, serving};

const OUTPUTS: &str = r#"[{"name":"predict","datatype":"FP32","shape":[1],"data":[0.5]}]"#;

#[tokio::test(start_paused = true)]
async fn a_router_responds_with_its_branch() {
    let server = serving(Node, Method::Route);
    for path in [
        "/v2/models/scripted/route",
        "/v2/models/scripted/versions/v7/route",
        "/v2/models/scripted/infer",
    ] {
        let reply = server.post(path, &one("INT8", "[1]", "[1]")).await;
        assert_eq!(good(&reply), json!([1]), "{path}");
    }
    let bad = server.post("/v2/models/scripted/route", "{}").await;
    assert_eq!(failure(&bad, 400), "the request has no inputs");
}

#[tokio::test(start_paused = true)]
async fn a_combiner_gets_the_responses_of_others() {
    let server = serving(Node, None);
    let aggregate = "/v2/models/scripted/aggregate";
    let body = format!(r#"[{{"model_name":"a","outputs":{OUTPUTS}}},{{"inputs":{OUTPUTS}}}]"#);
    let reply = server.post(aggregate, &body).await;
    let json = good(&reply);
    assert_eq!(json["outputs"][0]["data"], json!([0.5]));
    assert_eq!(json["model_name"], "scripted");
    let bad = server.post(aggregate, "[{}]").await;
    assert_eq!(failure(&bad, 400), "[0]: the request has no inputs");
    let bad = server.post(aggregate, "{}").await;
    assert_eq!(
        failure(&bad, 400),
        "expected a list at byte 0, found an object"
    );
}

#[tokio::test(start_paused = true)]
async fn rewards_reach_the_component() {
    let server = serving(Node, Method::Predict);
    let body = format!(
        r#"{{"request":{{"inputs":{OUTPUTS}}},"response":{{"outputs":{OUTPUTS}}},"reward":0.5}}"#
    );
    let reply = server.post("/v2/models/scripted/feedback", &body).await;
    let data = &good(&reply)["outputs"][0]["data"];
    assert_eq!(*data, json!(["0.5 [true, true, false]"]));
    let bad = server.post("/v2/models/scripted/feedback", "[]").await;
    assert_eq!(
        failure(&bad, 400),
        "expected an object at byte 0, found a list"
    );
}
