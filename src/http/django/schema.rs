//! These paths in the API's document.

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::{PathItem, Ref, ResponseBuilder};
use utoipa::{Modify, OpenApi};

use super::{activation, jwt, me, passwords, refusal, users};

#[derive(OpenApi)]
#[openapi(
    paths(
        jwt::create, jwt::refresh, jwt::verify, jwt::blacklist,
        jwt::djoser_create, jwt::djoser_refresh, jwt::djoser_verify,
        me::read, me::change, me::replace, me::delete,
        users::list, users::create,
        passwords::set, passwords::reset, passwords::confirm,
        activation::confirm, activation::resend,
    ),
    tags((name = "django", description = "What clients of simplejwt and djoser know")),
    components(schemas(refusal::Body)),
    modifiers(&Refusals),
)]
struct Document;

/// What any of these may be answered with, whatever it asks for.
const REFUSALS: [(&str, &str); 7] = [
    ("400", "The request, or its body, is not well-formed"),
    ("408", "The body took too long to arrive"),
    ("413", "The body is too large"),
    ("415", "The body is neither JSON nor a form"),
    ("431", "The header is too large"),
    ("500", "The service failed"),
    (
        "503",
        "The service is overloaded, or the database cannot be used; see Retry-After",
    ),
];

struct Refusals;

impl Modify for Refusals {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for item in document.paths.paths.values_mut() {
            let PathItem {
                get,
                put,
                post,
                patch,
                delete,
                ..
            } = item;
            for operation in [get, put, post, patch, delete].into_iter().flatten() {
                for (status, description) in REFUSALS {
                    let schema = Ref::from_schema_name("DjangoError");
                    let content = ContentBuilder::new().schema(Some(schema)).build();
                    let response = ResponseBuilder::new()
                        .description(description)
                        .content("application/json", content);
                    let responses = &mut operation.responses.responses;
                    responses
                        .entry(status.into())
                        .or_insert_with(|| response.build().into());
                }
            }
        }
    }
}

/// A document with these paths beside its own.
pub(in crate::http) fn added_to(document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    document.merge_from(Document::openapi())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every `(METHOD) ["/path"` of the table of this folder.
    fn table() -> Vec<(String, String)> {
        include_str!("mod.rs")
            .lines()
            .filter_map(|line| line.trim().strip_prefix('(')?.split_once(')'))
            .filter_map(|(method, rest)| {
                let path = rest.trim().strip_prefix("[\"")?.split_once('"')?.0;
                Some((method.to_lowercase(), path.to_owned()))
            })
            .collect()
    }

    /// Security statement 89, of these paths.
    #[test]
    fn the_document_and_the_table_have_the_same_routes() {
        let document = serde_json::to_value(Document::openapi()).expect("serialises");
        let paths = document["paths"].as_object().expect("has paths");
        let mut documented: Vec<(String, String)> = paths
            .iter()
            .flat_map(|(path, item)| {
                let methods = item.as_object().expect("has methods").keys();
                methods.map(move |method| (method.clone(), path.clone()))
            })
            .collect();
        let mut table = table();
        assert!(table.len() >= 10, "{table:?}");
        documented.sort();
        table.sort();
        assert_eq!(documented, table);
    }

    #[test]
    fn nothing_of_the_document_is_hidden_by_these_paths_or_hides_them() {
        let whole = crate::http::schema::document();
        let (own, there) = (Document::openapi(), whole.paths.paths.len());
        let sum = there + own.paths.paths.len();
        assert_eq!(added_to(whole).paths.paths.len(), sum);
    }
}
