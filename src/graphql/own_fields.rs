//! The installation's own fields in the schema: a field of `UserFields`, and of `UserFieldsInput`, for
//! each, with its type.
//!
//! An object without fields is none, so what has to do with them is there as soon as there is one.

use async_graphql::dynamic::{Field, InputObject, InputValue, Object, SchemaBuilder, TypeRef};

use super::schema::{member, scalar};
use crate::domain::field::{self, FieldType};

const OUTPUT: &str = "UserFields";
const INPUT: &str = "UserFieldsInput";

/// Which own fields there are, as far as the schema has them.
#[derive(Default)]
pub(super) struct OwnFields(Vec<OwnField>);

struct OwnField {
    name: String,
    kind: FieldType,
    about: String,
}

impl OwnFields {
    pub(super) fn of(fields: &[field::Field]) -> Self {
        let one = |field: &field::Field| OwnField {
            name: field.name.as_str().to_owned(),
            kind: field.definition.kind(),
            about: about(field),
        };
        Self(fields.iter().map(one).collect())
    }

    /// A type of the file, with what own fields bring to it.
    pub(super) fn added_to_object(&self, object: Object) -> Object {
        if self.0.is_empty() || object.type_name() != "User" {
            return object;
        }
        let fields = member("fields", TypeRef::named_nn(OUTPUT));
        object.field(fields.description("The installation's own fields"))
    }

    /// The same for what is given.
    pub(super) fn added_to_input(&self, object: InputObject) -> InputObject {
        let is_account = matches!(
            object.type_name(),
            "NewUserInput" | "UserChangesInput" | "OwnChangesInput"
        );
        if self.0.is_empty() || !is_account {
            return object;
        }
        let fields = InputValue::new("fields", TypeRef::named(INPUT));
        object.field(fields.description("The installation's own fields; null for none"))
    }

    /// The same for the arguments of a field.
    pub(super) fn added_to_field(&self, object: &str, name: &str, field: Field) -> Field {
        if self.0.is_empty() || (object, name) != ("Query", "users") {
            return field;
        }
        let one = InputValue::new("field", TypeRef::named(INPUT));
        field.argument(
            one.description("Only those with this in one of the own fields; null: without"),
        )
    }

    /// The types of their own.
    pub(super) fn registered_with(&self, schema: SchemaBuilder) -> SchemaBuilder {
        if self.0.is_empty() {
            return schema;
        }
        let mut output = Object::new(OUTPUT);
        let mut input = InputObject::new(INPUT);
        for own in &self.0 {
            let kind = TypeRef::named(type_name(own.kind));
            let (shown, given) = (
                member(&own.name, kind.clone()),
                InputValue::new(&own.name, kind),
            );
            (output, input) = match own.about.as_str() {
                "" => (output.field(shown), input.field(given)),
                about => (
                    output.field(shown.description(about)),
                    input.field(given.description(about)),
                ),
            };
        }
        let day = scalar("Date").description("A day, as 2026-11-23");
        schema.register(day).register(output).register(input)
    }
}

/// An enum is a text: a choice may have any letters, and GraphQL's may not. Every one may be null: a rule
/// that came later may find accounts without a value.
fn type_name(kind: FieldType) -> &'static str {
    match kind {
        FieldType::Int => "Int64",
        FieldType::Bool => TypeRef::BOOLEAN,
        FieldType::Date => "Date",
        FieldType::Datetime => "DateTime",
        FieldType::Json => "JSON",
        FieldType::String
        | FieldType::Email
        | FieldType::Phone
        | FieldType::Url
        | FieldType::Enum => TypeRef::STRING,
    }
}

fn about(field: &field::Field) -> String {
    let label = field.definition.label.as_str();
    let choices = field.definition.choices();
    match (label, choices.is_empty()) {
        (label, true) => label.to_owned(),
        ("", false) => format!("One of {}", choices.join(", ")),
        (label, false) => format!("{label}: one of {}", choices.join(", ")),
    }
}
