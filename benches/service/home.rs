//! One engine's filled database, the programs on it, and tokens obtained by real logins.

use std::cell::{OnceCell, RefCell};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use auth::config::{Config, Environment, Flags};
use auth::service::system::{SystemClock, SystemRandom};
use auth::service::{Services, Sources};
use auth::store::{Store, WriteMode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::Failure;
use crate::client::{self, Connection};
use crate::database::Database;
use crate::plan::{LOGINS, Plan};
use crate::server::{Server, log_in};
use crate::{fill, report, requests};

/// The password of every user: hashed once by `authctl`, then copied.
pub(crate) const PASSWORD: &str = "nine violet kettles hum at dusk";

/// Tokens live 15 minutes by default; older ones than this are obtained anew.
const FRESH: Duration = Duration::from_secs(8 * 60);

/// A database, and the folder that the programs on it work in.
pub(crate) struct Home {
    pub(crate) database: Database,
    plan: Plan,
    folder: PathBuf,
    /// Filled at first use, and how many bytes it had then; a failure is remembered, so that every
    /// row reports it at once.
    filled: OnceCell<Result<u64, String>>,
    tokens: RefCell<Option<(Instant, Arc<[String]>)>>,
}

impl Home {
    /// With a folder of its own in `site`.
    pub(crate) fn new(plan: Plan, site: &Path, database: Database) -> Result<Self, Failure> {
        let folder = site.join(database.name());
        fs::create_dir(&folder)?;
        Ok(Self {
            database,
            plan,
            folder,
            filled: OnceCell::new(),
            tokens: RefCell::new(None),
        })
    }

    /// As the table calls the engine.
    pub(crate) fn name(&self) -> &'static str {
        self.database.name()
    }

    /// Fills the database if it is empty; says how many bytes its users had when it was just filled.
    pub(crate) fn filled(&self) -> Result<u64, Failure> {
        let fill = || {
            self.fill().map_err(|failure| {
                let reason = report::sentence(failure.as_ref());
                format!("{} could not be filled: {reason}", self.name())
            })
        };
        Ok(self.filled.get_or_init(fill).clone()?)
    }

    /// Starts the daemon with its defaults on the filled database.
    pub(crate) fn authd(&self) -> Result<Server, Failure> {
        self.serve(self.command(env!("CARGO_BIN_EXE_authd")))
    }

    /// The same, with an address for gRPC.
    pub(crate) fn authd_with_grpc(&self) -> Result<Server, Failure> {
        let mut command = self.command(env!("CARGO_BIN_EXE_authd"));
        command.env("AUTHD_SERVER_GRPC_LISTEN", "127.0.0.1:0");
        self.serve(command)
    }

    fn serve(&self, mut command: Command) -> Result<Server, Failure> {
        self.filled()?;
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        let started = Server::start(command, &log_in(&self.folder, "authd"));
        started.map_err(|failure| format!("on {}: {failure}", self.name()).into())
    }

    /// The services of the daemon with its defaults, in the harness itself.
    pub(crate) fn services(&self) -> Result<Services, Failure> {
        self.filled()?;
        let file = self.folder.join("services.toml");
        fs::write(
            &file,
            format!("secret_key_file = '{}'\n", self.key().display()),
        )?;
        let flags = Flags {
            config: Some(file),
            database: Some(self.database.url().clone()),
            listen: vec![],
        };
        let config = Config::load(&flags, &Environment::default())?;
        let sources = Sources {
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
        };
        let store = Store::open(&config.database, WriteMode::Grouped)?;
        Ok(Services::start(store, config.service_settings(), sources)?)
    }

    /// One token each of the first [`Plan::tokens`] users.
    pub(crate) fn tokens(&self, authd: &Server) -> Result<Arc<[String]>, Failure> {
        if let Some((since, tokens)) = &*self.tokens.borrow()
            && since.elapsed() < FRESH
        {
            return Ok(Arc::clone(tokens));
        }
        let since = Instant::now();
        let tokens: Arc<[String]> = obtain(authd, self.plan.tokens)?.into();
        eprintln!(
            "({}: {} tokens in {:.1} s)",
            self.name(),
            tokens.len(),
            since.elapsed().as_secs_f64()
        );
        self.tokens.replace(Some((since, Arc::clone(&tokens))));
        Ok(tokens)
    }

    /// A verify request for each token.
    pub(crate) fn verifies(&self, authd: &Server) -> Result<Arc<[client::Request]>, Failure> {
        let tokens = self.tokens(authd)?;
        Ok(tokens
            .iter()
            .map(|token| requests::verify(authd.address, token))
            .collect())
    }

    /// A login request for each of as many users, none of whom has a token in [`Home::tokens`].
    pub(crate) fn logins(&self, authd: &Server) -> Arc<[client::Request]> {
        let users = self.plan.tokens..self.plan.tokens * 2;
        users
            .map(|user| requests::login(authd.address, &fill::email(user)))
            .collect()
    }

    fn fill(&self) -> Result<u64, Failure> {
        let since = Instant::now();
        self.authctl(&["migrate"], "")?;
        self.authctl(
            &["user", "add", fill::SEED_EMAIL, "--password-stdin", "-q"],
            PASSWORD,
        )?;
        self.database.fill(self.plan.users)?;
        eprintln!(
            "({}: {} users in {:.1} s)",
            self.name(),
            self.plan.users,
            since.elapsed().as_secs_f64()
        );
        self.database.user_bytes()
    }

    /// A client that may introspect every token, as an `Authorization` header names it.
    pub(crate) fn client(&self) -> Result<String, Failure> {
        // One of an earlier row; nobody knows its secret any more.
        let _ = self.authctl(&["client", "delete", "bench", "--yes"], "");
        let added = self.authctl(&["client", "add", "bench", "-o", "json"], "")?;
        let added: Value = serde_json::from_str(&added)?;
        let secret = added["client_secret"]
            .as_str()
            .ok_or("no secret is shown")?;
        Ok(format!(
            "Basic {}",
            STANDARD.encode(format!("bench:{secret}"))
        ))
    }

    /// Runs `authctl` on the database and returns its result; fails with what it wrote unless it
    /// exits with 0.
    fn authctl(&self, args: &[&str], stdin: &str) -> Result<String, Failure> {
        let mut child = self
            .command(env!("CARGO_BIN_EXE_authctl"))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut input = child.stdin.take().ok_or("authctl has no standard input")?;
        // One that never reads has closed it: its exit status says more than this error.
        let _ = writeln!(input, "{stdin}");
        drop(input);
        let output = child.wait_with_output()?;
        if output.status.success() {
            return Ok(String::from_utf8(output.stdout)?);
        }
        let words = String::from_utf8_lossy(&output.stderr);
        Err(format!(
            "authctl {} ended with {}: {}",
            args[0],
            output.status,
            words.trim()
        )
        .into())
    }

    /// A program on this database, with none of the caller's configuration.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.folder)
            .env_clear()
            .env("AUTHD_DATABASE_URL", self.database.url())
            .env("AUTHD_SECRET_KEY_FILE", self.key());
        command
    }

    fn key(&self) -> PathBuf {
        self.folder.join("authd.key")
    }
}
/// Logs in the first `users` users, [`LOGINS`] at a time, and returns their access tokens.
fn obtain(authd: &Server, users: u32) -> Result<Vec<String>, Failure> {
    let address = authd.address;
    client::runtime()?.block_on(async {
        let mut shares = JoinSet::new();
        for first in 0..LOGINS {
            shares.spawn(async move {
                let mut connection = Connection::open(address).await?;
                let mut tokens = Vec::new();
                for user in (0..users).skip(first).step_by(LOGINS) {
                    let request = requests::login(address, &fill::email(user));
                    tokens.push(access_token(&connection.fetch(request).await?)?);
                }
                Ok::<_, Failure>(tokens)
            });
        }
        let mut tokens = Vec::new();
        while let Some(share) = shares.join_next().await {
            tokens.extend(share??);
        }
        Ok(tokens)
    })
}

fn access_token(body: &[u8]) -> Result<String, Failure> {
    let body: Value = serde_json::from_slice(body)?;
    let token = body["access_token"]
        .as_str()
        .ok_or("the login answer has no access_token")?;
    Ok(token.to_owned())
}
