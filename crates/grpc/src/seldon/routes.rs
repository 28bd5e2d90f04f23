//! The table of methods: what each of them calls.

use streeling_core::{Method, Operation};

use crate::protocol::{Action, Route};

macro_rules! call {
    ($path:literal, $method:expr) => {
        Route {
            path: concat!("/seldon.protos.", $path),
            action: Action::Call($method),
            operation: Operation::new($method.label(), concat!("/seldon.protos.", $path)),
        }
    };
}

/// The one method that does without the model.
const GRAPH_METADATA: Route = Route {
    path: "/seldon.protos.Seldon/GraphMetadata",
    action: Action::Page("graph_metadata"),
    operation: Operation::new("graph_metadata", "/seldon.protos.Seldon/GraphMetadata"),
};

/// Every method that is served.
pub(super) const ROUTES: &[Route] = &[
    call!("Model/Predict", Method::Predict),
    call!("Seldon/Predict", Method::Predict),
    call!("Model/SendFeedback", Method::SendFeedback),
    call!("Seldon/SendFeedback", Method::SendFeedback),
    call!("Router/SendFeedback", Method::SendFeedback),
    call!("Generic/SendFeedback", Method::SendFeedback),
    call!("Transformer/TransformInput", Method::TransformInput),
    call!("Generic/TransformInput", Method::TransformInput),
    call!("OutputTransformer/TransformOutput", Method::TransformOutput),
    call!("Generic/TransformOutput", Method::TransformOutput),
    call!("Router/Route", Method::Route),
    call!("Generic/Route", Method::Route),
    call!("Combiner/Aggregate", Method::Aggregate),
    call!("Generic/Aggregate", Method::Aggregate),
    call!("Model/Metadata", Method::Metadata),
    call!("Seldon/ModelMetadata", Method::Metadata),
    GRAPH_METADATA,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::tests::described;
    use streeling_proto::FILE_DESCRIPTOR_SET;

    #[test]
    fn table_has_every_method_of_the_protocol_and_no_other() {
        let served = ROUTES.iter().map(|route| route.path.to_owned()).collect();
        assert_eq!(described(FILE_DESCRIPTOR_SET), served);
    }
}
