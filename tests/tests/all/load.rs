//! Many callers, and large bodies.

use std::sync::Barrier;

use serde_json::json;
use streeling_testkit::Request;

use crate::support::{scripted, send_json};

#[test]
fn each_of_64_callers_gets_its_own_response() {
    const CALLERS: usize = 64;
    let server = scripted(&["--workers", "2", "--threads", "2"]);
    let start = Barrier::new(CALLERS);
    std::thread::scope(|scope| {
        for caller in 0..CALLERS {
            let (server, start) = (&server, &start);
            scope.spawn(move || {
                start.wait();
                for number in (0..20).map(|n| 1000 * caller + n) {
                    let body = json!({"data": {"ndarray": [[number, 1]]}}).to_string();
                    let (status, response) = send_json(server, &Request::json("/predict", body));
                    assert_eq!(status, 200, "{response}");
                    assert_eq!(response["data"]["ndarray"], json!([[number, 1]]));
                }
            });
        }
    });
}

#[test]
fn large_arrays_come_back_exactly() {
    const COUNT: usize = 224 * 224 * 3;
    let server = scripted(&[]);
    let numbers: Vec<f64> = pseudo_random().take(COUNT).collect();
    let texts: Vec<String> = numbers.iter().map(|number| format!("{number:?}")).collect();
    let list = texts.join(",");
    let ndarray = format!(r#"{{"data":{{"ndarray":[{list}]}}}}"#);
    let tensor = format!(r#"{{"data":{{"tensor":{{"shape":[{COUNT}],"values":[{list}]}}}}}}"#);
    for (body, key) in [(ndarray, "\"ndarray\":["), (tensor, "\"values\":[")] {
        let response = server.send(&Request::json("/predict", body)).unwrap();
        assert_eq!(response.status, 200);
        let text = String::from_utf8(response.body).unwrap();
        let start = text.find(key).unwrap() + key.len();
        let end = start + text[start..].find(']').unwrap();
        let back = text[start..end]
            .split(',')
            .map(|n| n.parse::<f64>().unwrap());
        let same = back
            .clone()
            .zip(&numbers)
            .filter(|(a, b)| a.to_bits() == b.to_bits());
        assert_eq!(
            (back.clone().count(), same.count()),
            (COUNT, COUNT),
            "{key}"
        );
    }
}

/// Floats of every size, the same ones each time (a linear congruential generator, by its bits).
fn pseudo_random() -> impl Iterator<Item = f64> {
    let mut state = 1_u64;
    let bits = std::iter::repeat_with(move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        f64::from_bits(state ^ (state >> 31))
    });
    bits.filter(|number| number.is_finite())
}
