//! The table of methods: what each of them calls, and on what.

use streeling_core::{Method, Subject};

/// One method of one service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// `/package.Service/Method`.
    pub(crate) path: &'static str,
    pub(crate) action: Action,
}

/// What a method does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Calls the unit; the method says which message it takes.
    Call(Method),
    /// Answers the component's metadata.
    Metadata,
    /// Answers that there is no graph here.
    GraphMetadata,
}

impl Route {
    /// What a request for it asks for, as metrics and traces have it.
    pub(crate) fn subject(&self) -> Subject {
        let label = match self.action {
            Action::Call(method) => method.label(),
            Action::Metadata => "metadata",
            Action::GraphMetadata => "graph_metadata",
        };
        Subject::new(label, self.path)
    }
}

macro_rules! route {
    ($path:literal => $action:expr) => {
        Route {
            path: concat!("/seldon.protos.", $path),
            action: $action,
        }
    };
}

/// Every method that is served, apart from the standard services.
pub(crate) const ROUTES: &[Route] = &[
    route!("Model/Predict" => Action::Call(Method::Predict)),
    route!("Seldon/Predict" => Action::Call(Method::Predict)),
    route!("Model/SendFeedback" => Action::Call(Method::SendFeedback)),
    route!("Seldon/SendFeedback" => Action::Call(Method::SendFeedback)),
    route!("Router/SendFeedback" => Action::Call(Method::SendFeedback)),
    route!("Generic/SendFeedback" => Action::Call(Method::SendFeedback)),
    route!("Transformer/TransformInput" => Action::Call(Method::TransformInput)),
    route!("Generic/TransformInput" => Action::Call(Method::TransformInput)),
    route!("OutputTransformer/TransformOutput" => Action::Call(Method::TransformOutput)),
    route!("Generic/TransformOutput" => Action::Call(Method::TransformOutput)),
    route!("Router/Route" => Action::Call(Method::Route)),
    route!("Generic/Route" => Action::Call(Method::Route)),
    route!("Combiner/Aggregate" => Action::Call(Method::Aggregate)),
    route!("Generic/Aggregate" => Action::Call(Method::Aggregate)),
    route!("Model/Metadata" => Action::Metadata),
    route!("Seldon/ModelMetadata" => Action::Metadata),
    route!("Seldon/GraphMetadata" => Action::GraphMetadata),
];

/// What lies at a path.
pub(crate) fn find(path: &str) -> Option<&'static Route> {
    ROUTES.iter().find(|route| route.path == path)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost::Message as _;
    use streeling_proto::FILE_DESCRIPTOR_SET;

    use super::*;

    /// The descriptors, as far as services go: their numbers are those of `descriptor.proto`.
    #[derive(Clone, PartialEq, prost::Message)]
    struct Files {
        #[prost(message, repeated, tag = "1")]
        files: Vec<File>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct File {
        #[prost(string, tag = "2")]
        package: String,
        #[prost(message, repeated, tag = "6")]
        services: Vec<Service>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct Service {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(message, repeated, tag = "2")]
        methods: Vec<Named>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct Named {
        #[prost(string, tag = "1")]
        name: String,
    }

    #[test]
    fn table_has_every_method_of_the_protocol_and_no_other() {
        let files = Files::decode(FILE_DESCRIPTOR_SET).unwrap();
        let mut described = BTreeSet::new();
        for file in &files.files {
            for service in &file.services {
                for method in &service.methods {
                    described.insert(format!(
                        "/{}.{}/{}",
                        file.package, service.name, method.name
                    ));
                }
            }
        }
        let served = ROUTES.iter().map(|route| route.path.to_owned()).collect();
        assert_eq!(described, served);
    }
}
