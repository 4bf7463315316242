//! The requests of the contract, with their headers built once.

use std::net::SocketAddr;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Uri};
use serde_json::json;

use crate::client::Request;
use crate::home::PASSWORD;

/// `GET path`.
pub(crate) fn get(address: SocketAddr, path: &'static str) -> Request {
    build(address, Method::GET, path, Bytes::new())
}

/// `GET /auth/verify` with `token` as bearer.
pub(crate) fn verify(address: SocketAddr, token: &str) -> Request {
    let mut request = get(address, "/auth/verify");
    let bearer = HeaderValue::try_from(format!("Bearer {token}"));
    request.headers_mut().insert(
        AUTHORIZATION,
        bearer.expect("a token is base64url and dots"),
    );
    request
}

/// `POST /auth/login` for `email` with the password all users share.
pub(crate) fn login(address: SocketAddr, email: &str) -> Request {
    let body = json!({ "email": email, "password": PASSWORD }).to_string();
    let mut request = build(address, Method::POST, "/auth/login", Bytes::from(body));
    request
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    request
}

fn build(address: SocketAddr, method: Method, path: &'static str, body: Bytes) -> Request {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = Uri::from_static(path);
    let host = HeaderValue::try_from(address.to_string());
    request
        .headers_mut()
        .insert(HOST, host.expect("an address and port are visible ASCII"));
    request
}
