//! What can be known before the first request: that this service and its authd are meant for each other.

use crate::asking::{Asker, NoAnswer};
use crate::error::{StartError, Trouble};
use crate::io::Io;
use crate::settings::Mode;

/// Asks authd what it is. One that does not answer is no reason not to start: requests are refused meanwhile.
pub(crate) async fn examine<I: Io>(asker: &Asker<I>) -> Result<(), StartError> {
    match examined(asker).await {
        Ok(()) => Ok(()),
        Err(Finding::Wrong(error)) => Err(error),
        Err(Finding::Unknown(trouble)) => {
            let url = &asker.settings.url;
            tracing::warn!(
                "authd at {url} gives no answer at the start, so nothing was checked: {trouble}"
            );
            Ok(())
        }
    }
}

enum Finding {
    Wrong(StartError),
    Unknown(Trouble),
}

impl From<StartError> for Finding {
    fn from(error: StartError) -> Self {
        Self::Wrong(error)
    }
}

impl From<NoAnswer> for Finding {
    fn from(error: NoAnswer) -> Self {
        Self::Unknown(match error {
            NoAnswer::Trouble(trouble) => trouble,
            NoAnswer::Refused(_) | NoAnswer::Gone(_) => Trouble::NotOurs("nobody asked as anybody"),
        })
    }
}

async fn examined<I: Io>(asker: &Asker<I>) -> Result<(), Finding> {
    let settings = &asker.settings;
    let found = asker.issuer().await?;
    if found != settings.issuer {
        let expected = settings.issuer.clone();
        return Err(StartError::WrongIssuer { found, expected }.into());
    }
    if settings.mode != Mode::Online && asker.jwks().await?.0.is_empty() {
        return Err(StartError::NoKeys.into());
    }
    if settings.client.is_none() {
        // Whether the audience is right cannot be seen then.
        return Ok(());
    }
    let wrong_audience = || StartError::WrongAudience(settings.audience.clone());
    let token = match asker.token("").await {
        Ok((token, _)) => token,
        Err(NoAnswer::Refused(code)) if code == "invalid_target" => {
            return Err(wrong_audience().into());
        }
        Err(NoAnswer::Refused(code)) => return Err(StartError::WrongClient(code).into()),
        Err(other) => return Err(other.into()),
    };
    match asker.verify(&token, "").await {
        Ok(_) => Ok(()),
        Err(NoAnswer::Refused(_) | NoAnswer::Trouble(Trouble::OtherAudience)) => {
            Err(wrong_audience().into())
        }
        Err(other) => Err(other.into()),
    }
}
