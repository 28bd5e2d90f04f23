//! The five service types over the wire, each shown on an example.

use std::path::PathBuf;

use serde_json::{Value, json};
use streeling_testkit::{Request, Server};

use crate::support::{command_in, root, send_json};

fn folder(example: &str) -> PathBuf {
    root().join("examples").join(example)
}

fn serve(example: &str, class: &str, flags: &[&str]) -> Server {
    command_in(&folder(example), class)
        .args(flags)
        .start()
        .unwrap()
}

/// The response to the request in one of an example's files.
fn post(server: &Server, path: &str, example: &str, file: &str) -> Value {
    let body = std::fs::read(folder(example).join(file)).unwrap();
    let (status, response) = send_json(server, &Request::json(path, body));
    assert_eq!(status, 200, "{response}");
    response
}

fn numbers(value: &Value) -> Vec<f64> {
    let values = value.as_array().unwrap().iter();
    values.map(|number| number.as_f64().unwrap()).collect()
}

fn close(one: &[f64], two: &[f64]) -> bool {
    one.len() == two.len() && one.iter().zip(two).all(|(a, b)| (a - b).abs() < 1e-9)
}

#[test]
fn model_tells_the_species_of_real_flowers() {
    let server = serve("iris", "Iris", &["--service-type", "MODEL"]);
    let truth = std::fs::read(folder("iris").join("requests/truth.json")).unwrap();
    let truth: serde_json::Map<String, Value> = serde_json::from_slice(&truth).unwrap();
    assert!(truth.len() >= 4);
    let (mut rows, mut right) = (0, 0);
    for (file, species) in &truth {
        let response = post(&server, "/predict", "iris", &format!("requests/{file}"));
        let names = response["data"]["names"].as_array().unwrap();
        assert_eq!(
            names,
            json!(["setosa", "versicolor", "virginica"])
                .as_array()
                .unwrap()
        );
        for (row, species) in probabilities(&response)
            .iter()
            .zip(species.as_array().unwrap())
        {
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{row:?}");
            let best = (0..3).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap();
            rows += 1;
            right += usize::from(&names[best] == species);
        }
    }
    // The held-out rows alone are 30; a logistic regression misclassifies about one
    // of them.
    assert!(rows >= 40, "{rows} rows");
    assert!(right * 100 >= rows * 93, "{right} of {rows} are right");
}

/// The rows of a response, in either layout.
fn probabilities(response: &Value) -> Vec<Vec<f64>> {
    let data = &response["data"];
    if let Some(rows) = data["ndarray"].as_array() {
        return rows.iter().map(numbers).collect();
    }
    assert_eq!(data["tensor"]["shape"][1], 3);
    let values = numbers(&data["tensor"]["values"]);
    values.chunks(3).map(<[f64]>::to_vec).collect()
}

#[test]
fn model_describes_itself() {
    let server = serve("iris", "Iris", &[]);
    let (status, metadata) = send_json(&server, &Request::get("/metadata"));
    assert_eq!((status, &metadata["name"]), (200, &json!("iris")));
    let (status, health) = send_json(&server, &Request::get("/health/status"));
    assert_eq!((status, &health["strData"]), (200, &json!("healthy")));
    let (status, description) = send_json(&server, &Request::get("/seldon.json"));
    assert_eq!(status, 200);
    assert!(description["paths"]["/predict"].is_object());
}

#[test]
fn router_learns_from_feedback() {
    let flags = ["--service-type", "ROUTER", "--parameters"];
    let never_explore = r#"[{"name":"epsilon","value":"0","type":"FLOAT"}]"#;
    let server = serve(
        "router",
        "EpsilonGreedy",
        &[&flags[..], &[never_explore]].concat(),
    );
    let route = || post(&server, "/route", "router", "request.json")["data"]["ndarray"].clone();
    assert_eq!(route(), json!([[0]]));
    let response = post(&server, "/send-feedback", "router", "feedback.json");
    let gauge = &response["meta"]["metrics"][1];
    assert_eq!(gauge["tags"], json!({"branch": "1", "method": "feedback"}));
    assert_eq!(gauge["value"], 1.0);
    assert_eq!(route(), json!([[1]]));
    let blind = Request::json(
        "/send-feedback",
        r#"{"request":{"data":{"ndarray":[[1]]}},"reward":1}"#,
    );
    let (status, error) = send_json(&server, &blind);
    assert_eq!(status, 500);
    assert!(
        error["status"]["info"]
            .as_str()
            .unwrap()
            .contains("routing"),
        "{error}"
    );
}

#[test]
fn transformer_works_in_both_directions() {
    let server = serve(
        "transformer",
        "InchTransformer",
        &["--service-type", "TRANSFORMER"],
    );
    let response = post(&server, "/transform-input", "transformer", "request.json");
    let row = numbers(&response["data"]["ndarray"][0]);
    assert!(close(&row, &[5.08, 3.81, 1.27, 0.254]), "{response}");
    let response = post(&server, "/transform-output", "transformer", "answer.json");
    let row = numbers(&response["data"]["ndarray"][0]);
    assert!(close(&row, &[97.6, 2.3, 0.0]), "{response}");
}

#[test]
fn combiner_takes_the_mean() {
    let server = serve("combiner", "MeanCombiner", &["--service-type", "COMBINER"]);
    let response = post(&server, "/aggregate", "combiner", "request.json");
    let row = numbers(&response["data"]["ndarray"][0]);
    assert!(close(&row, &[0.8, 0.15, 0.05]), "{response}");
    let (status, error) = send_json(
        &server,
        &Request::json("/aggregate", r#"{"seldonMessages":[]}"#),
    );
    assert_eq!(status, 500);
    let info = error["status"]["info"].as_str().unwrap();
    assert!(
        info.starts_with("MeanCombiner needs at least one message"),
        "{error}"
    );
}

#[test]
fn outlier_detector_marks_the_odd_row() {
    let flags = ["--service-type", "OUTLIER_DETECTOR"];
    let server = serve("outlier_detector", "Mahalanobis", &flags);
    let response = post(
        &server,
        "/transform-input",
        "outlier_detector",
        "request.json",
    );
    assert_eq!(response["meta"]["tags"]["outlier"], json!([false, true]));
    assert!(response["meta"]["tags"]["distance"][1].as_f64().unwrap() > 4.0);
    let rows = json!([[5.1, 3.4, 1.5, 0.2], [5.1, 34.0, 1.5, 0.2]]);
    assert_eq!(response["data"]["ndarray"], rows);
}
