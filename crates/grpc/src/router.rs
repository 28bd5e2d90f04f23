//! Finds the method of a path.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::protocol::{Protocol, Route};

/// All methods of all protocols.
#[derive(Debug)]
pub(crate) struct Router(Vec<Arc<dyn Protocol>>);

/// What lies at a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'a> {
    pub(crate) protocol: &'a Arc<dyn Protocol>,
    pub(crate) route: &'static Route,
}

impl Router {
    pub(crate) fn new(protocols: Vec<Arc<dyn Protocol>>) -> Self {
        Self(protocols)
    }

    pub(crate) fn find(&self, path: &str) -> Option<Found<'_>> {
        self.0.iter().find_map(|protocol| {
            let mut routes = protocol.routes().iter();
            let route = routes.find(|route| route.path == path)?;
            Some(Found { protocol, route })
        })
    }

    /// The files of all protocols, for reflection.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = &'static [u8]> {
        self.0.iter().map(|protocol| protocol.descriptors())
    }

    /// The names of all services.
    pub(crate) fn services(&self) -> BTreeSet<&'static str> {
        let routes = self.0.iter().flat_map(|protocol| protocol.routes());
        routes.filter_map(|route| service(route.path)).collect()
    }
}

/// The service that a path names.
pub(crate) fn service(path: &str) -> Option<&str> {
    path.strip_prefix('/')?.split('/').next()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;

    use prost::Message as _;

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

    /// The path of every method in descriptors.
    pub(crate) fn described(descriptors: &[u8]) -> BTreeSet<String> {
        let mut described = BTreeSet::new();
        for file in Files::decode(descriptors).unwrap().files {
            for service in file.services {
                let service_path = format!("/{}.{}", file.package, service.name);
                let methods = service.methods.iter();
                described.extend(methods.map(|method| format!("{service_path}/{}", method.name)));
            }
        }
        described
    }
}
