//! Files of scikit-learn and XGBoost, and what these libraries predict; `record.py` beside this
//! wrote both.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use streeling_core::{
    Array, Context, Elements, Error, ErrorKind, Input, Message, Method, Names, Payload, Request,
    Response, Service, Tensor,
};
use streeling_onnx::{OnnxError, component};

#[derive(Deserialize)]
struct Predictions {
    models: BTreeMap<String, Case>,
}

#[derive(Deserialize)]
struct Case {
    rows: Vec<Vec<Option<f64>>>,
    expected: Vec<Vec<f64>>,
    names: Option<Vec<String>>,
}

fn recorded(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    match name {
        "iris" => folder.join("../../examples/onnx/iris.onnx"),
        _ => folder.join(format!("tests/recorded/{name}.onnx")),
    }
}

fn predictions() -> Predictions {
    let file = recorded("x").with_file_name("predictions.json");
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

fn served(name: &str) -> Arc<dyn Service> {
    component(&recorded(name), "{}").unwrap_or_else(|error| panic!("{name}: {error}"))
}

async fn call(service: &Arc<dyn Service>, payload: Payload) -> Result<Response, Error> {
    let request = Request {
        method: Method::Predict,
        model: None,
        input: Input::Message(Message {
            payload,
            ..Message::default()
        }),
    };
    service.call(&Context::default(), request).await
}

fn doubles(shape: &[usize], values: &[f64]) -> Payload {
    Tensor::from_vec(shape.to_vec(), values.to_vec())
        .unwrap()
        .into()
}

/// The array of a response.
fn array(response: Response) -> (Names, Tensor) {
    match response.message.payload {
        Payload::Array(Array {
            names,
            elements: Elements::Typed(tensor),
            ..
        }) => (names, tensor),
        other => panic!("no numbers: {other:?}"),
    }
}

async fn predicted(name: &str, shape: &[usize], values: &[f64]) -> Tensor {
    let response = call(&served(name), doubles(shape, values)).await;
    array(response.unwrap_or_else(|error| panic!("{name}: {error}"))).1
}

async fn refused(name: &str, payload: Payload, expected: &str) {
    let error = call(&served(name), payload).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::BadData, "{error}");
    assert!(error.info.contains(expected), "{error}");
    assert!(error.info.contains(&format!("{name}.onnx: ")), "{error}");
}

fn refused_file(name: &str, parameters: &str) -> String {
    match component(&recorded(name), parameters) {
        Ok(_) => panic!("{name} is served"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn files_predict_what_their_libraries_do() {
    let models = predictions().models;
    assert!(models.len() >= 15, "{} models are recorded", models.len());
    for (name, case) in models {
        let service = served(&name);
        let rows = case.rows.iter().flatten();
        let values: Vec<f64> = rows.map(|value| value.unwrap_or(f64::NAN)).collect();
        let shape = [case.rows.len(), case.rows[0].len()];
        let response = call(&service, doubles(&shape, &values)).await.unwrap();
        let (names, found) = array(response);
        assert_eq!(
            found.shape(),
            [case.expected.len(), case.expected[0].len()],
            "{name}"
        );
        for (found, expected) in found
            .to_floats()
            .unwrap()
            .iter()
            .zip(case.expected.iter().flatten())
        {
            let near = 1e-5 * expected.abs().max(1.0);
            assert!(
                (found - expected).abs() < near,
                "{name}: {found} {expected}"
            );
        }
        assert_eq!(
            names,
            case.names.map_or(Names::Unset, Names::Given),
            "{name}"
        );
    }
}

#[tokio::test]
async fn each_row_is_predicted_by_itself() {
    for (name, case) in predictions().models {
        let service = served(&name);
        for (row, expected) in case.rows.iter().zip(&case.expected) {
            let values: Vec<f64> = row.iter().map(|value| value.unwrap_or(f64::NAN)).collect();
            let response = call(&service, doubles(&[1, row.len()], &values))
                .await
                .unwrap();
            let found = array(response).1.to_floats().unwrap();
            let difference = (found[0] - expected[0]).abs();
            assert!(
                difference < 1e-5 * expected[0].abs().max(1.0),
                "{name}: {found:?}"
            );
        }
        // No rows have no predictions, and as many columns.
        let empty = call(&service, doubles(&[0, case.rows[0].len()], &[]))
            .await
            .unwrap();
        assert_eq!(
            array(empty).1.shape(),
            [0, case.expected[0].len()],
            "{name}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn threads_share_one_plan() {
    let service = served("forest");
    let case = predictions().models.remove("forest").unwrap();
    let calls = (0..64).map(|call_number: usize| {
        let (service, row) = (Arc::clone(&service), call_number % case.rows.len());
        let values: Vec<f64> = case.rows[row].iter().map(|value| value.unwrap()).collect();
        tokio::spawn(async move {
            (
                row,
                array(call(&service, doubles(&[1, 4], &values)).await.unwrap()).1,
            )
        })
    });
    for call in calls.collect::<Vec<_>>() {
        let (row, found) = call.await.unwrap();
        let found = found.to_floats().unwrap();
        assert!((found[0] - case.expected[row][0]).abs() < 1e-5, "{found:?}");
    }
}

#[tokio::test]
async fn a_file_for_so_many_rows_takes_any_multiple() {
    let found = predicted(
        "two_rows",
        &[4, 2],
        &[1.0, 2.0, 3.0, 6.0, 0.0, 0.0, 8.0, 2.0],
    )
    .await;
    let expected = [-1.0, -2.0, 1.0, 2.0, -4.0, -1.0, 4.0, 1.0];
    assert_eq!(found.to_floats().unwrap(), expected);
    refused(
        "two_rows",
        doubles(&[3, 2], &[0.0; 6]),
        "it takes 2 rows at a time, or a multiple; this request has 3",
    )
    .await;
}

#[tokio::test]
async fn inputs_take_their_columns_of_one_array() {
    let found = predicted("two_inputs", &[2, 3], &[1.5, 2.5, 3.0, 4.5, 5.5, 6.0]).await;
    assert_eq!(found.to_floats().unwrap(), [1.5, 2.5, 3.0, 4.5, 5.5, 6.0]);
    let shape = "lengths, count takes an array of shape (n, 3); this request has shape (1, 2)";
    refused("two_inputs", doubles(&[1, 2], &[1.0, 2.0]), shape).await;
    let fraction = doubles(&[1, 3], &[1.0, 2.0, 3.5]);
    refused(
        "two_inputs",
        fraction,
        "count takes int64: 3.5 does not fit",
    )
    .await;
}

#[tokio::test]
async fn sides_that_are_free_may_differ_between_requests() {
    for rows in [1, 3] {
        let values: Vec<f64> = (0..rows * 4).map(f64::from).collect();
        let rows = usize::try_from(rows).unwrap();
        let found = predicted("three_dimensions", &[rows, 2, 2], &values).await;
        assert_eq!(found.shape(), [rows, 2]);
        assert_eq!(found.to_floats().unwrap()[..2], [1.0, 2.0]);
    }
    let wide = predicted("three_dimensions", &[1, 4, 2], &[4.0; 8]).await;
    assert_eq!(wide.to_floats().unwrap(), [4.0, 4.0]);
}

#[tokio::test]
async fn numbers_are_cast_to_the_dtype_of_the_file() {
    let floats = |values: [f64; 2]| doubles(&[1, 2], &values);
    let integers = |values: [i64; 2]| {
        Tensor::from_vec(vec![1, 2], values.to_vec())
            .unwrap()
            .into()
    };
    let truths = || {
        Tensor::from_bools(vec![1, 2], vec![true, false])
            .unwrap()
            .into()
    };
    for (kind, payload, expected) in [
        ("float", floats([1.5, -2.0]), [1.5, -2.0]),
        ("float", integers([1, -2]), [1.0, -2.0]),
        ("double", floats([1e300, 2.0]), [1e300, 2.0]),
        ("double", truths(), [1.0, 0.0]),
        ("int64", floats([-3.0, 4.0]), [-3.0, 4.0]),
        ("int64", integers([1 << 40, 0]), [(1_u64 << 40) as f64, 0.0]),
        ("int32", integers([-7, 7]), [-7.0, 7.0]),
        ("int32", truths(), [1.0, 0.0]),
        ("uint8", floats([0.0, 255.0]), [0.0, 255.0]),
    ] {
        let response = call(&served(&format!("identity_{kind}")), payload)
            .await
            .unwrap();
        assert_eq!(array(response).1.to_floats().unwrap(), expected, "{kind}");
    }
    for payload in [truths(), floats([1.0, 0.0]), integers([1, 0])] {
        let response = call(&served("identity_bool"), payload).await.unwrap();
        assert_eq!(array(response).1.data()[..], [1, 0]);
    }
    let infinite = predicted("identity_float", &[1, 2], &[f64::INFINITY, f64::NAN]).await;
    let infinite = infinite.to_floats().unwrap();
    assert!(
        infinite[0].is_infinite() && infinite[1].is_nan(),
        "{infinite:?}"
    );
}

#[tokio::test]
async fn a_number_that_does_not_fit_is_refused() {
    for (kind, value, expected) in [
        (
            "float",
            1e39,
            "X takes float32: 1e39 does not fit, allowed are numbers from -3.4",
        ),
        (
            "int64",
            1.5,
            "X takes int64: 1.5 does not fit, allowed are whole numbers from -9",
        ),
        ("int64", f64::NAN, "X takes int64: NaN does not fit"),
        (
            "int32",
            3e9,
            "X takes int32: 3000000000 does not fit, allowed are whole numbers",
        ),
        (
            "uint8",
            -1.0,
            "X takes uint8: -1 does not fit, allowed are whole numbers from 0 to 255",
        ),
        (
            "bool",
            2.0,
            "X takes bool: 2 does not fit, allowed are true, false, 0 and 1",
        ),
    ] {
        refused(
            &format!("identity_{kind}"),
            doubles(&[1, 2], &[value, 0.0]),
            expected,
        )
        .await;
    }
}

#[tokio::test]
async fn another_shape_is_refused_with_both() {
    for (shape, found) in [
        (&[1, 3][..], "(1, 3)"),
        (&[4], "(4,)"),
        (&[0], "(0,)"),
        (&[], "()"),
    ] {
        let values = vec![0.0; shape.iter().product()];
        let expected = format!("X takes an array of shape (n, 4); this request has shape {found}");
        refused("logistic", doubles(shape, &values), &expected).await;
    }
    let none = "it takes an array of numbers in data; this request has none";
    refused("logistic", Payload::Text("x".to_owned()), none).await;
    let bytes = Tensor::from_byte_elements(vec![1, 4], ["a"; 4]).unwrap();
    refused(
        "logistic",
        bytes.into(),
        "it takes an array of numbers; this request has Bytes",
    )
    .await;
}

#[tokio::test]
async fn parameters_choose_the_output() {
    let labels = component(&recorded("forest"), r#"{"output":"output_label"}"#).unwrap();
    let rows = doubles(&[2, 4], &[5.1, 3.4, 1.5, 0.2, 6.3, 2.9, 5.6, 1.8]);
    let (names, found) = array(call(&labels, rows).await.unwrap());
    assert_eq!(
        (names, found.to_vec::<i64>()),
        (Names::Unset, Some(vec![0, 2]))
    );

    // Text, of a file whose first output it is.
    let response = call(&served("label"), doubles(&[2, 2], &[-1.0, 0.0, 1.0, 0.0]))
        .await
        .unwrap();
    let Payload::Array(Array {
        elements: Elements::Json(text),
        ..
    }) = response.message.payload
    else {
        panic!("no text");
    };
    assert_eq!(text.as_bytes(), br#"["no","yes"]"#);

    let error = refused_file("forest", r#"{"output":"label"}"#);
    let allowed =
        "there is no output \"label\", it must be one of output_label, output_probability";
    assert!(
        error.contains("--parameters") && error.ends_with(allowed),
        "{error}"
    );
    let error = refused_file("forest", r#"{"outputs":"label"}"#);
    assert!(
        error.contains("unknown field `outputs`, expected `output`"),
        "{error}"
    );
}

#[test]
fn a_file_that_cannot_be_served_says_why() {
    for (name, expected) in [
        (
            "unknown_operator",
            "needs the operators com.example.Frobnicate, which this build",
        ),
        (
            "text",
            "its input \"X\" is string, it must be one of float32, float64, int64",
        ),
        (
            "mixes_rows",
            "its output \"Y\" has shape (1, 1), it must have a row for each row",
        ),
        ("missing", "cannot read the ONNX file"),
    ] {
        let error = refused_file(name, "{}");
        assert!(error.contains(expected), "{error}");
        assert!(error.contains(&format!("{name}.onnx")), "{error}");
    }
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    for file in ["Cargo.toml", "tests/recorded/predictions.json"] {
        let error = component(&folder.join(file), "{}").err().unwrap();
        assert!(matches!(error, OnnxError::NotOnnx { .. }), "{error}");
    }
    let empty = std::env::temp_dir().join(format!("streeling-empty-{}.onnx", std::process::id()));
    std::fs::write(&empty, b"").unwrap();
    let error = component(&empty, "{}").err().unwrap().to_string();
    std::fs::remove_file(&empty).unwrap();
    assert!(
        error.ends_with("is no ONNX file: it has no graph"),
        "{error}"
    );
}

#[tokio::test]
async fn metadata_is_that_of_the_file() {
    let metadata = async |name: &str| {
        let request = Request {
            method: Method::Metadata,
            model: None,
            input: Input::None,
        };
        let response = served(name)
            .call(&Context::default(), request)
            .await
            .unwrap();
        let Payload::Json(json) = response.message.payload else {
            panic!("no metadata");
        };
        serde_json::from_slice::<serde_json::Value>(json.as_bytes()).unwrap()
    };
    let found = metadata("iris").await;
    let expected = serde_json::json!({
        "name": "iris",
        "versions": ["0"],
        "platform": "onnx",
        "inputs": [{"name": "lengths", "datatype": "FP32", "shape": [-1, 4]}],
        "outputs": [{"name": "probabilities", "datatype": "FP32", "shape": [-1, 3]}],
        "custom": {
            "producer": "skl2onnx 1.20.0",
            "opsets": "ai.onnx 22, ai.onnx.ml 1",
            "outputs": "label, probabilities",
            "class_names": "setosa, versicolor, virginica",
        },
    });
    assert_eq!(found, expected);
    let found = metadata("one_row").await;
    assert_eq!(found["inputs"][0]["shape"], serde_json::json!([-1, 4]));
}
