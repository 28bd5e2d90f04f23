//! The graphs of `deploy/seldon/graphs`: each unit runs as its manifest says, and requests go from
//! one to the next as Seldon's orchestrator sends them, over REST and over gRPC.

use std::net::SocketAddr;

use serde_json::{Value, json};
use streeling_proto::seldon::protos::{
    SeldonMessage, SeldonMessageList, combiner_client::CombinerClient, model_client::ModelClient,
    output_transformer_client::OutputTransformerClient, router_client::RouterClient,
    transformer_client::TransformerClient,
};
use streeling_testkit::{Request, Server};

use crate::grpc_client::{connected, tensor, values};
use crate::operator::{Deployed, UnitType, folder};
use crate::support::{PYTHON, TIMEOUT, bare_command, send_json};

/// A unit and those below it, running.
struct Unit {
    deployed: Deployed,
    server: Server,
    children: Vec<Self>,
}

impl Unit {
    /// Starts all units of a manifest; the first one of the graph.
    fn start(manifest: &str) -> Self {
        Self::start_below(Deployed::graph(&format!("graphs/{manifest}")))
    }

    fn start_below(deployed: Deployed) -> Self {
        let (example, class) = deployed.example();
        let server = deployed
            .apply(bare_command(&example))
            .env("STREELING_PYTHON", &*PYTHON)
            .args([class])
            .start()
            .unwrap();
        // The kubelet lets requests in when this is so.
        let page = deployed.readiness().unwrap();
        assert_eq!(page.port, "metrics");
        let ready = Request::get(&page.path).send(server.metrics_address(), TIMEOUT);
        assert_eq!(ready.unwrap().status, 200, "{}", page.path);
        let children = deployed.children().into_iter().map(Self::start_below);
        let children = children.collect();
        Self {
            deployed,
            server,
            children,
        }
    }

    /// A unit below this one.
    fn child(&self, name: &str) -> &Self {
        let mut children = self.children.iter();
        children
            .find(|child| child.deployed.name() == name)
            .unwrap_or_else(|| panic!("no {name}"))
    }
}

/// What the orchestrator has a unit do.
#[derive(Clone, Copy)]
enum Step {
    TransformInput,
    Predict,
    Route,
    TransformOutput,
}

/// How the orchestrator calls units.
trait Transport {
    type Message: Clone;

    /// A request with one row.
    fn request(row: &[f64]) -> Self::Message;

    fn call(unit: &Unit, step: Step, message: Self::Message) -> Self::Message;

    /// What a combiner gets.
    fn aggregate(unit: &Unit, messages: Vec<Self::Message>) -> Self::Message;

    /// The first row of a response.
    fn row(message: &Self::Message) -> Vec<f64>;
}

struct Rest;

impl Rest {
    fn post(unit: &Unit, path: &str, body: &Value) -> Value {
        let (status, response) = send_json(&unit.server, &Request::json(path, body.to_string()));
        assert_eq!(status, 200, "{path}: {response}");
        response
    }
}

impl Transport for Rest {
    type Message = Value;

    fn request(row: &[f64]) -> Value {
        json!({"data": {"ndarray": [row]}})
    }

    fn call(unit: &Unit, step: Step, message: Value) -> Value {
        let path = match step {
            Step::TransformInput => "/transform-input",
            Step::Predict => "/predict",
            Step::Route => "/route",
            Step::TransformOutput => "/transform-output",
        };
        Self::post(unit, path, &message)
    }

    fn aggregate(unit: &Unit, messages: Vec<Value>) -> Value {
        Self::post(unit, "/aggregate", &json!({"seldonMessages": messages}))
    }

    fn row(message: &Value) -> Vec<f64> {
        let row = message["data"]["ndarray"][0].as_array().unwrap().iter();
        row.map(|number| number.as_f64().unwrap()).collect()
    }
}

struct Grpc;

impl Transport for Grpc {
    type Message = SeldonMessage;

    fn request(row: &[f64]) -> SeldonMessage {
        tensor([1, i32::try_from(row.len()).unwrap()], row)
    }

    fn call(unit: &Unit, step: Step, message: SeldonMessage) -> SeldonMessage {
        connected(address(unit), async |channel| match step {
            Step::TransformInput => {
                let mut client = TransformerClient::new(channel);
                client.transform_input(message).await
            }
            Step::Predict => ModelClient::new(channel).predict(message).await,
            Step::Route => RouterClient::new(channel).route(message).await,
            Step::TransformOutput => {
                let mut client = OutputTransformerClient::new(channel);
                client.transform_output(message).await
            }
        })
        .unwrap()
    }

    fn aggregate(unit: &Unit, messages: Vec<SeldonMessage>) -> SeldonMessage {
        let list = SeldonMessageList {
            seldon_messages: messages,
        };
        connected(address(unit), async |channel| {
            CombinerClient::new(channel).aggregate(list).await
        })
        .unwrap()
    }

    fn row(message: &SeldonMessage) -> Vec<f64> {
        let (shape, values) = values(message);
        assert_eq!(shape[0], 1);
        values.to_vec()
    }
}

fn address(unit: &Unit) -> SocketAddr {
    unit.server.grpc_address()
}

/// Sends a message through a graph in the orchestrator's order: a unit's own work on the request,
/// those below it, and its work on what they return.
fn through<T: Transport>(unit: &Unit, message: T::Message) -> T::Message {
    let unit_type = unit.deployed.unit_type();
    let message = match unit_type {
        UnitType::Model => T::call(unit, Step::Predict, message),
        UnitType::Transformer => T::call(unit, Step::TransformInput, message),
        UnitType::Router | UnitType::Combiner | UnitType::OutputTransformer => message,
    };
    if unit.children.is_empty() {
        return message;
    }
    let chosen = match unit_type {
        UnitType::Router => {
            let route = T::row(&T::call(unit, Step::Route, message.clone()));
            std::slice::from_ref(&unit.children[route[0] as usize])
        }
        _ => &unit.children[..],
    };
    let mut replies: Vec<T::Message> = chosen
        .iter()
        .map(|child| through::<T>(child, message.clone()))
        .collect();
    if unit_type == UnitType::Combiner {
        return T::aggregate(unit, replies);
    }
    assert_eq!(replies.len(), 1, "only a combiner takes more");
    let reply = replies.remove(0);
    match unit_type {
        UnitType::OutputTransformer => T::call(unit, Step::TransformOutput, reply),
        _ => reply,
    }
}

/// The row that comes back for a row.
fn send<T: Transport>(unit: &Unit, row: &[f64]) -> Vec<f64> {
    T::row(&through::<T>(unit, T::request(row)))
}

/// What the mean classifier returns for a row whose mean is `mean`.
fn probability(mean: f64, threshold: f64) -> f64 {
    1.0 / (1.0 + (threshold - mean).exp())
}

fn close(one: &[f64], two: &[f64]) -> bool {
    one.len() == two.len() && one.iter().zip(two).all(|(a, b)| (a - b).abs() < 1e-9)
}

#[test]
fn combiner_takes_the_mean_of_both_models() {
    let graph = Unit::start("combiner.yaml");
    let expected = (probability(2.0, 0.5) + probability(2.0, 1.5)) / 2.0;
    for row in [
        send::<Rest>(&graph, &[1.0, 3.0]),
        send::<Grpc>(&graph, &[1.0, 3.0]),
    ] {
        assert!(close(&row, &[expected]), "{row:?}, not {expected}");
    }
}

#[test]
fn transformers_stand_on_both_sides_of_the_model() {
    let graph = Unit::start("transformer.yaml");
    // The same flower, in the unit of the model, and in that of the clients.
    let centimetres = [5.9, 3.0, 4.2, 1.5];
    let inches = centimetres.map(|length| length / 2.54);
    let model = graph.child("centimetres").child("iris");
    let probabilities = send::<Rest>(model, &centimetres);
    assert!(probabilities[1] > 0.5, "versicolor, not {probabilities:?}");
    let per_cent: Vec<f64> = probabilities
        .iter()
        .map(|probability| (probability * 1000.0).round() / 10.0)
        .collect();
    for row in [send::<Rest>(&graph, &inches), send::<Grpc>(&graph, &inches)] {
        assert!(close(&row, &per_cent), "{row:?}, not {per_cent:?}");
    }
}

#[test]
fn router_sends_to_the_model_that_feedback_praises() {
    let graph = Unit::start("router.yaml");
    // Its first eight choices are no explorations: its random numbers always start the same.
    let (low, high) = (probability(2.0, 0.5), probability(2.0, 1.5));
    for row in [
        send::<Rest>(&graph, &[1.0, 3.0]),
        send::<Grpc>(&graph, &[1.0, 3.0]),
    ] {
        assert!(close(&row, &[low]), "{row:?}, not {low}");
    }
    // The orchestrator notes by the name of the unit which branch a request went to.
    let feedback = json!({
        "request": Rest::request(&[1.0, 3.0]),
        "response": {"meta": {"routing": {(graph.deployed.name()): 1}}},
        "reward": 1.0,
    });
    let feedback = Request::json("/send-feedback", feedback.to_string());
    let (status, response) = send_json(&graph.server, &feedback);
    assert_eq!(status, 200, "{response}");
    // One process is behind both ports, so both know of it.
    for row in [
        send::<Rest>(&graph, &[1.0, 3.0]),
        send::<Grpc>(&graph, &[1.0, 3.0]),
    ] {
        assert!(close(&row, &[high]), "{row:?}, not {high}");
    }
}

#[test]
fn page_explains_every_graph_and_its_images() {
    let page = std::fs::read_to_string(folder().join("README.md")).unwrap();
    let mut count = 0;
    for file in std::fs::read_dir(folder().join("graphs")).unwrap() {
        let file = file.unwrap().file_name().into_string().unwrap();
        let mut units = vec![Deployed::graph(&format!("graphs/{file}"))];
        assert!(page.contains(&format!("[{file}](graphs/{file})")), "{file}");
        while let Some(unit) = units.pop() {
            let (_, class) = unit.example();
            assert!(page.contains(&class), "{file}: {class}");
            units.extend(unit.children());
        }
        count += 1;
    }
    assert_eq!(count, 3, "each has a test above");
}
