//! The Python packages of the worker, carried as text.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};

use rustix::fs::{FlockOperation, OFlags, flock};
use tempfile::TempDir;

use crate::lock::lock;

/// What [`program`] begins with.
const BOOTSTRAP: &str = include_str!("../python/bootstrap.py");

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
    "streeling" => "streeling.py",
    "streeling_worker" => "streeling_worker/__init__.py",
    "streeling_worker.access" => "streeling_worker/access.py",
    "streeling_worker.children" => "streeling_worker/children.py",
    "streeling_worker.current" => "streeling_worker/current.py",
    "streeling_worker.errors" => "streeling_worker/errors.py",
    "streeling_worker.hints" => "streeling_worker/hints.py",
    "streeling_worker.inputs" => "streeling_worker/inputs.py",
    "streeling_worker.limits" => "streeling_worker/limits.py",
    "streeling_worker.loader" => "streeling_worker/loader.py",
    "streeling_worker.logs" => "streeling_worker/logs.py",
    "streeling_worker.main" => "streeling_worker/main.py",
    "streeling_worker.metadata" => "streeling_worker/metadata.py",
    "streeling_worker.metrics" => "streeling_worker/metrics.py",
    "streeling_worker.methods" => "streeling_worker/methods.py",
    "streeling_worker.original" => "streeling_worker/original.py",
    "streeling_worker.payload" => "streeling_worker/payload.py",
    "streeling_worker.plain" => "streeling_worker/plain.py",
    "streeling_worker.protobuf" => "streeling_worker/protobuf.py",
    "streeling_worker.protocol" => "streeling_worker/protocol.py",
    "streeling_worker.randomness" => "streeling_worker/randomness.py",
    "streeling_worker.raw" => "streeling_worker/raw.py",
    "streeling_worker.replies" => "streeling_worker/replies.py",
    "streeling_worker.serve" => "streeling_worker/serve.py",
    "streeling_worker.signatures" => "streeling_worker/signatures.py",
    "streeling_worker.spans" => "streeling_worker/spans.py",
    "streeling_worker.stacks" => "streeling_worker/stacks.py",
    "streeling_worker.template" => "streeling_worker/template.py",
    "streeling_worker.tensorproto" => "streeling_worker/tensorproto.py",
    "streeling_worker.tensors" => "streeling_worker/tensors.py",
    "streeling_worker.title" => "streeling_worker/title.py",
    "streeling_worker.tracer" => "streeling_worker/tracer.py",
    "streeling_worker.web" => "streeling_worker/web.py",
}

/// The program that the interpreter reads first, for a process that inherits its control socket as
/// this number; it receives the rest over that.
pub(crate) fn program(control: i32) -> String {
    format!("{BOOTSTRAP}_bootstrap({control})\n")
}

/// The body of the `package` frame: a JSON object of names and sources.
pub(crate) fn sources() -> Vec<u8> {
    let modules: BTreeMap<_, _> = MODULES.iter().copied().collect();
    serde_json::to_vec(&modules).expect("a map of text is JSON")
}

/// The packages as files in a folder of this process's own, which is removed when this is dropped:
/// a worker has them in memory, but interpreters that the component starts do not.
#[derive(Debug)]
pub(crate) struct Packages {
    folder: TempDir,
    /// Locked as long as this process lives. A folder in which it is not has been left behind by a
    /// process that was killed.
    _lock: File,
}

/// What the names of the folders begin with.
const PREFIX: &str = "streeling-";

/// The locked file in a folder.
const LOCK: &str = "streeling.lock";

/// Those that the living workers use.
static PACKAGES: Mutex<Weak<Packages>> = Mutex::new(Weak::new());

/// The packages as files, the same for all workers that live at the same time. `None`, with a
/// warning, where there is no place for them.
pub(crate) fn packages() -> Option<Arc<Packages>> {
    let mut shared = lock(&PACKAGES);
    // Programs that clean up temporary folders remove what has not been read for some days.
    if let Some(packages) = shared.upgrade()
        && packages.write().is_ok()
    {
        return Some(packages);
    }
    match Packages::make() {
        Ok(packages) => {
            let packages = Arc::new(packages);
            *shared = Arc::downgrade(&packages);
            Some(packages)
        }
        Err(error) => {
            tracing::warn!(
                "interpreters that the component starts will not find the package seldon_core, \
                 unless it is installed: no temporary folder can be written (TMPDIR): {error}"
            );
            None
        }
    }
}

/// Removes the folder of the packages, for a process that is about to exit with workers running.
pub fn remove_packages() {
    if let Some(packages) = lock(&PACKAGES).upgrade() {
        // What cannot be removed stays.
        let _ = fs::remove_dir_all(packages.path());
    }
}

impl Packages {
    fn make() -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX);
        // Where a container's own file system cannot be written to, there is shared memory.
        let folder = builder
            .tempdir()
            .or_else(|error| builder.tempdir_in("/dev/shm").map_err(|_| error))?;
        // It is locked before others can find it.
        let new = folder.path().join("new");
        let lock = File::create(&new)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        fs::rename(new, folder.path().join(LOCK))?;
        let packages = Self {
            folder,
            _lock: lock,
        };
        packages.write()?;
        packages.remove_left_behind();
        Ok(packages)
    }

    /// Removes the folders of processes that were killed.
    fn remove_left_behind(&self) {
        let entries = self.path().parent().and_then(|all| fs::read_dir(all).ok());
        for entry in entries.into_iter().flatten().flatten() {
            if !entry.file_name().as_bytes().starts_with(PREFIX.as_bytes()) {
                continue;
            }
            // Those of other users cannot be opened. Nor is a link followed, or a pipe waited for,
            // that another user has put there.
            let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
            let mut options = File::options();
            options.read(true).custom_flags(flags.bits().cast_signed());
            let Ok(lock) = options.open(entry.path().join(LOCK)) else {
                continue;
            };
            if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
                // Another process may be doing the same.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes the files that are not there.
    fn write(&self) -> io::Result<()> {
        for (name, source) in MODULES {
            let file = self.path().join(file(name));
            if !file.exists() {
                fs::create_dir_all(file.parent().unwrap_or(self.path()))?;
                fs::write(file, source)?;
            }
        }
        Ok(())
    }
}

/// Where a module lies below the folder of its package.
fn file(name: &str) -> PathBuf {
    let path = PathBuf::from(name.replace('.', "/"));
    let start = format!("{name}.");
    // A package without modules of its own has none of these here.
    let is_package = MODULES.iter().any(|(other, _)| other.starts_with(&start));
    if is_package {
        path.join("__init__.py")
    } else {
        path.with_extension("py")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn files(folder: &Path, found: &mut BTreeSet<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
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
            .map(|(name, _)| root.join(file(name)))
            .collect();
        assert_eq!(carried, on_disk);
    }

    #[test]
    fn the_files_are_there_while_they_are_used_and_written_again_where_they_are_removed() {
        let first = packages().unwrap();
        let folder = first.path().to_owned();
        let file = folder.join("seldon_core/proto/prediction_pb2.py");
        assert!(file.exists());
        fs::remove_dir_all(folder.join("seldon_core")).unwrap();
        let second = packages().unwrap();
        assert_eq!(second.path(), folder);
        assert!(file.exists());
        drop(first);
        assert!(file.exists());
        drop(second);
        assert!(!folder.exists());
        let third = packages().unwrap();
        remove_packages();
        assert!(!third.path().exists());
    }

    #[test]
    fn what_a_killed_process_has_left_behind_is_removed() {
        let left = |is_locked: bool| {
            let folder = tempfile::Builder::new().prefix(PREFIX).tempdir().unwrap();
            let lock = File::create(folder.path().join(LOCK)).unwrap();
            if is_locked {
                flock(&lock, FlockOperation::NonBlockingLockExclusive).unwrap();
            }
            (folder, lock)
        };
        let (living, killed) = (left(true), left(false));
        let packages = Packages::make().unwrap();
        assert!(living.0.path().exists() && packages.path().exists());
        assert!(!killed.0.path().exists());
    }
}
