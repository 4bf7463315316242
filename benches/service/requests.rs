//! The requests of the contract, with their headers built once.

use std::net::SocketAddr;

use auth::grpc::proto::authd::v1::VerifyRequest;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, IF_NONE_MATCH, TE};
use hyper::{Method, Uri, Version};
use prost::Message;
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

/// The same for whoever has the answer already.
pub(crate) fn verify_again(address: SocketAddr, token: &str) -> Request {
    let mut request = verify(address, token);
    let headers = request.headers_mut();
    headers.insert(IF_NONE_MATCH, HeaderValue::from_static("*"));
    request
}

/// `POST /auth/verify/batch` with all of these.
pub(crate) fn verify_batch(address: SocketAddr, tokens: &[String]) -> Request {
    let body = json!({ "tokens": tokens }).to_string();
    post(address, "/auth/verify/batch", "application/json", body)
}

/// `POST /oauth/introspect` for this token, from this client.
pub(crate) fn introspect(address: SocketAddr, client: &str, token: &str) -> Request {
    const FORM: &str = "application/x-www-form-urlencoded";
    let mut request = post(address, "/oauth/introspect", FORM, format!("token={token}"));
    let client = HeaderValue::try_from(client).expect("is base64");
    request.headers_mut().insert(AUTHORIZATION, client);
    request
}

/// A call of `Verify` with this token, at an address for gRPC.
pub(crate) fn verify_by_grpc(address: SocketAddr, token: &str) -> Request {
    let message = VerifyRequest {
        token: token.to_owned(),
    };
    let message = message.encode_to_vec();
    let length = u32::try_from(message.len()).expect("a token is short");
    // Before each message: whether it is compressed, and its length.
    let body = [&[0], &length.to_be_bytes()[..], &message].concat();
    let uri = format!("http://{address}/authd.v1.AuthService/Verify");
    let mut request = Request::new(Full::new(Bytes::from(body)));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri.parse().expect("an address and port are part of a URI");
    *request.version_mut() = Version::HTTP_2;
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(TE, HeaderValue::from_static("trailers"));
    request
}

/// `POST /auth/login` for `email` with the password all users share.
pub(crate) fn login(address: SocketAddr, email: &str) -> Request {
    let body = json!({ "email": email, "password": PASSWORD }).to_string();
    post(address, "/auth/login", "application/json", body)
}

fn post(address: SocketAddr, path: &'static str, kind: &'static str, body: String) -> Request {
    let mut request = build(address, Method::POST, path, Bytes::from(body));
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
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
