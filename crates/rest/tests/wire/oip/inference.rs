use serde_json::json;
use streeling_core::{ErrorKind, Method};
use streeling_rest::oip::Oip;

use super::{INFER, Node, failure, good, infer, one, served, server, serving, speaking};
use crate::support::{config, post};

#[tokio::test(start_paused = true)]
async fn tensors_go_there_and_back() {
    let server = server();
    let body = r#"{"id":"mine","parameters":{"team":"red"},"inputs":[
        {"name":"x","datatype":"FP32","shape":[2,2],"data":[[0.1,2],[3,4]],
         "parameters":{"names":["a","b"]}}]}"#;
    let reply = infer(&server, body).await;
    let expected = json!({
        "model_name": "scripted", "model_version": "v7", "id": "mine",
        "parameters": {"team": "red"},
        "outputs": [{"name": "predict", "datatype": "FP32", "shape": [2, 2],
                     "parameters": {"names": "[\"a\",\"b\"]"}, "data": [0.1, 2.0, 3.0, 4.0]}],
    });
    assert_eq!(good(&reply), expected);
    let versioned = "/v2/models/scripted/versions/v7/infer";
    let reply = server
        .call(&post(versioned, "application/json", body))
        .await;
    assert_eq!(good(&reply), expected);
    let seen = server.recorder.seen();
    assert!(seen.iter().all(|seen| seen.label == "predict"), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn every_datatype_comes_back_as_it_went() {
    let server = server();
    for (datatype, data) in [
        ("BOOL", json!([true, false])),
        ("UINT8", json!([0, 255])),
        ("INT8", json!([-128, 127])),
        ("UINT16", json!([0, 65535])),
        ("INT16", json!([-32768, 32767])),
        ("UINT32", json!([0, 4_294_967_295_u32])),
        ("INT32", json!([i32::MIN, i32::MAX])),
        ("UINT64", json!([0, u64::MAX])),
        ("INT64", json!([i64::MIN, i64::MAX])),
        ("FP16", json!([0.5, -65504.0])),
        ("FP32", json!([0.1, 3.4e38])),
        ("FP64", json!([0.1, 1e300])),
        ("BYTES", json!(["a\"", "é"])),
    ] {
        let reply = infer(&server, &one(datatype, "[2]", &data.to_string())).await;
        let output = good(&reply)["outputs"][0].clone();
        assert_eq!(output["datatype"], datatype);
        assert_eq!((&output["shape"], &output["data"]), (&json!([2]), &data));
    }
}

#[tokio::test(start_paused = true)]
async fn requested_outputs_are_selected_and_unknown_ones_refused() {
    let server = server();
    let body = |outputs: &str| {
        format!(
            r#"{{"inputs":[{{"name":"a","datatype":"INT8","shape":[1],"data":[1]}},
                {{"name":"b","datatype":"FP64","shape":[2,1],"data":[2,3]}}],"outputs":{outputs}}}"#
        )
    };
    let names = |reply: &crate::support::Reply| -> Vec<String> {
        let json = good(reply);
        let outputs = json["outputs"].as_array().unwrap().iter();
        outputs
            .map(|output| output["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&infer(&server, &body("null")).await), ["a", "b"]);
    let reply = infer(&server, &body(r#"[{"name":"b"},{"name":"a"}]"#)).await;
    assert_eq!(names(&reply), ["b", "a"]);
    let reply = infer(&server, &body(r#"[{"name":"b"},{"name":"c"}]"#)).await;
    assert_eq!(
        failure(&reply, 400),
        "no output is called \"c\", there are \"a\", \"b\""
    );
    let single = r#"{"inputs":[{"name":"a","datatype":"INT8","shape":[1],"data":[1]}],
        "outputs":[{"name":"y"}]}"#;
    assert_eq!(names(&infer(&server, single).await), ["y"]);
}

#[tokio::test(start_paused = true)]
async fn inference_calls_the_method_that_was_chosen() {
    for (method, expected) in [
        (Method::TransformInput, json!(["input"])),
        (Method::TransformOutput, json!(["output"])),
        (Method::Predict, json!([1])),
    ] {
        let server = serving(Node, method);
        let reply = infer(&server, &one("INT8", "[1]", "[1]")).await;
        assert_eq!(good(&reply)["outputs"][0]["data"], expected);
    }
    let none = serving(Node, None);
    for path in [INFER, "/v1/models/scripted:predict"] {
        let reply = none.post(path, &one("INT8", "[1]", "[1]")).await;
        let info = failure(&reply, 501);
        assert!(info.contains("no method that inference calls"), "{info}");
    }
}

#[tokio::test(start_paused = true)]
async fn bad_input_is_named() {
    let server = server();
    let started = server.model.started.get();
    for (body, expected) in [
        (String::new(), "no valid JSON at byte 0"),
        ("{".to_owned(), "no valid JSON at byte 1"),
        (
            "[]".to_owned(),
            "expected an object at byte 0, found a list",
        ),
        ("{}".to_owned(), "the request has no inputs"),
        (r#"{"inputs":[]}"#.to_owned(), "at least one is needed"),
        (one("FP32", "[2,2]", "[1,2,3]"), "takes 4 elements, found 3"),
        (
            one("FP33", "[1]", "[1]"),
            "datatype \"FP33\" of input \"x\" is not known",
        ),
        (one("FP32", "[-1]", "[1]"), "the side -1 in its shape"),
        (
            one("FP32", "[0,4]", "[]"),
            "input \"x\" has no rows, its shape is [0, 4]",
        ),
        (
            one("UINT8", "[1]", "[256]"),
            "element 0 of input \"x\" is 256",
        ),
        (
            one("FP32", "[1]", r#"["a"]"#),
            "expected a number at inputs[0].data",
        ),
        (
            r#"{"parameters":{"a":[]},"inputs":[]}"#.to_owned(),
            "expected a string, a number or a boolean at parameters.a",
        ),
        (
            one("FP32", "[1]", r#"[1],"parameters":{"content_type":"xml"}"#),
            "content_type \"xml\" of input \"x\" is not known",
        ),
        (
            one("FP32", "[1]", r#"[1],"parameters":{"binary_data_size":4}"#),
            "both data and a binary_data_size",
        ),
        (
            r#"{"outputs":[{"name":"y","parameters":{"binary_data":1}}],"inputs":[]}"#.to_owned(),
            "binary_data of output \"y\" must be true or false",
        ),
    ] {
        let info = failure(&infer(&server, &body).await, 400);
        assert!(info.contains(expected), "{body}: {info}");
    }
    assert_eq!(server.model.started.get(), started);
}

#[tokio::test(start_paused = true)]
async fn other_models_and_versions_are_not_found() {
    let server = server();
    let body = one("FP32", "[1]", "[1]");
    for (path, expected) in [
        (
            "/v2/models/other/infer",
            "no model \"other\" is served here, only \"scripted\"",
        ),
        (
            "/v2/models/scripted/versions/1/infer",
            "no version \"1\" of model \"scripted\" is served here, only \"v7\"",
        ),
        (
            "/v1/models/other:predict",
            "no model \"other\" is served here, only \"scripted\"",
        ),
        (
            "/v2/models/scripted/other",
            "no route /v2/models/scripted/other",
        ),
        ("/v2/other", "no route /v2/other"),
        ("/v1/models/a/b", "no route /v1/models/a/b"),
    ] {
        assert_eq!(failure(&server.post(path, &body).await, 404), expected);
    }
    let wrong = server.get(INFER).await;
    assert_eq!(wrong.header("allow"), Some("OPTIONS, POST"));
    assert!(failure(&wrong, 405).starts_with("GET is not for /v2/models/scripted/infer"));
    // The rest is Seldon's.
    server
        .get("/v3")
        .await
        .failure(404, "MICROSERVICE_NOT_FOUND");
    assert_eq!(server.command("hello").await.text(), "echo hello");
}

#[tokio::test(start_paused = true)]
async fn what_the_component_raises_has_its_status() {
    let server = server();
    let command = |text: &str| one("BYTES", "[]", &format!("[\"{text}\"]"));
    for kind in ErrorKind::ALL {
        let reply = infer(&server, &command(&format!("kind {kind:?}"))).await;
        let status = match kind {
            ErrorKind::BadData => 400,
            ErrorKind::Unauthenticated => 401,
            ErrorKind::UnknownModel => 404,
            ErrorKind::NotImplemented => 501,
            ErrorKind::TooLarge => 413,
            ErrorKind::QueueFull
            | ErrorKind::MemoryFull
            | ErrorKind::WorkerLost
            | ErrorKind::NotReady => 503,
            ErrorKind::Deadline => 504,
            ErrorKind::Component
            | ErrorKind::BadMetric
            | ErrorKind::BadMetadata
            | ErrorKind::Internal => 500,
        };
        let info = failure(&reply, status);
        assert!(info.contains("failed as scripted"), "{info}");
    }
    let reply = infer(&server, &command("http 418")).await;
    assert_eq!(failure(&reply, 418), "own");
    let reply = infer(&server, &command("status 500")).await;
    assert_eq!(failure(&reply, 500), "as returned");
    let reply = infer(&server, &command("panic oh")).await;
    assert_eq!(failure(&reply, 500), "the component panicked: oh");
}

#[tokio::test(start_paused = true)]
async fn json_may_be_limited_in_depth() {
    let server = speaking(Oip::new(served(), Method::Predict).with_max_depth(5));
    let fine = one("FP32", "[1,1]", "[[1]]");
    assert_eq!(infer(&server, &fine).await.status, 200);
    let reply = infer(&server, &one("FP32", "[1,1,1]", "[[[1]]]")).await;
    assert!(failure(&reply, 400).contains("more than 5 levels of nesting"));
}

#[tokio::test(start_paused = true)]
async fn large_tensors_and_large_responses_are_served_within_limits() {
    let server = server();
    let count = 150_528;
    let data = vec!["0.25"; count].join(",");
    let reply = infer(
        &server,
        &one("FP32", &format!("[1,{count}]"), &format!("[{data}]")),
    )
    .await;
    let json = good(&reply);
    let data = json["outputs"][0]["data"].as_array().unwrap();
    assert_eq!(data.len(), count);
    assert!(data.iter().all(|value| *value == 0.25));

    let small = streeling_rest::Config {
        max_body_size: 1000,
        ..config()
    };
    let oip = Oip::new(served(), Method::Predict);
    let server = crate::support::Server::speaking(&small, vec![std::sync::Arc::new(oip)]);
    let reply = infer(&server, &one("BYTES", "[]", "\"repeat 2000\"")).await;
    assert!(failure(&reply, 413).contains("allowed are 1000"));
}
