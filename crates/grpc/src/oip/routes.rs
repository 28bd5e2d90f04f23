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

/// Every method that is served, where `ModelInfer` calls this one.
const fn table(infer: Method) -> [Route; 9] {
    [
        Route {
            path: path!("ModelInfer"),
            action: Action::Call(infer),
            operation: Operation::new(infer.label(), path!("ModelInfer")),
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

/// One table for each method, in the order of their codes.
static TABLES: [[Route; 9]; Method::ALL.len()] = {
    let mut tables = [table(Method::Predict); Method::ALL.len()];
    let mut index = 0;
    while index < tables.len() {
        tables[index] = table(Method::ALL[index]);
        index += 1;
    }
    tables
};

/// The methods, where `ModelInfer` calls this one.
pub(super) fn of(infer: Method) -> &'static [Route] {
    &TABLES[usize::from(infer.code()) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::tests::described;
    use streeling_proto::inference::FILE_DESCRIPTOR_SET;

    #[test]
    fn table_has_every_method_of_the_protocol_and_no_other() {
        for infer in Method::ALL {
            let served = of(infer).iter().map(|route| route.path.to_owned());
            assert_eq!(described(FILE_DESCRIPTOR_SET), served.collect());
            let action = of(infer)[0].action;
            assert_eq!(action, Action::Call(infer));
        }
    }
}
