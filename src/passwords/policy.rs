//! What a new password must be (SP 800-63B-4, section 3.1.1.2): long, and not easily guessed.
//! There is no rule of composition and no expiry.

use zxcvbn::feedback::Feedback;
use zxcvbn::{Score, zxcvbn};

use crate::domain::password::Password;

/// The bounds a new password is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Code points after NFC; 15 by default, as a password is the only factor.
    pub min_chars: usize,
    /// Code points after NFC; 256 by default. Longer is refused, never cut.
    pub max_chars: usize,
}

/// Which rule a password broke, and what would pass.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Fewer characters than [`Policy::min_chars`].
    #[error(
        "the password has {found} characters, at least {needed} are needed: four or five unrelated words will do"
    )]
    TooShort {
        /// Code points after NFC.
        found: usize,
        /// The configured minimum.
        needed: usize,
    },
    /// More characters than [`Policy::max_chars`].
    #[error("the password has {found} characters, at most {allowed} are allowed")]
    TooLong {
        /// Code points after NFC.
        found: usize,
        /// The configured maximum.
        allowed: usize,
    },
    /// The e-mail address or a name, the account's or the service's, as it stands.
    #[error("the password is {0}: choose one that nobody can look up")]
    Personal(&'static str),
    /// On a list of common passwords, or built so that a guesser is soon there.
    #[error(
        "the password is easily guessed{}: four or five unrelated words will do",
        .hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default()
    )]
    Guessable {
        /// What makes it weak, when that is known.
        hint: Option<String>,
    },
}

/// What the password must not be made of.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    /// The account's e-mail address.
    pub email: &'a str,
    /// The account's first name; may be empty.
    pub first_name: &'a str,
    /// The account's last name; may be empty.
    pub last_name: &'a str,
}

/// The service's own name and obvious relatives, which are the first guesses after the user's.
const SERVICE_WORDS: [&str; 3] = ["authd", "authctl", "superuser"];

/// Common passwords of 8 characters and more, in lower case, one a line: those of Django 5.2.19
/// (`django/contrib/auth/common-passwords.txt.gz`, compiled by Royce Williams). The estimate below
/// does not know the ones that look random and are in every attacker's list all the same.
const COMMON: &str = include_str!("common.txt");

impl Policy {
    /// Says whether an account of `owner` may have this password.
    pub fn check(&self, password: &Password, owner: Owner<'_>) -> Result<(), PolicyError> {
        let found = password.chars();
        if found < self.min_chars {
            return Err(PolicyError::TooShort {
                found,
                needed: self.min_chars,
            });
        }
        if found > self.max_chars {
            return Err(PolicyError::TooLong {
                found,
                allowed: self.max_chars,
            });
        }
        let words = personal_words(owner);
        let typed = password.expose().to_lowercase();
        if let Some(what) = made_of(&typed, &words) {
            return Err(PolicyError::Personal(what));
        }
        if COMMON.lines().any(|common| common == typed) {
            return Err(PolicyError::Guessable {
                hint: Some("it is on the list of common passwords".into()),
            });
        }
        let inputs: Vec<&str> = words.iter().map(|(_, word)| word.as_str()).collect();
        let estimate = zxcvbn(password.expose(), &inputs);
        if estimate.score() < Score::Three {
            let hint = estimate.feedback().and_then(Feedback::warning);
            return Err(PolicyError::Guessable {
                hint: hint.map(hint_of),
            });
        }
        Ok(())
    }
}

/// Each word of the owner and of the service in lower case, with what to call it.
fn personal_words(owner: Owner<'_>) -> Vec<(&'static str, String)> {
    let (local, domain) = owner.email.split_once('@').unwrap_or((owner.email, ""));
    [
        ("the account's own e-mail address", owner.email.to_owned()),
        ("the account's own e-mail address", local.to_owned()),
        ("the account's own e-mail address", domain.to_owned()),
        ("the account's own name", owner.first_name.to_owned()),
        ("the account's own name", owner.last_name.to_owned()),
        (
            "the account's own name",
            format!("{} {}", owner.first_name, owner.last_name),
        ),
        (
            "the account's own name",
            format!("{}{}", owner.first_name, owner.last_name),
        ),
    ]
    .into_iter()
    .chain(SERVICE_WORDS.map(|word| ("the service's own name", word.to_owned())))
    .map(|(what, word)| (what, word.trim().to_lowercase()))
    .filter(|(_, word)| !word.is_empty())
    .collect()
}

/// What the password is, if little is left of it without the owner's words: "ada lovelace 1".
fn made_of(typed: &str, words: &[(&'static str, String)]) -> Option<&'static str> {
    let mut longest_first: Vec<_> = words.iter().filter(|(_, word)| word.len() > 2).collect();
    longest_first.sort_by_key(|(_, word)| std::cmp::Reverse(word.len()));
    let rest = longest_first
        .iter()
        .fold(typed.to_owned(), |rest, (_, word)| rest.replace(word, ""));
    let found = longest_first
        .iter()
        .find(|(_, word)| typed.contains(word.as_str()))?;
    let left = rest.chars().filter(|c| c.is_alphanumeric()).count();
    (left < 4).then_some(found.0)
}

/// The library's remark as the middle of a sentence of ours.
fn hint_of(warning: zxcvbn::feedback::Warning) -> String {
    let text = warning.to_string();
    let mut chars = text.trim_end_matches('.').chars();
    chars
        .next()
        .map(|first| first.to_lowercase().chain(chars).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: Owner<'_> = Owner {
        email: "ada.lovelace@example.com",
        first_name: "Ada",
        last_name: "Lovelace",
    };
    const DEFAULT: Policy = Policy {
        min_chars: 15,
        max_chars: 256,
    };

    fn check(text: &str) -> Result<(), PolicyError> {
        DEFAULT.check(&Password::new(text), ADA)
    }

    /// Security statement 61.
    #[test]
    fn length_is_counted_in_code_points_after_nfc() {
        let fourteen = "lantern orbit ";
        assert_eq!(
            check(fourteen),
            Err(PolicyError::TooShort {
                found: 14,
                needed: 15
            })
        );
        assert_eq!(check("lantern orbit m"), Ok(()));
        let decomposed = "lantern orbit e\u{301}";
        assert_eq!(check(decomposed), Ok(()));
        assert_eq!(
            check("lantern orbite\u{301}"),
            Err(PolicyError::TooShort {
                found: 14,
                needed: 15
            })
        );
        let long: String = "xylophone quartz ".chars().cycle().take(257).collect();
        assert_eq!(
            check(&long),
            Err(PolicyError::TooLong {
                found: 257,
                allowed: 256
            })
        );
    }

    /// Security statement 65.
    #[test]
    fn no_digit_capital_or_sign_is_asked_for() {
        assert_eq!(check("correct horse battery staple"), Ok(()));
        assert_eq!(check("ладья фонарь кувшин"), Ok(()));
    }

    /// Security statement 66: the user's own words and the service's name.
    #[test]
    fn the_owners_words_are_refused_and_the_message_says_so() {
        for text in [
            "Ada.Lovelace@Example.com",
            "ada lovelace",
            "Ada Lovelace Ada Lovelace",
            "Lovelace, Ada (me)",
            "ada.lovelace@example.com ada.lovelace@example.com",
            "ada.lovelace@example.com1",
            "LovelaceAdaLovelace",
        ] {
            let shorter = Policy {
                min_chars: 8,
                ..DEFAULT
            };
            let error = shorter.check(&Password::new(text), ADA).expect_err(text);
            assert!(matches!(error, PolicyError::Personal(_)), "{text}: {error}");
        }
        for text in [
            "authdauthdauthd1",
            "authdsuperuserauthctl",
            "superuser-authd1",
            "authd authctl 12",
        ] {
            let error = check(text).expect_err(text);
            assert!(matches!(error, PolicyError::Personal(_)), "{text}: {error}");
        }
    }

    /// Security statement 66: what looks random and is common all the same.
    #[test]
    fn a_common_password_is_refused_in_any_letter_case() {
        for text in ["fqrg7cs493", "FqRg7Cs493", "ilovemymom"] {
            let shorter = Policy {
                min_chars: 8,
                ..DEFAULT
            };
            let error = shorter.check(&Password::new(text), ADA).expect_err(text);
            assert!(error.to_string().contains("list of common"), "{error}");
        }
    }

    #[test]
    fn easily_guessed_passwords_are_refused_with_the_reason() {
        for text in [
            "passwordpassword",
            "aaaaaaaaaaaaaaaa",
            "qwertyuiopasdfgh",
            "123456789012345",
        ] {
            let error = check(text).expect_err(text);
            assert!(error.to_string().contains("easily guessed"), "{error}");
            assert!(error.to_string().contains("unrelated words"), "{error}");
        }
    }
}
