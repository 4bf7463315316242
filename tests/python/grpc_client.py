"""A gRPC client made from proto/ by grpcio-tools: does what each line on standard input asks for,
and says on standard output what came back.

usage: grpc_client.py TARGET PROTO-FOLDER
"""

import json
import pathlib
import queue
import sys
import tempfile
import threading

import grpc
import grpc_tools
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import MessageToDict, ParseDict
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from grpc_tools import protoc

target, proto = sys.argv[1:]
FILES = ["authd/v1/auth.proto", "envoy/service/auth/v3/external_auth.proto"]
generated = tempfile.TemporaryDirectory()
well_known = pathlib.Path(grpc_tools.__file__).parent / "_proto"
paths = [f"-I{proto}", f"-I{well_known}", f"--python_out={generated.name}", f"--grpc_python_out={generated.name}"]
if protoc.main(["protoc", *paths, *FILES]) != 0:
    sys.exit("protoc failed")
# A package of the same name may be installed: Envoy's own. Ours goes first.
pathlib.Path(generated.name, "envoy", "__init__.py").touch()
sys.path.insert(0, generated.name)

from authd.v1 import auth_pb2, auth_pb2_grpc  # noqa: E402
from envoy.service.auth.v3 import external_auth_pb2, external_auth_pb2_grpc  # noqa: E402

# Nothing of a proxy in the environment, and no limit of the client's own.
OPTIONS = [
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
]


def connect():
    return grpc.insecure_channel(target, options=OPTIONS)


if target.startswith("unix:"):
    # grpcio names the socket's path as the host, in a form that HTTP has not.
    OPTIONS.append(("grpc.default_authority", "localhost"))
channel = connect()
auth = auth_pb2_grpc.AuthServiceStub(channel)
envoy = external_auth_pb2_grpc.AuthorizationStub(channel)
health = health_pb2_grpc.HealthStub(channel)
METHODS = {
    "Verify": (auth.Verify, auth_pb2.VerifyRequest),
    "BatchVerify": (auth.BatchVerify, auth_pb2.BatchVerifyRequest),
    "Introspect": (auth.Introspect, auth_pb2.IntrospectRequest),
    "Check": (envoy.Check, external_auth_pb2.CheckRequest),
    "Health": (health.Check, health_pb2.HealthCheckRequest),
}


def outcome(reply, call):
    return {
        "code": "OK",
        "reply": MessageToDict(reply, preserving_proto_field_name=True),
        "metadata": dict(call.initial_metadata()),
    }


def failure(error):
    metadata = dict(error.initial_metadata() or ()) | dict(error.trailing_metadata() or ())
    return {"code": error.code().name, "details": error.details(), "metadata": metadata}


def call(method, message=None, metadata=(), timeout=10):
    """One call through the generated stub."""
    function, kind = METHODS[method]
    request = ParseDict(message or {}, kind())
    metadata = [tuple(pair) for pair in metadata]
    try:
        return outcome(*function.with_call(request, metadata=metadata, timeout=timeout))
    except grpc.RpcError as error:
        return failure(error)


def raw(path, size=None, text="", timeout=10):
    """One call with these bytes in the place of a message."""
    message = b"\0" * size if size is not None else text.encode()
    function = channel.unary_unary(path)
    try:
        reply, _ = function.with_call(message, timeout=timeout)
        return {"code": "OK", "bytes": len(reply)}
    except grpc.RpcError as error:
        return failure(error)


def cancel(tokens, count):
    """Calls that are cancelled as soon as they are made."""
    request = auth_pb2.BatchVerifyRequest(tokens=tokens)
    calls = [auth.BatchVerify.future(request) for _ in range(count)]
    for one in calls:
        one.cancel()
    return {"cancelled": sum(one.cancelled() for one in calls)}


def many(token, count):
    """Calls at once, on one connection."""
    request = auth_pb2.VerifyRequest(token=token)
    calls = [auth.Verify.future(request, timeout=20) for _ in range(count)]
    return {"active": sum(one.result().active for one in calls)}


def batch_of(token, count):
    """The results of one batch in short."""
    answer = auth.BatchVerify(auth_pb2.BatchVerifyRequest(tokens=[token] * count), timeout=20)
    return {"active": [result.active for result in answer.results].count(True)}


wishes = queue.Queue()
under_way = []


def begin(timeout=20):
    """A call whose message is still to come; it is sent with `send`."""
    function = channel.stream_unary(
        "/authd.v1.AuthService/Verify",
        request_serializer=auth_pb2.VerifyRequest.SerializeToString,
        response_deserializer=auth_pb2.Verification.FromString,
    )
    under_way.append(function.future(iter(wishes.get, None), timeout=timeout))
    return {}


def send(token):
    """The message of the call that was begun, and what came of it."""
    wishes.put(auth_pb2.VerifyRequest(token=token))
    wishes.put(None)
    return ended()


def ended():
    """What came of the call that was begun."""
    one = under_way.pop()
    try:
        return outcome(one.result(), one)
    except grpc.RpcError as error:
        return failure(error)


watches = {}


def watch(name):
    """Begins to watch a service's health; its news are taken with `news`."""
    watches[name] = health.Watch(health_pb2.HealthCheckRequest(service=name))
    return news(name)


watchers_kept = []


def watchers(count):
    """Watches at once, a hundred on a connection; says how many of them hear something."""
    heard = 0
    for number in range(count):
        if number % 100 == 0:
            apart = grpc.insecure_channel(target, options=[*OPTIONS, ("grpc.use_local_subchannel_pool", 1)])
            stub = health_pb2_grpc.HealthStub(apart)
        one = stub.Watch(health_pb2.HealthCheckRequest(service=str(number)))
        watchers_kept.append(one)
        try:
            next(one)
            heard += 1
        except grpc.RpcError:
            pass
    return {"heard": heard}


def news(name):
    """The next status, or how the watch ended."""
    try:
        return {"status": health_pb2.HealthCheckResponse.ServingStatus.Name(next(watches[name]).status)}
    except StopIteration:
        return {"code": "OK"}
    except grpc.RpcError as error:
        return {"code": error.code().name, "details": error.details()}


follows = {}


def follow(name, metadata=(), **message):
    """Begins to follow what ends; the pages are taken with `hear`."""
    request = auth_pb2.WatchRevocationsRequest(**message)
    metadata = [tuple(pair) for pair in metadata]
    follows[name] = auth.WatchRevocations(request, metadata=metadata)
    return hear(name)


def hear(name):
    """The next page, or how the stream ended."""
    try:
        return MessageToDict(next(follows[name]), preserving_proto_field_name=True)
    except grpc.RpcError as error:
        return failure(error)


def leave(name):
    """Ends a stream from this side."""
    follows.pop(name).cancel()
    return {}


def reflect():
    """The services, and the fields of a message, as the server itself describes them."""
    database = ProtoReflectionDescriptorDatabase(channel)
    pool = DescriptorPool(database)
    service = pool.FindServiceByName("authd.v1.AuthService")
    verification = pool.FindMessageTypeByName("authd.v1.Verification")
    return {
        "services": sorted(database.get_services()),
        "methods": [method.name for method in service.methods],
        "fields": {field.name: field.number for field in verification.fields},
    }


def crowd(count):
    """Connections at once; says how many of them were served."""
    channels = [grpc.insecure_channel(target, options=[*OPTIONS, ("grpc.use_local_subchannel_pool", 1)]) for _ in range(count)]
    served = []

    def ask(one):
        try:
            health_pb2_grpc.HealthStub(one).Check(health_pb2.HealthCheckRequest(), timeout=3)
            served.append(one)
        except grpc.RpcError:
            pass

    threads = [threading.Thread(target=ask, args=(one,)) for one in channels]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in channels:
        one.close()
    return {"served": len(served)}


ACTIONS = {
    function.__name__: function
    for function in (
        call, raw, cancel, many, batch_of, begin, send, ended, follow, hear, leave, watch, watchers, news, reflect, crowd
    )
}

for line in sys.stdin:
    wish = json.loads(line)
    answer = ACTIONS[wish.pop("do")](**wish)
    print(json.dumps(answer), flush=True)
