//! `authd serve`.

use std::sync::Arc;

use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use super::context::system_sources;
use super::error::CliError;
use super::first_superuser;
use super::logging;
use super::output::print;
use crate::config::{Config, Environment, ListenAddress};
use crate::grpc;
use crate::http::{self, App};
use crate::service::Services;
use crate::service::caretaker::Caretaker;
use crate::service::post::postman::Postman;
use crate::service::webhooks::messenger::Messenger;
use crate::sockets::{self, BindError, Bound, Door, Protocol};
use crate::store::{self, Store, WriteMode, users};

/// Serve logins and verification until told to stop
///
/// Creates a database where there is none. An existing one that waits for 'authctl migrate' is
/// refused with exit status 6, unless --migrate is given. Where there is no superuser yet and
/// AUTHD_SUPERUSER_EMAIL is set, makes one, with the password in AUTHD_SUPERUSER_PASSWORD or in
/// the file that AUTHD_SUPERUSER_PASSWORD_FILE names. SIGTERM and SIGINT let requests under way
/// finish.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  authd serve\n  authd serve --listen 0.0.0.0:8000 --listen unix:/run/authd/authd.sock"
)]
pub(super) struct Args {
    /// Listen here, as 127.0.0.1:8000, [::]:8000 or unix:/path; may be given more than once
    /// [default: 127.0.0.1:8000]
    #[arg(long, value_name = "ADDR")]
    pub(super) listen: Vec<String>,

    /// Bring an existing database up to this release first
    #[arg(long)]
    migrate: bool,
}

pub(super) fn run(args: Args, config: Config, environment: &Environment) -> Result<(), CliError> {
    let log = logging::start_daemon(config.log).map_err(CliError::io("opening the log"))?;
    raise_file_limit();
    let runtime = sockets::runtime().map_err(CliError::io("starting the runtime"))?;
    outlive_size_limit(&runtime).map_err(CliError::io("listening for signals"))?;
    let store = open_store(&args, &config)?;
    let services = Services::start(store, config.service_settings(), system_sources())?;
    first_superuser::make(&services, environment)?;
    let is_empty = !services.store.read(users::any)?;
    let services = Arc::new(services);
    let (bound, grpc_bound, stop) = {
        let _inside = runtime.enter();
        let bound = open_all(&config.server.listen)?;
        let grpc_bound = open_all(&config.server.grpc_listen)?;
        let stop = stop_signal().map_err(CliError::io("listening for signals"))?;
        (bound, grpc_bound, stop)
    };
    let caretaker = Caretaker::start(Arc::clone(&services));
    let caretaker = caretaker.map_err(CliError::io("starting the caretaker"))?;
    let messenger = Messenger::start(Arc::clone(&services));
    let messenger = messenger.map_err(CliError::io("starting the messenger"))?;
    let postman = Postman::start(Arc::clone(&services));
    let postman = postman.map_err(CliError::io("starting the postman"))?;
    announce(&bound, &grpc_bound, is_empty)?;
    let mut doors = Vec::new();
    if !grpc_bound.is_empty() {
        let protocol = grpc::protocol(Arc::clone(&services), &config.server);
        doors.extend(behind(grpc_bound, &protocol));
    }
    let app = App::new(services, config.server.clone());
    doors.extend(behind(bound, &http::protocol(app)));
    let on_idle: Arc<dyn Fn() + Send + Sync> = Arc::new(move || log.thread_is_idle());
    sockets::serve(&runtime, &config.server, doors, &on_idle, stop)
        .map_err(CliError::io("starting the I/O threads"))?;
    drop((caretaker, messenger, postman));
    tracing::info!("stopped");
    Ok(())
}

fn open_all(addresses: &[ListenAddress]) -> Result<Vec<Bound>, BindError> {
    let open = |address| Bound::open(address, addresses);
    addresses.iter().map(open).collect()
}

fn behind(bound: Vec<Bound>, protocol: &Arc<dyn Protocol>) -> impl Iterator<Item = Door> {
    bound.into_iter().map(|bound| Door {
        bound,
        protocol: Arc::clone(protocol),
    })
}

fn open_store(args: &Args, config: &Config) -> Result<Store, CliError> {
    let database = &config.database;
    let now = system_sources().clock.now();
    if !store::exists(&database.url, database.timeout)? {
        store::create(&database.url, database.timeout, now)?;
        tracing::info!(database = database.url.place(), "created the database");
    } else if args.migrate {
        store::migrate(&database.url, database.timeout, now)?;
    }
    Ok(Store::open(database, WriteMode::Grouped)?)
}

/// One line on standard output when ready; to a fresh installation, also what comes next.
fn announce(bound: &[Bound], grpc: &[Bound], is_empty: bool) -> Result<(), CliError> {
    let addresses: Vec<String> = bound.iter().map(Bound::to_string).collect();
    let addresses = addresses.join(" ");
    let targets: Vec<String> = grpc.iter().map(Bound::target).collect();
    print(&match targets.join(" ") {
        none if none.is_empty() => format!("authd ready on {addresses}"),
        targets => format!("authd ready on {addresses} and for gRPC on {targets}"),
    })?;
    if is_empty {
        print("there is no user yet: create the first with 'authctl createsuperuser'")?;
    }
    Ok(())
}

/// Done when the process is told to stop.
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("told to stop by SIGTERM"),
            _ = interrupt.recv() => tracing::info!("told to stop by SIGINT"),
        }
    })
}

/// A write past the limit on the size of a file fails like any other on a full disk; without this
/// it would end the process.
fn outlive_size_limit(runtime: &Runtime) -> std::io::Result<()> {
    let _inside = runtime.enter();
    // Once there is a listener the signal does nothing by itself any more, also when it is gone.
    signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map(drop)
}

/// Takes as many file descriptors as the system allows without asking anybody.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit on open files could not be raised");
    }
}
