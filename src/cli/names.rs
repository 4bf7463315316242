//! Many things in a sentence: how many, and some of them by name.

use std::fmt;

/// So many are told by name.
pub(super) const MOST_NAMED: usize = 20;

/// Things that are counted, the first of them by name.
#[derive(Default)]
pub(super) struct Named {
    names: Vec<String>,
    count: u64,
}

impl Named {
    pub(super) fn add(&mut self, name: &impl ToString) {
        self.count += 1;
        if self.names.len() < MOST_NAMED {
            self.names.push(name.to_string());
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names.join(", "))?;
        match self.count - self.names.len() as u64 {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// A number with what it counts, whose plural has an s, or es.
pub(super) fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        count if what.ends_with('s') => format!("{count} {what}es"),
        count => format!("{count} {what}s"),
    }
}

/// The line below those that are told by name, if there are more.
pub(super) fn unnamed(count: usize, what: &str) -> Option<String> {
    let more = count.checked_sub(MOST_NAMED).filter(|more| *more > 0)?;
    Some(format!(
        "and {}",
        counted(more as u64, &format!("more {what}"))
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_is_counted() {
        let mut named = Named::default();
        for number in 1..=23 {
            named.add(&number);
        }
        assert!(named.to_string().ends_with("19, 20 and 3 more"), "{named}");
        assert_eq!(counted(1, "address"), "1 address");
        assert_eq!(counted(2, "address"), "2 addresses");
        assert_eq!(counted(0, "account"), "0 accounts");
    }
}
