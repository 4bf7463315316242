//! What this service asks of authd, and how each answer is read.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use form_urlencoded::{Serializer, byte_serialize};
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue,
    IF_NONE_MATCH, USER_AGENT,
};
use http::{Method, Request};
use serde::Deserialize;

use crate::answers::{self, Change, Page, UserPage, Verification};
use crate::error::Trouble;
use crate::io::{Answer, Io, Question};
use crate::keys::max_age;
use crate::reading::{check_plain, code, good, page, shown, text_of};
use crate::settings::Settings;

/// Bytes of an answer at most, and of one with many changes.
const MAX_ANSWER: u64 = 1024 * 1024;
const MAX_PAGE: u64 = 16 * MAX_ANSWER;
/// For which nobody is made to wait for an authd that has just not answered.
const PAUSE: Duration = Duration::from_secs(1);
/// Users in one page of their changes.
const PAGE: u32 = 200;

/// Why there is no answer to read on.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// authd's word is missing.
    Trouble(Trouble),
    /// authd refuses the token, or does not give this client what it asks for: the code of RFC 6749.
    Refused(String),
    /// The cursor is too old, or from another history: to go on from there.
    Gone(i64),
}

impl From<Trouble> for NoAnswer {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

/// One authd, asked as one client. What goes wrong is logged once, and again when it is over.
pub(crate) struct Asker<I> {
    pub(crate) settings: Settings,
    pub(crate) io: I,
    complaints: Mutex<HashSet<&'static str>>,
    pause_until: Mutex<Option<Instant>>,
    own_token: Mutex<Option<(String, Instant)>>,
}

impl<I: Io> Asker<I> {
    pub(crate) fn new(settings: Settings, io: I) -> Self {
        Self {
            settings,
            io,
            complaints: Mutex::default(),
            pause_until: Mutex::default(),
            own_token: Mutex::default(),
        }
    }

    /// Who is behind the token at this moment; `None`: what the answer with this tag said.
    pub(crate) async fn verify(
        &self,
        token: &str,
        etag: &str,
    ) -> Result<Option<Verification>, NoAnswer> {
        let pause = *self
            .pause_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if pause.is_some_and(|until| Instant::now() < until) {
            return Err(Trouble::Paused.into());
        }
        let mut question = self.question(
            Method::GET,
            "/auth/verify",
            &format!("Bearer {token}"),
            String::new(),
        );
        if let Ok(tag) = HeaderValue::from_str(etag)
            && !etag.is_empty()
        {
            question.request.headers_mut().insert(IF_NONE_MATCH, tag);
        }
        let answer = self.io.ask(&question).await;
        if let Err(Trouble::Connection | Trouble::Late) = answer {
            let until = Instant::now() + PAUSE;
            *self
                .pause_until
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Some(until);
        }
        self.told("verify", answer, |answer| match answer.status().as_u16() {
            304 if !etag.is_empty() => Ok(None),
            status @ (400 | 401) => match code(answer, "code") {
                Some(code) if code == "invalid_token" || code == "invalid_request" => {
                    Err(NoAnswer::Refused(code))
                }
                _ => Err(Trouble::Status(status).into()),
            },
            _ => {
                let tag = text_of(answer, ETAG).unwrap_or_default();
                let found = answers::verification(good(answer)?, tag)?;
                self.check_origin(&found)?;
                Ok(Some(found))
            }
        })
    }

    /// The verification must be of a token of our issuer for our audience.
    fn check_origin(&self, found: &Verification) -> Result<(), Trouble> {
        if found.claim("iss") != Some(&self.settings.issuer) {
            return Err(Trouble::OtherIssuer);
        }
        let audience = found.claims.get("aud");
        let is_ours = |one: &serde_json::Value| one.as_str() == Some(&self.settings.audience);
        let is_for_us = audience.is_some_and(|one| match one.as_array() {
            Some(several) => several.iter().any(is_ours),
            None => is_ours(one),
        });
        is_for_us.then_some(()).ok_or(Trouble::OtherAudience)
    }

    /// The public keys as they came, and for how long they may be kept.
    pub(crate) async fn jwks(&self) -> Result<(Vec<serde_json::Value>, Duration), NoAnswer> {
        #[derive(Deserialize)]
        struct Found {
            keys: Vec<serde_json::Value>,
        }
        let question = self.question(Method::GET, "/.well-known/jwks.json", "", String::new());
        let answer = self.io.ask(&question).await;
        self.told("jwks", answer, |answer| {
            let found: Found = answers::read(good(answer)?)?;
            let said = text_of(answer, CACHE_CONTROL).unwrap_or_default();
            Ok((found.keys, max_age(said)))
        })
    }

    /// The issuer of its tokens, as it says itself.
    pub(crate) async fn issuer(&self) -> Result<String, NoAnswer> {
        #[derive(Deserialize)]
        struct Found {
            issuer: String,
        }
        let path = "/.well-known/oauth-authorization-server";
        let answer = self
            .io
            .ask(&self.question(Method::GET, path, "", String::new()))
            .await;
        self.told("metadata", answer, |answer| {
            let found: Found = answers::read(good(answer)?)?;
            Ok(shown(found.issuer)?)
        })
    }

    /// A token of the client's own for our audience, and for how long it lasts.
    pub(crate) async fn token(&self, scope: &str) -> Result<(String, Duration), NoAnswer> {
        #[derive(Deserialize)]
        struct Found {
            access_token: String,
            expires_in: u32,
        }
        let form = form(scope, &self.settings.audience);
        let question = self.question(Method::POST, "/oauth/token", &self.as_client(), form);
        let answer = self.io.ask(&question).await;
        self.told("token", answer, |answer| {
            if let 400 | 401 = answer.status().as_u16() {
                let code =
                    code(answer, "error").ok_or(Trouble::Status(answer.status().as_u16()))?;
                return Err(NoAnswer::Refused(shown(code)?));
            }
            let found: Found = answers::read(good(answer)?)?;
            Ok((
                found.access_token,
                Duration::from_secs(found.expires_in.into()),
            ))
        })
    }

    /// What ended after a cursor, once there is something or the time is over; without one, where to begin.
    pub(crate) async fn revocations(
        &self,
        since: Option<i64>,
        wait: Duration,
    ) -> Result<Page<Change>, NoAnswer> {
        let path = since.map_or("/auth/revocations".to_owned(), |since| {
            format!("/auth/revocations?since={since}&wait={}s", wait.as_secs())
        });
        let mut question = self.question(Method::GET, &path, &self.as_client(), String::new());
        (question.wait, question.limit) = (wait, MAX_PAGE);
        let answer = self.io.ask(&question).await;
        self.told("revocations", answer, |answer| {
            Ok(answers::read(page(answer)?)?)
        })
    }

    /// Users as they changed after a cursor, in the same way. The client needs the scope `users.view`.
    pub(crate) async fn user_changes(
        &self,
        since: i64,
        wait: Duration,
    ) -> Result<UserPage, NoAnswer> {
        let path = format!(
            "/users/changes?since={since}&limit={PAGE}&wait={}s",
            wait.as_secs()
        );
        let answer = self.ask_with_own_token(&path, wait).await?;
        let found = self.told("changes", answer, |answer| {
            Ok(answers::user_changes(page(answer)?)?)
        });
        if let Err(NoAnswer::Refused(_)) = found {
            // Whoever has got the scope meanwhile needs another token.
            *self.own() = None;
        }
        found
    }

    /// What is answered to a token of the client's own. One that ended before its time (a key was revoked, the client
    /// was disabled for a while, a backup was restored) is got anew, once.
    async fn ask_with_own_token(
        &self,
        path: &str,
        wait: Duration,
    ) -> Result<Result<Answer, Trouble>, NoAnswer> {
        let mut is_second = false;
        loop {
            let token = self.own_token().await?;
            let mut question =
                self.question(Method::GET, path, &format!("Bearer {token}"), String::new());
            (question.wait, question.limit) = (wait, MAX_PAGE);
            let answer = self.io.ask(&question).await;
            let is_ended = answer.as_ref().is_ok_and(|answer| answer.status() == 401);
            if is_second || !is_ended {
                return Ok(answer);
            }
            is_second = true;
            self.own().take_if(|(kept, _)| *kept == token);
        }
    }

    /// A token to see users with, kept for most of its life.
    async fn own_token(&self) -> Result<String, NoAnswer> {
        let kept = self.own().clone();
        if let Some((token, until)) = kept
            && Instant::now() < until
        {
            return Ok(token);
        }
        let (token, life) = self.token("users.view").await?;
        *self.own() = Some((token.clone(), Instant::now() + life.mul_f64(0.8)));
        Ok(token)
    }

    fn own(&self) -> MutexGuard<'_, Option<(String, Instant)>> {
        self.own_token
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn as_client(&self) -> String {
        let Some(client) = &self.settings.client else {
            return String::new();
        };
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("{}:{}", encoded(&client.id), encoded(&client.secret));
        format!("Basic {}", STANDARD.encode(pair))
    }

    fn question(&self, method: Method, path: &str, authorization: &str, form: String) -> Question {
        let builder = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.settings.url))
            .header(ACCEPT, "application/json")
            .header(ACCEPT_ENCODING, "identity")
            .header(
                USER_AGENT,
                concat!("authd-client/", env!("CARGO_PKG_VERSION")),
            );
        let is_form = !form.is_empty();
        let mut request = builder.body(form).expect("the settings' URL is good");
        let headers = request.headers_mut();
        if is_form {
            let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.insert(CONTENT_TYPE, kind);
        }
        if let Ok(mut value) = HeaderValue::from_str(authorization)
            && !authorization.is_empty()
        {
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Question {
            request,
            wait: Duration::ZERO,
            limit: MAX_ANSWER,
        }
    }

    /// What was answered; trouble is logged where it begins and where it ends, and not in between.
    fn told<T>(
        &self,
        about: &'static str,
        answer: Result<Answer, Trouble>,
        read: impl FnOnce(&Answer) -> Result<T, NoAnswer>,
    ) -> Result<T, NoAnswer> {
        let found = answer.map_err(NoAnswer::from).and_then(|answer| {
            check_plain(&answer)?;
            read(&answer)
        });
        let mut complaints = self
            .complaints
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let url = &self.settings.url;
        match &found {
            Err(NoAnswer::Trouble(trouble)) => {
                if complaints.insert(about) {
                    tracing::error!("authd at {url} gives no answer to '{about}': {trouble}");
                }
            }
            _ => {
                if complaints.remove(about) {
                    tracing::warn!("authd at {url} answers '{about}' again");
                }
            }
        }
        found
    }
}

/// What asks for a token of a client's own.
fn form(scope: &str, audience: &str) -> String {
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials");
    form.append_pair("resource", audience);
    if !scope.is_empty() {
        form.append_pair("scope", scope);
    }
    form.finish()
}
