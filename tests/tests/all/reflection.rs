//! Server reflection, as the tools of others see it.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use streeling_testkit::Server;

use crate::support::{GRPCURL, STUBS, command_in, root};

/// Every service of the protocol.
const SERVICES: [&str; 7] = [
    "seldon.protos.Combiner",
    "seldon.protos.Generic",
    "seldon.protos.Model",
    "seldon.protos.OutputTransformer",
    "seldon.protos.Router",
    "seldon.protos.Seldon",
    "seldon.protos.Transformer",
];

/// Lists the services by reflection v1alpha, the only version that seldon-core has, and finds a
/// message in another file of the protocol.
const LIST: &str = "
import sys, grpc
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase as Database,
)
with grpc.insecure_channel(sys.argv[1]) as channel:
    database = Database(channel)
    print(*database.get_services())
    pool = DescriptorPool(database)
    pool.FindMessageTypeByName('tensorflow.TensorProto')
    for method in pool.FindServiceByName('seldon.protos.Model').methods:
        print(method.name, method.input_type.full_name, method.output_type.full_name)
";

fn echo() -> Server {
    command_in(&root().join("tests/conformance/components"), "Identity")
        .args(["--grpc-port", "0", "--grpc-workers", "1"])
        .start()
        .unwrap()
}

fn output(program: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {log}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn grpcurl_lists_describes_and_calls() {
    let server = echo();
    let address = server.grpc_address().to_string();
    let grpcurl = |arguments: &[&str]| {
        output(
            &GRPCURL,
            &[&["-plaintext", "-max-time", "20"], arguments].concat(),
        )
    };

    let listed = grpcurl(&[&address, "list"]);
    for service in SERVICES {
        assert!(
            listed.lines().any(|line| line == service),
            "{service}: {listed}"
        );
    }
    let methods = grpcurl(&[&address, "list", "seldon.protos.Model"]);
    let expected = ["Metadata", "Predict", "SendFeedback"];
    let expected = expected.map(|name| format!("seldon.protos.Model.{name}"));
    assert_eq!(methods.lines().collect::<Vec<_>>(), expected);
    let described = grpcurl(&[&address, "describe", "seldon.protos.SeldonMessage"]);
    assert!(
        described.contains(".google.protobuf.Any customData = 7"),
        "{described}"
    );

    let body = r#"{"data":{"names":["a"],"ndarray":[[1.5]]}}"#;
    let response = grpcurl(&["-d", body, &address, "seldon.protos.Model/Predict"]);
    let response: Value = serde_json::from_str(&response).unwrap();
    assert_eq!(
        response,
        json!({"meta": {}, "data": {"names": ["t:0"], "ndarray": [[1.5]]}})
    );
}

#[test]
fn seldon_cores_version_of_reflection_is_there() {
    let server = echo();
    let address = server.grpc_address().to_string();
    let listed = output(STUBS.python(), &["-W", "ignore", "-c", LIST, &address]);
    let mut lines = listed.lines();
    let services: Vec<_> = lines.next().unwrap_or_default().split(' ').collect();
    for service in SERVICES {
        assert!(services.contains(&service), "{service}: {listed}");
    }
    let message = "seldon.protos.SeldonMessage";
    let methods: Vec<_> = lines.collect();
    assert_eq!(
        methods,
        [
            format!("Predict {message} {message}"),
            format!("SendFeedback seldon.protos.Feedback {message}"),
            "Metadata google.protobuf.Empty seldon.protos.SeldonModelMetadata".to_owned(),
        ]
    );
}
