//! What the server does around every component: names, tags, metrics, request path.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use crate::{
    Answer, Array, Call, Component, Context, DType, Data, Encoding, Error, ErrorKind, Form,
    Message, Meta, Method, Names, Observers, Output, Payload, RawJson, Request, Result, Stage,
};

/// Stands in the request path for a unit that was not told its image.
const UNKNOWN_IMAGE: &str = "NOT_IMPLEMENTED:NOT_IMPLEMENTED";

/// How a [`Unit`] signs its answers.
#[derive(Clone, Debug, Default)]
pub struct UnitConfig {
    /// The unit's id in the graph; without one, answers carry no request path and feedback is
    /// routed by the id `0`.
    pub id: Option<String>,
    /// The image that the unit runs from.
    pub image: Option<String>,
    /// Whether the component's metrics are part of the answer.
    pub metrics_in_answer: bool,
    /// Who is told of requests, and of the component's metrics, whether they are part of the answer or not.
    pub observers: Observers,
}

/// A component with what surrounds it; the transports call this and nothing else.
#[derive(Clone)]
pub struct Unit {
    component: Arc<dyn Component>,
    config: Arc<UnitConfig>,
}

impl Unit {
    /// The unit id of feedback's routing when none is configured.
    const DEFAULT_ID: &'static str = "0";

    /// Puts a unit around a component.
    #[must_use]
    pub fn new(component: Arc<dyn Component>, config: UnitConfig) -> Self {
        Self {
            component,
            config: Arc::new(config),
        }
    }

    /// Calls the component and makes the message that goes back.
    ///
    /// # Errors
    ///
    /// What the component answers, [`ErrorKind::Deadline`] when the time is up already, and [`ErrorKind::Internal`] when `request` is not what `method`
    /// takes, which is a fault of the transport.
    pub async fn call(
        &self,
        context: &Context,
        method: Method,
        request: Request,
    ) -> Result<Message> {
        let _inside = Inside {
            call: context.call.as_deref(),
            from: Instant::now(),
        };
        self.ask(context, method, request).await
    }

    async fn ask(&self, context: &Context, method: Method, request: Request) -> Result<Message> {
        if context
            .deadline
            .is_some_and(|deadline| deadline <= Instant::now())
        {
            return Err(Error::new(
                ErrorKind::Deadline,
                "the time for the request was over before it reached the component",
            ));
        }
        let component = &*self.component;
        match (method, request) {
            (Method::Predict, Request::Message(input)) => {
                let answer = component.predict(context, &input).await?;
                Ok(self.compose(method, input, answer))
            }
            (Method::TransformInput, Request::Message(input)) => {
                let answer = component.transform_input(context, &input).await?;
                Ok(self.compose(method, input, answer))
            }
            (Method::TransformOutput, Request::Message(input)) => {
                let answer = component.transform_output(context, &input).await?;
                Ok(self.compose(method, input, answer))
            }
            (Method::Route, Request::Message(input)) => {
                let answer = component.route(context, &input).await?;
                Ok(self.compose(method, only_puid(input), answer))
            }
            (Method::Aggregate, Request::Messages(inputs)) => {
                let answer = component.aggregate(context, &inputs).await?;
                Ok(self.compose(method, merge(inputs), answer))
            }
            (Method::SendFeedback, Request::Feedback(feedback)) => {
                let id = self.config.id.as_deref().unwrap_or(Self::DEFAULT_ID);
                let routing = feedback.routing(id);
                let answered = component.send_feedback(context, &feedback, routing).await;
                self.reward(feedback.reward, &answered);
                let input = feedback.request.unwrap_or_default();
                Ok(self.compose(method, only_puid(input), answered?))
            }
            (Method::HealthStatus, Request::Nothing) => {
                let answer = component.health_status(context).await?;
                Ok(self.compose(method, Message::default(), answer))
            }
            (method, _) => Err(Error::new(
                ErrorKind::Internal,
                format!(
                    "the transport called {} with the wrong kind of request",
                    method.name()
                ),
            )),
        }
    }

    /// Who is told of requests.
    #[must_use]
    pub fn observers(&self) -> &Observers {
        &self.config.observers
    }

    /// The component's metadata: JSON of `SeldonModelMetadata`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadMetadata`] when the component's metadata did not validate.
    pub async fn metadata(&self) -> Result<RawJson> {
        self.component.metadata().await
    }

    /// Whether [`Context::document`] is of use to the component.
    #[must_use]
    pub fn takes_whole(&self, method: Method, encoding: Encoding) -> bool {
        self.component.takes_whole(method, encoding)
    }

    /// Counts a reward that has come as far as the component, even if the component failed on it.
    fn reward(&self, reward: f32, answered: &Result<Answer>) {
        let worker = match answered {
            Ok(answer) => answer.worker,
            Err(error) if error.worker.is_some() || error.kind == ErrorKind::Component => {
                error.worker
            }
            Err(_) => return,
        };
        if reward != 0.0 {
            self.config.observers.rewarded(worker, reward);
        }
    }

    fn observe(&self, method: Method, answer: &Answer) {
        let metrics = match &answer.output {
            Output::Message(message) => &message.meta.metrics,
            _ => &answer.metrics,
        };
        if !metrics.is_empty() {
            let observers = &self.config.observers;
            observers.reported(method, answer.worker, metrics);
        }
    }

    fn compose(&self, method: Method, input: Message, answer: Answer) -> Message {
        self.observe(method, &answer);
        let payload = match answer.output {
            Output::Message(message) => return *message,
            Output::Raw(bytes) => Payload::Raw(vec![bytes]),
            Output::None => Payload::None,
            Output::Unchanged => match input.payload {
                // What named no form gets one: an answer says what it is.
                Payload::Data(data) if data.form == Form::Empty => Payload::Data(Data {
                    form: Form::NdArray,
                    ..data
                }),
                payload => payload,
            },
            Output::Tensor(tensor) => {
                let form = match &input.payload {
                    // Truth values are no numbers to the incumbent.
                    _ if tensor.dtype() == DType::Bool => Form::NdArray,
                    Payload::Data(Data {
                        form: Form::TfTensor,
                        ..
                    }) => Form::TfTensor,
                    Payload::Data(Data {
                        form: Form::NdArray | Form::Empty,
                        ..
                    }) => Form::NdArray,
                    _ => Form::Tensor,
                };
                let columns = tensor.shape().get(1).copied();
                let names = names(answer.names, columns);
                Payload::Data(Data {
                    names,
                    form,
                    array: Array::Typed(tensor),
                })
            }
            Output::List { json, columns } => {
                let names = names(answer.names, columns);
                Payload::Data(Data {
                    names,
                    form: Form::NdArray,
                    array: Array::Json(json),
                })
            }
            Output::Text(text) => Payload::Text(text),
            Output::Binary(bytes) => Payload::Binary(bytes),
            Output::Json(json) => Payload::Json(json),
            Output::Custom { type_url, value } => Payload::Custom { type_url, value },
        };
        let mut meta = Meta {
            puid: input.meta.puid.filter(|puid| !puid.is_empty()),
            tags: input.meta.tags,
            request_path: input.meta.request_path,
            metrics: input.meta.metrics,
            ..Meta::default()
        };
        meta.tags.extend(answer.tags);
        if self.config.metrics_in_answer {
            meta.metrics
                .extend(answer.metrics.into_iter().map(|mut metric| {
                    if let Some(tags) = &mut metric.tags {
                        tags.insert("method".to_owned(), method.label().to_owned());
                    }
                    metric
                }));
        }
        if let Some(id) = &self.config.id {
            let image = self.config.image.as_deref().unwrap_or(UNKNOWN_IMAGE);
            // A graph may hold a unit twice; the one that came first has its say.
            meta.request_path
                .entry(id.clone())
                .or_insert_with(|| image.to_owned());
        }
        Message {
            status: None,
            meta,
            payload,
        }
    }
}

/// Notes how long a request was in the component when this is dropped: with its answer, or by a caller who does
/// not wait for it any longer.
struct Inside<'a> {
    call: Option<&'a Call>,
    from: Instant,
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        // A component with workers knows better when it was entered.
        if let Some(call) = self.call
            && call.stage(Stage::Component).is_none()
            && call.stage(Stage::Queue).is_none()
        {
            call.note(Stage::Component, self.from, Instant::now());
        }
    }
}

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unit")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// What routers and feedback take over from the request's meta: its id.
fn only_puid(mut input: Message) -> Message {
    input.meta = Meta {
        puid: input.meta.puid,
        ..Meta::default()
    };
    input
}

/// One message that stands for all that are aggregated: the first, with the tags, paths and metrics of the others.
fn merge(inputs: Vec<Message>) -> Message {
    let mut inputs = inputs.into_iter();
    let mut first = inputs.next().unwrap_or_default();
    for other in inputs {
        first.meta.tags.extend(other.meta.tags);
        first.meta.request_path.extend(other.meta.request_path);
        first.meta.metrics.extend(other.meta.metrics);
    }
    first
}

/// The names of an answer's columns: the component's, or `t:0`, `t:1` …; none below two dimensions.
fn names(own: Option<Vec<String>>, columns: Option<usize>) -> Names {
    match (columns, own) {
        (None, _) => Names::new(),
        (Some(_), Some(own)) => own.into(),
        (Some(columns), None) => Names::Numbered(columns),
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::time::Duration;

    use async_trait::async_trait;

    use super::*;
    use crate::{Code, RequestId, Transport};

    static TEST: Transport = Transport::new("test", Code::numbered(499));

    const WORK: Duration = Duration::from_millis(5);

    /// Works for a while, and then waits for something that never comes.
    struct Patient {
        knows_better: bool,
    }

    #[async_trait]
    impl Component for Patient {
        async fn predict(&self, context: &Context, _: &Message) -> Result<Answer> {
            let from = Instant::now();
            std::thread::sleep(WORK);
            if self.knows_better
                && let Some(call) = &context.call
            {
                call.note(Stage::Queue, from, from + WORK);
            }
            pending().await
        }

        async fn metadata(&self) -> Result<RawJson> {
            unreachable!("nobody asks for it")
        }
    }

    async fn abandoned(component: Patient) -> Arc<Call> {
        let call = Arc::new(Call::new(&TEST, RequestId::made()));
        let context = Context {
            call: Some(Arc::clone(&call)),
            ..Context::default()
        };
        let unit = Unit::new(Arc::new(component), UnitConfig::default());
        let request = Request::Message(Message::default());
        tokio::select! {
            biased;
            _ = unit.call(&context, Method::Predict, request) => unreachable!("it never answers"),
            () = tokio::task::yield_now() => {}
        }
        call
    }

    #[tokio::test]
    async fn a_call_that_is_given_up_was_in_the_component_until_then() {
        let component = Patient {
            knows_better: false,
        };
        let call = abandoned(component).await;
        let (from, time) = call.stage(Stage::Component).unwrap();
        assert!(from >= call.begun && time >= WORK, "{time:?}");
        assert_eq!(call.stage(Stage::Queue), None);
    }

    #[tokio::test]
    async fn a_component_that_knows_better_is_believed() {
        let call = abandoned(Patient { knows_better: true }).await;
        assert_eq!(call.stage(Stage::Queue).unwrap().1, WORK);
        assert_eq!(call.stage(Stage::Component), None);
    }
}
