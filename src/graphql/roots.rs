//! The table of everything that can be asked: who answers which field of `Query` and `Mutation`.

use std::sync::Arc;

use async_graphql::dynamic::{FieldFuture, FieldValue, ResolverContext};
use serde_json::Map;

use super::call::{Call, Resolver};
use super::caller::Caller;
use super::refusal::{Code, Refusal};
use super::{account_codes, audit, fields, groups, me, permissions, sessions, tokens, users};

/// Whoever reads.
const QUERIES: [(&str, Resolver); 10] = [
    ("me", me::read),
    ("sessions", sessions::own),
    ("user", users::one),
    ("users", users::list),
    ("userSessions", sessions::of_other),
    ("group", groups::one),
    ("groups", groups::list),
    ("permissions", permissions::list),
    ("fields", fields::list),
    ("audit", audit::list),
];

/// Whoever changes something, or tries a secret.
const MUTATIONS: [(&str, Resolver); 35] = [
    ("login", tokens::login),
    ("refresh", tokens::refresh),
    ("logout", tokens::logout),
    ("verify", tokens::verify),
    ("updateMe", me::change),
    ("changePassword", me::change_password),
    ("endSession", sessions::end_own),
    ("requestEmailChange", account_codes::request_email_change),
    ("confirmEmail", account_codes::confirm_email),
    ("requestPasswordReset", account_codes::request_reset),
    ("resetPassword", account_codes::reset),
    ("register", account_codes::register),
    ("confirmRegistration", account_codes::confirm_registration),
    ("createUser", users::create),
    ("updateUser", users::update),
    ("deleteUser", users::delete),
    ("endUserSessions", sessions::end_of_other),
    ("inviteUser", account_codes::invite),
    ("startPasswordReset", account_codes::start_reset),
    ("startEmailConfirmation", account_codes::start_confirmation),
    ("grantPermission", users::grant),
    ("revokePermission", users::revoke),
    ("createGroup", groups::create),
    ("renameGroup", groups::rename),
    ("deleteGroup", groups::delete),
    ("addUserToGroup", groups::add_user),
    ("removeUserFromGroup", groups::remove_user),
    ("grantGroupPermission", groups::grant),
    ("revokeGroupPermission", groups::revoke),
    ("createPermission", permissions::create),
    ("deletePermission", permissions::delete),
    ("createField", fields::create),
    ("changeField", fields::change),
    ("renameField", fields::rename),
    ("deleteField", fields::delete),
];

/// Who answers this field; `None`: it is a member of what another has answered.
pub(super) fn find(object: &str, field: &str) -> Option<Resolver> {
    let table: &[(&str, Resolver)] = match object {
        "Query" => &QUERIES,
        "Mutation" => &MUTATIONS,
        _ => return None,
    };
    let found = table.iter().find(|(name, _)| *name == field);
    found.map(|(_, resolver)| *resolver)
}

/// Answers a field at the top. What is refused is null, and an error with its path: the other fields of a
/// request stand for themselves.
pub(super) fn answer<'a>(context: &ResolverContext<'a>, resolver: Resolver) -> FieldFuture<'a> {
    let value = ask(context, resolver).unwrap_or_else(|refusal| {
        note_failure(context, &refusal);
        let error = refusal.into_server_error(context.ctx.item.pos);
        context.ctx.add_error(context.ctx.set_error_path(error));
        async_graphql::Value::Null
    });
    // An object that is null has no members to look for.
    let value = Some(value).filter(|value| *value != async_graphql::Value::Null);
    FieldFuture::Value(value.map(FieldValue::value))
}

/// What went wrong on our side goes into the log, under the request's id.
fn note_failure(context: &ResolverContext<'_>, refusal: &Refusal) {
    let caller = context.ctx.data::<Arc<Caller>>();
    if let (Some(error), Ok(caller)) = (refusal.cause(), caller) {
        let (id, field) = (&caller.request_id, &context.ctx.item.node.name.node);
        tracing::error!(%id, %field, error, "a field of a GraphQL request failed");
    }
}

fn ask(context: &ResolverContext<'_>, resolver: Resolver) -> Result<async_graphql::Value, Refusal> {
    let caller = context.ctx.data::<Arc<Caller>>();
    let caller = caller.map_err(|_| Refusal::new(Code::Internal, "Nobody asks."))?;
    let mut arguments = Map::new();
    for (name, value) in context.args.as_index_map() {
        let value = value.clone().into_json();
        let value = value.map_err(Refusal::internal)?;
        arguments.insert(name.to_string(), value);
    }
    let call = Call {
        caller,
        name: context.ctx.item.node.name.node.as_str(),
        arguments: arguments.into(),
    };
    let answer = resolver(&call)?;
    async_graphql::Value::from_json(answer).map_err(Refusal::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_and_the_table_have_the_same_fields() {
        let sdl = crate::graphql::sdl();
        for (object, table) in [("Query", &QUERIES[..]), ("Mutation", &MUTATIONS[..])] {
            let (_, body) = sdl
                .split_once(&format!("type {object} {{\n"))
                .expect("is there");
            let (body, _) = body.split_once("\n}\n").expect("ends");
            for (name, _) in table {
                let is_there =
                    body.contains(&format!("\t{name}(")) || body.contains(&format!("\t{name}:"));
                assert!(is_there, "{object}.{name} in {body}");
            }
            assert_eq!(crate::graphql::schema::count_of_fields(object), table.len());
        }
    }
}
