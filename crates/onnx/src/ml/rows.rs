//! What prepares numbers: each on its own, or each row.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::bail;

use super::attributes::floats;
use super::by_row::{Built, by_row};
use super::function::RowFunction;

/// A list of one number for all columns, or of one for each.
#[derive(Debug)]
struct PerColumn(Vec<f64>);

impl PerColumn {
    fn or(list: Vec<f64>, default: f64) -> Self {
        Self(if list.is_empty() { vec![default] } else { list })
    }

    fn fits(&self, name: &str, columns: usize) -> Result<(), String> {
        match self.0.len() {
            1 => Ok(()),
            length if length == columns => Ok(()),
            length => Err(format!("{name} has {length} numbers for rows of {columns}")),
        }
    }

    fn at(&self, column: usize) -> f64 {
        self.0[if self.0.len() == 1 { 0 } else { column }]
    }
}

#[derive(Debug)]
struct Scaler {
    offset: PerColumn,
    scale: PerColumn,
}

pub(super) fn scaler(_: &ParsingContext<'_>, node: &NodeProto) -> Built {
    let scaler = Scaler {
        offset: PerColumn::or(floats(node, "offset")?, 0.0),
        scale: PerColumn::or(floats(node, "scale")?, 1.0),
    };
    by_row(node, scaler)
}

impl RowFunction for Scaler {
    fn width(&self, columns: usize) -> Result<usize, String> {
        self.offset.fits("offset", columns)?;
        self.scale.fits("scale", columns)?;
        Ok(columns)
    }

    fn apply(&self, row: &[f64], output: &mut [f64]) {
        for (column, (value, output)) in row.iter().zip(output).enumerate() {
            *output = (value - self.offset.at(column)) * self.scale.at(column);
        }
    }
}

/// By what each row is divided.
#[derive(Clone, Copy, Debug)]
enum Norm {
    Max,
    L1,
    L2,
}

pub(super) fn normalizer(_: &ParsingContext<'_>, node: &NodeProto) -> Built {
    let norm = match node.get_attr_opt("norm")?.unwrap_or("MAX") {
        "MAX" => Norm::Max,
        "L1" => Norm::L1,
        "L2" => Norm::L2,
        other => bail!("norm is {other}, it must be MAX, L1 or L2"),
    };
    by_row(node, norm)
}

impl RowFunction for Norm {
    fn width(&self, columns: usize) -> Result<usize, String> {
        Ok(columns)
    }

    fn apply(&self, row: &[f64], output: &mut [f64]) {
        let norm = match self {
            Self::Max => row.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Self::L1 => row.iter().map(|value| value.abs()).sum(),
            Self::L2 => row.iter().map(|value| value * value).sum::<f64>().sqrt(),
        };
        // A row of zeros stays one.
        let norm = if norm == 0.0 { 1.0 } else { norm };
        for (value, output) in row.iter().zip(output) {
            *output = value / norm;
        }
    }
}

#[derive(Debug)]
struct Imputer {
    replaced: f64,
    imputed: PerColumn,
}

pub(super) fn imputer(_: &ParsingContext<'_>, node: &NodeProto) -> Built {
    let imputed = floats(node, "imputed_value_floats")?;
    if imputed.is_empty() {
        bail!("imputed_value_floats is missing, and integers are not implemented");
    }
    let replaced = node.get_attr_opt::<f32>("replaced_value_float")?;
    let imputer = Imputer {
        replaced: replaced.unwrap_or(0.0).into(),
        imputed: PerColumn(imputed),
    };
    by_row(node, imputer)
}

impl RowFunction for Imputer {
    fn width(&self, columns: usize) -> Result<usize, String> {
        self.imputed.fits("imputed_value_floats", columns)?;
        Ok(columns)
    }

    fn apply(&self, row: &[f64], output: &mut [f64]) {
        for (column, (value, output)) in row.iter().zip(output).enumerate() {
            #[expect(clippy::float_cmp, reason = "the operator replaces one very number")]
            let is_missing = *value == self.replaced || (value.is_nan() && self.replaced.is_nan());
            *output = if is_missing {
                self.imputed.at(column)
            } else {
                *value
            };
        }
    }
}

/// 1 for what is above the threshold.
#[derive(Debug)]
struct Binarizer(f64);

pub(super) fn binarizer(_: &ParsingContext<'_>, node: &NodeProto) -> Built {
    let threshold = node.get_attr_opt::<f32>("threshold")?;
    by_row(node, Binarizer(threshold.unwrap_or(0.0).into()))
}

impl RowFunction for Binarizer {
    fn width(&self, columns: usize) -> Result<usize, String> {
        Ok(columns)
    }

    fn apply(&self, row: &[f64], output: &mut [f64]) {
        for (value, output) in row.iter().zip(output) {
            *output = f64::from(u8::from(*value > self.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(function: &dyn RowFunction, row: &[f64]) -> Vec<f64> {
        let mut output = vec![9.0; function.width(row.len()).unwrap()];
        function.apply(row, &mut output);
        output
    }

    #[test]
    fn rows_are_prepared() {
        let scaler = Scaler {
            offset: PerColumn(vec![1.0, 2.0]),
            scale: PerColumn(vec![10.0]),
        };
        assert_eq!(apply(&scaler, &[2.0, 2.5]), [10.0, 5.0]);
        let error = scaler.width(3).unwrap_err();
        assert_eq!(error, "offset has 2 numbers for rows of 3");
        assert_eq!(apply(&Norm::L1, &[-1.0, 3.0]), [-0.25, 0.75]);
        assert_eq!(apply(&Norm::L2, &[-3.0, 4.0]), [-0.6, 0.8]);
        assert_eq!(apply(&Norm::Max, &[-3.0, 2.0]), [-1.5, 1.0]);
        assert_eq!(apply(&Norm::L2, &[0.0, 0.0]), [0.0, 0.0]);
        assert_eq!(apply(&Binarizer(0.5), &[0.5, 0.6]), [0.0, 1.0]);
        for replaced in [f64::NAN, -1.0] {
            let imputed = PerColumn(vec![7.0, 8.0]);
            let imputer = Imputer { replaced, imputed };
            assert_eq!(apply(&imputer, &[1.0, replaced]), [1.0, 8.0]);
        }
    }
}
