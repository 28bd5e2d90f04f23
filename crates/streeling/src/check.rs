//! `--check`: what would be served.

use std::fmt;
use std::sync::Arc;
#[cfg(feature = "python")]
use std::time::Duration;

use streeling_config::{ComponentName, Settings};
use streeling_core::{Context, ErrorKind, Input, Method, Payload, Request, Response, Service};
#[cfg(feature = "python")]
use {crate::pools, streeling_config::InterfaceName, streeling_python::Pool};

use crate::backend::{builtin, onnx};
use crate::error::ServeError;
use crate::pidfile::{Pidfile, PidfileError};
use crate::{layout, ports};

type Row = (&'static str, String);

/// What a start with these settings would serve; its text is a table for a person.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    rows: Vec<Row>,
}

impl Report {
    /// Describes what the settings name; a Python class is loaded for it, in one worker. No port is
    /// opened, so that a server may run beside it.
    ///
    /// # Errors
    ///
    /// As at a start, except that ports may be in use, and that the pid file may name a server.
    pub async fn make(settings: &Settings) -> Result<Self, ServeError> {
        match &settings.component.interface {
            ComponentName::BuiltIn(name) => Self::of(settings, &builtin(name, settings)?).await,
            ComponentName::Onnx(file) => Self::of(settings, &onnx(file, settings)?).await,
            #[cfg(feature = "python")]
            ComponentName::Python(class) => Self::of_class(settings, class).await,
            #[cfg(not(feature = "python"))]
            ComponentName::Python(class) => Err(ServeError::without_python(class)),
        }
    }

    /// The same for a component in this process.
    ///
    /// # Errors
    ///
    /// As for [`Report::make`].
    pub async fn of(settings: &Settings, service: &Arc<dyn Service>) -> Result<Self, ServeError> {
        look_at_resources(settings)?;
        let mut rows = vec![component(settings)];
        rows.push(("metadata", metadata(&**service).await));
        rows.extend(layout::ports(settings));
        Ok(Self { rows })
    }

    #[cfg(feature = "python")]
    async fn of_class(settings: &Settings, class: &InterfaceName) -> Result<Self, ServeError> {
        let pool = pools::one_worker(class, settings)?;
        look_at_resources(settings)?;
        pool.start().await?;
        let interpreter = settings.python.interpreter.display().to_string();
        let mut rows = vec![component(settings), ("interpreter", interpreter)];
        rows.extend(about(&pool));
        rows.push(("metadata", metadata(&pool).await));
        pool.stop(Duration::from_millis(500)).await;
        pool.generation().stop().await;
        rows.extend(layout::ports(settings));
        rows.push(("workers", layout::workers(settings)));
        rows.push(("defaults", layout::defaults(settings)));
        Ok(Self { rows })
    }
}

/// Whether what a start needs can be had, apart from ports and pid files of servers that run.
fn look_at_resources(settings: &Settings) -> Result<(), ServeError> {
    ports::check(settings)?;
    #[cfg(any(feature = "rest", feature = "grpc", feature = "metrics"))]
    crate::access::Access::load(settings)?;
    match settings.workers.pidfile.as_deref().map(Pidfile::claim) {
        None | Some(Ok(_) | Err(PidfileError::Live { .. })) => Ok(()),
        Some(Err(error)) => Err(error.into()),
    }
}

fn component(settings: &Settings) -> Row {
    let (name, kind) = (
        &settings.component.interface,
        settings.component.service_type.as_str(),
    );
    ("component", format!("{name} ({kind})"))
}

/// What the worker has found out.
#[cfg(feature = "python")]
fn about(pool: &Pool) -> Vec<Row> {
    let Some(about) = pool.about() else {
        return Vec::new();
    };
    let methods = match &*about.methods {
        [] => "none".to_owned(),
        methods => methods.join(", "),
    };
    let mut rows = vec![
        ("python", about.interpreter()),
        ("methods", methods),
        ("loaded in", format!("{:.3} s", about.load.as_secs_f64())),
    ];
    let warnings = about.warnings.into_iter();
    rows.extend(warnings.map(|warning| ("warning", warning)));
    let limit = about.one_at_a_time.into_iter();
    rows.extend(limit.map(|limit| ("concurrency", limit)));
    rows
}

async fn metadata(service: &dyn Service) -> String {
    let request = Request {
        method: Method::Metadata,
        model: None,
        input: Input::None,
    };
    match service.call(&Context::default(), request).await {
        Ok(response) => text(&response),
        Err(error) if error.kind == ErrorKind::BadMetadata => {
            format!("not valid: {}", error.info)
        }
        Err(error) => error.info,
    }
}

fn text(response: &Response) -> String {
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
