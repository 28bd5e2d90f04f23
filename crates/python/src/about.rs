//! A description of the loaded component, for a person to read.

use std::time::Duration;

use streeling_core::{Encoding, Method};

use crate::pool::Pool;

/// A description of the component as it was loaded last.
#[derive(Clone, Debug, PartialEq)]
pub struct About {
    /// The methods that the server calls and that the class defines.
    pub methods: Vec<String>,
    /// How long import, construction and load took together.
    pub load: Duration,
    /// Why a worker has one call at a time, whatever its threads, and what gives it all of them.
    pub one_at_a_time: Option<String>,
    /// What is probably not meant as it is.
    pub warnings: Vec<String>,
    /// The version of the interpreter.
    pub python: String,
    /// The version of NumPy beside the component; `None` where it is not installed.
    pub numpy: Option<String>,
}

impl About {
    /// The interpreter and what is beside it, in words.
    #[must_use]
    pub fn interpreter(&self) -> String {
        let numpy = self.numpy.as_ref();
        let numpy = numpy.map_or_else(
            || "no NumPy".to_owned(),
            |version| format!("NumPy {version}"),
        );
        format!("Python {}, {numpy}", self.python)
    }
}

impl Pool {
    /// A description of the component; `None` before it has been loaded.
    #[must_use]
    pub fn about(&self) -> Option<About> {
        let ready = self.shared.component.ready().ok()?;
        let methods = ready.methods;
        let mut names: Vec<String> = Method::ALL
            .into_iter()
            .filter(|method| methods.has(*method))
            .map(|method| method.name().to_owned())
            .collect();
        for method in Method::ALL {
            let has_raw = |encoding| methods.has_raw(method, encoding);
            let raw = match (has_raw(Encoding::Json), has_raw(Encoding::Protobuf)) {
                (true, true) => "raw messages",
                (true, false) => "raw messages over REST",
                (false, true) => "raw messages over gRPC",
                (false, false) => continue,
            };
            names.push(format!("{} ({raw})", method.name()));
        }
        if methods.has_service() {
            names.push("custom_service".to_owned());
        }
        let config = &self.shared.config.worker;
        let generation = self.shared.generation();
        let component = generation.config();
        let class = format!("{}.{}", component.module, component.class);
        let is_limited = config.threads_are_default && config.threads > 1 && ready.is_stateful();
        let one_at_a_time = is_limited.then(|| {
            format!(
                "{class} defines tags or metrics, so each worker has one call at a time; set \
                 --threads (GUNICORN_THREADS), or thread_safe = True in the class, for more"
            )
        });
        let nothing = ready.hint.as_deref().map(|hint| {
            format!("{class} defines no method that requests call, such as predict: {hint}")
        });
        let interpreter = &ready.interpreter;
        let no_numpy = interpreter.numpy.is_none().then(|| {
            let python = component.python.display();
            format!("no NumPy in the environment of {python}: the component gets lists, not arrays")
        });
        Some(About {
            methods: names,
            load: ready.load_time(),
            one_at_a_time,
            warnings: nothing.into_iter().chain(no_numpy).collect(),
            python: interpreter.python.clone(),
            numpy: interpreter.numpy.clone(),
        })
    }
}
