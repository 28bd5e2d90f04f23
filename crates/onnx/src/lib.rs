//! An ONNX file as a component: no Python, and no code.
//!
//! [`component`] makes one. `graph` chooses the output and leaves out what it does not need, `ml`
//! has the operators of classic machine learning that tract lacks, `model` compiles and runs the
//! graph, `input` and `output` are numbers on their way in and out.
//!
//! It sits beside the built-in components of `streeling-builtin`. No transport is known here: that
//! a request is JSON or protobuf, and which status an error gets, is decided elsewhere.

#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod component;
mod error;
mod graph;
mod input;
mod ml;
mod model;
mod output;
mod pace;
mod shape;

pub use component::component;
pub use error::OnnxError;
