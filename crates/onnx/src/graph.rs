//! The graph of a file, cut down to what its output needs.

use std::collections::{BTreeSet, HashMap, HashSet};

use tract_onnx::model::OnnxOpRegister;
use tract_onnx::pb::tensor_shape_proto::dimension;
use tract_onnx::pb::type_proto::{Tensor, Value};
use tract_onnx::pb::{GraphProto, NodeProto, TypeProto, ValueInfoProto};

use crate::ml::Labels;

/// The name of the free side of all rows.
pub(crate) const ROWS: &str = "rows";

/// What exporters call the probabilities: those of scikit-learn and XGBoost without, and with, a
/// dictionary for each row.
const PROBABILITIES: [&str; 2] = ["probabilities", "output_probability"];

/// The output that is served.
#[derive(Debug)]
pub(crate) struct Chosen {
    /// Its name in the file.
    pub(crate) name: String,
    /// All outputs of the file.
    pub(crate) all: Vec<String>,
    /// Names of its columns.
    pub(crate) classes: Option<Vec<String>>,
}

/// Why a graph is not served.
#[derive(Debug)]
pub(crate) enum Refused {
    /// It has no such output.
    Output(String),
    /// The output needs these operators.
    Operators {
        output: String,
        operators: Vec<String>,
    },
    /// It is malformed, or something in it is not implemented.
    Graph(String),
}

/// Leaves in a graph what one output needs: that of the name, else the probabilities, else the
/// first. A dictionary for each row becomes the array it is made of, and the first side of every
/// input is free unless the file fixes it.
pub(crate) fn cut_down(
    graph: &mut GraphProto,
    wanted: Option<&str>,
    register: &OnnxOpRegister,
) -> Result<Chosen, Refused> {
    let all: Vec<String> = graph.output.iter().map(|one| one.name.clone()).collect();
    let name = choose(&all, wanted)?;
    let producers: HashMap<&str, usize> = graph
        .node
        .iter()
        .enumerate()
        .flat_map(|(at, node)| node.output.iter().map(move |name| (name.as_str(), at)))
        .collect();
    let mut array = name.clone();
    if let Some(at) = producers.get(name.as_str()) {
        let node = &graph.node[*at];
        if node.op_type == "ZipMap" {
            let input = node.input.first();
            array = input
                .cloned()
                .ok_or_else(|| malformed("a ZipMap has no input"))?;
        }
    }
    let needed = needed(graph, &producers, &array)?;
    let classes = classes(graph, &producers, &name, &array);
    let mut at = 0;
    graph.node.retain(|_| {
        at += 1;
        needed.contains(&(at - 1))
    });

    let operators: BTreeSet<String> = operators(graph)
        .filter(|node| !register.0.contains_key(&node.op_type))
        .map(|node| match &*node.domain {
            "" | "ai.onnx" => node.op_type.clone(),
            domain => format!("{domain}.{}", node.op_type),
        })
        .collect();
    if !operators.is_empty() {
        let operators = operators.into_iter().collect();
        return Err(Refused::Operators {
            output: name,
            operators,
        });
    }
    graph.output = vec![ValueInfoProto {
        name: array,
        ..ValueInfoProto::default()
    }];
    // Shapes between operators are inferred anew, now that sides have other names.
    graph.value_info.clear();
    free_sides(graph)?;
    Ok(Chosen { name, all, classes })
}

fn malformed(why: &str) -> Refused {
    Refused::Graph(why.to_owned())
}

fn choose(all: &[String], wanted: Option<&str>) -> Result<String, Refused> {
    if let Some(wanted) = wanted {
        return match all.iter().find(|name| *name == wanted) {
            Some(name) => Ok(name.clone()),
            None => Err(Refused::Output(format!(
                "there is no output {wanted:?}, it must be one of {}",
                all.join(", ")
            ))),
        };
    }
    let is_known = |name: &&String| PROBABILITIES.contains(&name.as_str());
    let chosen = all.iter().find(is_known).or(all.first());
    chosen.cloned().ok_or_else(|| malformed("it has no output"))
}

/// The nodes on which an array depends.
fn needed(
    graph: &GraphProto,
    producers: &HashMap<&str, usize>,
    array: &str,
) -> Result<HashSet<usize>, Refused> {
    let given = graph.input.iter().map(|one| one.name.as_str());
    let given: HashSet<&str> = given
        .chain(graph.initializer.iter().map(|one| one.name.as_str()))
        .collect();
    let mut nodes = HashSet::new();
    let mut todo = vec![array.to_owned()];
    while let Some(name) = todo.pop() {
        match producers.get(name.as_str()) {
            Some(at) => {
                if nodes.insert(*at) {
                    todo.extend(read_by(&graph.node[*at]));
                }
            }
            None if given.contains(name.as_str()) => {}
            None => return Err(Refused::Graph(format!("nothing in it makes {name:?}"))),
        }
    }
    Ok(nodes)
}

/// The values that a node reads, also from within its inner graphs, but for those made there.
fn read_by(node: &NodeProto) -> Vec<String> {
    let mut names: Vec<String> = node
        .input
        .iter()
        .filter(|name| !name.is_empty())
        .cloned()
        .collect();
    for inner in inner_graphs(node) {
        let mut own: HashSet<&str> = inner.input.iter().map(|one| one.name.as_str()).collect();
        own.extend(inner.initializer.iter().map(|one| one.name.as_str()));
        own.extend(
            inner
                .node
                .iter()
                .flat_map(|node| node.output.iter().map(String::as_str)),
        );
        let outputs = inner.output.iter().map(|one| one.name.clone());
        let read = inner.node.iter().flat_map(read_by).chain(outputs);
        names.extend(read.filter(|name| !own.contains(name.as_str())));
    }
    names
}

fn inner_graphs(node: &NodeProto) -> impl Iterator<Item = &GraphProto> {
    node.attribute
        .iter()
        .flat_map(|one| one.g.iter().chain(&one.graphs))
}

/// All nodes, those of inner graphs too.
fn operators(graph: &GraphProto) -> Box<dyn Iterator<Item = &NodeProto> + '_> {
    Box::new(
        graph
            .node
            .iter()
            .flat_map(|node| std::iter::once(node).chain(inner_graphs(node).flat_map(operators))),
    )
}

/// The labels of the classifier whose numbers an output is: of the dictionaries that it would have
/// been, else of the nearest classifier before it.
fn classes(
    graph: &GraphProto,
    producers: &HashMap<&str, usize>,
    name: &str,
    array: &str,
) -> Option<Vec<String>> {
    let mut todo = vec![name.to_owned(), array.to_owned()];
    let mut seen = HashSet::new();
    while let Some(name) = todo.pop() {
        let Some(at) = producers.get(name.as_str()).filter(|at| seen.insert(**at)) else {
            continue;
        };
        let node = &graph.node[*at];
        if let Some(labels) = Labels::of(node) {
            return Some(labels.names());
        }
        todo.extend(node.input.iter().cloned());
    }
    None
}

/// Gives free sides names of our own, which are valid to tract: names in files may be any text.
fn free_sides(graph: &mut GraphProto) -> Result<(), Refused> {
    let constants: HashSet<&str> = graph
        .initializer
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    let mut names = HashMap::new();
    let mut count = 0;
    for input in graph
        .input
        .iter_mut()
        .filter(|one| !constants.contains(one.name.as_str()))
    {
        let no_array = || Refused::Graph(format!("its input {:?} is no array", input.name));
        let Some(TypeProto {
            value: Some(Value::TensorType(Tensor { shape, .. })),
            ..
        }) = &mut input.r#type
        else {
            return Err(no_array());
        };
        let Some(shape) = shape.as_mut().filter(|shape| !shape.dim.is_empty()) else {
            return Err(Refused::Graph(format!(
                "its input {:?} has no shape with rows",
                input.name
            )));
        };
        for (at, side) in shape.dim.iter_mut().enumerate() {
            let name = match &side.value {
                Some(dimension::Value::DimValue(size)) if *size > 0 => continue,
                Some(dimension::Value::DimParam(name)) if !name.is_empty() => Some(name.clone()),
                _ => None,
            };
            count += 1;
            let new = if at == 0 {
                ROWS.to_owned()
            } else {
                format!("side{count}")
            };
            let own = match name {
                Some(name) => names.entry(name).or_insert(new).clone(),
                None => new,
            };
            side.value = Some(dimension::Value::DimParam(own));
        }
    }
    Ok(())
}
