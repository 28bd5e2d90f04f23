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
