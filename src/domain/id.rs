//! Ids: UUIDs in their usual form.

use uuid::Uuid;
use uuid::fmt::Hyphenated;

/// Not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is a UUID, as 01a207da-808f-7a02-b6e4-2c9f1d7a3e58")]
pub struct IdError;

/// Reads the form with hyphens (RFC 9562, section 4), and none of the others that exist.
pub(super) fn parse(text: &str) -> Result<Uuid, IdError> {
    let id: Hyphenated = text.parse().map_err(|_| IdError)?;
    Ok(id.into_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_form() {
        let id = "01a207da-808f-7a02-b6e4-2c9f1d7a3e58";
        assert_eq!(parse(id).expect("is one").to_string(), id);
        let simple = id.replace('-', "");
        let (urn, braced) = (format!("urn:uuid:{id}"), format!("{{{id}}}"));
        for other in ["", "1", "rubbish", &simple, &urn, &braced, &id[1..]] {
            assert_eq!(parse(other), Err(IdError), "{other}");
        }
    }
}
