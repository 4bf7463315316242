//! What comes of what somebody wanted who may not be told.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{Outbox, PostError, Wanted, end_of_patience};
use crate::domain::account_code::Purpose;
use crate::domain::audit::{Action, Entry, Outcome, Who};
use crate::domain::email::Email;
use crate::domain::user::{User, UserRef};
use crate::mail::{Facts, Letter, Subject as LetterSubject};
use crate::service::account_codes::{AccountRules, issue};
use crate::service::scribe::Scribe;
use crate::service::{Services, Sources};
use crate::store::account_codes::{self, Subject};
use crate::store::{Fault, StoreError, Tx, outgoing_mail, users};
use crate::tokens::{CheckedTokens, Fingerprint};

/// Between two letters of one kind to one person: nobody's mailbox is filled from here.
const BETWEEN_LETTERS: SignedDuration = SignedDuration::from_secs(60);

/// Sees to it, and to nothing twice.
pub(super) fn see_to(services: &Services, errand: Uuid, wanted: Wanted) -> Result<(), PostError> {
    let desk = Desk {
        outbox: services.outbox(),
        rules: Arc::clone(&services.account_rules),
        sources: services.sources.clone(),
    };
    services.store.attempt(move |tx| {
        let now = desk.sources.clock.now();
        // Whoever was faster has seen to it.
        if outgoing_mail::delete(tx, errand)? {
            match wanted {
                Wanted::PasswordReset { email, address } => {
                    desk.reset(tx, &email, address, now)?;
                }
                Wanted::Registration { email, address } => {
                    desk.register(tx, &email, address, now)?;
                }
                Wanted::EmailChange {
                    user,
                    email,
                    checked,
                } => desk.change(tx, (&user, checked), &email, now)?,
            }
        }
        Ok::<(), Fault<PostError>>(())
    })
}

impl From<PostError> for Fault<PostError> {
    fn from(error: PostError) -> Self {
        match error {
            PostError::Store(error) => Self::Store(error),
            error => Self::Refused(error),
        }
    }
}

struct Desk {
    /// `None`: nothing is mailed, so no code is made.
    outbox: Option<Outbox>,
    rules: Arc<AccountRules>,
    sources: Sources,
}

impl Desk {
    fn reset(
        &self,
        tx: &Tx<'_>,
        email: &str,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<(), PostError> {
        let found = match email.parse::<Email>() {
            Ok(email) => users::credentials(tx, &email)?,
            Err(_) => None,
        };
        // An account without a password is for machines, or was invited.
        let user = found
            .filter(|found| found.password_hash.is_some())
            .map(|found| found.user)
            .filter(|user| user.is_active);
        let entry = of(Action::UserResetWanted, user.as_ref(), user.is_some());
        self.note(tx, &entry, address, now)?;
        let Some(user) = user else { return Ok(()) };
        let (purpose, subject) = (Purpose::PasswordReset, Subject::Account(&user));
        self.send_code(tx, purpose, subject, &user.email, now, |facts| {
            Letter::to_user(LetterSubject::PasswordReset, &user, facts)
        })
    }

    fn register(
        &self,
        tx: &Tx<'_>,
        email: &str,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<(), PostError> {
        let Ok(email) = email.parse::<Email>() else {
            return Ok(());
        };
        let taken = users::find(tx, &UserRef::Email(email.clone()))?;
        let entry = of(Action::RegistrationWanted, taken.as_ref(), taken.is_none());
        self.note(tx, &entry, address, now)?;
        if let Some(user) = taken {
            return self.tell_owner(tx, &user.email, now);
        }
        let purpose = Purpose::Registration;
        self.send_code(tx, purpose, Subject::Nobody, &email, now, |facts| {
            Letter::to(LetterSubject::Registration, &email, facts)
        })
    }

    fn change(
        &self,
        tx: &Tx<'_>,
        (user, checked): (&str, Option<Fingerprint>),
        email: &str,
        now: Timestamp,
    ) -> Result<(), PostError> {
        let (Ok(id), Ok(email)) = (user.parse(), email.parse::<Email>()) else {
            return Ok(());
        };
        let user = users::find(tx, &UserRef::Id(id))?;
        let Some(user) = user.filter(|user| user.is_active) else {
            return Ok(());
        };
        let hash = users::credentials(tx, &user.email)?.and_then(|found| found.password_hash);
        let hash = hash.map(|hash| CheckedTokens::fingerprint(hash.expose()));
        if checked.is_some() && checked != hash {
            return Ok(());
        }
        let owner = users::find(tx, &UserRef::Email(email.clone()))?;
        if let Some(owner) = owner.filter(|owner| owner.id != user.id) {
            return self.tell_owner(tx, &owner.email, now);
        }
        let (purpose, subject) = (Purpose::EmailChange, Subject::Account(&user));
        if is_recent(tx, purpose, subject, &email, now)? {
            return Ok(());
        }
        if let Some(outbox) = &self.outbox {
            let facts = Facts {
                service: self.rules.service.clone(),
                new_email: email.as_str().to_owned(),
                ..Facts::default()
            };
            let letter = Letter::to_user(LetterSubject::EmailChangeWanted, &user, facts);
            outbox.put(tx, &letter.into(), end_of_patience(now), now)?;
        }
        self.send_code(tx, purpose, subject, &email, now, |facts| {
            Letter::to(LetterSubject::EmailChange, &email, facts)
        })
    }

    fn send_code(
        &self,
        tx: &Tx<'_>,
        purpose: Purpose,
        subject: Subject<'_>,
        email: &Email,
        now: Timestamp,
        letter: impl FnOnce(Facts) -> Letter,
    ) -> Result<(), PostError> {
        let Some(outbox) = &self.outbox else {
            return Ok(());
        };
        if is_recent(tx, purpose, subject, email, now)? {
            return Ok(());
        }
        let how = (&*self.rules, &*self.sources.random);
        let code = issue(tx, how, purpose, subject, email, now)?;
        let facts = Facts {
            service: self.rules.service.clone(),
            link: code.link.expose().clone(),
            lasts: code.lasts,
            ..Facts::default()
        };
        outbox.put(tx, &letter(facts).into(), code.expires_at, now)
    }

    /// The address has an account: whoever reads its mail is told, and nobody else.
    fn tell_owner(&self, tx: &Tx<'_>, email: &Email, now: Timestamp) -> Result<(), PostError> {
        let Some(outbox) = &self.outbox else {
            return Ok(());
        };
        let (purpose, nobody) = (Purpose::Registration, Subject::Nobody);
        if is_recent(tx, purpose, nobody, email, now)? {
            return Ok(());
        }
        // A code that nobody is told: it says when the last letter went.
        let how = (&*self.rules, &*self.sources.random);
        issue(tx, how, purpose, nobody, email, now)?;
        let facts = Facts {
            service: self.rules.service.clone(),
            ..Facts::default()
        };
        let letter = Letter::to(LetterSubject::AddressInUse, email, facts);
        outbox.put(tx, &letter.into(), end_of_patience(now), now)
    }

    /// Writes down what was wanted, and from where.
    fn note(
        &self,
        tx: &Tx<'_>,
        entry: &Entry,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        Scribe::at(Who::Anonymous, address, &self.sources).write(tx, entry, now)
    }
}

/// What was wanted, of which account if there is one, and whether anything comes of it.
fn of(action: Action, user: Option<&User>, comes: bool) -> Entry {
    let outcome = if comes { Outcome::Ok } else { Outcome::Failed };
    Entry {
        user: user.map(|user| user.id),
        ..Entry::new(action).ended(outcome)
    }
}

/// Whether this person had such a letter a moment ago.
fn is_recent(
    tx: &Tx<'_>,
    purpose: Purpose,
    subject: Subject<'_>,
    email: &Email,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let after = now.checked_sub(BETWEEN_LETTERS).unwrap_or(Timestamp::MIN);
    account_codes::is_recent(tx, purpose, subject, email, after)
}
