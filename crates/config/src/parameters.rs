use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::quoted;

/// The keyword arguments that the component's class is called with, in the order given.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parameters(Vec<(String, ParameterValue)>);

/// The value of one parameter, in Python's types.
#[derive(Debug, Clone, PartialEq)]
pub enum ParameterValue {
    /// `INT`: decimal digits, with `-` before them or not, as Python's integers have no bounds.
    Int(String),
    /// `FLOAT` and `DOUBLE`: both are Python's `float`. May be infinite or not a number.
    Float(f64),
    /// `STRING`.
    String(String),
    /// `BOOL`.
    Bool(bool),
}

impl Parameters {
    /// Reads a JSON list of `{"name", "value", "type"}`; other fields are ignored. Where a name
    /// comes twice, the last one counts.
    ///
    /// # Errors
    ///
    /// What is wrong, for a person: which parameter, and what about it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let items: Vec<Box<RawValue>> =
            serde_json::from_str(text).map_err(|error| format!("no JSON list: {error}"))?;
        let mut parameters = Self::default();
        for (index, item) in items.iter().enumerate() {
            let (name, value) =
                Item::parse(item.get()).map_err(|why| format!("parameter {}: {why}", index + 1))?;
            match parameters.0.iter_mut().find(|(known, _)| *known == name) {
                Some(known) => known.1 = value,
                None => parameters.0.push((name, value)),
            }
        }
        Ok(parameters)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and values, in the order given.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ParameterValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// One JSON object as Python's `json` module reads it: integers of any length, and `NaN`,
    /// `Infinity`, `-Infinity`, which plain JSON has not.
    pub fn to_python_json(&self) -> String {
        let fields: Vec<String> = self
            .iter()
            .map(|(name, value)| {
                let value = match value {
                    ParameterValue::Int(digits) => digits.clone(),
                    ParameterValue::Float(float) if float.is_nan() => "NaN".to_owned(),
                    ParameterValue::Float(float) if float.is_infinite() => if *float > 0.0 {
                        "Infinity"
                    } else {
                        "-Infinity"
                    }
                    .to_owned(),
                    // Debug, because Display writes 1.0 as 1, and that is Python's int.
                    ParameterValue::Float(float) => format!("{float:?}"),
                    ParameterValue::String(text) => json_string(text),
                    ParameterValue::Bool(bool) => bool.to_string(),
                };
                format!("{}:{value}", json_string(name))
            })
            .collect();
        format!("{{{}}}", fields.join(","))
    }
}

fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[derive(Deserialize)]
struct Item<'a> {
    name: Option<String>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

impl Item<'_> {
    fn parse(text: &str) -> Result<(String, ParameterValue), String> {
        let item: Item<'_> = serde_json::from_str(text)
            .map_err(|_| r#"no object with the texts "name" and "type""#.to_owned())?;
        let name = item.name.ok_or(r#"no "name""#)?;
        let about = |what: String| format!("{}: {what}", quoted(&name));
        let kind = item.kind.ok_or_else(|| about(r#"no "type""#.to_owned()))?;
        let value = item
            .value
            .ok_or_else(|| about(r#"no "value""#.to_owned()))?
            .get();
        let given = Given::read(value);
        let parsed = match kind.as_str() {
            "INT" => given.int().map(ParameterValue::Int),
            "FLOAT" | "DOUBLE" => given.float().map(ParameterValue::Float),
            "STRING" => given.string().map(ParameterValue::String),
            "BOOL" => given.bool().map(ParameterValue::Bool),
            other => return Err(about(format!("no type {}", quoted(other)))),
        };
        let parsed = parsed.ok_or_else(|| about(format!("{} is no {kind}", quoted_json(value))))?;
        Ok((name, parsed))
    }
}

/// A value as it is in the list. The operator always writes texts; people also write numbers
/// and booleans.
enum Given<'a> {
    Text(String),
    /// The digits as written.
    Number(&'a str),
    Bool(bool),
    Other,
}

impl<'a> Given<'a> {
    fn read(json: &'a str) -> Self {
        match serde_json::from_str(json) {
            Ok(serde_json::Value::String(text)) => Self::Text(text),
            Ok(serde_json::Value::Number(_)) => Self::Number(json),
            Ok(serde_json::Value::Bool(bool)) => Self::Bool(bool),
            Ok(_) | Err(_) => Self::Other,
        }
    }

    fn int(&self) -> Option<String> {
        match self {
            Self::Text(text) => python_int(text.trim()),
            // A number with a fraction loses it, as in Python's int().
            Self::Number(digits) => python_int(digits).or_else(|| {
                let float: f64 = digits.parse().ok()?;
                let whole = format!("{:.0}", float.trunc());
                float
                    .is_finite()
                    .then_some(if whole == "-0" { "0".to_owned() } else { whole })
            }),
            Self::Bool(bool) => Some(u8::from(*bool).to_string()),
            Self::Other => None,
        }
    }

    fn float(&self) -> Option<f64> {
        match self {
            Self::Text(text) => without_underscores(text.trim())?.parse().ok(),
            Self::Number(digits) => digits.parse().ok(),
            Self::Bool(bool) => Some(f64::from(u8::from(*bool))),
            Self::Other => None,
        }
    }

    fn string(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Number(digits) => {
                python_int(digits).or_else(|| Some(python_repr(digits.parse().ok()?)))
            }
            Self::Bool(bool) => Some(if *bool { "True" } else { "False" }.to_owned()),
            Self::Other => None,
        }
    }

    fn bool(&self) -> Option<bool> {
        match self {
            Self::Text(text) => match text.to_lowercase().as_str() {
                "y" | "yes" | "t" | "true" | "on" | "1" => Some(true),
                "n" | "no" | "f" | "false" | "off" | "0" => Some(false),
                _ => None,
            },
            Self::Number("1") => Some(true),
            Self::Number("0") => Some(false),
            Self::Number(_) | Self::Other => None,
            Self::Bool(bool) => Some(*bool),
        }
    }
}

/// Decimal digits in their shortest form, from what Python's `int()` takes.
fn python_int(text: &str) -> Option<String> {
    let (minus, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let digits = without_underscores(digits)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let short = digits.trim_start_matches('0');
    Some(match (short.is_empty(), minus) {
        (true, _) => "0".to_owned(),
        (false, true) => format!("-{short}"),
        (false, false) => short.to_owned(),
    })
}

/// Python lets single underscores stand between digits.
fn without_underscores(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let between_digits = |at: usize| {
        at > 0
            && bytes[at - 1].is_ascii_digit()
            && bytes.get(at + 1).is_some_and(u8::is_ascii_digit)
    };
    let fine = (0..bytes.len()).all(|at| bytes[at] != b'_' || between_digits(at));
    fine.then(|| text.replace('_', ""))
}

/// A float's text in Python: the shortest digits, an exponent below 1e-4 and from 1e16 on.
fn python_repr(float: f64) -> String {
    let scientific = format!("{float:e}");
    let exponent: i32 = scientific
        .split_once('e')
        .and_then(|(_, digits)| digits.parse().ok())
        .unwrap_or(0);
    if float == 0.0 || (-4..16).contains(&exponent) {
        let plain = float.to_string();
        return if plain.contains('.') {
            plain
        } else {
            format!("{plain}.0")
        };
    }
    let mantissa = scientific.split('e').next().unwrap_or_default();
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

fn quoted_json(json: &str) -> String {
    match serde_json::from_str(json) {
        Ok(serde_json::Value::String(text)) => quoted(&text),
        Ok(_) | Err(_) => json.chars().take(80).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(value: &str, kind: &str) -> Result<String, String> {
        let list = format!(r#"[{{"name": "a", "value": {value}, "type": "{kind}"}}]"#);
        Ok(Parameters::parse(&list)?.to_python_json())
    }

    #[test]
    fn values_become_what_seldon_core_makes_of_them() {
        for (value, kind, expected) in [
            (r#""1""#, "INT", "1"),
            (r#"" 7 ""#, "INT", "7"),
            (r#""1_000""#, "INT", "1000"),
            (r#""-007""#, "INT", "-7"),
            (r#""-0""#, "INT", "0"),
            ("3", "INT", "3"),
            ("3.7", "INT", "3"),
            ("-0.5", "INT", "0"),
            ("1e3", "INT", "1000"),
            ("true", "INT", "1"),
            (
                r#""99999999999999999999999""#,
                "INT",
                "99999999999999999999999",
            ),
            ("99999999999999999999999", "INT", "99999999999999999999999"),
            (r#""1.5""#, "FLOAT", "1.5"),
            (r#""1e3""#, "FLOAT", "1000.0"),
            ("2", "DOUBLE", "2.0"),
            (r#"" .5 ""#, "DOUBLE", "0.5"),
            (r#""nan""#, "FLOAT", "NaN"),
            (r#""-inf""#, "DOUBLE", "-Infinity"),
            (r#""Infinity""#, "DOUBLE", "Infinity"),
            (r#""s\"ü""#, "STRING", r#""s\"ü""#),
            ("3", "STRING", r#""3""#),
            ("1.50", "STRING", r#""1.5""#),
            ("1e16", "STRING", r#""1e+16""#),
            ("0.00001", "STRING", r#""1e-05""#),
            ("0.0001", "STRING", r#""0.0001""#),
            ("1e15", "STRING", r#""1000000000000000.0""#),
            ("true", "STRING", r#""True""#),
            (r#""false""#, "BOOL", "false"),
            (r#""0""#, "BOOL", "false"),
            (r#""True""#, "BOOL", "true"),
            (r#""yes""#, "BOOL", "true"),
            (r#""off""#, "BOOL", "false"),
            ("true", "BOOL", "true"),
            ("0", "BOOL", "false"),
        ] {
            assert_eq!(
                one(value, kind),
                Ok(format!(r#"{{"a":{expected}}}"#)),
                "{value} {kind}"
            );
        }
    }

    #[test]
    fn bad_values_name_the_parameter_and_what_is_wrong() {
        for (value, kind, why) in [
            (r#""1.5""#, "INT", r#""1.5" is no INT"#),
            (r#""""#, "INT", r#""" is no INT"#),
            (r#""1__0""#, "INT", r#""1__0" is no INT"#),
            (r#""_1""#, "INT", r#""_1" is no INT"#),
            (r#""0x10""#, "INT", r#""0x10" is no INT"#),
            ("[]", "INT", "[] is no INT"),
            ("null", "INT", r#"no "value""#),
            (r#""x""#, "DOUBLE", r#""x" is no DOUBLE"#),
            (r#""_1.5""#, "FLOAT", r#""_1.5" is no FLOAT"#),
            (r#"{"q": 1}"#, "STRING", r#"{"q": 1} is no STRING"#),
            (r#""xx""#, "BOOL", r#""xx" is no BOOL"#),
            (r#""""#, "BOOL", r#""" is no BOOL"#),
            ("2", "BOOL", "2 is no BOOL"),
            (r#""1""#, "int", r#"no type "int""#),
            (r#""1""#, "LIST", r#"no type "LIST""#),
        ] {
            assert_eq!(
                one(value, kind),
                Err(format!(r#"parameter 1: "a": {why}"#)),
                "{value} {kind}"
            );
        }
    }

    #[test]
    fn lists_of_the_wrong_form_are_refused() {
        for (text, why) in [
            ("{", "no JSON list"),
            ("", "no JSON list"),
            ("null", "no JSON list"),
            (
                r#"{"name": "a", "value": "1", "type": "INT"}"#,
                "no JSON list",
            ),
            (r#"["a"]"#, "parameter 1: no object"),
            (
                r#"[{"value": "1", "type": "INT"}]"#,
                r#"parameter 1: no "name""#,
            ),
            (
                r#"[{"name": 1, "value": "1", "type": "INT"}]"#,
                "parameter 1: no object",
            ),
            (
                r#"[{"name": "a", "value": "1"}]"#,
                r#"parameter 1: "a": no "type""#,
            ),
            (
                r#"[{"name": "a", "type": "INT"}]"#,
                r#"parameter 1: "a": no "value""#,
            ),
            (
                r#"[{"name": "a", "value": "1", "type": "INT"},
                    {"name": "b", "value": "x", "type": "INT"}]"#,
                r#"parameter 2: "b": "x" is no INT"#,
            ),
        ] {
            let error = Parameters::parse(text).unwrap_err();
            assert!(error.starts_with(why), "{text}: {error}");
        }
    }

    #[test]
    fn the_last_of_two_parameters_of_a_name_counts() {
        let text = r#"[{"name":"a","value":"1","type":"INT"},
            {"name":"b","value":"x","type":"STRING"},
            {"name":"a","value":"2","type":"INT","note":0}]"#;
        let parameters = Parameters::parse(text).unwrap();
        assert_eq!(parameters.to_python_json(), r#"{"a":2,"b":"x"}"#);
        assert!(!parameters.is_empty());
        assert!(Parameters::parse(" [] ").unwrap().is_empty());
    }
}
