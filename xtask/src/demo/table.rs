//! The predictions as a table of text.

use std::fmt::Write as _;

use anyhow::{Context as _, ensure};
use serde_json::Value;

/// One row of the request, what the model made of it, and what it is.
#[derive(Debug, PartialEq)]
pub(super) struct Line {
    lengths: Vec<f64>,
    predicted: String,
    /// Of the most probable class, in percent.
    probability: f64,
    truth: String,
}

/// The rows of a request, each with its most probable class.
pub(super) fn lines(request: &Value, response: &Value, truth: &Value) -> anyhow::Result<Vec<Line>> {
    let names = texts(&response["data"]["names"])
        .with_context(|| format!("the response has no names: {response}"))?;
    let probabilities = rows(response)?;
    let (lengths, truth) = (rows(request)?, texts(truth)?);
    ensure!(
        lengths.len() == probabilities.len() && lengths.len() == truth.len(),
        "{} rows were sent, {} came back, {} are known",
        lengths.len(),
        probabilities.len(),
        truth.len()
    );
    let pairs = lengths.into_iter().zip(probabilities).zip(truth);
    pairs
        .map(|((lengths, row), truth)| {
            ensure!(
                row.len() == names.len(),
                "the rows do not fit the names: {response}"
            );
            let best = row.iter().zip(&names).max_by(|a, b| a.0.total_cmp(b.0));
            let (probability, name) = best.context("the response has empty rows")?;
            Ok(Line {
                lengths,
                predicted: name.clone(),
                probability: probability * 100.0,
                truth,
            })
        })
        .collect()
}

/// The rows of an array, with how many of them are right.
pub(super) fn text(lines: &[Line]) -> String {
    let mut text = "sepal, petal (cm)      prediction    probability   truth\n".to_owned();
    let mut right = 0;
    for line in lines {
        let numbers: Vec<_> = line
            .lengths
            .iter()
            .map(|one| format!("{one:4.1}"))
            .collect();
        let is_right = line.predicted == line.truth;
        right += usize::from(is_right);
        let _ = writeln!(
            text,
            "{:<22} {:<13} {:>9.1} %   {}{}",
            numbers.join(" "),
            line.predicted,
            line.probability,
            line.truth,
            if is_right { "" } else { "  ✗" }
        );
    }
    let _ = writeln!(text, "{right} of {} rows right", lines.len());
    text
}

fn rows(message: &Value) -> anyhow::Result<Vec<Vec<f64>>> {
    let rows = message["data"]["ndarray"].as_array();
    let rows = rows.with_context(|| format!("no array of rows: {message}"))?;
    let numbers = |row: &Value| {
        let values = row.as_array()?.iter().map(Value::as_f64);
        values.collect::<Option<Vec<f64>>>()
    };
    let rows: Option<_> = rows.iter().map(numbers).collect();
    rows.with_context(|| format!("not rows of numbers: {message}"))
}

fn texts(list: &Value) -> anyhow::Result<Vec<String>> {
    let texts = list.as_array().into_iter().flatten();
    let texts: Option<Vec<_>> = texts.map(|text| Some(text.as_str()?.to_owned())).collect();
    let texts = texts.filter(|texts| !texts.is_empty());
    texts.with_context(|| format!("not a list of texts: {list}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request() -> Value {
        json!({"data": {"ndarray": [[6.2, 2.8, 4.8, 1.8], [5, 3.4, 1.5, 0.2]]}})
    }

    fn response(rows: &Value) -> Value {
        json!({"data": {"names": ["setosa", "virginica"], "ndarray": rows}, "meta": {}})
    }

    #[test]
    fn the_table_has_each_row_and_how_many_are_right() {
        let response = response(&json!([[0.398_7, 0.601_3], [0.25, 0.75]]));
        let lines = lines(&request(), &response, &json!(["virginica", "setosa"])).unwrap();
        assert_eq!(
            text(&lines),
            "\
sepal, petal (cm)      prediction    probability   truth
 6.2  2.8  4.8  1.8    virginica          60.1 %   virginica
 5.0  3.4  1.5  0.2    virginica          75.0 %   setosa  ✗
1 of 2 rows right
"
        );
    }

    #[test]
    fn a_response_that_does_not_fit_is_an_error_that_shows_it() {
        let truth = json!(["virginica", "setosa"]);
        for (response, part) in [
            (
                response(&json!([[0.5, 0.5]])),
                "2 rows were sent, 1 came back",
            ),
            (response(&json!([[0.5], [0.5]])), "do not fit the names"),
            (
                response(&json!([["a", "b"], [0, 1]])),
                "not rows of numbers",
            ),
            (json!({"status": {"info": "no"}}), "no names: {\"status\""),
        ] {
            let error = lines(&request(), &response, &truth).unwrap_err();
            assert!(format!("{error:#}").contains(part), "{error:#}");
        }
    }
}
