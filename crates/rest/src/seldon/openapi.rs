//! `/seldon.json`: the table of routes as an OpenAPI 3.0 document.

use serde_json::{Map, Value, json};
use streeling_core::Method;

use super::pages::Identity;
use super::routes::ROUTES;
use crate::protocol::{Action, Route, Verbs};

/// The description of everything that is served, as the text of an OpenAPI 3.0 document.
pub(super) fn document(identity: &Identity) -> String {
    let paths: Map<String, Value> = ROUTES
        .iter()
        .map(|route| (route.path.to_owned(), path(route)))
        .collect();
    json!({
        "openapi": "3.0.3",
        "info": {"title": identity.title, "version": identity.version},
        "paths": paths,
        "components": {"schemas": schemas()},
    })
    .to_string()
}

fn path(route: &Route) -> Value {
    let verbs: &[&str] = match route.verbs {
        Verbs::Get => &["get"],
        Verbs::Post => &["post"],
        Verbs::GetPost => &["get", "post"],
    };
    let operations: Map<String, Value> = verbs
        .iter()
        .map(|verb| ((*verb).to_owned(), operation(route, verb)))
        .collect();
    Value::Object(operations)
}

fn operation(route: &Route, verb: &str) -> Value {
    let mut operation = json!({
        "operationId": operation_id(route.path, verb),
        "summary": route.summary,
        "responses": {"200": good(route.action)},
    });
    if matches!(route.action, Action::Call(_)) {
        operation["responses"]["default"] = json!({
            "description": "Why the call failed",
            "content": {"application/json": {"schema": reference("Failure")}},
        });
    }
    let Some(schema) = input(route.action) else {
        return operation;
    };
    // The document has no place for a body with GET, so there the query parameter is described.
    if verb == "get" {
        operation["parameters"] = json!([{
            "name": "json",
            "in": "query",
            "required": true,
            "content": {"application/json": {"schema": schema}},
        }]);
    } else {
        operation["requestBody"] = body(route.action, &schema);
    }
    operation
}

/// A name that no other operation has: `post_api_v1_0_predictions`.
fn operation_id(path: &str, verb: &str) -> String {
    let path = path.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    format!("{verb}{path}")
}

fn input(action: Action) -> Option<Value> {
    match action {
        Action::Call(Method::Aggregate) => Some(reference("SeldonMessageList")),
        Action::Call(Method::SendFeedback) => Some(reference("Feedback")),
        Action::Call(Method::HealthStatus | Method::Metadata)
        | Action::Page(_)
        | Action::HtmlPage(_) => None,
        Action::Call(
            Method::Predict | Method::TransformInput | Method::TransformOutput | Method::Route,
        ) => Some(reference("SeldonMessage")),
    }
}

fn body(action: Action, schema: &Value) -> Value {
    let mut parts = json!({
        "type": "object",
        "additionalProperties": {"description": "JSON as text; a file is taken as a string"},
    });
    if !matches!(
        action,
        Action::Call(Method::Aggregate | Method::SendFeedback)
    ) {
        parts["properties"] = json!({
            "strData": {"type": "string"},
            "binData": {"type": "string", "format": "binary"},
        });
    }
    json!({
        "required": true,
        "content": {
            "application/json": {"schema": schema},
            "application/x-www-form-urlencoded": {
                "schema": {"type": "object", "required": ["json"], "properties": {"json": schema}},
                "encoding": {"json": {"contentType": "application/json"}},
            },
            "multipart/form-data": {"schema": parts},
        },
    })
}

fn good(action: Action) -> Value {
    let (description, media, schema) = match action {
        Action::Call(Method::Metadata) => {
            ("The metadata", "application/json", reference("Metadata"))
        }
        Action::Call(_) => (
            "The response",
            "application/json",
            reference("SeldonMessage"),
        ),
        Action::Page(super::pages::PING) => {
            ("The word pong", "text/html", json!({"type": "string"}))
        }
        Action::Page(_) | Action::HtmlPage(_) => (
            "An OpenAPI document",
            "application/json",
            json!({"type": "object"}),
        ),
    };
    json!({"description": description, "content": {media: {"schema": schema}}})
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

fn list(items: &Value) -> Value {
    json!({"type": "array", "items": items})
}

fn table(values: &Value) -> Value {
    json!({"type": "object", "additionalProperties": values})
}

fn object(properties: &Value) -> Value {
    json!({"type": "object", "properties": properties})
}

fn schemas() -> Value {
    let text = json!({"type": "string"});
    let texts = list(&text);
    let int32 = json!({"type": "integer", "format": "int32"});
    let int64 = json!({"type": "integer", "format": "int64"});
    let float = json!({"type": "number", "format": "float"});
    let double = json!({"type": "number", "format": "double"});
    let described = |schema: &str, description: &str| {
        json!({
            "allOf": [reference(schema)],
            "description": description,
        })
    };
    json!({
        "SeldonMessage": object(&json!({
            "status": reference("Status"),
            "meta": reference("Meta"),
            "data": reference("Data"),
            "strData": text,
            "binData": {"type": "string", "format": "byte"},
            "jsonData": {"description": "Any JSON"},
        })),
        "SeldonMessageList": object(&json!({"seldonMessages": list(&reference("SeldonMessage"))})),
        "Feedback": object(&json!({
            "request": reference("SeldonMessage"),
            "response": reference("SeldonMessage"),
            "reward": float,
            "truth": reference("SeldonMessage"),
        })),
        "Data": object(&json!({
            "names": texts,
            "ndarray": list(&json!({})),
            "tensor": reference("Tensor"),
            "tftensor": {"type": "object", "description": "A TensorProto of TensorFlow"},
        })),
        "Tensor": object(&json!({"shape": list(&int32), "values": list(&double)})),
        "Meta": object(&json!({
            "puid": text,
            "tags": table(&json!({})),
            "routing": table(&int32),
            "requestPath": table(&text),
            "metrics": list(&reference("Metric")),
        })),
        "Metric": object(&json!({
            "key": text,
            "type": {"type": "string", "enum": ["COUNTER", "GAUGE", "TIMER"]},
            "value": float,
            "tags": table(&text),
        })),
        "Status": object(&json!({
            "code": int32,
            "info": text,
            "reason": text,
            // The protocol's enum; components may write its numbers, and errors do.
            "status": {"description": "SUCCESS or FAILURE, or their numbers 0 and 1"},
        })),
        "Failure": {
            "type": "object",
            "required": ["status"],
            "properties": {"status": described("Status", "With the reason as a word for programs")},
        },
        "Metadata": object(&json!({
            "name": text,
            "versions": texts,
            "platform": text,
            "inputs": list(&reference("MetadataTensor")),
            "outputs": list(&reference("MetadataTensor")),
            "custom": table(&text),
        })),
        "MetadataTensor": object(&json!({
            "messagetype": text,
            "schema": {"description": "Any JSON"},
            "name": text,
            "datatype": text,
            "shape": list(&int64),
        })),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn parsed() -> Value {
        serde_json::from_str(&document(&Identity::default())).unwrap()
    }

    #[test]
    fn every_route_and_nothing_else_is_described() {
        let document = parsed();
        let described: BTreeSet<_> = document["paths"].as_object().unwrap().keys().collect();
        let served: BTreeSet<_> = ROUTES.iter().map(|route| route.path.to_owned()).collect();
        assert_eq!(described, served.iter().collect());
        assert_eq!(
            document["paths"]["/api/v1.0/predictions"]["get"],
            Value::Null
        );
        assert!(document["paths"]["/predict"]["get"].is_object());
    }

    #[test]
    fn references_lead_somewhere() {
        fn walk(value: &Value, document: &Value, seen: &mut usize) {
            if let Some(target) = value.get("$ref") {
                let pointer = target.as_str().unwrap().strip_prefix('#').unwrap();
                assert!(document.pointer(pointer).is_some(), "{pointer}");
                *seen += 1;
            }
            match value {
                Value::Object(members) => members.values().for_each(|v| walk(v, document, seen)),
                Value::Array(items) => items.iter().for_each(|v| walk(v, document, seen)),
                _ => {}
            }
        }
        let document = parsed();
        let mut seen = 0;
        walk(&document, &document, &mut seen);
        assert!(seen > 30, "{seen}");
    }

    #[test]
    fn operations_have_names_of_their_own() {
        let document = parsed();
        let paths = document["paths"].as_object().unwrap();
        let operations = paths.values().flat_map(|p| p.as_object().unwrap().values());
        let ids: Vec<_> = operations.map(|o| o["operationId"].clone()).collect();
        let unique: BTreeSet<_> = ids.iter().map(ToString::to_string).collect();
        assert_eq!(unique.len(), ids.len());
    }
}
