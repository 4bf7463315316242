//! These paths in the API's document.

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::{OpenApi as OpenApiDocument, Ref, ResponseBuilder};
use utoipa::{Modify, OpenApi};

use super::{activation, jwt, me, passwords, refusal, users};
use crate::http::schema::{REFUSALS, answer_any};

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

struct Refusals;

impl Modify for Refusals {
    fn modify(&self, document: &mut OpenApiDocument) {
        let no_form = ("415", "The body is neither JSON nor a form");
        let refusals = REFUSALS.into_iter().chain([no_form]);
        answer_any(document, refusals, |description| {
            let schema = Ref::from_schema_name("DjangoError");
            let content = ContentBuilder::new().schema(Some(schema)).build();
            let response = ResponseBuilder::new()
                .description(description)
                .content("application/json", content);
            response.build().into()
        });
    }
}

/// A document with these paths beside its own.
pub(in crate::http) fn added_to(document: OpenApiDocument) -> OpenApiDocument {
    document.merge_from(Document::openapi())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::tests::{documented, routes_of};

    /// Security statement 89, of these paths.
    #[test]
    fn the_document_and_the_table_have_the_same_routes() {
        let table = routes_of(include_str!("mod.rs"));
        assert_eq!(documented(&Document::openapi()), table);
    }

    #[test]
    fn nothing_of_the_document_is_hidden_by_these_paths_or_hides_them() {
        let whole = crate::http::schema::document();
        let (own, there) = (Document::openapi(), whole.paths.paths.len());
        let sum = there + own.paths.paths.len();
        assert_eq!(added_to(whole).paths.paths.len(), sum);
    }
}
