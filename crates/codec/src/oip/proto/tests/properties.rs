//! Properties over generated requests and bytes.

use proptest::prelude::*;

use super::*;

/// A tensor of any dtype and a shape of up to three sides.
fn tensor() -> impl Strategy<Value = Tensor> {
    let dtype = prop::sample::select(DType::ALL.to_vec());
    (dtype, prop::collection::vec(0..4_usize, 0..4)).prop_flat_map(|(dtype, shape)| {
        let count: usize = shape.iter().product();
        let strategy: BoxedStrategy<Vec<u8>> = match dtype.size() {
            Some(_) if dtype == DType::Bool => prop::collection::vec(0..2_u8, count).boxed(),
            Some(size) => prop::collection::vec(any::<u8>(), count * size).boxed(),
            None => prop::collection::vec(any::<Vec<u8>>(), count)
                .prop_map(|elements| {
                    let tensor = Tensor::from_byte_elements(vec![elements.len()], elements);
                    tensor.unwrap().data().to_vec()
                })
                .boxed(),
        };
        strategy.prop_map(move |data| Tensor::new(dtype, shape.clone(), data.into()).unwrap())
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_it_was(
        tensors in prop::collection::vec(tensor(), 1..4),
        is_raw: bool,
    ) {
        let outputs = tensors.into_iter().map(|tensor| output("y", tensor)).collect();
        let response = InferResponse { outputs, ..InferResponse::default() };
        let again = read(&as_request(written(&response, is_raw))).unwrap();
        prop_assert_eq!(again.request.inputs, response.outputs);
    }

    #[test]
    fn a_request_of_prost_is_read(
        id: String, key: String, text: String, number: f64,
        tensors in prop::collection::vec(tensor(), 0..3),
    ) {
        let outputs = tensors.into_iter().map(|tensor| output("x", tensor)).collect();
        let response = InferResponse { outputs, ..InferResponse::default() };
        let mut wanted = as_request(written(&response, true));
        wanted.id = id.clone();
        let choices = [ParameterChoice::StringParam(text), ParameterChoice::DoubleParam(number)];
        for (index, choice) in choices.into_iter().enumerate() {
            wanted.parameters.insert(format!("{key}{index}"), parameter(choice));
        }
        let found = read(&wanted).unwrap().request;
        prop_assert_eq!(found.id.unwrap_or_default(), id);
        prop_assert_eq!(found.inputs, response.outputs);
        // A NaN is not equal to itself, so texts are compared.
        let response = InferResponse { parameters: found.parameters, ..InferResponse::default() };
        let again = written(&response, false).parameters;
        prop_assert_eq!(format!("{:?}", again.get(&format!("{key}0"))),
            format!("{:?}", wanted.parameters.get(&format!("{key}0"))));
        prop_assert_eq!(format!("{:?}", again.get(&format!("{key}1"))),
            format!("{:?}", wanted.parameters.get(&format!("{key}1"))));
    }

    #[test]
    fn any_bytes_are_read_or_refused(body: Vec<u8>) {
        let body = Bytes::from(body);
        let by_prost = pb::ModelInferRequest::decode(body.clone());
        if let Err(error) = decode_request(&body, &Meter::unlimited()) {
            prop_assert_eq!(error.kind, ErrorKind::BadData);
            // What prost reads is protobuf for this reader, too.
            prop_assert!(by_prost.is_err() || !error.info.contains("protobuf"), "{}", error);
        }
    }
}
