//! Which path leads where.

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::http::{Method, StatusCode, Uri};
use axum::routing::{MethodRouter, get, post};
use axum::{Router, middleware};

use super::metrics::Counting;
use super::reply::Rejection;
use super::{
    Api, CLIENT_BODY_BYTES_MAX, PEER_BODY_BYTES_MAX, admin, extract, kv, metrics, openapi, raft,
    session, status, transaction,
};
use crate::metrics::Kind;

/// A path of the API.
pub(super) struct Route {
    pub(super) path: &'static str,
    /// The methods that are operations, and what each is counted as.
    pub(super) kinds: &'static [(Method, Kind)],
    handler: MethodRouter<Arc<Api>>,
}

/// Returns everything that clients can ask for.
pub(super) fn routes() -> Vec<Route> {
    const fn route(
        path: &'static str,
        kinds: &'static [(Method, Kind)],
        handler: MethodRouter<Arc<Api>>,
    ) -> Route {
        Route { path, kinds, handler }
    }
    const KEY: &[(Method, Kind)] =
        &[(Method::GET, Kind::Get), (Method::PUT, Kind::Put), (Method::DELETE, Kind::Delete)];
    vec![
        route("/kv/{key}", KEY, get(kv::get).put(kv::put).delete(kv::delete)),
        route("/kv/{key}/cas", &[(Method::POST, Kind::Cas)], post(kv::cas)),
        route("/kv/{key}/append", &[(Method::POST, Kind::Append)], post(kv::append)),
        route("/kv/{key}/add", &[(Method::POST, Kind::Add)], post(kv::add)),
        route("/txn", &[(Method::POST, Kind::Transaction)], post(transaction::transact)),
        route("/session", &[(Method::POST, Kind::Session)], post(session::register)),
        route("/admin/members", &[(Method::POST, Kind::Admin)], post(admin::members)),
        route("/admin/transfer", &[(Method::POST, Kind::Admin)], post(admin::transfer)),
        route("/admin/snapshot", &[(Method::POST, Kind::Admin)], post(admin::snapshot)),
        route("/status", &[], get(status::status)),
        route("/metrics", &[], get(metrics::metrics)),
        route("/openapi.json", &[], get(openapi::document)),
    ]
}

impl Api {
    /// Returns the routes of a node.
    pub(crate) fn into_router(self) -> Router {
        let api = Arc::new(self);
        let clients = routes().into_iter().fold(Router::new(), |router, route| {
            let counting = Counting { api: Arc::clone(&api), kinds: route.kinds };
            let counted = middleware::from_fn_with_state(counting, metrics::count);
            router.route(route.path, route.handler.layer(counted))
        });
        let peers = Router::new()
            .route("/raft", post(raft::messages))
            .route("/forward", post(raft::passed_on))
            .layer(DefaultBodyLimit::max(PEER_BODY_BYTES_MAX));
        clients
            .layer(DefaultBodyLimit::max(CLIENT_BODY_BYTES_MAX))
            .merge(peers)
            .fallback(unknown_path)
            .method_not_allowed_fallback(unknown_method)
            .with_state(api)
    }
}

async fn unknown_path(uri: Uri) -> Rejection {
    if uri.path().starts_with("/kv/") {
        return extract::bad_key();
    }
    Rejection { status: StatusCode::NOT_FOUND, why: "there is nothing at this path".into() }
}

async fn unknown_method() -> Rejection {
    let why = "this path does not take this method".into();
    Rejection { status: StatusCode::METHOD_NOT_ALLOWED, why }
}
