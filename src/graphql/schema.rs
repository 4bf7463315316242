//! The schema: `docs/schema.graphql`, and the installation's own fields.
//!
//! Every value comes as JSON from the field at the top (`roots`); below that, a field is the member of its
//! name.

use std::sync::OnceLock;

use async_graphql::Value;
use async_graphql::dynamic::{
    Enum, EnumItem, Field, FieldFuture, FieldValue, InputObject, InputValue, Object, Scalar,
    Schema, SchemaError, TypeRef,
};
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, EnumType, FieldDefinition, InputValueDefinition, TypeKind, TypeSystemDefinition,
};

use super::own_fields::OwnFields;
use super::refusal::Refusal;
use super::roots;
use crate::service::made_of_fields::MadeOfFields;
use crate::store::Store;

const SDL: &str = include_str!("../../docs/schema.graphql");

/// The schema as it is now, and as it is everywhere. Both are made for the first who asks: a daemon that
/// nobody asks so has neither.
#[derive(Default)]
pub(super) struct Schemas {
    base: OnceLock<Schema>,
    current: MadeOfFields<Schema>,
}

impl Schemas {
    pub(super) fn without_own_fields(&self) -> Schema {
        let build = || build(&OwnFields::default()).expect("the schema is sound: a test builds it");
        self.base.get_or_init(build).clone()
    }

    /// The schema with the own fields of this moment.
    pub(super) fn current(&self, store: &Store) -> Result<Schema, Refusal> {
        let current = self.current.current(store, |fields| {
            build(&OwnFields::of(fields)).map_err(Refusal::internal)
        })?;
        Ok(current.map_or_else(|| self.without_own_fields(), |current| (*current).clone()))
    }
}

/// The same with what the file says of it, if it says anything.
macro_rules! described {
    ($what:expr, $text:expr) => {
        match &$text {
            Some(text) => $what.description(&text.node),
            None => $what,
        }
    };
}

fn build(own: &OwnFields) -> Result<Schema, SchemaError> {
    let document = parse_schema(SDL).map_err(|error| SchemaError(error.to_string()))?;
    let mut schema = Schema::build("Query", Some("Mutation"), None).disable_suggestions();
    for definition in document.definitions {
        let TypeSystemDefinition::Type(definition) = definition else {
            continue;
        };
        let definition = definition.node;
        let name = definition.name.node.to_string();
        let about = &definition.description;
        schema = match &definition.kind {
            TypeKind::Scalar => schema.register(described!(scalar(&name), about)),
            TypeKind::Enum(kind) => schema.register(described!(enumeration(&name, kind), about)),
            TypeKind::Object(kind) => {
                let fields = kind.fields.iter().map(|field| &field.node);
                let object = fields.fold(Object::new(&name), |object, field_of| {
                    object.field(field(&name, field_of, own))
                });
                schema.register(described!(own.added_to_object(object), about))
            }
            TypeKind::InputObject(kind) => {
                let fields = kind.fields.iter().map(|field| input(&field.node));
                let object = fields.fold(InputObject::new(&name), InputObject::field);
                schema.register(described!(own.added_to_input(object), about))
            }
            TypeKind::Interface(_) | TypeKind::Union(_) => {
                return Err(SchemaError(format!("{name}: there is no such kind here")));
            }
        };
    }
    own.registered_with(schema).finish()
}

pub(super) fn scalar(name: &str) -> Scalar {
    let scalar = Scalar::new(name);
    match name {
        "Int64" => scalar.validator(|value| match value {
            Value::Number(number) => number.is_i64(),
            value => *value == Value::Null,
        }),
        "DateTime" | "Date" => {
            scalar.validator(|value| matches!(value, Value::String(_) | Value::Null))
        }
        _ => scalar,
    }
}

fn enumeration(name: &str, kind: &EnumType) -> Enum {
    kind.values.iter().fold(Enum::new(name), |all, value| {
        let item = EnumItem::new(value.node.value.node.as_str());
        all.item(described!(item, value.node.description))
    })
}

/// A field of an object: one at the top is answered by whoever `roots` names, and every other is a member
/// of what was answered.
fn field(object: &str, definition: &FieldDefinition, own: &OwnFields) -> Field {
    let name = definition.name.node.to_string();
    let kind = type_ref(&definition.ty.node);
    let field = match roots::find(object, &name) {
        Some(resolver) => Field::new(&name, kind, move |context| {
            roots::answer(&context, resolver)
        }),
        None => member(&name, kind),
    };
    let arguments = definition.arguments.iter().map(|one| input(&one.node));
    let field = arguments.fold(field, Field::argument);
    let field = own.added_to_field(object, &name, field);
    described!(field, definition.description)
}

/// A field that is the member of its name.
pub(super) fn member(name: &str, kind: TypeRef) -> Field {
    let member = name.to_owned();
    Field::new(name, kind, move |context| {
        let value = match context.parent_value.as_value() {
            Some(Value::Object(members)) => members.get(member.as_str()).cloned(),
            _ => None,
        };
        let value = value.filter(|value| *value != Value::Null);
        FieldFuture::Value(value.map(FieldValue::value))
    })
}

fn input(definition: &InputValueDefinition) -> InputValue {
    let kind = type_ref(&definition.ty.node);
    let input = InputValue::new(definition.name.node.as_str(), kind);
    let input = described!(input, definition.description);
    match &definition.default_value {
        Some(value) => input.default_value(value.node.clone()),
        None => input,
    }
}

fn type_ref(kind: &async_graphql::parser::types::Type) -> TypeRef {
    let base = match &kind.base {
        BaseType::Named(name) => TypeRef::named(name.as_str()),
        BaseType::List(inner) => TypeRef::List(Box::new(type_ref(inner))),
    };
    if kind.nullable {
        base
    } else {
        TypeRef::NonNull(Box::new(base))
    }
}

/// How many fields a type has in the file.
#[cfg(test)]
pub(super) fn count_of_fields(object: &str) -> usize {
    let document = parse_schema(SDL).expect("is read");
    let count = |definition: &TypeSystemDefinition| match definition {
        TypeSystemDefinition::Type(found) if found.node.name.node == object => {
            match &found.node.kind {
                TypeKind::Object(kind) => Some(kind.fields.len()),
                _ => None,
            }
        }
        _ => None,
    };
    document
        .definitions
        .iter()
        .find_map(count)
        .expect("is there")
}
