//! The Python package of the worker, carried as text.

/// The code that the interpreter is started with; it receives the rest over the control socket.
pub(crate) const BOOTSTRAP: &str = include_str!("../python/bootstrap.py");

macro_rules! modules {
    ($($name:literal => $path:literal),* $(,)?) => {
        /// Every module: name and source.
        const MODULES: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("../python/", $path)))),*
        ];
    };
}

modules! {
    "seldon_core" => "seldon_core/__init__.py",
    "seldon_core._arrays" => "seldon_core/_arrays.py",
    "seldon_core._lazy" => "seldon_core/_lazy.py",
    "seldon_core._remote" => "seldon_core/_remote.py",
    "seldon_core._response" => "seldon_core/_response.py",
    "seldon_core.api_tester" => "seldon_core/api_tester.py",
    "seldon_core.batch_processor" => "seldon_core/batch_processor.py",
    "seldon_core.env_utils" => "seldon_core/env_utils.py",
    "seldon_core.flask_utils" => "seldon_core/flask_utils.py",
    "seldon_core.gunicorn_utils" => "seldon_core/gunicorn_utils.py",
    "seldon_core.imports_helper" => "seldon_core/imports_helper.py",
    "seldon_core.metadata" => "seldon_core/metadata.py",
    "seldon_core.metrics" => "seldon_core/metrics.py",
    "seldon_core.microservice" => "seldon_core/microservice.py",
    "seldon_core.microservice_tester" => "seldon_core/microservice_tester.py",
    "seldon_core.proto" => "seldon_core/proto/__init__.py",
    "seldon_core.proto._classes" => "seldon_core/proto/_classes.py",
    "seldon_core.proto._descriptors" => "seldon_core/proto/_descriptors.py",
    "seldon_core.proto._tensorflow" => "seldon_core/proto/_tensorflow.py",
    "seldon_core.proto.prediction_pb2" => "seldon_core/proto/prediction_pb2.py",
    "seldon_core.proto.prediction_pb2_grpc" => "seldon_core/proto/prediction_pb2_grpc.py",
    "seldon_core.proto.tensorflow" => "seldon_core/proto/tensorflow/__init__.py",
    "seldon_core.proto.tensorflow.core" => "seldon_core/proto/tensorflow/core/__init__.py",
    "seldon_core.proto.tensorflow.core.framework" =>
        "seldon_core/proto/tensorflow/core/framework/__init__.py",
    "seldon_core.proto.tensorflow.core.framework.resource_handle_pb2" =>
        "seldon_core/proto/tensorflow/core/framework/resource_handle_pb2.py",
    "seldon_core.proto.tensorflow.core.framework.tensor_pb2" =>
        "seldon_core/proto/tensorflow/core/framework/tensor_pb2.py",
    "seldon_core.proto.tensorflow.core.framework.tensor_shape_pb2" =>
        "seldon_core/proto/tensorflow/core/framework/tensor_shape_pb2.py",
    "seldon_core.proto.tensorflow.core.framework.types_pb2" =>
        "seldon_core/proto/tensorflow/core/framework/types_pb2.py",
    "seldon_core.seldon_client" => "seldon_core/seldon_client.py",
    "seldon_core.seldon_methods" => "seldon_core/seldon_methods.py",
    "seldon_core.serving_test_gen" => "seldon_core/serving_test_gen.py",
    "seldon_core.storage" => "seldon_core/storage.py",
    "seldon_core.user_model" => "seldon_core/user_model.py",
    "seldon_core.utils" => "seldon_core/utils.py",
    "seldon_core.version" => "seldon_core/version.py",
    "seldon_core.wrapper" => "seldon_core/wrapper.py",
    "streeling_worker" => "streeling_worker/__init__.py",
    "streeling_worker.current" => "streeling_worker/current.py",
    "streeling_worker.errors" => "streeling_worker/errors.py",
    "streeling_worker.hints" => "streeling_worker/hints.py",
    "streeling_worker.loader" => "streeling_worker/loader.py",
    "streeling_worker.logs" => "streeling_worker/logs.py",
    "streeling_worker.main" => "streeling_worker/main.py",
    "streeling_worker.metadata" => "streeling_worker/metadata.py",
    "streeling_worker.methods" => "streeling_worker/methods.py",
    "streeling_worker.payload" => "streeling_worker/payload.py",
    "streeling_worker.protobuf" => "streeling_worker/protobuf.py",
    "streeling_worker.protocol" => "streeling_worker/protocol.py",
    "streeling_worker.serve" => "streeling_worker/serve.py",
    "streeling_worker.spans" => "streeling_worker/spans.py",
}

/// The body of the `package` frame: a JSON object of names and sources.
pub(crate) fn sources() -> Vec<u8> {
    let modules: std::collections::BTreeMap<_, _> = MODULES.iter().copied().collect();
    serde_json::to_vec(&modules).expect("a map of text is JSON")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use super::MODULES;

    fn files(folder: &Path, found: &mut BTreeSet<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("tests") {
                files(&path, found);
            } else if path.extension().is_some_and(|end| end == "py") {
                found.insert(path);
            }
        }
    }

    #[test]
    fn every_module_on_disk_is_carried() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
        let mut on_disk = BTreeSet::new();
        files(&root, &mut on_disk);
        on_disk.remove(&root.join("bootstrap.py"));
        let carried: BTreeSet<PathBuf> = MODULES
            .iter()
            .map(|(name, _)| {
                let path = root.join(name.replace('.', "/"));
                if path.is_dir() {
                    path.join("__init__.py")
                } else {
                    path.with_extension("py")
                }
            })
            .collect();
        assert_eq!(carried, on_disk);
    }
}
