//! The table of methods: what each of them calls.

use streeling_core::{Method, Operation};

use super::pages;
use crate::protocol::{Action, Route};

macro_rules! path {
    ($method:literal) => {
        concat!("/inference.GRPCInferenceService/", $method)
    };
}

macro_rules! page {
    ($path:literal, $page:expr) => {
        Route {
            path: path!($path),
            action: Action::Page($page),
            operation: Operation::new($page, path!($path)),
        }
    };
}

/// What inference is while no method is for it.
const NO_INFERENCE: (Action, &str) = (Action::Page(pages::NO_INFERENCE), "inference");

/// Every method that is served, where this is inference.
const fn table((infer, label): (Action, &'static str)) -> [Route; 9] {
    [
        Route {
            path: path!("ModelInfer"),
            action: infer,
            operation: Operation::new(label, path!("ModelInfer")),
        },
        page!("ModelReady", pages::MODEL_READY),
        page!("ServerReady", pages::SERVER_READY),
        page!("ServerLive", pages::SERVER_LIVE),
        page!("ServerMetadata", pages::SERVER_METADATA),
        Route {
            path: path!("ModelMetadata"),
            action: Action::Call(Method::Metadata),
            operation: Operation::new(Method::Metadata.label(), path!("ModelMetadata")),
        },
        page!("RepositoryIndex", pages::INDEX),
        page!("RepositoryModelLoad", pages::LOAD),
        page!("RepositoryModelUnload", pages::UNLOAD),
    ]
}

const fn calling(method: Method) -> [Route; 9] {
    table((Action::Call(method), method.label()))
}

/// One table for each method, in the order of their codes.
static TABLES: [[Route; 9]; Method::ALL.len()] = {
    let mut tables = [calling(Method::Predict); Method::ALL.len()];
    let mut index = 0;
    while index < tables.len() {
        tables[index] = calling(Method::ALL[index]);
        index += 1;
    }
    tables
};

static WITHOUT: [Route; 9] = table(NO_INFERENCE);

/// The methods, where inference calls this one.
pub(super) fn of(infer: Option<Method>) -> &'static [Route] {
    match infer {
        Some(infer) => &TABLES[usize::from(infer.code()) - 1],
        None => &WITHOUT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::tests::described;
    use streeling_proto::inference::FILE_DESCRIPTOR_SET;

    #[test]
    fn table_has_every_method_of_the_protocol_and_no_other() {
        for infer in Method::ALL.map(Some).into_iter().chain([None]) {
            let served = of(infer).iter().map(|route| route.path.to_owned());
            assert_eq!(described(FILE_DESCRIPTOR_SET), served.collect());
            let action = infer.map_or(NO_INFERENCE.0, Action::Call);
            assert_eq!(of(infer)[0].action, action);
        }
    }
}
