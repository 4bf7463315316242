//! How letters leave the house: SMTP, a directory, or the log.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{Message, SmtpTransport};
use uuid::Uuid;

use crate::mail::letter::Letter;
use crate::mail::templates::{TemplateError, Written};
use crate::mail::{Security, SmtpSettings, Way};

/// Whom letters are from, as `authd@example.com` or `Example <authd@example.com>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender(Mailbox);

/// The text is no sender.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is no sender: write authd@example.com or Example <authd@example.com>")]
pub struct SenderError(String);

impl FromStr for Sender {
    type Err = SenderError;

    fn from_str(text: &str) -> Result<Self, SenderError> {
        let mailbox = text.trim().parse().map(Self);
        mailbox.map_err(|_| SenderError(text.chars().take(80).collect()))
    }
}

/// Why a letter did not leave the house.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The mail server does not answer, or will not take it.
    #[error("the mail server did not take it: {}", words(.0))]
    Server(#[source] lettre::transport::smtp::Error),
    /// The letter cannot be put into the form of a mail.
    #[error("it cannot be made a mail: {0}")]
    Form(String),
    /// A template cannot be used.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The file could not be written.
    #[error("a file in '{}' could not be written", .0.display())]
    File(PathBuf, #[source] std::io::Error),
}

/// Without what the server says itself: it may say to whom the letter goes.
fn words(error: &lettre::transport::smtp::Error) -> String {
    match error.status() {
        Some(code) => format!("it answers {code}"),
        None => error.to_string(),
    }
}

impl SendError {
    /// Whether another try soon would come to the same end.
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Server(error) => error.is_permanent(),
            Self::Form(_) | Self::Template(_) => true,
            Self::File(..) => false,
        }
    }
}

/// One way out.
pub(super) enum Transport {
    Log,
    Folder(PathBuf),
    Smtp(Box<SmtpTransport>),
}

impl Transport {
    /// `None`: there is none.
    pub(super) fn new(way: &Way) -> Result<Option<Self>, SendError> {
        Ok(match way {
            Way::Off => None,
            Way::Log => Some(Self::Log),
            Way::Folder(folder) => Some(Self::Folder(folder.clone())),
            Way::Smtp(settings) => Some(Self::Smtp(Box::new(smtp(settings)?))),
        })
    }

    pub(super) fn send(&self, message: &Message, id: Uuid) -> Result<(), SendError> {
        match self {
            Self::Log => {
                let mail = String::from_utf8_lossy(&message.formatted()).into_owned();
                tracing::info!(%id, mail, "a letter, which goes nowhere else");
                Ok(())
            }
            Self::Folder(folder) => into_file(folder, message, id)
                .map_err(|cause| SendError::File(folder.clone(), cause)),
            Self::Smtp(transport) => {
                let sent = lettre::Transport::send(&**transport, message);
                sent.map(drop).map_err(SendError::Server)
            }
        }
    }
}

/// Not asked anything yet.
fn smtp(settings: &SmtpSettings) -> Result<SmtpTransport, SendError> {
    let host = settings.host.as_str();
    let (usual, tls) = match settings.security {
        Security::None => (25, Tls::None),
        Security::StartTls => (587, Tls::Required(tls(host)?)),
        Security::Tls => (465, Tls::Wrapper(tls(host)?)),
    };
    let builder = SmtpTransport::builder_dangerous(host)
        .port(settings.port.unwrap_or(usual))
        .tls(tls)
        .timeout(Some(settings.timeout));
    Ok(match &settings.login {
        Some((name, password)) => {
            let credentials = Credentials::new(name.clone(), password.expose().clone());
            builder.credentials(credentials).build()
        }
        None => builder.build(),
    })
}

/// The server's certificate must be good for this name, and trusted by the operating system.
fn tls(host: &str) -> Result<TlsParameters, SendError> {
    TlsParameters::new(host.to_owned()).map_err(SendError::Server)
}

/// Appears whole, and for its owner alone.
fn into_file(folder: &Path, message: &Message, id: Uuid) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(".").tempfile_in(folder)?;
    file.write_all(&message.formatted())?;
    file.persist(folder.join(format!("{id}.eml")))?;
    Ok(())
}

/// Keeps "out of office" from answering (RFC 3834).
const AUTO_SUBMITTED: HeaderName = HeaderName::new_from_ascii_str("Auto-Submitted");

/// A letter in the form of a mail (RFC 5322).
pub(super) fn message(
    Sender(from): &Sender,
    letter: &Letter,
    written: Written,
    id: Uuid,
    now: Timestamp,
) -> Result<Message, SendError> {
    let malformed = |error: &dyn std::fmt::Display| SendError::Form(error.to_string());
    let to = letter.to.parse().map_err(|error| malformed(&error))?;
    let automatic = HeaderValue::new(AUTO_SUBMITTED, "auto-generated".into());
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let builder = Message::builder()
        .raw_header(automatic)
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
        .message_id(Some(format!("<{id}@{}>", from.email.domain())))
        .subject(written.subject);
    let message = match written.html {
        Some(html) => builder.multipart(MultiPart::alternative_plain_html(written.text, html)),
        None => builder.singlepart(SinglePart::plain(written.text)),
    };
    message.map_err(|error| malformed(&error))
}
