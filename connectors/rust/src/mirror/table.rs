//! What a service says of its own table.

/// What an account has, as far as a row follows it where the table has a column of that name.
const FOLLOWED: [&str; 5] = [
    "email",
    "first_name",
    "last_name",
    "phone_number",
    "is_active",
];

/// A service's own table of users, and which of its columns follow which fields of authd.
///
/// It has the columns `authd_sub` (text, unique, null) and `authd_version` (a 64-bit integer, null) besides its
/// own, and `is_active`. Beside it there are the tables `authd_cursor` and
/// `authd_deleted`. Nothing here changes a schema.
#[derive(Clone, Debug)]
#[must_use]
pub struct Table {
    pub(super) name: String,
    pub(super) key: String,
    /// Column, and the field that it follows; `None`: none, though it has the name of one.
    pub(super) columns: Vec<(String, Option<String>)>,
    pub(super) external_id: Option<String>,
    pub(super) links_by_email: bool,
    pub(super) links_privileged: bool,
    pub(super) privileged: Vec<String>,
    pub(super) cleared: Vec<String>,
}

impl Table {
    /// The table of this name, whose key is `id`.
    pub fn new(name: impl Into<String>) -> Self {
        let followed = FOLLOWED.map(|name| (name.to_owned(), Some(name.to_owned())));
        Self {
            name: name.into(),
            key: "id".into(),
            columns: followed.into(),
            external_id: None,
            links_by_email: true,
            links_privileged: false,
            privileged: vec!["is_staff".into(), "is_superuser".into()],
            cleared: Vec::new(),
        }
    }

    /// The column that tells rows apart.
    pub fn key(mut self, column: impl Into<String>) -> Self {
        self.key = column.into();
        self
    }

    /// A column that follows a field of authd: `id`, `email`, `is_staff` and so on, or `fields.NAME` for an own one.
    pub fn column(self, column: impl Into<String>, field: impl Into<String>) -> Self {
        self.set(column.into(), Some(field.into()))
    }

    /// A column that follows nothing, though it has the name of a field.
    pub fn without(self, column: impl Into<String>) -> Self {
        self.set(column.into(), None)
    }

    fn set(mut self, column: String, field: Option<String>) -> Self {
        self.columns.retain(|(name, _)| *name != column);
        self.columns.push((column, field));
        self
    }

    /// The column with the keys of an older service: rows are linked by that first, where authd answers one.
    pub fn external_id(mut self, column: impl Into<String>) -> Self {
        self.external_id = Some(column.into());
        self
    }

    /// Whether a row that was there before becomes an account's by its address, once. By default it does.
    pub fn link_by_email(mut self, links: bool) -> Self {
        self.links_by_email = links;
        self
    }

    /// Whether that may happen to privileged rows. By default not.
    pub fn link_privileged(mut self, links: bool) -> Self {
        self.links_privileged = links;
        self
    }

    /// The columns that mark privileged rows. By default `is_staff` and `is_superuser`, where the table has them.
    ///
    /// Whatever is in them marks the row, be it a name, a number or a time, but for null and what is clearly no: `0`,
    /// `f`, `false` (in any case) and an empty text.
    pub fn privileged<C: Into<String>>(mut self, columns: impl IntoIterator<Item = C>) -> Self {
        self.privileged = columns.into_iter().map(Into::into).collect();
        self
    }

    /// A column that becomes null when a row is linked by its address, as a password: whoever made the row may
    /// never have had the address.
    pub fn clear_when_linked(mut self, column: impl Into<String>) -> Self {
        self.cleared.push(column.into());
        self
    }

    /// The columns that follow something, as far as they are asked for or there.
    pub(super) fn follows(&self, is_there: impl Fn(&str) -> bool) -> Vec<(String, String)> {
        let columns = self.columns.iter().filter_map(|(column, field)| {
            let field = field.clone()?;
            let is_by_default = FOLLOWED.contains(&&**column) && *column == field;
            (!is_by_default || is_there(column)).then(|| (column.clone(), field))
        });
        columns.collect()
    }
}
