//! What the component turned out to be, for those who want to know and need not ask it.

use std::time::Duration;

use streeling_core::{Encoding, Method};

use crate::pool::Pool;

/// What a component turned out to be when it was loaded last.
#[derive(Clone, Debug, PartialEq)]
pub struct About {
    /// What the class defines of what the server calls, for a person to read.
    pub methods: Vec<String>,
    /// How long import, construction and load took together.
    pub load: Duration,
}

impl Pool {
    /// What the component turned out to be; `None` before the load has ended.
    #[must_use]
    pub fn about(&self) -> Option<About> {
        let ready = self.ready().ok()?;
        let methods = ready.methods;
        let mut names: Vec<String> = Method::ALL
            .into_iter()
            .filter(|method| methods.has(*method))
            .map(|method| method.name().to_owned())
            .collect();
        for method in Method::ALL {
            let by = |encoding| methods.has_whole(method, encoding);
            let whole = match (by(Encoding::Json), by(Encoding::Protobuf)) {
                (true, true) => "whole messages",
                (true, false) => "whole messages over REST",
                (false, true) => "whole messages over gRPC",
                (false, false) => continue,
            };
            names.push(format!("{} ({whole})", method.name()));
        }
        if methods.has_service() {
            names.push("custom_service".to_owned());
        }
        Some(About {
            methods: names,
            load: Duration::try_from_secs_f64(ready.load_seconds).unwrap_or_default(),
        })
    }
}
