//! A request's bytes as an `ndarray` view, and a computed array as the bytes of an answer.
//!
//! `cargo run -p streeling-codec --example codec`

#![expect(clippy::print_stdout, reason = "an example shows what it has found")]

use std::error::Error;

use bytes::Bytes;
use ndarray::{Array2, ArrayD, ArrayViewD, Axis, Ix2};
use streeling_codec::json;
use streeling_core::{Array, DType, Data, Form, Message, Meta, Names, Payload, ShapeError, Tensor};

fn main() -> Result<(), Box<dyn Error>> {
    let body = Bytes::from_static(
        br#"{"meta":{"puid":"p1"},"data":{"names":["a","b","c"],"ndarray":[[1,2,3.5],[4,5,6]]}}"#,
    );
    let request = json::decode_message(&body)?;
    let Payload::Data(data) = &request.payload else {
        return Err("no array was sent".into());
    };
    let Array::Typed(tensor) = &data.array else {
        // Text, nulls and ragged lists stay the JSON that they were.
        return Err("the array is not one of numbers".into());
    };
    println!(
        "in:  {:?} {:?} {:?}",
        data.names,
        tensor.dtype(),
        tensor.shape()
    );

    // One number with a point makes all of them floats, as in NumPy; without any they are int64.
    // Who can compute with both matches on `dtype` rather than convert.
    let rows = match tensor.dtype() {
        DType::F64 => floats(tensor)?,
        other => return Err(format!("{other:?} is not what this model was trained on").into()),
    };
    let rows = rows.into_dimensionality::<Ix2>()?;
    let means: Array2<f64> = rows
        .mean_axis(Axis(1))
        .ok_or("no columns to take a mean of")?
        .insert_axis(Axis(1));

    let answer = Message {
        // A client finds its answer by this id.
        meta: Meta {
            puid: request.meta.puid.clone(),
            ..Meta::default()
        },
        payload: Payload::Data(Data {
            names: Names::from_iter(["mean"]),
            // In the form in which it was asked.
            form: data.form,
            array: Array::Typed(tensor_of(means.into_dyn())?),
        }),
        ..Message::default()
    };
    let mut out = Vec::new();
    json::encode_message(&answer, &mut out);
    println!("out: {}", String::from_utf8_lossy(&out));

    // The same answer as `tensor`: the form is a matter of writing only.
    let mut answer = answer;
    if let Payload::Data(data) = &mut answer.payload {
        data.form = Form::Tensor;
    }
    out.clear();
    json::encode_message(&answer, &mut out);
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
    // Lists of JSON are decoded into an aligned buffer. One from protobuf is a slice of the body and
    // may not be aligned: `Tensor::to_vec` reads it all the same.
    let values = tensor.as_slice::<f64>().ok_or("unaligned, or no float64")?;
    Ok(ArrayViewD::from_shape(tensor.shape(), values)?)
}

/// The iterator goes in row-major order, which is that of a tensor, whatever the strides are.
fn tensor_of(array: ArrayD<f64>) -> Result<Tensor, ShapeError> {
    let shape = array.shape().to_vec();
    Tensor::from_vec(shape, array.into_iter().collect())
}
