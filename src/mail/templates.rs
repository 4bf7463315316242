//! What letters look like: templates that are part of the program, and those that an installation
//! puts in their place.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use minijinja::{Environment, UndefinedBehavior, context};

use crate::mail::letter::{Facts, Letter, Subject};

macro_rules! built_in {
    ($($name:literal,)*) => {
        [$(($name, include_str!(concat!("templates/", $name))),)*]
    };
}

/// By the names of their files.
const BUILT_IN: [(&str, &str); 17] = built_in![
    "layout.html",
    "password_reset.txt",
    "password_reset.html",
    "invitation.txt",
    "invitation.html",
    "registration.txt",
    "registration.html",
    "address_in_use.txt",
    "address_in_use.html",
    "email_confirmation.txt",
    "email_confirmation.html",
    "email_change.txt",
    "email_change.html",
    "email_change_wanted.txt",
    "email_change_wanted.html",
    "email_changed.txt",
    "email_changed.html",
];

/// What the first line of a text begins with.
const SUBJECT: &str = "Subject: ";

/// A file in the place of a template cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// It cannot be read.
    #[error("the template '{}' cannot be read: check its permissions, and that it is UTF-8", .0.display())]
    Unreadable(PathBuf, #[source] std::io::Error),
    /// There is no such directory.
    #[error("the directory '{}' of templates does not exist: see mail.templates", .0.display())]
    NoDirectory(PathBuf),
    /// It is not written as a template is, or names something that there is not.
    #[error("the template '{file}' cannot be used: {problem}")]
    Wrong {
        /// The file.
        file: String,
        /// What is wrong, with the line.
        problem: String,
    },
    /// A text does not begin with its subject.
    #[error("the template '{0}' must begin with a line 'Subject: ...' and an empty line")]
    NoSubject(String),
}

/// A letter, written out.
pub(super) struct Written {
    pub(super) subject: String,
    pub(super) text: String,
    /// `None`: there is only the text.
    pub(super) html: Option<String>,
}

/// Every template, ready to be used.
pub(super) struct Templates {
    environment: Environment<'static>,
    /// Subjects whose text is the installation's and whose HTML is not: what that says is not what
    /// the installation wants to say.
    text_only: Vec<Subject>,
}

impl Templates {
    /// Those of the program, or what is in `folder` in their place. Each is tried.
    pub(super) fn load(folder: Option<&Path>) -> Result<Self, TemplateError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let mut own = Vec::new();
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            return Err(TemplateError::NoDirectory(folder.to_owned()));
        }
        for (name, built_in) in BUILT_IN {
            let given = folder.map_or(Ok(None), |folder| read(&folder.join(name)))?;
            if given.is_some() {
                own.push(name);
            }
            let source = given.unwrap_or_else(|| built_in.to_owned());
            environment
                .add_template_owned(name, source)
                .map_err(|error| wrong(name, &error))?;
        }
        let is_own = |subject: &Subject, ending: &str| {
            own.contains(&format!("{}.{ending}", subject.name()).as_str())
        };
        let text_only = Subject::ALL.into_iter();
        let text_only = text_only.filter(|of| is_own(of, "txt") && !is_own(of, "html"));
        let templates = Self {
            text_only: text_only.collect(),
            environment,
        };
        for subject in Subject::ALL {
            templates.write(&sample(subject))?;
        }
        Ok(templates)
    }

    /// A letter, written out.
    pub(super) fn write(&self, letter: &Letter) -> Result<Written, TemplateError> {
        let name = letter.subject.name();
        let text_name = format!("{name}.txt");
        let whole = self.render(&text_name, letter, "")?;
        let (subject, text) = split(&whole).ok_or(TemplateError::NoSubject(text_name))?;
        let html = if self.text_only.contains(&letter.subject) {
            None
        } else {
            Some(self.render(&format!("{name}.html"), letter, subject)?)
        };
        Ok(Written {
            subject: subject.to_owned(),
            text: text.to_owned(),
            html,
        })
    }

    fn render(
        &self,
        name: &str,
        Letter { facts, .. }: &Letter,
        subject: &str,
    ) -> Result<String, TemplateError> {
        let Facts {
            service,
            email,
            first_name,
            link,
            lasts,
            new_email,
        } = facts;
        let values = context! { subject, service, email, first_name, link, lasts, new_email };
        let template = self.environment.get_template(name);
        let rendered = template.and_then(|template| template.render(values));
        rendered.map_err(|error| wrong(name, &error))
    }
}

/// The subject, and what comes after the empty line.
fn split(whole: &str) -> Option<(&str, &str)> {
    let (first, rest) = whole.split_once('\n')?;
    let subject = first.trim_end().strip_prefix(SUBJECT)?.trim();
    let (empty, text) = rest.split_once('\n')?;
    (!subject.is_empty() && empty.trim().is_empty()).then_some((subject, text))
}

fn read(path: &Path) -> Result<Option<String>, TemplateError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(TemplateError::Unreadable(path.to_owned(), cause)),
    }
}

fn wrong(name: &str, error: &minijinja::Error) -> TemplateError {
    TemplateError::Wrong {
        file: error.name().unwrap_or(name).to_owned(),
        problem: error.to_string(),
    }
}

/// A letter with everything that one of this subject has.
fn sample(subject: Subject) -> Letter {
    Letter {
        subject,
        to: "ada@example.com".into(),
        facts: Facts {
            service: "auth.example.com".into(),
            email: "ada@example.com".into(),
            first_name: "Ada".into(),
            link: "https://auth.example.com/".into(),
            lasts: "1 hour".into(),
            new_email: "ada@example.org".into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_mallory() -> Letter {
        let mut letter = sample(Subject::PasswordReset);
        letter.facts.first_name = "<script>alert(1)</script>".into();
        letter.facts.link = "https://x.example/#token=a&b=\"c".into();
        letter
    }

    #[test]
    fn what_people_are_called_is_no_html() {
        let templates = Templates::load(None).expect("loads");
        let written = templates.write(&of_mallory()).expect("is written");
        let html = written.html.expect("has HTML");
        assert!(!html.contains("<script>"), "{html}");
        assert!(html.contains("&lt;script&gt;alert(1)"), "{html}");
        assert!(html.contains("token=a&amp;b=&quot;c"), "{html}");
        // Text is text.
        assert!(written.text.contains("https://x.example/#token=a&b=\"c"));
        assert_eq!(written.subject, "Choose another password");
        assert!(!written.text.contains("Subject"));
    }

    #[test]
    fn a_file_takes_the_place_of_a_template_and_its_html_goes_with_it() {
        let folder = tempfile::tempdir().expect("makes a folder");
        let text = "Subject: Neues Passwort\n\nHallo {{ first_name }}: {{ link }}\n";
        std::fs::write(folder.path().join("password_reset.txt"), text).expect("writes");
        let templates = Templates::load(Some(folder.path())).expect("loads");
        let letter = sample(Subject::PasswordReset);
        let written = templates.write(&letter).expect("is written");
        assert_eq!(written.subject, "Neues Passwort");
        assert_eq!(written.text, "Hallo Ada: https://auth.example.com/");
        assert_eq!(written.html, None);
        let other = templates.write(&sample(Subject::Invitation));
        assert!(other.expect("is written").html.is_some());
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named() {
        let folder = tempfile::tempdir().expect("makes a folder");
        for (text, says) in [
            ("Subject: A\n\n{{ links }}", "invitation.txt"),
            ("Subject: A\n\n{% if %}", "invitation.txt"),
            (
                "Hello {{ first_name }}",
                "must begin with a line 'Subject: ...'",
            ),
            (
                "Subject: A\nno empty line",
                "must begin with a line 'Subject: ...'",
            ),
        ] {
            std::fs::write(folder.path().join("invitation.txt"), text).expect("writes");
            let refused = Templates::load(Some(folder.path())).err();
            let refused = refused.expect("is refused").to_string();
            assert!(refused.contains(says), "{refused}");
        }
        let missing = folder.path().join("none");
        let refused = Templates::load(Some(&missing)).err();
        assert!(matches!(refused, Some(TemplateError::NoDirectory(_))));
    }
}
