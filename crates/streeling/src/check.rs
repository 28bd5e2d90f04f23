//! `--check`: what would be served.

use std::fmt;
use std::time::Duration;

use streeling_config::Settings;
use streeling_core::{Context, ErrorKind, Input, Method, Payload, Request, Response, Service as _};

use crate::error::ServeError;
use crate::pidfile::{Pidfile, PidfileError};
use crate::{layout, pools, ports};

/// What a start with these settings would serve; its text is a table for a person.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    rows: Vec<(&'static str, String)>,
}

impl Report {
    /// Loads the Python class that the settings name, in one worker, and describes it. No port is
    /// opened, so that a server may run beside it.
    ///
    /// # Errors
    ///
    /// As at a start, except that ports may be in use, and that the pid file may name a server.
    pub async fn make(settings: &Settings) -> Result<Self, ServeError> {
        let pool = pools::one_worker(settings)?;
        ports::check(settings)?;
        match settings.workers.pidfile.as_deref().map(Pidfile::claim) {
            None | Some(Ok(_) | Err(PidfileError::Live { .. })) => {}
            Some(Err(error)) => return Err(error.into()),
        }
        pool.start().await?;
        let about = pool.about();
        let request = Request {
            method: Method::Metadata,
            model: None,
            input: Input::None,
        };
        let metadata = match pool.call(&Context::default(), request).await {
            Ok(response) => metadata(&response),
            Err(error) if error.kind == ErrorKind::BadMetadata => {
                format!("not valid: {}", error.info)
            }
            Err(error) => error.info,
        };
        pool.stop(Duration::from_millis(500)).await;
        pool.generation().stop().await;
        let mut rows = vec![
            (
                "component",
                format!(
                    "{} ({})",
                    settings.component.interface,
                    settings.component.service_type.as_str()
                ),
            ),
            (
                "interpreter",
                settings.python.interpreter.display().to_string(),
            ),
        ];
        if let Some(about) = about {
            rows.push(("python", about.interpreter()));
            let methods = match &*about.methods {
                [] => "none".to_owned(),
                methods => methods.join(", "),
            };
            rows.push(("methods", methods));
            rows.push(("loaded in", format!("{:.3} s", about.load.as_secs_f64())));
            let warnings = about.warnings.into_iter();
            rows.extend(warnings.map(|warning| ("warning", warning)));
            let limit = about.one_at_a_time.into_iter();
            rows.extend(limit.map(|limit| ("concurrency", limit)));
        }
        rows.push(("metadata", metadata));
        rows.extend(layout::ports(settings));
        rows.push(("workers", layout::workers(settings)));
        rows.push(("defaults", layout::defaults(settings)));
        Ok(Self { rows })
    }
}

fn metadata(response: &Response) -> String {
    match &response.message.payload {
        Payload::Json(metadata) => String::from_utf8_lossy(metadata.as_bytes()).into_owned(),
        _ => "none".to_owned(),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.rows {
            writeln!(f, "{name:<12} {}", value.replace('\n', "\n             "))?;
        }
        Ok(())
    }
}
