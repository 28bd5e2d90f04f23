//! Nothing is here: the package is its integration tests, in `tests/all`, and the golden suite's
//! data, in `conformance`.
