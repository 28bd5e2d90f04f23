//! `meta` written as protobuf.

use streeling_core::{Meta, Metric, MetricKind, Table};

use super::encode_error::Result;
use super::encode_json::write_json;
use crate::protobuf::write::{bytes, float32, infallible, integer, nested};

/// What protobuf does not know of `meta` is left out.
pub(super) fn write_meta(meta: &Meta, out: &mut Vec<u8>) -> Result<()> {
    bytes(1, meta.id.as_deref().unwrap_or_default().as_bytes(), out);
    for (key, value) in &meta.tags {
        nested(2, out, |out| {
            bytes(1, key.as_bytes(), out);
            nested(2, out, |out| write_json(value, "meta.tags", out))
        })?;
    }
    for (key, &branch) in &meta.routing {
        infallible(nested(3, out, |out| {
            bytes(1, key.as_bytes(), out);
            integer(2, branch.into(), out);
            Ok(())
        }));
    }
    write_texts(4, &meta.path, out);
    for metric in &meta.metrics {
        infallible(nested(5, out, |out| {
            write_metric(metric, out);
            Ok(())
        }));
    }
    Ok(())
}

fn write_metric(metric: &Metric, out: &mut Vec<u8>) {
    bytes(1, metric.key.as_bytes(), out);
    let kind = match metric.kind {
        MetricKind::Counter => 0,
        MetricKind::Gauge => 1,
        MetricKind::Timer => 2,
    };
    integer(2, kind, out);
    #[expect(clippy::cast_possible_truncation, reason = "the field has 32 bits")]
    float32(3, metric.value.as_f64() as f32, out);
    if let Some(tags) = &metric.tags {
        write_texts(4, tags, out);
    }
}

fn write_texts(number: u32, table: &Table<String>, out: &mut Vec<u8>) {
    for (key, value) in table {
        infallible(nested(number, out, |out| {
            bytes(1, key.as_bytes(), out);
            bytes(2, value.as_bytes(), out);
            Ok(())
        }));
    }
}
