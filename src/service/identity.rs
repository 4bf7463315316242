//! Who is asking, told to a service in header fields.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::verification::Principal;

/// The names of the header fields: no two are the same.
#[derive(Clone, Debug)]
pub struct IdentityHeaders {
    /// The account's id.
    pub id: String,
    /// The user name, which is the e-mail address.
    pub user: String,
    /// The e-mail address.
    pub email: String,
    /// First and last name.
    pub name: String,
    /// The groups' names, with commas between them.
    pub groups: String,
}

impl IdentityHeaders {
    /// The names.
    pub fn names(&self) -> [&str; 5] {
        [&self.id, &self.user, &self.email, &self.name, &self.groups]
    }

    /// All fields with their values for whoever is there; of a client there is its id, which is
    /// never one of a user's, and its name. One that had nothing to say and were left out
    /// would let a stranger's through, so it is there and empty.
    ///
    /// A value is UTF-8 with `%` and all that is neither a visible ASCII character nor a space
    /// percent-encoded; in a group's name also the comma.
    pub fn of(&self, principal: &Principal) -> [(&str, String); 5] {
        let user = match principal {
            Principal::User(user) => user,
            Principal::Client(client) => {
                return [
                    (&self.id, client.id.to_string()),
                    (&self.user, client.id.to_string()),
                    (&self.email, String::new()),
                    (&self.name, encoded(client.name.trim(), VALUE)),
                    (&self.groups, String::new()),
                ];
            }
        };
        let email = encoded(user.email.as_str(), VALUE);
        let name = format!("{} {}", user.first_name, user.last_name);
        let groups: Vec<String> = user.groups.iter().map(|it| encoded(it, ITEM)).collect();
        [
            (&self.id, user.id.to_string()),
            (&self.user, email.clone()),
            (&self.email, email),
            (&self.name, encoded(name.trim(), VALUE)),
            (&self.groups, groups.join(",")),
        ]
    }
}

/// What is percent-encoded beside all that is not ASCII.
const VALUE: &AsciiSet = &CONTROLS.add(b'%');
/// The same for one of a list.
const ITEM: &AsciiSet = &VALUE.add(b',');

fn encoded(text: &str, unsafe_bytes: &'static AsciiSet) -> String {
    utf8_percent_encode(text, unsafe_bytes).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::trial::Trial;

    /// Security statement 38.
    #[test]
    fn a_value_is_visible_ascii_and_gives_back_what_was_encoded() {
        let headers = IdentityHeaders {
            id: "Remote-Id".into(),
            user: "Remote-User".into(),
            email: "Remote-Email".into(),
            name: "Remote-Name".into(),
            groups: "Remote-Groups".into(),
        };
        let mut user = Trial::new().user;
        let mut sent = |first: &str, last: &str, groups: &[&str]| {
            user.first_name = first.parse().expect("is a name");
            user.last_name = last.parse().expect("is a name");
            user.groups = groups.iter().map(|&group| group.to_owned()).collect();
            let principal = Principal::User(user.clone().into());
            let fields = headers.of(&principal);
            assert_eq!(fields.each_ref().map(|field| field.0), headers.names());
            for (_, value) in &fields {
                let plain = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
                assert!(value.bytes().all(plain), "{value}");
            }
            let [_, _, _, (_, name), (_, groups)] = fields;
            [name, groups]
        };
        assert_eq!(sent("Ada", "Lovelace", &[]), ["Ada Lovelace", ""]);
        assert_eq!(sent("", "", &["a", "b"]), ["", "a,b"]);
        let [name, groups] = sent("", "Cher", &["R&D, Z\u{fc}rich"]);
        assert_eq!((&*name, &*groups), ("Cher", "R&D%2C Z%C3%BCrich"));
        let [name, _] = sent("J\u{fc}rgen 100%", "\u{1f984}", &[]);
        assert_eq!(name, "J%C3%BCrgen 100%25 %F0%9F%A6%84");
        let back = percent_encoding::percent_decode_str(&name).decode_utf8();
        assert_eq!(back.expect("is UTF-8"), "J\u{fc}rgen 100% \u{1f984}");
        // No rule of ours has been at the groups' names yet.
        let [_, groups] = sent("", "", &["a\r\nSet-Cookie: b", "\0", "\x7f"]);
        assert_eq!(groups, "a%0D%0ASet-Cookie: b,%00,%7F");
    }
}
