//! The installation's own fields in the API's document, with their types: in every account that is shown or
//! given, and as parameters of the list.

use utoipa::openapi::path::{ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{
    AdditionalProperties, KnownFormat, Object, ObjectBuilder, Schema, SchemaFormat, SchemaType,
    Type,
};
use utoipa::openapi::{OpenApi, RefOr, Required};

use crate::domain::field::{Definition, Field, FieldType};

/// What is given when an account is made or changed, and whether by its owner.
const GIVEN: [(&str, bool); 4] = [
    ("NewUser", false),
    ("UserPatch", false),
    ("OwnPatch", true),
    ("RegistrationConfirmation", true),
];

/// The document, with these fields.
pub(super) fn added_to(mut document: OpenApi, fields: &[Field]) -> OpenApi {
    let mut shown = ObjectBuilder::new();
    for field in fields {
        shown = shown.property(field.name.as_str(), shown_schema(&field.definition));
    }
    put(&mut document, "User", shown.build());
    for (name, by_owner) in GIVEN {
        let mut given =
            ObjectBuilder::new().additional_properties(Some(AdditionalProperties::FreeForm(false)));
        for field in fields {
            let definition = &field.definition;
            if by_owner && !definition.self_write {
                continue;
            }
            given = given.property(field.name.as_str(), given_schema(definition));
        }
        put(&mut document, name, given.build());
    }
    let list = document.paths.paths.get_mut("/users");
    if let Some(list) = list.and_then(|path| path.get.as_mut()) {
        let found = fields
            .iter()
            .filter(|field| field.definition.kind() != FieldType::Json);
        let parameters = found.map(|field| RefOr::T(parameter(field)));
        list.parameters
            .get_or_insert_default()
            .extend(parameters.collect::<Vec<_>>());
    }
    document
}

/// What is said of all own fields stays.
fn put(document: &mut OpenApi, schema: &str, mut fields: Object) {
    let schemas = document
        .components
        .as_mut()
        .map(|components| &mut components.schemas);
    let Some(RefOr::T(Schema::Object(object))) =
        schemas.and_then(|schemas| schemas.get_mut(schema))
    else {
        return;
    };
    if let Some(RefOr::T(Schema::Object(said))) = object.properties.get("fields") {
        fields.description.clone_from(&said.description);
    }
    let fields = RefOr::T(Schema::Object(fields));
    object.properties.insert("fields".to_owned(), fields);
}

/// Of what accounts have, the type alone: a rule that came later may find other values, or none.
fn shown_schema(definition: &Definition) -> ObjectBuilder {
    let (kind, format) = match definition.kind() {
        FieldType::Int => (Type::Integer, Some(known(KnownFormat::Int64))),
        FieldType::Bool => (Type::Boolean, None),
        FieldType::Date => (Type::String, Some(known(KnownFormat::Date))),
        FieldType::Datetime => (Type::String, Some(known(KnownFormat::DateTime))),
        FieldType::Json => {
            let any = ObjectBuilder::new().schema_type(SchemaType::AnyValue);
            return any.description(about(definition));
        }
        FieldType::Email => (Type::String, Some(SchemaFormat::Custom("email".into()))),
        FieldType::Url => (Type::String, Some(SchemaFormat::Custom("uri".into()))),
        FieldType::String | FieldType::Phone | FieldType::Enum => (Type::String, None),
    };
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([kind, Type::Null]))
        .format(format)
        .description(about(definition))
}

/// With the rules, as far as JSON Schema has them.
fn given_schema(definition: &Definition) -> ObjectBuilder {
    let mut schema = shown_schema(definition);
    if let Some(rule) = definition.text_rule() {
        let most = rule.max_length.and_then(|most| usize::try_from(most).ok());
        schema = schema.max_length(most);
    }
    if definition.kind() == FieldType::Int {
        let (min, max) = definition.bounds();
        let number = |bound: Option<serde_json::Value>| {
            let bound = bound.and_then(|bound| bound.as_i64());
            bound.and_then(|bound| isize::try_from(bound).ok())
        };
        schema = schema.minimum(number(min)).maximum(number(max));
    }
    let choices = definition.choices();
    if !choices.is_empty() {
        let choices = choices.iter().map(|choice| choice.as_str().into());
        schema = schema.enum_values(Some(choices.chain([serde_json::Value::Null])));
    }
    let default = definition.default.as_ref();
    schema.default(default.map(|default| default.json.clone()))
}

/// An empty value is for those that have none, so it is a text.
fn parameter(field: &Field) -> utoipa::openapi::path::Parameter {
    let about = "Only those with this in the own field, an empty one for those with nothing; one own \
        field at a time";
    ParameterBuilder::new()
        .name(format!("field.{}", field.name))
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(about))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build()
}

/// What people call it, and the rules that JSON Schema does not have.
fn about(definition: &Definition) -> Option<String> {
    let mut said = Vec::new();
    let label = definition.label.as_str();
    if !label.is_empty() {
        said.push(label.to_owned());
    }
    if definition.required {
        said.push("every account has a value".to_owned());
    }
    if definition.unique {
        said.push("no two accounts have the same".to_owned());
    }
    let pattern = definition
        .text_rule()
        .and_then(|rule| rule.pattern.as_ref());
    if let Some(pattern) = pattern {
        said.push(format!("all of it matches {}", pattern.as_str()));
    }
    if definition.kind() != FieldType::Int {
        let (min, max) = definition.bounds();
        let bounds = [("from", min), ("to", max)];
        for (word, bound) in bounds {
            if let Some(bound) = bound.as_ref().and_then(serde_json::Value::as_str) {
                said.push(format!("{word} {bound}"));
            }
        }
    }
    (!said.is_empty()).then(|| said.join("; "))
}

fn known(format: KnownFormat) -> SchemaFormat {
    SchemaFormat::KnownFormat(format)
}
