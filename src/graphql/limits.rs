//! How much a document asks for, found out before anything is done for it.
//!
//! The weight of a fragment is found once, however often it is spread, so that fragments within fragments
//! cost no more to weigh than to write.

use std::collections::HashMap;

use async_graphql::Positioned;
use async_graphql::parser::types::{
    Directive, DocumentOperations, ExecutableDocument, Field, Selection, SelectionSet,
};
use serde_json::{Map, Value};

use super::operation::InputValue;
use super::pages::{MOST, USUAL};
use super::refusal::{Code, Limit, Refusal};

/// Fields within each other. What clients ask of a schema has 15.
const MAX_DEPTH: usize = 15;
/// Values in the answer, if every list is as long as it may be.
const MAX_COST: usize = 25_000;
/// Fields as they are written, those of fragments wherever they are spread. What clients ask of a schema
/// has some 250.
const MAX_FIELDS: usize = 400;
/// Of which at the top: each is an operation of its own.
const MAX_ROOT_FIELDS: usize = 10;
/// Fields with an alias.
const MAX_ALIASES: usize = 30;
/// `@include`, `@skip` and the like.
const MAX_DIRECTIVES: usize = 30;
/// Fields that try a password or a code, or have a letter written.
const MAX_LOGINS: usize = 1;
/// Lists of fields within each other in what is asked of the schema: without an end, each field has a
/// type, which has fields.
const MAX_INTROSPECTION: usize = 2;
/// Selections within each other, fragments among them, however few fields they have.
const MAX_NESTING: usize = 60;

/// Whatever tries a password or a code, or has a letter written.
const LOGINS: [&str; 8] = [
    "login",
    "changePassword",
    "requestEmailChange",
    "confirmEmail",
    "requestPasswordReset",
    "resetPassword",
    "register",
    "confirmRegistration",
];

/// What a selection asks for.
#[derive(Clone, Copy, Default)]
struct Weight {
    depth: usize,
    cost: usize,
    fields: usize,
    roots: usize,
    aliases: usize,
    directives: usize,
    logins: usize,
    lists: usize,
    introspects: bool,
}

/// Fails on a document that is too much.
pub(super) fn check(
    document: &ExecutableDocument,
    variables: &Map<String, Value>,
) -> Result<(), Refusal> {
    let weight = weigh(document, variables)?;
    let is_over = [
        (Limit::Depth, weight.depth, MAX_DEPTH),
        (Limit::RootFields, weight.roots, MAX_ROOT_FIELDS),
        (Limit::Logins, weight.logins, MAX_LOGINS),
        (Limit::Aliases, weight.aliases, MAX_ALIASES),
        (Limit::Directives, weight.directives, MAX_DIRECTIVES),
        (Limit::Fields, weight.fields, MAX_FIELDS),
        (Limit::Introspection, weight.lists, MAX_INTROSPECTION),
        (Limit::Cost, weight.cost, MAX_COST),
    ];
    match is_over.into_iter().find(|(_, is, most)| is > most) {
        Some((limit, _, most)) => Err(Refusal::over(limit, most)),
        None => Ok(()),
    }
}

/// Whether a document asks for the schema. It has been weighed already.
pub(super) fn introspects(document: &ExecutableDocument) -> bool {
    weigh(document, &Map::new()).is_ok_and(|weight| weight.introspects)
}

fn weigh(document: &ExecutableDocument, variables: &Map<String, Value>) -> Result<Weight, Refusal> {
    let mut scales = Scales {
        document,
        variables,
        known: HashMap::new(),
    };
    let mut whole = Weight::default();
    let operations = match &document.operations {
        DocumentOperations::Single(operation) => vec![operation],
        DocumentOperations::Multiple(all) => all.values().collect(),
    };
    for operation in operations {
        let selection = &operation.node.selection_set.node;
        whole.add(scales.selection(selection, false, 0)?);
        whole.directives += operation.node.directives.len();
    }
    // What nobody spreads is read, too.
    for name in document.fragments.keys() {
        let unused = scales.fragment(name.as_str(), 0)?;
        whole.directives = whole.directives.max(unused.directives);
    }
    Ok(whole)
}

struct Scales<'d> {
    document: &'d ExecutableDocument,
    variables: &'d Map<String, Value>,
    /// Weights of fragments; `None`: it is being weighed.
    known: HashMap<&'d str, Option<Weight>>,
}

impl<'d> Scales<'d> {
    fn selection(
        &mut self,
        selection: &'d SelectionSet,
        of_schema: bool,
        nesting: usize,
    ) -> Result<Weight, Refusal> {
        if nesting > MAX_NESTING {
            return Err(Refusal::over(Limit::Depth, MAX_DEPTH));
        }
        let mut sum = Weight::default();
        for item in &selection.items {
            sum.add(match &item.node {
                Selection::Field(field) => self.field(&field.node, of_schema, nesting)?,
                Selection::InlineFragment(fragment) => {
                    let inner = &fragment.node.selection_set.node;
                    let mut weight = self.selection(inner, of_schema, nesting + 1)?;
                    weight.note(&fragment.node.directives);
                    weight
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.as_str();
                    let mut weight = self.fragment(name, nesting + 1)?;
                    weight.note(&spread.node.directives);
                    weight
                }
            });
        }
        Ok(sum)
    }

    fn field(
        &mut self,
        field: &'d Field,
        of_schema: bool,
        nesting: usize,
    ) -> Result<Weight, Refusal> {
        let name = field.name.node.as_str();
        let introspects = matches!(name, "__schema" | "__type");
        let inner = &field.selection_set.node;
        let inner = self.selection(inner, of_schema || introspects, nesting + 1)?;
        let is_list = matches!(
            name,
            "fields" | "inputFields" | "interfaces" | "possibleTypes"
        );
        let mut weight = Weight {
            depth: inner.depth + 1,
            cost: inner
                .cost
                .saturating_mul(self.most(field))
                .saturating_add(1),
            fields: inner.fields.saturating_add(1),
            roots: 1,
            aliases: inner
                .aliases
                .saturating_add(usize::from(field.alias.is_some())),
            directives: inner.directives,
            logins: inner
                .logins
                .saturating_add(usize::from(LOGINS.contains(&name))),
            lists: inner.lists + usize::from(is_list),
            introspects: inner.introspects || introspects,
        };
        weight.note(&field.directives);
        Ok(weight)
    }

    fn fragment(&mut self, name: &'d str, nesting: usize) -> Result<Weight, Refusal> {
        match self.known.get(name) {
            Some(Some(weight)) => return Ok(*weight),
            Some(None) => {
                let message = format!("The fragment '{name}' is within itself.");
                return Err(Refusal::new(Code::InvalidRequest, message));
            }
            None => {}
        }
        let Some(fragment) = self.document.fragments.get(name) else {
            // The executor says so.
            return Ok(Weight::default());
        };
        self.known.insert(name, None);
        let selection = &fragment.node.selection_set.node;
        let mut weight = self.selection(selection, false, nesting)?;
        weight.note(&fragment.node.directives);
        self.known.insert(name, Some(weight));
        Ok(weight)
    }

    /// How many times what is in a field can be there: lists come in pages.
    fn most(&self, field: &Field) -> usize {
        let name = field.name.node.as_str();
        let is_whole = matches!(name, "sessions" | "userSessions");
        if !is_whole && !matches!(name, "users" | "groups" | "permissions" | "audit") {
            return 1;
        }
        if field.selection_set.node.items.is_empty() {
            // The names of an account's groups.
            return 1;
        }
        let number = match field.get_argument("first").map(|value| &value.node) {
            // As many as sessions.max_per_user.
            _ if is_whole => None,
            None => Some(u64::from(USUAL)),
            Some(InputValue::Number(number)) => number.as_u64(),
            Some(InputValue::Variable(name)) => match self.variables.get(name.as_str()) {
                Some(value) => value.as_u64(),
                None => None,
            },
            Some(_) => None,
        };
        // What is no number, or a default in the document, is as much as there may be.
        let number = number.unwrap_or(u64::from(MOST)).min(u64::from(MOST));
        usize::try_from(number).unwrap_or(usize::MAX).max(1)
    }
}

impl Weight {
    /// Both, beside each other.
    fn add(&mut self, other: Self) {
        *self = Self {
            depth: self.depth.max(other.depth),
            cost: self.cost.saturating_add(other.cost),
            fields: self.fields.saturating_add(other.fields),
            roots: self.roots.saturating_add(other.roots),
            aliases: self.aliases.saturating_add(other.aliases),
            directives: self.directives.saturating_add(other.directives),
            logins: self.logins.saturating_add(other.logins),
            lists: self.lists.max(other.lists),
            introspects: self.introspects || other.introspects,
        };
    }

    fn note(&mut self, directives: &[Positioned<Directive>]) {
        self.directives = self.directives.saturating_add(directives.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::operation;

    fn limit(text: &str) -> Option<Limit> {
        let variables = Map::new();
        let document = operation::chosen(text, None, &variables).expect("is read");
        check(&document, &variables).err()?.limit()
    }

    #[test]
    fn each_limit_refuses_what_is_over_it_and_nothing_below() {
        let within = |times: usize| format!("{}{}", "{a".repeat(times), "}".repeat(times));
        assert_eq!(limit(&within(MAX_DEPTH)), None);
        assert_eq!(limit(&within(MAX_DEPTH + 1)), Some(Limit::Depth));
        let many = |count: usize, of: fn(usize) -> String| {
            let fields: Vec<String> = (0..count).map(of).collect();
            fields.join(" ")
        };
        let roots = |count| format!("{{{}}}", many(count, |n| format!("a{n}")));
        assert_eq!(limit(&roots(MAX_ROOT_FIELDS)), None);
        assert_eq!(limit(&roots(MAX_ROOT_FIELDS + 1)), Some(Limit::RootFields));
        let aliases = |count| format!("{{a{{{}}}}}", many(count, |n| format!("b{n}:b")));
        assert_eq!(limit(&aliases(MAX_ALIASES)), None);
        assert_eq!(limit(&aliases(MAX_ALIASES + 1)), Some(Limit::Aliases));
        let directives = |count| format!("{{a{{b {}}}}}", many(count, |_| "@c".to_owned()));
        assert_eq!(limit(&directives(MAX_DIRECTIVES)), None);
        assert_eq!(
            limit(&directives(MAX_DIRECTIVES + 1)),
            Some(Limit::Directives)
        );
        let fields = |count| format!("{{a{{{}}}}}", many(count, |_| "b".to_owned()));
        assert_eq!(limit(&fields(MAX_FIELDS - 1)), None);
        assert_eq!(limit(&fields(MAX_FIELDS)), Some(Limit::Fields));
    }

    #[test]
    fn a_page_costs_what_it_may_hold() {
        assert_eq!(
            limit("{users(first:1000){edges{node{id email groups}}}}"),
            None
        );
        assert_eq!(
            limit("{users(first:1000){edges{node{groups(first:1000){edges{node{id}}}}}}}"),
            Some(Limit::Cost)
        );
        assert_eq!(
            limit("query($n:Int=9){a:users(first:$n){edges{cursor}}}"),
            None
        );
        let page = |n| format!("a{n}:users(first:$n){{edges{{cursor node{{id}}}}}}");
        let many = (0..9).map(page).collect::<Vec<_>>().join(" ");
        assert_eq!(
            limit(&format!("query($n:Int=9){{{many}}}")),
            Some(Limit::Cost)
        );
    }

    /// The incidents RUSTSEC-2022-0037 and -0038: fragments within fragments, to any depth or width.
    #[test]
    fn fragments_hide_nothing_and_are_weighed_once() {
        let fragments = |count, of: fn(usize) -> String| {
            let all = (0..count).map(of).collect::<Vec<_>>().join(" ");
            format!("{{...f0}} {all} fragment f{count} on A{{a}}")
        };
        let wide = fragments(50, |n| {
            format!("fragment f{n} on A{{...f{0} ...f{0}}}", n + 1)
        });
        let began = std::time::Instant::now();
        assert_eq!(limit(&wide), Some(Limit::RootFields));
        assert!(began.elapsed().as_millis() < 50);
        let deep = fragments(200, |n| format!("fragment f{n} on A{{...f{}}}", n + 1));
        assert_eq!(limit(&deep), Some(Limit::Depth));
        assert_eq!(
            limit("mutation{...a ...a} fragment a on Mutation{login}"),
            Some(Limit::Logins)
        );
        let circle = operation::chosen("{...a} fragment a on A{b{...a}}", None, &Map::new());
        let refused = check(&circle.expect("is read"), &Map::new());
        assert!(refused.is_err_and(|refusal| refusal.limit().is_none()));
    }
}
