//! One feature or target of a contract.

use serde::Deserialize;
use serde_json::Value;

/// One feature or target.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) ftype: Kind,
    dtype: Option<String>,
    /// Lowest and highest value; "inf" and "-inf" leave a side open.
    range: Option<(Bound, Bound)>,
    pub(super) values: Option<Vec<Value>>,
    /// The field stands for so many columns, named `NAME1`, `NAME2` …
    pub(super) repeat: Option<usize>,
    /// The shape of one value, in place of a single number.
    pub(super) shape: Option<Vec<usize>>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Continuous,
    Categorical,
}

/// A bound: a number, or text that says that there is none.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Bound {
    Number(f64),
    Text(String),
}

impl Field {
    pub(super) fn check(&self) -> Result<(), String> {
        let (low, high) = self.bounds()?;
        if low > high {
            return Err(format!(
                "range [{low}, {high}], must begin with the lower bound"
            ));
        }
        let values = self.values.as_deref().unwrap_or_default();
        if self.ftype == Kind::Categorical && values.is_empty() {
            return Err("a categorical field must have values".to_owned());
        }
        if self.repeat == Some(0) {
            return Err("repeat must be at least 1".to_owned());
        }
        Ok(())
    }

    /// Lowest and highest value, infinite where there is none.
    pub(super) fn bounds(&self) -> Result<(f64, f64), String> {
        match &self.range {
            None => Ok((f64::NEG_INFINITY, f64::INFINITY)),
            Some((low, high)) => Ok((low.value()?, high.value()?)),
        }
    }

    pub(super) fn is_integer(&self) -> bool {
        self.dtype
            .as_deref()
            .is_some_and(|dtype| dtype.to_ascii_lowercase().contains("int"))
    }

    pub(super) fn names(&self) -> Vec<String> {
        match self.repeat {
            None => vec![self.name.clone()],
            Some(count) => (1..=count)
                .map(|number| format!("{}{number}", self.name))
                .collect(),
        }
    }
}

impl Bound {
    fn value(&self) -> Result<f64, String> {
        let bad = |text: &str| format!("range \"{text}\", must be a number, \"inf\" or \"-inf\"");
        match self {
            Self::Number(number) => Ok(*number),
            Self::Text(text) => match text.as_str() {
                "inf" => Ok(f64::INFINITY),
                "-inf" => Ok(f64::NEG_INFINITY),
                text => Err(bad(text)),
            },
        }
    }
}
