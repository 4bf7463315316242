//! Reverse proxies as they are, with the files of contrib/, in front of a small service.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cluster::{not_checked, variable};

use crate::env::{Authd, TestEnv};
use crate::grpc_client::grpc_target;

/// How long a proxy may take to start, on a machine that does other things as well.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process that listens. Killed when dropped.
pub(crate) struct Listening {
    child: Child,
    /// `127.0.0.1:PORT`
    pub address: String,
}

impl Drop for Listening {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// True, and said on standard error, where `SKIP_PROXIES=1` asks for none.
pub(crate) fn skipped(what: &str) -> bool {
    let skipped = variable("SKIP_PROXIES").is_some_and(|value| value == "1");
    if skipped {
        not_checked(&format!("{what}: SKIP_PROXIES is 1"));
    }
    skipped
}

/// The service that is protected: `tests/python/echo.py`.
pub(crate) fn service(env: &TestEnv) -> Listening {
    let mut command = env.command(python("python"));
    command.arg(root().join("tests/python/echo.py"));
    let mut child = command.stdout(Stdio::piped()).spawn().expect("starts");
    let output = child.stdout.take().expect("is piped");
    let port = BufReader::new(output).lines().next();
    let port = port.and_then(Result::ok).expect("says its port");
    Listening {
        child,
        address: format!("127.0.0.1:{port}"),
    }
}

/// nginx of the system, or else the one that `make test` has unpacked.
pub(crate) fn nginx(env: &TestEnv, authd: &Authd, service: &Listening) -> Listening {
    let unpacked = root().join("target/tools/nginx/usr/sbin/nginx");
    let places = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"];
    let known = places.map(PathBuf::from).into_iter().chain([unpacked]);
    let program = known.into_iter().find(|path| path.exists());
    let program = program.unwrap_or_else(|| {
        panic!("there is no nginx: 'make nginx' installs one, SKIP_PROXIES=1 leaves its tests out")
    });
    let (own, address) = configured(env, "nginx.conf", 8080, authd, service);
    // What a distribution's nginx.conf has around conf.d/*.conf.
    let folder = env.path("");
    let folder = folder.display();
    let whole = format!(
        "daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\nerror_log {folder}/nginx.log;\n\
         events {{}}\nhttp {{\n  access_log off;\n  client_body_temp_path {folder}/body;\n  \
         proxy_temp_path {folder}/proxy;\n  fastcgi_temp_path {folder}/fastcgi;\n  \
         uwsgi_temp_path {folder}/uwsgi;\n  scgi_temp_path {folder}/scgi;\n  include {};\n}}\n",
        own.display()
    );
    let whole = env.write("whole-nginx.conf", &whole);
    let mut command = env.command(program);
    command.arg("-e").arg(env.path("nginx.log"));
    command.arg("-p").arg(env.path("")).arg("-c").arg(whole);
    start(env, command, address)
}

/// Caddy from tests/python/requirements.txt.
pub(crate) fn caddy(env: &TestEnv, authd: &Authd, service: &Listening) -> Listening {
    let (file, address) = configured(env, "Caddyfile", 8080, authd, service);
    let mut command = env.command(python("caddy"));
    command
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(file)
        .env("HOME", env.path(""));
    start(env, command, address)
}

/// The listener of `envoy.yaml` at this port; Envoy from tests/python/requirements.txt.
pub(crate) fn envoy(env: &TestEnv, listener: u16, authd: &Authd, service: &Listening) -> Listening {
    let (file, address) = configured(env, "envoy.yaml", listener, authd, service);
    start_envoy(env, &file, address)
}

/// Envoy that asks over gRPC: `envoy-grpc.yaml`.
pub(crate) fn envoy_grpc(env: &TestEnv, authd: &Authd, service: &Listening) -> Listening {
    let address = free_address();
    let moves = [
        (8001, grpc_target(authd)),
        (9000, &service.address),
        (10000, &address),
    ];
    let file = moved(env, "envoy-grpc.yaml", &moves);
    start_envoy(env, &file, address)
}

fn start_envoy(env: &TestEnv, file: &Path, address: String) -> Listening {
    let mut command = env.command(python("envoy"));
    command
        .args(["--disable-hot-restart", "--concurrency", "1"])
        .args(["--log-level", "warning", "-c"])
        .arg(file);
    start(env, command, address)
}

/// A file of contrib/ with nothing changed but the ports; and where the listener at this one is now.
fn configured(
    env: &TestEnv,
    name: &str,
    listener: u16,
    authd: &Authd,
    service: &Listening,
) -> (PathBuf, String) {
    let address = free_address();
    // The others of the file are open as well.
    let others = (8080..=8081).filter(|port| *port != listener && name == "envoy.yaml");
    let others: Vec<_> = others.map(|port| (port, free_address())).collect();
    let mut moves = vec![
        (8000, authd.address()),
        (9000, &service.address),
        (listener, &address),
    ];
    moves.extend(others.iter().map(|(port, address)| (*port, &**address)));
    (moved(env, name, &moves), address)
}

/// A file of contrib/ with nothing changed but these ports.
fn moved(env: &TestEnv, name: &str, moves: &[(u16, &str)]) -> PathBuf {
    let mut text = std::fs::read_to_string(root().join("contrib").join(name)).expect("reads");
    for (port, address) in moves {
        let (_, now) = address.rsplit_once(':').expect("has a port");
        let written = ["127.0.0.1:", "http://:", "port_value: "];
        let before = written.map(|before| format!("{before}{port}"));
        assert!(
            before.iter().any(|it| text.contains(it)),
            "{name} names {port}"
        );
        for (before, whole) in written.iter().zip(&before) {
            text = text.replace(whole, &format!("{before}{now}"));
        }
    }
    env.write(name, &text)
}

/// A port that was free a moment ago.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    listener.local_addr().expect("has an address").to_string()
}

/// Starts a proxy, and waits until it takes connections.
fn start(env: &TestEnv, mut command: Command, address: String) -> Listening {
    let log = env.path("proxy.log");
    let file = std::fs::File::create(&log).expect("makes the log");
    let copy = file.try_clone().expect("is copied");
    let child = command.stdout(copy).stderr(file).spawn().expect("starts");
    let mut proxy = Listening { child, address };
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(&proxy.address).is_err() {
        let ended = proxy.child.try_wait().expect("waits");
        let log = || std::fs::read_to_string(&log).unwrap_or_default();
        assert!(ended.is_none(), "{command:?} {ended:?}: {}", log());
        assert!(Instant::now() < deadline, "{command:?}: {}", log());
        std::thread::sleep(Duration::from_millis(10));
    }
    proxy
}

/// A program of the Python environment that `make test` makes.
pub(crate) fn python(program: &str) -> PathBuf {
    let python = variable("AUTHD_TEST_PYTHON").map(PathBuf::from);
    let python = python.unwrap_or_else(|| root().join("target/python/bin/python"));
    let program = python.with_file_name(program);
    assert!(
        program.exists(),
        "there is no {}: 'make test' installs it",
        program.display()
    );
    program
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
