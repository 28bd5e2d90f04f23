//! The layer that signs responses: names, tags, metrics, the path through the graph.

use std::future::ready;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;

use crate::error::{Error, ErrorKind, Result};
use crate::message::{Array, Elements, Layout, Message, Payload};
use crate::meta::Meta;
use crate::method::Method;
use crate::names::Names;
use crate::observer::Observers;
use crate::original::{Page, Wants};
use crate::request::{Input, Request, Response};
use crate::request_context::RequestContext;
use crate::service::{Calling, Context, Encoding, Layer, Service};
use crate::stage::Stage;
use crate::tensor::DType;

/// Stands in the path for a node whose image is not known.
const UNKNOWN_IMAGE: &str = "NOT_IMPLEMENTED:NOT_IMPLEMENTED";

/// The node's id in the routing of feedback when none is configured.
const DEFAULT_ID: &str = "0";

/// Parts of a meta that a response repeats whatever they are.
const ID: &str = "puid";
const TAGS: &str = "tags";

/// Default names that an array without elements gets at most.
const MOST_EMPTY_COLUMNS: usize = 1 << 18;

/// A layer that puts around the component's response what the server knows: the request's id and
/// tags, default names, the layout of the request, this node in the path. It tells the observers of
/// the component's metrics and rewards.
#[derive(Clone, Debug, Default)]
pub struct Annotate {
    /// The node's id in the graph; without one, responses carry no path and feedback is routed by
    /// the id `0`.
    pub id: Option<String>,
    /// The image that the node runs from.
    pub image: Option<String>,
    /// Whether the component's metrics are part of the response.
    pub metrics_in_response: bool,
    /// Who is notified of the component's metrics, whether they are part of the response or not.
    pub observers: Observers,
}

impl Layer for Annotate {
    fn layer(self, inner: Arc<dyn Service>) -> Arc<dyn Service> {
        Arc::new(Annotated {
            annotate: self,
            inner,
        })
    }
}

struct Annotated {
    annotate: Annotate,
    inner: Arc<dyn Service>,
}

#[async_trait]
impl Service for Annotated {
    // All that needs the request is done before there is a future: it is large, and would be moved
    // into that, and out of it again.
    fn call<'a, 'b, 'c>(&'a self, context: &'b Context, mut request: Request) -> Calling<'c>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        // What the component is was found out when it was loaded: it is not entered.
        if request.method == Method::Metadata {
            return self.inner.call(context, request);
        }
        if let Some(request) = &context.request {
            request.called();
        }
        let inside = Inside {
            request: context.request.as_deref(),
            from: Instant::now(),
        };
        if context
            .deadline
            .is_some_and(|deadline| deadline <= Instant::now())
        {
            return Box::pin(ready(Err(Error::new(
                ErrorKind::Deadline,
                "the time for the request was over before it reached the component",
            ))));
        }
        let annotate = &self.annotate;
        let (method, reward) = (request.method, annotate.prepare(&mut request));
        let kept = Kept::of(method, &request.input, context.encoding);
        let response = self.inner.call(context, request);
        Box::pin(async move {
            let _inside = inside;
            let mut result = response.await;
            annotate.reward(reward, &result);
            // It stays where it is: a response is large, too.
            if let Ok(response) = &mut result {
                annotate.report(method, response);
                if !response.is_complete {
                    annotate.sign(method, kept, &mut response.message);
                }
            }
            result
        })
    }

    fn takes_raw_message(&self, method: Method, encoding: Encoding) -> bool {
        self.inner.takes_raw_message(method, encoding)
    }

    fn wants(&self) -> Wants {
        self.inner.wants()
    }

    fn has_page(&self, verb: &str, path: &str) -> bool {
        self.inner.has_page(verb, path)
    }

    async fn page(&self, context: &Context) -> Result<Option<Page>> {
        if let Some(request) = &context.request {
            request.called();
        }
        let page = self.inner.page(context).await;
        if let Some(request) = &context.request {
            request.returned();
        }
        page
    }
}

impl Annotate {
    /// Finds out the branch that feedback is about; gives the reward, 0 for other requests.
    fn prepare(&self, request: &mut Request) -> f32 {
        let Input::Feedback(feedback) = &mut request.input else {
            return 0.0;
        };
        feedback.routing = feedback.routing_of(self.id.as_deref().unwrap_or(DEFAULT_ID));
        feedback.reward
    }

    /// Counts a reward that has come as far as the component, even if the component failed on it.
    fn reward(&self, reward: f32, result: &Result<Response>) {
        let worker = match result {
            Ok(response) => response.worker,
            Err(error) if error.worker.is_some() || error.kind == ErrorKind::Component => {
                error.worker
            }
            Err(_) => return,
        };
        if reward != 0.0 {
            self.observers.rewarded(worker, reward);
        }
    }

    fn report(&self, method: Method, response: &Response) {
        let metrics = &response.message.meta.metrics;
        if !metrics.is_empty() {
            self.observers.reported(method, response.worker, metrics);
        }
    }

    fn sign(&self, method: Method, kept: Kept, message: &mut Message) {
        if let Payload::Array(array) = &mut message.payload
            && !kept.is_bare
        {
            complete(array, kept.layout);
        }
        // Nothing to add, and nothing to take away.
        if kept.meta.is_empty() && self.id.is_none() && message.meta.has_tags_alone() {
            return;
        }
        let own = std::mem::replace(&mut message.meta, kept.meta);
        let meta = &mut message.meta;
        if !own.tags.is_empty()
            && let Some(untyped) = &mut meta.untyped
        {
            // Tags of the request that are no object cannot be joined with others.
            untyped.fields.remove(TAGS);
        }
        if meta.tags.is_empty() {
            // Most requests bring none, and then nothing need be built anew.
            meta.tags = own.tags;
        } else {
            meta.tags.extend(own.tags);
        }
        // A response to feedback is protobuf, which knows typed metrics alone.
        let written = own.untyped.and_then(|own| own.metrics);
        let written = written.filter(|_| method != Method::SendFeedback);
        if !self.metrics_in_response {
            // They have been reported.
        } else if written.is_some() {
            meta.untyped.get_or_insert_default().metrics = written;
        } else {
            meta.metrics
                .extend(own.metrics.into_iter().map(|mut metric| {
                    if let Some(tags) = &mut metric.tags {
                        tags.insert("method".to_owned(), method.label().to_owned());
                    }
                    metric
                }));
        }
        if let Some(id) = &self.id {
            let image = self.image.as_deref().unwrap_or(UNKNOWN_IMAGE);
            // A graph may hold a node twice; the first one counts.
            let untyped = meta.untyped.as_ref();
            if untyped.is_none_or(|untyped| untyped.path.get(id).is_none())
                && meta.path.get(id).is_none()
            {
                meta.path.insert(id.clone(), image.to_owned());
            }
        }
    }
}

/// What a response takes over from its request.
struct Kept {
    meta: Meta,
    /// The layout of the request's array; `None` where it has none.
    layout: Option<Layout>,
    /// Tensors go back as they are: without default names, and without the caller's parameters.
    is_bare: bool,
}

impl Kept {
    fn of(method: Method, input: &Input, encoding: Encoding) -> Self {
        let is_bare = encoding == Encoding::Tensors;
        let message = match input {
            Input::Message(message) => Some(message),
            Input::Messages(messages) => messages.first(),
            Input::Feedback(feedback) => feedback.request.as_ref(),
            Input::Raw | Input::None => None,
        };
        let Some(message) = message else {
            return Self {
                meta: Meta::default(),
                layout: None,
                is_bare,
            };
        };
        let layout = match &message.payload {
            Payload::Array(array) => Some(array.layout),
            _ => None,
        };
        if message.meta.is_empty() && !matches!(input, Input::Messages(_)) {
            return Self {
                meta: Meta::default(),
                layout,
                is_bare,
            };
        }
        let mut meta = Meta {
            id: message.meta.id.clone().filter(|id| !id.is_empty()),
            ..Meta::default()
        };
        // Routers and feedback take over the id alone.
        let mut repeated = &[ID][..];
        if !is_bare && !matches!(method, Method::Route | Method::SendFeedback) {
            repeated = &[ID, TAGS];
            add(&mut meta, &message.meta);
        }
        for &name in repeated {
            // Of another type, too, unless it is as good as none.
            if let Some(value) = message.meta.untyped(name).filter(|value| !value.is_falsy()) {
                let untyped = meta.untyped.get_or_insert_default();
                untyped.fields.insert(name.to_owned(), value.clone());
            }
        }
        // Of several messages the first one counts, with the tags, paths and metrics of the others.
        if let Input::Messages(messages) = input
            && !is_bare
        {
            for other in messages.iter().skip(1) {
                add(&mut meta, &other.meta);
            }
        }
        Self {
            meta,
            layout,
            is_bare,
        }
    }
}

fn add(meta: &mut Meta, other: &Meta) {
    let copy = |(key, value): (&String, &_)| (key.clone(), Clone::clone(value));
    meta.tags.extend(other.tags.iter().map(copy));
    let copy = |(key, value): (&String, &String)| (key.clone(), value.clone());
    meta.path.extend(other.path.iter().map(copy));
    meta.metrics.extend(other.metrics.iter().cloned());
    if let Some(other) = other
        .untyped
        .as_ref()
        .filter(|other| !other.path.is_empty())
    {
        let path = &mut meta.untyped.get_or_insert_default().path;
        path.extend(
            other
                .path
                .iter()
                .map(|(key, value)| (key.clone(), value.clone())),
        );
    }
}

/// Gives an array the names and the layout that the component left open.
fn complete(array: &mut Array, requested: Option<Layout>) {
    if let (Names::Unset, Elements::Typed(tensor)) = (&array.names, &array.elements) {
        // Below two dimensions there are no columns to name. An array without elements may claim
        // any number of columns.
        let most = tensor.len().max(MOST_EMPTY_COLUMNS);
        let columns = tensor.shape().get(1).copied();
        let columns = columns.filter(|columns| *columns <= most);
        array.names = columns.map_or(Names::new(), Names::Numbered);
    }
    if array.layout == Layout::Unset {
        // Only lists can hold what is no number.
        let is_numeric = match &array.elements {
            Elements::Typed(tensor) => !matches!(tensor.dtype(), DType::Bool | DType::Bytes),
            Elements::Json(_) => false,
        };
        array.layout = match requested {
            _ if !is_numeric => Layout::Nested,
            Some(Layout::TensorProto) => Layout::TensorProto,
            Some(Layout::Nested | Layout::Unset) => Layout::Nested,
            Some(Layout::Flat) | None => Layout::Flat,
        };
    }
}

/// Records how long a request was in the component when this is dropped: with its response, or by a
/// caller that stops waiting.
struct Inside<'a> {
    request: Option<&'a RequestContext>,
    from: Instant,
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let Some(request) = self.request else { return };
        request.returned();
        // A service with workers knows better when the component was entered.
        if request.stage(Stage::Component).is_none() && request.stage(Stage::Queue).is_none() {
            request.record(Stage::Component, self.from, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::time::Duration;

    use super::*;
    use crate::request_context::Phase;
    use crate::request_id::RequestId;
    use crate::tensor::Tensor;
    use crate::transport::{Code, Transport};

    static TEST: Transport = Transport {
        name: "test",
        abandoned: Code::numbered(499),
        id_headers: &[],
    };

    const WORK: Duration = Duration::from_millis(5);

    /// Works for a while, and then waits for something that never comes.
    struct Slow {
        knows_better: bool,
    }

    #[async_trait]
    impl Service for Slow {
        async fn call(&self, context: &Context, _: Request) -> Result<Response> {
            let from = Instant::now();
            let phase = context.request.as_ref().map(|request| request.phase());
            assert_eq!(phase, Some(Phase::Call));
            std::thread::sleep(WORK);
            if self.knows_better
                && let Some(request) = &context.request
            {
                request.record(Stage::Queue, from, from + WORK);
            }
            pending().await
        }
    }

    fn predict(payload: Payload) -> Request {
        Request {
            method: Method::Predict,
            model: None,
            input: Input::Message(Message {
                payload,
                ..Message::default()
            }),
        }
    }

    async fn abandoned(service: Slow) -> Arc<RequestContext> {
        let request = Arc::new(RequestContext::new(&TEST, RequestId::made()));
        let context = Context {
            request: Some(Arc::clone(&request)),
            ..Context::default()
        };
        let annotated = Annotate::default().layer(Arc::new(service));
        tokio::select! {
            biased;
            _ = annotated.call(&context, predict(Payload::None)) => unreachable!("it never ends"),
            () = tokio::task::yield_now() => {}
        }
        request
    }

    #[tokio::test]
    async fn an_abandoned_call_was_in_the_component_until_then() {
        let service = Slow {
            knows_better: false,
        };
        let request = abandoned(service).await;
        let (from, time) = request.stage(Stage::Component).unwrap();
        assert!(from >= request.started && time >= WORK, "{time:?}");
        assert_eq!(request.stage(Stage::Queue), None);
        assert_eq!(request.phase(), Phase::Encode);
    }

    #[tokio::test]
    async fn a_service_that_knows_better_is_believed() {
        let request = abandoned(Slow { knows_better: true }).await;
        assert_eq!(request.stage(Stage::Queue).unwrap().1, WORK);
        assert_eq!(request.stage(Stage::Component), None);
    }

    fn completed(tensor: Tensor, requested: Option<Layout>) -> Array {
        let Payload::Array(mut array) = Payload::from(tensor) else {
            unreachable!("a tensor is an array")
        };
        complete(&mut array, requested);
        array
    }

    #[test]
    fn an_array_is_laid_out_as_the_requests_was() {
        let numbers = || Tensor::from_vec(vec![1, 2], vec![1.0, 2.0]).unwrap();
        for (requested, expected) in [
            (None, Layout::Flat),
            (Some(Layout::Flat), Layout::Flat),
            (Some(Layout::Nested), Layout::Nested),
            (Some(Layout::TensorProto), Layout::TensorProto),
            (Some(Layout::Unset), Layout::Nested),
        ] {
            let array = completed(numbers(), requested);
            assert_eq!(array.layout, expected, "{requested:?}");
            assert_eq!(array.names, Names::Numbered(2));
            let bools = Tensor::from_bools(vec![2], vec![true, false]).unwrap();
            let array = completed(bools, requested);
            assert_eq!(array.layout, Layout::Nested);
            assert!(array.names.is_empty());
            let bytes = Tensor::from_byte_elements(vec![1], [b"a"]).unwrap();
            assert_eq!(completed(bytes, requested).layout, Layout::Nested);
        }
    }

    #[test]
    fn an_empty_array_cannot_claim_names_without_bound() {
        let empty = |columns| Tensor::from_vec::<f64>(vec![0, columns], Vec::new()).unwrap();
        assert_eq!(completed(empty(3), None).names, Names::Numbered(3));
        assert!(completed(empty(1 << 40), None).names.is_empty());
    }
}
