//! Inference.

use super::*;

#[tokio::test(start_paused = true)]
async fn every_datatype_goes_through_the_model_as_it_came() {
    let server = serve(oip());
    let two = |size: usize| -> &'static [u8] { &[1; 16][..2 * size] };
    let halves: &'static [u8] = &[0, 60, 0, 188];
    for (datatype, data) in [
        ("BOOL", two(1)),
        ("INT8", two(1)),
        ("INT16", two(2)),
        ("INT32", two(4)),
        ("INT64", two(8)),
        ("UINT8", two(1)),
        ("UINT16", two(2)),
        ("UINT32", two(4)),
        ("UINT64", two(8)),
        ("FP16", halves),
        ("FP32", two(4)),
        ("FP64", two(8)),
    ] {
        let request = raw(vec![input("x", datatype, &[1, 2])], &[data]);
        let response = infer(&server, request).await.unwrap();
        assert_eq!(response.raw_output_contents, [data], "{datatype}");
        let [output] = &response.outputs[..] else {
            panic!("{response:?}")
        };
        assert_eq!(output.datatype, datatype);
        assert_eq!((&output.shape[..], &output.contents), (&[1, 2][..], &None));
    }
}

#[tokio::test(start_paused = true)]
async fn typed_elements_come_back_typed() {
    let server = serve(oip());
    let mut request = typed("FP32", &[1, 2], floats(&[1.5, -0.0]));
    request.id = "id-1".to_owned();
    request.model_version = "2".to_owned();
    let seven = pb::InferParameter {
        parameter_choice: Some(ParameterChoice::Int64Param(7)),
    };
    request.parameters = HashMap::from([("k".to_owned(), seven)]);
    let response = infer(&server, request.clone()).await.unwrap();
    let model = (
        response.model_name.as_str(),
        response.model_version.as_str(),
    );
    assert_eq!((model, response.id.as_str()), (("scripted", "2"), "id-1"));
    assert_eq!(response.parameters, request.parameters);
    let [output] = &response.outputs[..] else {
        panic!("{response:?}")
    };
    assert_eq!(output.contents, Some(floats(&[1.5, -0.0])));
    assert_eq!(output.name, "predict");
    assert!(response.raw_output_contents.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_large_tensor_is_moved_elsewhere_and_comes_back() {
    let server = serve(oip());
    let data: &'static [u8] = vec![7; 4 << 20].leak();
    let mut client = client(&server).await.max_decoding_message_size(8 << 20);
    let request = raw(vec![input("x", "FP32", &[1 << 20])], &[data]);
    let response = client.model_infer(request).await.unwrap().into_inner();
    assert_eq!(response.raw_output_contents, [data]);
}

#[tokio::test(start_paused = true)]
async fn outputs_are_those_that_are_requested() {
    let server = serve(oip());
    let inputs = || vec![input("a", "FP32", &[1, 2]), input("b", "INT8", &[3])];
    let data: [&'static [u8]; 2] = [&[0; 8], &[1, 2, 3]];
    let wanted = |name: &str| InferRequestedOutputTensor {
        name: name.to_owned(),
        ..InferRequestedOutputTensor::default()
    };
    let mut request = raw(inputs(), &data);
    request.outputs = vec![wanted("b"), wanted("a")];
    let response = infer(&server, request).await.unwrap();
    assert_eq!(response.raw_output_contents, [&[1, 2, 3][..], &[0; 8]]);
    let names: Vec<_> = response.outputs.iter().map(|output| &output.name).collect();
    assert_eq!(names, ["b", "a"]);
    let mut request = raw(inputs(), &data);
    request.outputs = vec![wanted("c")];
    let status = infer(&server, request).await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (
            Code::InvalidArgument,
            "no output is called \"c\", there are \"a\", \"b\""
        )
    );
}

#[tokio::test(start_paused = true)]
async fn another_method_may_be_called_or_none() {
    let transforming = serve(Oip::new(served(None), Method::TransformInput));
    let request = || typed("FP32", &[1, 1], floats(&[1.0]));
    infer(&transforming, request()).await.unwrap();
    assert_eq!(transforming.model.started.get(), 0);
    assert_eq!(transforming.recorder.last().await.label, "inputtransform");
    for infer_method in [Some(Method::Aggregate), None] {
        let server = serve(Oip::new(served(None), infer_method));
        let status = infer(&server, request()).await.unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented);
        let text = "model \"scripted\" has no method that inference calls";
        assert!(status.message().starts_with(text), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn both_protocols_reach_the_same_model() {
    let server = serve(oip());
    let response = infer(&server, command("hi")).await.unwrap();
    let contents = response.outputs[0].contents.as_ref().unwrap();
    assert_eq!(contents.bytes_contents, ["echo hi"]);
    assert_eq!(text_of(&server.command("hi").await.unwrap()), "echo hi");
    assert_eq!(server.model.started.get(), 2);
}
