//! A request's bytes as an `ndarray` view, and a computed array as the bytes of a response.
//!
//! `cargo run -p streeling-codec --example codec`

#![expect(clippy::print_stdout, reason = "an example shows what it has found")]

use std::error::Error;

use bytes::Bytes;
use ndarray::{Array2, ArrayD, ArrayViewD, Axis, Ix2};
use streeling_codec::seldon::json;
use streeling_core::{
    Array, DType, Elements, Layout, Message, Meta, Names, Payload, ShapeError, Tensor,
};

fn main() -> Result<(), Box<dyn Error>> {
    let body = Bytes::from_static(
        br#"{"meta":{"puid":"p1"},"data":{"names":["a","b","c"],"ndarray":[[1,2,3.5],[4,5,6]]}}"#,
    );
    let request = json::decode_message(&body)?;
    let Payload::Array(array) = &request.payload else {
        return Err("no array was sent".into());
    };
    let Elements::Typed(tensor) = &array.elements else {
        // Text, nulls and ragged lists stay the JSON that they were.
        return Err("the array is not one of numbers".into());
    };
    println!(
        "in:  {:?} {:?} {:?}",
        array.names,
        tensor.dtype(),
        tensor.shape()
    );

    // One number with a point makes all of them floats, as in NumPy; without any they are int64.
    // Code that can compute with both matches on `dtype` rather than convert.
    let rows = match tensor.dtype() {
        DType::F64 => floats(tensor)?,
        other => return Err(format!("{other:?} is not what this model was trained on").into()),
    };
    let rows = rows.into_dimensionality::<Ix2>()?;
    let means: Array2<f64> = rows
        .mean_axis(Axis(1))
        .ok_or("no columns to take a mean of")?
        .insert_axis(Axis(1));

    let response = Message {
        // A client finds its response by this id.
        meta: Meta {
            id: request.meta.id.clone(),
            ..Meta::default()
        },
        payload: Payload::Array(Array {
            names: Names::from_iter(["mean"]),
            // Laid out as the request was.
            layout: array.layout,
            elements: Elements::Typed(tensor_of(means.into_dyn())?),
        }),
        ..Message::default()
    };
    let mut out = Vec::new();
    json::encode_message(&response, &mut out);
    println!("out: {}", String::from_utf8_lossy(&out));

    // The same response as `tensor`: the layout matters only when it is written.
    let mut response = response;
    if let Payload::Array(array) = &mut response.payload {
        array.layout = Layout::Flat;
    }
    out.clear();
    json::encode_message(&response, &mut out);
    println!("or:  {}", String::from_utf8_lossy(&out));

    // Errors say where, as a path and in bytes.
    let broken = Bytes::from_static(br#"{"data":{"names":["a",2],"ndarray":[[1]]}}"#);
    if let Err(error) = json::decode_message(&broken) {
        println!("bad: {error}");
    }
    Ok(())
}

/// Looks at the decoder's own buffer; no number is copied.
fn floats(tensor: &Tensor) -> Result<ArrayViewD<'_, f64>, Box<dyn Error>> {
    // Lists of JSON are decoded into an aligned buffer. One from protobuf is a slice of the body
    // and may not be aligned: `Tensor::to_vec` reads it all the same.
    let values = tensor.as_slice::<f64>().ok_or("unaligned, or no float64")?;
    Ok(ArrayViewD::from_shape(tensor.shape(), values)?)
}

/// The iterator goes in row-major order, which is that of a tensor, whatever the strides are.
fn tensor_of(array: ArrayD<f64>) -> Result<Tensor, ShapeError> {
    let shape = array.shape().to_vec();
    Tensor::from_vec(shape, array.into_iter().collect())
}
