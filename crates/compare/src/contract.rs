//! The contract of a component: which features it takes and which targets it gives.

mod field;
mod sample;

use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) use sample::Dice;

use field::Field;

/// A contract, as `seldon-core-microservice-tester` reads it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Contract {
    features: Vec<Field>,
    #[serde(default)]
    targets: Vec<Field>,
}

/// Which of the two layouts an array is sent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    Ndarray,
    Tensor,
}

impl Contract {
    /// Reads a contract's text.
    ///
    /// # Errors
    ///
    /// What is wrong, and what is allowed.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let contract: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if contract.features.is_empty() {
            return Err("features must not be empty".to_owned());
        }
        for field in contract.features.iter().chain(&contract.targets) {
            field
                .check()
                .map_err(|what| format!("\"{}\": {what}", field.name))?;
        }
        Ok(contract)
    }

    /// A message with `rows` random rows.
    ///
    /// # Errors
    ///
    /// Text in a tensor.
    pub(crate) fn message(
        &self,
        rows: usize,
        layout: Layout,
        dice: &mut Dice,
    ) -> Result<Value, String> {
        data(&self.features, rows, layout, dice)
    }

    /// Feedback on a message with `rows` random rows: a response of the targets, and a reward.
    ///
    /// # Errors
    ///
    /// Text in a tensor, or a contract without targets.
    pub(crate) fn feedback(
        &self,
        rows: usize,
        layout: Layout,
        dice: &mut Dice,
    ) -> Result<Value, String> {
        if self.targets.is_empty() {
            return Err("feedback needs targets in the contract".to_owned());
        }
        Ok(json!({
            "request": data(&self.features, rows, layout, dice)?,
            "response": data(&self.targets, rows, layout, dice)?,
            "reward": 1.0,
        }))
    }
}

/// Random rows of `fields` as a message.
fn data(fields: &[Field], rows: usize, layout: Layout, dice: &mut Dice) -> Result<Value, String> {
    let names: Vec<_> = fields.iter().flat_map(Field::names).collect();
    let rows: Vec<_> = (0..rows).map(|_| row(fields, dice)).collect();
    let data = match layout {
        Layout::Ndarray => json!({"names": names, "ndarray": rows}),
        Layout::Tensor => {
            let mut shape = vec![rows.len()];
            let mut inner = rows.first();
            while let Some(Value::Array(items)) = inner {
                shape.push(items.len());
                inner = items.first();
            }
            let mut values = Vec::new();
            flatten(&rows, &mut values)?;
            json!({"names": names, "tensor": {"shape": shape, "values": values}})
        }
    };
    Ok(json!({"data": data}))
}

/// One row. A single field with a shape is the row itself, as images are sent.
fn row(fields: &[Field], dice: &mut Dice) -> Value {
    if let [only] = fields
        && only.shape.is_some()
        && only.repeat.is_none()
    {
        return dice.value(only);
    }
    let mut row = Vec::new();
    for field in fields {
        for _ in 0..field.repeat.unwrap_or(1) {
            row.push(dice.value(field));
        }
    }
    Value::Array(row)
}

fn flatten(items: &[Value], values: &mut Vec<Value>) -> Result<(), String> {
    for item in items {
        match item {
            Value::Array(items) => flatten(items, values)?,
            Value::Number(_) => values.push(item.clone()),
            other => {
                return Err(format!(
                    "{other} cannot be sent in a tensor, which holds numbers"
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
