//! The description of the API that machines read.
//!
//! It is a file of its own rather than made from the handlers, since it promises
//! more than their types tell: limits, codes, and what a failure proves. Tests
//! hold it to the routes, and to what a node really replies.

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;

use super::reply;

/// The document, of OpenAPI 3.1.
const DOCUMENT: &str = include_str!("openapi.json");

/// `GET /openapi.json`
pub(super) async fn document() -> Response {
    reply::json(StatusCode::OK, Body::from(DOCUMENT))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::api::routes::routes;
    use crate::machine::{KEY_BYTES_MAX, TRANSACTION_PARTS_MAX};

    fn document() -> Value {
        serde_json::from_str(DOCUMENT).unwrap()
    }

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let document = document();
        let paths = document["paths"].as_object().unwrap();
        let described: BTreeSet<_> = paths.keys().map(String::as_str).collect();
        let routed: BTreeSet<_> = routes().iter().map(|route| route.path).collect();
        assert_eq!(described, routed);
        for route in routes() {
            let item = paths[route.path].as_object().unwrap();
            let operations = item.keys().filter(|member| *member != "parameters");
            let described: BTreeSet<_> = operations.map(|name| name.to_uppercase()).collect();
            let mut routed: BTreeSet<_> =
                route.kinds.iter().map(|(method, _)| method.to_string()).collect();
            if routed.is_empty() {
                routed.insert("GET".to_owned());
            }
            assert_eq!(described, routed, "{}", route.path);
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_component_is_referred_to() {
        let document = document();
        let mut references = BTreeSet::new();
        let mut open = vec![&document];
        while let Some(value) = open.pop() {
            match value {
                Value::Object(members) => {
                    references.extend(members.get("$ref").and_then(Value::as_str));
                    open.extend(members.values());
                }
                Value::Array(elements) => open.extend(elements),
                _ => {}
            }
        }
        let mut components = BTreeSet::new();
        for (kind, named) in document["components"].as_object().unwrap() {
            let names = named.as_object().unwrap().keys();
            components.extend(names.map(|name| format!("#/components/{kind}/{name}")));
        }
        let components: BTreeSet<_> = components.iter().map(String::as_str).collect();
        assert_eq!(references, components);
    }

    #[test]
    fn versions_and_limits_are_those_of_the_program() {
        let document = document();
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
        let schemas = &document["components"]["schemas"];
        assert_eq!(schemas["Key"]["maxLength"], KEY_BYTES_MAX);
        let members = &schemas["Transaction"]["properties"];
        for member in ["compare", "success", "failure"] {
            assert_eq!(members[member]["maxItems"], TRANSACTION_PARTS_MAX);
        }
    }
}
