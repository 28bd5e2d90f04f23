//! What goes wrong, and how it is said.

use super::*;

#[tokio::test(start_paused = true)]
async fn bad_input_is_an_invalid_argument_that_says_what_is_wrong() {
    let server = serve(oip());
    let mut both = raw(vec![input("x", "FP32", &[1])], &[&[0; 4]]);
    both.inputs[0].contents = Some(floats(&[1.0]));
    let mut parameter = typed("FP32", &[1], floats(&[1.0]));
    let number = pb::InferParameter {
        parameter_choice: Some(ParameterChoice::DoubleParam(0.5)),
    };
    parameter.parameters = HashMap::from([("content_type".to_owned(), number)]);
    for (request, text) in [
        (both, "has elements in contents and in raw_input_contents"),
        (raw(vec![], &[]), "the request has no inputs"),
        (
            raw(vec![], &[&[]]),
            "there are 1 raw_input_contents for 0 inputs",
        ),
        (
            raw(vec![input("x", "FP32", &[2])], &[&[0; 4]]),
            "takes 8 bytes, found 4",
        ),
        (
            raw(vec![input("x", "BYTES", &[1])], &[&[9, 0, 0, 0]]),
            "claims 9 bytes, 0 are left",
        ),
        (
            typed("FP32", &[2], floats(&[1.0])),
            "takes 2 elements, found 1",
        ),
        (
            typed("FP32", &[-1], floats(&[1.0])),
            "has the side -1 in its shape",
        ),
        (typed("FP16", &[1], floats(&[1.0])), "which has no contents"),
        (typed("BF16", &[1], floats(&[1.0])), "which has no contents"),
        (
            typed("FP31", &[1], floats(&[1.0])),
            "datatype \"FP31\" of input \"x\" is not known",
        ),
        (
            typed("FP32", &[0, 2], floats(&[])),
            "input \"x\" has no rows",
        ),
        (
            parameter,
            "content_type of the request must be a string, found a number",
        ),
    ] {
        let status = infer(&server, request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{text}");
        assert!(
            status.message().contains(text),
            "{text}: {}",
            status.message()
        );
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, "BAD_DATA");
    }
    assert_eq!(server.model.started.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_error_has_its_code() {
    let server = serve(oip());
    for kind in ErrorKind::ALL {
        let code = match kind {
            ErrorKind::BadData => Code::InvalidArgument,
            ErrorKind::Unauthenticated => Code::Unauthenticated,
            ErrorKind::UnknownModel => Code::NotFound,
            ErrorKind::NotImplemented => Code::Unimplemented,
            ErrorKind::Component | ErrorKind::BadMetric | ErrorKind::BadMetadata => Code::Unknown,
            ErrorKind::TooLarge | ErrorKind::QueueFull | ErrorKind::MemoryFull => {
                Code::ResourceExhausted
            }
            ErrorKind::WorkerLost | ErrorKind::NotReady => Code::Unavailable,
            ErrorKind::Deadline => Code::DeadlineExceeded,
            ErrorKind::Internal => Code::Internal,
        };
        let status = infer(&server, command(&format!("kind {kind:?}")))
            .await
            .unwrap_err();
        let text = format!("failed as scripted: {kind:?} \"é\n");
        assert_eq!((status.code(), status.message()), (code, text.as_str()));
    }
    let status = infer(&server, command("grpc 5")).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::NotFound, "own"));
    let status = infer(&server, command("panic ouch")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unknown);
    let status = infer(&server, command("status 7")).await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::Unknown, "as returned")
    );
}

#[tokio::test(start_paused = true)]
async fn other_models_and_versions_are_not_found() {
    let server = serve(oip());
    let mut client = client(&server).await;
    for (name, version, text) in [
        ("x", "", "no model \"x\" is served here, only \"scripted\""),
        ("", "", "no model \"\" is served here, only \"scripted\""),
        (
            "scripted",
            "3",
            "no version \"3\" of model \"scripted\" is served here, only \"2\"",
        ),
    ] {
        let infer = pb::ModelInferRequest {
            model_name: name.to_owned(),
            model_version: version.to_owned(),
            ..typed("FP32", &[1], floats(&[1.0]))
        };
        let ready = pb::ModelReadyRequest {
            name: name.to_owned(),
            version: version.to_owned(),
        };
        let metadata = pb::ModelMetadataRequest {
            name: name.to_owned(),
            version: version.to_owned(),
        };
        for status in [
            client.model_infer(infer).await.unwrap_err(),
            client.model_ready(ready).await.unwrap_err(),
            client.model_metadata(metadata).await.unwrap_err(),
        ] {
            assert_eq!((status.code(), status.message()), (Code::NotFound, text));
        }
    }
    let status = client.repository_model_load(load("x")).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    let status = client
        .repository_model_unload(unload("x"))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    let unversioned = serve(Oip::new(served(None), Method::Predict));
    let request = pb::ModelInferRequest {
        model_version: "1".to_owned(),
        ..typed("FP32", &[1], floats(&[1.0]))
    };
    let status = infer(&unversioned, request).await.unwrap_err();
    assert_eq!(
        status.message(),
        "no version \"1\" of model \"scripted\" is served here, it has none"
    );
    assert_eq!(server.model.started.get(), 0);
}
