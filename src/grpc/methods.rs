//! The table of every method there is.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Request, Response};
use tonic::body::Body;
use tonic::codegen::Service;
use tonic_health::pb::health_server::HealthServer;

use super::envoy::{self, Envoy};
use super::health::Healthy;
use super::proto::DESCRIPTORS;
use super::proto::authd::v1::auth_service_server::AuthServiceServer;
use super::proto::envoy::service::auth::v3::authorization_server::AuthorizationServer;
use super::reads::Reads;
use super::verify::{self, Auth};
use crate::config::ServerConfig;
use crate::service::Services;

/// A method.
pub(super) struct Method {
    /// `/package.Service/Method`.
    pub(super) path: &'static str,
    pub(super) shape: Shape,
    pub(super) run: Run,
}

/// How long a call of a method lasts, and who may make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// One message, one answer.
    Unary,
    /// Messages and answers, soon over.
    Exchange,
    /// Answers for as long as the caller listens.
    Watch,
    /// The same, for anybody.
    OpenWatch,
}

impl Shape {
    /// Whether the call goes on for as long as the caller listens.
    pub(super) fn lasts(self) -> bool {
        matches!(self, Self::Watch | Self::OpenWatch)
    }
}

/// Reads the messages, and makes the answer.
pub(super) type Run = Box<dyn Fn(Request<Incoming>) -> Answering + Send + Sync>;

/// An answer being made.
pub(super) type Answering =
    Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// All of them.
pub(super) fn table(services: Arc<Services>, server: &ServerConfig) -> Vec<Method> {
    use Shape::{Exchange, OpenWatch, Unary, Watch};

    let reads = Reads::new(services);
    let usual = server.max_body_bytes;
    let auth = Arc::new(Auth {
        reads: reads.clone(),
    });
    let single = AuthServiceServer::from_arc(Arc::clone(&auth)).max_decoding_message_size(usual);
    let (introspect, watch) = (single.clone(), single.clone());
    let batch = AuthServiceServer::from_arc(auth)
        .max_decoding_message_size(verify::MAX_BATCH_BYTES.max(usual));
    let envoy = AuthorizationServer::new(Envoy {
        reads: reads.clone(),
        headers: Arc::new(server.forward.headers.clone()),
        cookie: server.forward.cookie.clone(),
    })
    .max_decoding_message_size(envoy::MAX_CHECK_BYTES.max(usual));
    let health = HealthServer::new(Healthy { reads }).max_decoding_message_size(usual);
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let built = "the descriptors are those of this build";
    let v1 = reflection()
        .build_v1()
        .expect(built)
        .max_decoding_message_size(usual);
    let v1alpha = reflection()
        .build_v1alpha()
        .expect(built)
        .max_decoding_message_size(usual);
    vec![
        method("/authd.v1.AuthService/Verify", Unary, single),
        method("/authd.v1.AuthService/BatchVerify", Unary, batch),
        method("/authd.v1.AuthService/Introspect", Unary, introspect),
        method("/authd.v1.AuthService/WatchRevocations", Watch, watch),
        method("/envoy.service.auth.v3.Authorization/Check", Unary, envoy),
        method("/grpc.health.v1.Health/Check", Unary, health.clone()),
        method("/grpc.health.v1.Health/Watch", OpenWatch, health),
        method(
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            Exchange,
            v1,
        ),
        method(
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
            Exchange,
            v1alpha,
        ),
    ]
}

fn method<S>(path: &'static str, shape: Shape, service: S) -> Method
where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    Method {
        path,
        shape,
        run: Box::new(move |request| Box::pin(service.clone().call(request))),
    }
}
