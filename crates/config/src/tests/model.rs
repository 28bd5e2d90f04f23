//! The name of the model, and what Seldon's operator sets where it is served by V2.

use super::*;

#[test]
fn the_operator_s_variables_for_v2_come_behind_those_for_seldon() {
    let mlserver = [
        ("MLSERVER_HTTP_PORT", "9001"),
        ("MLSERVER_GRPC_PORT", "9501"),
        ("MLSERVER_METRICS_PORT", "6001"),
        ("MLSERVER_METRICS_ENDPOINT", "/prometheus"),
        ("MLSERVER_MODEL_NAME", "node"),
        ("MLSERVER_MODEL_VERSION", "v3"),
    ];
    let seen = |variables: &[(&str, &str)]| {
        let Loaded {
            settings: s,
            warnings,
        } = iris(&[], variables);
        // Both of a name are set, and differ.
        assert_eq!(warnings.len(), variables.len() - mlserver.len());
        let ports = [s.rest.port, s.grpc.port, s.metrics.port];
        (
            ports,
            s.metrics.endpoint,
            s.identity.model,
            s.identity.version,
        )
    };
    let expected = |ports, path: &str, model: &str, version: &str| {
        let words = [path, model, version].map(str::to_owned);
        let [path, model, version] = words;
        (ports, path, model, Some(version))
    };
    assert_eq!(
        seen(&mlserver),
        expected([9001, 9501, 6001], "/prometheus", "node", "v3")
    );
    let others = [
        ("PREDICTIVE_UNIT_HTTP_SERVICE_PORT", "9002"),
        ("PREDICTIVE_UNIT_GRPC_SERVICE_PORT", "9502"),
        ("PREDICTIVE_UNIT_METRICS_SERVICE_PORT", "6002"),
        ("PREDICTIVE_UNIT_METRICS_ENDPOINT", "/m"),
        ("STREELING_MODEL_NAME", "mine"),
        ("STREELING_MODEL_VERSION", "v4"),
    ];
    assert_eq!(
        seen(&[&mlserver[..], &others].concat()),
        expected([9002, 9502, 6002], "/m", "mine", "v4")
    );
}

#[test]
fn the_model_has_the_name_of_the_unit_or_else_of_the_class() {
    let unit = [("PREDICTIVE_UNIT_ID", "unit")];
    assert_eq!(quiet(&[], &[]).identity.model, "Iris");
    assert_eq!(quiet(&[], &unit).identity.model, "unit");
    assert_eq!(quiet(&["--model-name", "m"], &unit).identity.model, "m");
}
