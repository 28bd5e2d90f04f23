//! ONNX files, served by the whole server without Python, over both transports.

use serde_json::{Value, json};
use streeling_testkit::{Request, ServerCommand};

use crate::grpc_client::{predict, tensor, values};
use crate::processes::workers;
use crate::support::{SERVER, root, send_json};

/// A server of a file, without Python, which it could not find.
fn command(file: &str) -> ServerCommand {
    ServerCommand::new(&*SERVER, root())
        .env("PATH", "")
        .args([format!("onnx:{file}")])
        .args([
            "--http-port",
            "0",
            "--grpc-port",
            "0",
            "--metrics-port",
            "0",
        ])
}

fn recorded(name: &str) -> String {
    match name {
        "iris" => "examples/onnx/iris.onnx".to_owned(),
        _ => format!("crates/onnx/tests/recorded/{name}.onnx"),
    }
}

/// Rows of a recorded model that have no number missing, and what its library predicts.
fn prediction(name: &str) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
    let file = root().join("crates/onnx/tests/recorded/predictions.json");
    let recorded: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let case = &recorded["models"][name];
    let rows: Vec<Vec<Option<f64>>> = serde_json::from_value(case["rows"].clone()).unwrap();
    let expected: Vec<Vec<f64>> = serde_json::from_value(case["expected"].clone()).unwrap();
    let whole = |row: Vec<Option<f64>>| row.into_iter().collect::<Option<Vec<f64>>>();
    let pairs = rows.into_iter().zip(expected);
    pairs
        .filter_map(|(row, expected)| Some((whole(row)?, expected)))
        .unzip()
}

#[track_caller]
fn is_near(found: &[f64], expected: &[Vec<f64>]) {
    let expected: Vec<f64> = expected.iter().flatten().copied().collect();
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found - expected).abs() < 1e-5 * expected.abs().max(1.0),
            "{found} {expected}"
        );
    }
}

#[test]
fn files_predict_what_their_libraries_do_over_both_transports() {
    for name in ["iris", "boosting_binary", "xgboost"] {
        let (rows, expected) = prediction(name);
        assert!(rows.len() >= 6, "{name} has {} rows", rows.len());
        let server = command(&recorded(name)).start().unwrap();
        let body = json!({"data": {"ndarray": rows}}).to_string();
        let (status, response) = send_json(&server, &Request::json("/predict", body));
        assert_eq!(status, 200, "{response}");
        let found: Vec<Vec<f64>> =
            serde_json::from_value(response["data"]["ndarray"].clone()).unwrap();
        is_near(&found.concat(), &expected);

        let shape = [i32::try_from(rows.len()).unwrap(), 4];
        let response = predict(server.grpc_address(), tensor(shape, &rows.concat())).unwrap();
        is_near(values(&response).1, &expected);
        assert!(workers(server.pid()).is_empty());
    }
}

#[test]
fn a_file_says_what_it_is_and_what_it_takes() {
    let server = command(&recorded("iris")).start().unwrap();
    let metadata = send_json(&server, &Request::get("/metadata")).1;
    assert_eq!(
        (&metadata["name"], &metadata["platform"]),
        (&json!("iris"), &json!("onnx"))
    );
    let input = json!({"name": "lengths", "datatype": "FP32", "shape": [-1, 4]});
    assert_eq!(metadata["inputs"], json!([input]));

    let body = json!({"data": {"ndarray": [[6.2, 2.8, 4.8, 1.8]]}}).to_string();
    let response = send_json(&server, &Request::json("/predict", body)).1;
    assert_eq!(
        response["data"]["names"],
        json!(["setosa", "versicolor", "virginica"])
    );

    for (body, expected) in [
        (
            json!({"data": {"ndarray": [[1, 2, 3]]}}),
            "of shape (n, 4); this request has shape (1, 3)",
        ),
        (
            json!({"data": {"ndarray": [[1, 2, 3, 1e300]]}}),
            "lengths takes float32: 1e300 does not",
        ),
        (
            json!({"data": {"ndarray": [["a", "b", "c", "d"]]}}),
            "an array of numbers in data",
        ),
        (json!({"strData": "x"}), "this request has none"),
    ] {
        let request = Request::json("/predict", body.to_string());
        let (status, response) = send_json(&server, &request);
        let info = response["status"]["info"].as_str().unwrap();
        assert!(status == 400 && info.contains(expected), "{status} {info}");
    }
}

#[test]
fn a_check_describes_a_file_and_a_start_refuses_a_bad_one() {
    let ended = command(&recorded("iris")).args(["--check"]).run().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let expected = "component    onnx:examples/onnx/iris.onnx (MODEL)";
    assert!(ended.output.contains(expected), "{}", ended.output);
    assert!(
        ended.output.contains("\"producer\":\"skl2onnx"),
        "{}",
        ended.output
    );

    let output = json!([{"name": "output", "type": "STRING", "value": "scores"}]).to_string();
    for (command, expected) in [
        (command("none.onnx"), "cannot read the ONNX file none.onnx"),
        (command("README.md"), "README.md is no ONNX file"),
        (
            command(&recorded("unknown_operator")),
            "needs the operators com.example.Frobnicate",
        ),
        (
            command(&recorded("iris")).args(["--parameters", &output]),
            "there is no output \"scores\", it must be one of label, probabilities",
        ),
    ] {
        for flags in [&[][..], &["--check"]] {
            let ended = command.clone().args(flags).run().unwrap();
            assert_eq!(ended.code, Some(2), "{}", ended.log);
            assert!(ended.log.contains(expected), "{}", ended.log);
        }
    }
}
