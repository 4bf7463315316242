//! Letters: what they look like, and how they leave the house.

mod letter;
mod templates;
mod transport;

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::secret::Secret;

pub use letter::{Facts, Letter, Subject};
pub use templates::TemplateError;
pub use transport::{SendError, Sender, SenderError};

use templates::Templates;
use transport::Transport;

/// How letters leave the house.
#[derive(Clone, Debug)]
pub struct MailSettings {
    /// By which way.
    pub way: Way,
    /// From whom.
    pub from: Sender,
    /// Where an installation's own templates are.
    pub templates: Option<PathBuf>,
}

impl MailSettings {
    /// Whether nothing is mailed.
    pub fn is_off(&self) -> bool {
        matches!(self.way, Way::Off)
    }
}

/// By which way letters leave the house.
#[derive(Clone, Debug)]
pub enum Way {
    /// They do not.
    Off,
    /// Into the log, codes and all: for development.
    Log,
    /// As files of this directory: for development.
    Folder(PathBuf),
    /// To a mail server.
    Smtp(SmtpSettings),
}

/// The mail server that takes all letters.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// Its name or address.
    pub host: String,
    /// `None`: the usual one.
    pub port: Option<u16>,
    /// How the connection is kept from others.
    pub security: Security,
    /// Who we are to it, if it asks.
    pub login: Option<(String, Secret<String>)>,
    /// For each step of the conversation.
    pub timeout: Duration,
}

/// How a connection is kept from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Not at all.
    None,
    /// By TLS, once the server was greeted.
    StartTls,
    /// By TLS from the first byte.
    Tls,
}

/// Why no letter can be sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MailError {
    /// A template cannot be used.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// What sends them cannot be set up.
    #[error("mail cannot be set up")]
    Transport(#[source] SendError),
}

/// Writes letters out and sends them.
pub struct Mailer {
    templates: Templates,
    transport: Transport,
    from: Sender,
}

impl Mailer {
    /// Loads the templates. `None`: nothing is to be sent, and only what an installation has put in
    /// the place of a template is looked at. Nobody is asked yet.
    pub fn open(settings: &MailSettings) -> Result<Option<Self>, MailError> {
        if settings.is_off() && settings.templates.is_none() {
            return Ok(None);
        }
        let templates = Templates::load(settings.templates.as_deref())?;
        let transport = Transport::new(&settings.way).map_err(MailError::Transport)?;
        Ok(transport.map(|transport| Self {
            templates,
            transport,
            from: settings.from.clone(),
        }))
    }

    /// Sends a letter; whoever gets it twice can tell by its id.
    pub fn send(&self, letter: &Letter, id: Uuid, now: Timestamp) -> Result<(), SendError> {
        let written = self.templates.write(letter)?;
        let message = transport::message(&self.from, letter, written, id, now)?;
        self.transport.send(&message, id)
    }
}
