//! Which operation of a document is to be done.

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection,
    SelectionSet,
};
use async_graphql::{Name, Positioned, ServerError};
pub(super) use async_graphql_value::Value as InputValue;
use serde_json::{Map, Value};

use super::refusal::{Code, Refusal};

/// The document with one operation, and without what was left out.
///
/// A variable that may be null and was not given is not null: an argument, or a member of an input, that
/// it stands for is absent then (section 6.4.1 of the specification). The executor would take it for null,
/// and null empties what is absent leaves alone.
pub(super) fn chosen(
    text: &str,
    name: Option<&str>,
    given: &Map<String, Value>,
) -> Result<ExecutableDocument, Refusal> {
    let mut document = parse_query(text).map_err(|error| unreadable(&error.into()))?;
    let mut operation = choose(document.operations, name)?;
    if operation.node.ty == OperationType::Subscription {
        let message = "There are no subscriptions here.";
        return Err(Refusal::new(Code::InvalidRequest, message));
    }
    let absent = absent(&mut operation.node, given);
    if !absent.is_empty() {
        drop_absent(&mut operation.node.selection_set.node, &absent);
        for fragment in document.fragments.values_mut() {
            drop_absent(&mut fragment.node.selection_set.node, &absent);
        }
    }
    document.operations = DocumentOperations::Single(operation);
    Ok(document)
}

fn unreadable(error: &ServerError) -> Refusal {
    // The parser draws what it has seen below its words; one line will do.
    let line = error.message.lines().last().unwrap_or_default().trim();
    let line = line.trim_start_matches(['=', ' ']);
    let place = error.locations.first().map_or(String::new(), |place| {
        format!(" at line {}, column {}", place.line, place.column)
    });
    let message = format!("The document cannot be read{place}: {line}.");
    Refusal::new(Code::InvalidRequest, message)
}

fn choose(
    operations: DocumentOperations,
    name: Option<&str>,
) -> Result<Positioned<OperationDefinition>, Refusal> {
    let refused = |message| Err(Refusal::new(Code::InvalidRequest, message));
    match (operations, name) {
        (DocumentOperations::Single(operation), None) => Ok(operation),
        (DocumentOperations::Single(_), Some(_)) => {
            refused("The document has no operation of that name.")
        }
        (DocumentOperations::Multiple(mut all), Some(name)) => match all.remove(name) {
            Some(operation) => Ok(operation),
            None => refused("The document has no operation of that name."),
        },
        (DocumentOperations::Multiple(all), None) => {
            let mut all = all.into_values();
            match (all.next(), all.next()) {
                (Some(operation), None) => Ok(operation),
                _ => refused("The document has several operations: name one as operationName."),
            }
        }
    }
}

/// Takes out of an operation the variables that may be left out, and were.
fn absent(operation: &mut OperationDefinition, given: &Map<String, Value>) -> Vec<Name> {
    let mut absent = Vec::new();
    operation.variable_definitions.retain(|definition| {
        let variable = &definition.node;
        let stays = given.contains_key(variable.name.node.as_str())
            || variable.default_value.is_some()
            || !variable.var_type.node.nullable;
        if !stays {
            absent.push(variable.name.node.clone());
        }
        stays
    });
    absent
}

fn drop_absent(selection: &mut SelectionSet, absent: &[Name]) {
    for item in &mut selection.items {
        match &mut item.node {
            Selection::Field(field) => {
                let arguments = &mut field.node.arguments;
                arguments.retain(|(_, value)| !is_absent(&value.node, absent));
                for (_, value) in arguments {
                    drop_members(&mut value.node, absent);
                }
                drop_absent(&mut field.node.selection_set.node, absent);
            }
            Selection::InlineFragment(fragment) => {
                drop_absent(&mut fragment.node.selection_set.node, absent);
            }
            Selection::FragmentSpread(_) => {}
        }
    }
}

fn is_absent(value: &InputValue, absent: &[Name]) -> bool {
    matches!(value, InputValue::Variable(name) if absent.contains(name))
}

fn drop_members(value: &mut InputValue, absent: &[Name]) {
    match value {
        InputValue::Object(members) => {
            members.retain(|_, value| !is_absent(value, absent));
            for value in members.values_mut() {
                drop_members(value, absent);
            }
        }
        InputValue::List(items) => {
            for item in items {
                if is_absent(item, absent) {
                    *item = InputValue::Null;
                }
                drop_members(item, absent);
            }
        }
        _ => {}
    }
}
