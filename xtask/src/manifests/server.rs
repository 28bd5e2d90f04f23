//! What the server would make of a container: its arguments and variables are read by the server's
//! own code.

use std::collections::BTreeSet;
use std::ffi::OsString;

use k8s_openapi::api::core::v1::Container;
use streeling_config::{Annotations, Environment, Features, Settings, docs};

use super::kserve::NAME;

/// The settings of the server in a container, or what is wrong with them.
pub(super) fn settings(container: &Container) -> Result<Settings, Vec<String>> {
    let mut problems = Vec::new();
    let known: BTreeSet<&str> = docs::variables().collect();
    let variables = container.env.iter().flatten();
    let mut environment: Vec<(OsString, OsString)> = Vec::new();
    for variable in variables {
        let name = &variable.name;
        if !known.contains(name.as_str()) {
            problems.push(format!(
                "env {name}: no setting of the server, see docs/settings.md"
            ));
        }
        if let Some(value) = &variable.value {
            environment.push((name.into(), value.replace(NAME, "model").into()));
        }
    }
    // The class is in the image, unless the manifest says what is run.
    let words = match &container.command {
        None => &["streeling", "Model"][..],
        Some(_) => &["streeling"],
    };
    let args = words.iter().map(OsString::from);
    let more = container.args.iter().flatten().map(OsString::from);
    let loaded = Settings::load(
        Features::ALL,
        args.chain(more),
        &Environment::from_iter(environment),
        &Annotations::default(),
    );
    match loaded {
        Err(error) => problems.push(error.to_string()),
        Ok(loaded) => {
            problems.extend(loaded.warnings.iter().map(ToString::to_string));
            if problems.is_empty() {
                return Ok(loaded.settings);
            }
        }
    }
    Err(problems)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::EnvVar;

    use super::*;

    fn container(name: &str, value: &str, args: &[&str]) -> Container {
        Container {
            args: Some(args.iter().map(|&word| word.to_owned()).collect()),
            env: Some(vec![EnvVar {
                name: name.to_owned(),
                value: Some(value.to_owned()),
                value_from: None,
            }]),
            ..Container::default()
        }
    }

    #[test]
    fn server_reads_variables_and_arguments() {
        let read = settings(&container("GRPC_WORKERS", "3", &["--workers", "4"])).unwrap();
        assert_eq!((read.rest.workers, read.grpc.workers), (4, 3));
    }

    #[test]
    fn what_the_server_would_not_take_is_a_problem() {
        for (name, value, args, expected) in [
            ("GUNICORN_WORKER", "4", &[][..], "no setting of the server"),
            ("GRPC_WORKERS", "many", &[], "GRPC_WORKERS"),
            ("GRPC_WORKERS", "1", &["--worker", "4"], "--worker"),
        ] {
            let problems = settings(&container(name, value, args)).unwrap_err();
            assert!(problems.concat().contains(expected), "{problems:?}");
        }
    }
}
