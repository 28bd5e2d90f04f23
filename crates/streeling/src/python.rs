//! Settings as the worker pool wants them.

use streeling_config::{LogLevel, Settings};
use streeling_python::{PoolConfig, WorkerConfig};

/// Headers, names and meta come on top of an answer's payload.
const ENVELOPE: usize = 1 << 20;

pub(crate) fn pool_config(settings: &Settings) -> PoolConfig {
    PoolConfig {
        worker: WorkerConfig {
            python: settings.python.interpreter.clone(),
            app_dir: settings.python.app_dir.clone(),
            module: settings.interface.module.clone(),
            class: settings.interface.class.clone(),
            parameters: settings.parameters.to_python_json(),
            metadata: settings.model_metadata.clone(),
            unit_id: settings.identity.unit.clone(),
            image: settings.identity.image.clone(),
            threads: settings.rest.threads as usize,
            log_level: match settings.log.level {
                LogLevel::Debug => "DEBUG",
                LogLevel::Info => "INFO",
                LogLevel::Warning => "WARNING",
                LogLevel::Error => "ERROR",
            },
        },
        workers: settings.rest.workers as usize,
        max_queue: settings.workers.max_queue as usize,
        max_answer: settings.rest.max_body.saturating_add(ENVELOPE),
    }
}
