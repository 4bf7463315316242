//! What makes a definition, and what does not.

use serde_json::json;

use super::{Definition, DefinitionError, FieldChange, FieldType, Input, Spec};

fn of(kind: FieldType, change: impl FnOnce(&mut Spec)) -> Result<Definition, DefinitionError> {
    let mut spec = Spec {
        kind,
        ..Spec::default()
    };
    change(&mut spec);
    Definition::new(spec)
}

#[test]
fn a_rule_that_its_type_does_not_have_is_refused() {
    let refused = [
        of(FieldType::Int, |spec| spec.max_length = Some(3)),
        of(FieldType::Bool, |spec| spec.pattern = Some("x".into())),
        of(FieldType::String, |spec| {
            spec.choices = vec!["a".into()];
        }),
        of(FieldType::String, |spec| spec.min = Some(json!(1).into())),
        of(FieldType::Enum, |spec| {
            spec.choices = vec!["a".into()];
            spec.max = Some(json!(1).into());
        }),
        of(FieldType::Json, |spec| spec.unique = true),
        of(FieldType::Json, |spec| spec.indexed = true),
    ];
    let members = [
        "max_length",
        "pattern",
        "choices",
        "min",
        "max",
        "unique",
        "indexed",
    ];
    for (refused, member) in refused.into_iter().zip(members) {
        let error = refused.expect_err(member);
        assert!(
            matches!(error, DefinitionError::NotOfType { .. }),
            "{error}"
        );
        assert_eq!(error.member(), member);
    }
}

#[test]
fn a_definition_that_nothing_could_fit_is_refused() {
    let many: Vec<String> = (0..=100).map(|n| n.to_string()).collect();
    for choices in [vec![], vec!["a".into(), "a".into()], many] {
        let refused = of(FieldType::Enum, |spec| spec.choices = choices);
        assert_eq!(refused, Err(DefinitionError::Choices));
    }
    for choice in ["", "a\nb", &"x".repeat(101)] {
        let refused = of(FieldType::Enum, |spec| spec.choices = vec![choice.into()]);
        assert!(matches!(refused, Err(DefinitionError::Choice(_))));
    }
    for length in [0, 4097] {
        let refused = of(FieldType::String, |spec| spec.max_length = Some(length));
        assert_eq!(refused, Err(DefinitionError::MaxLength));
    }
    let refused = of(FieldType::Int, |spec| {
        (spec.min, spec.max) = (Some(json!(2).into()), Some(json!(1).into()));
    });
    assert_eq!(refused, Err(DefinitionError::Empty));
    let refused = of(FieldType::Date, |spec| {
        spec.min = Some(Input::Text("tomorrow".into()));
    });
    assert!(matches!(
        refused,
        Err(DefinitionError::Bound { member: "min", .. })
    ));
    let refused = of(FieldType::String, |spec| spec.pattern = Some("(".into()));
    assert!(matches!(refused, Err(DefinitionError::Pattern(_))));
    let refused = of(FieldType::Enum, |spec| {
        spec.choices = vec!["a".into()];
        spec.default = Some(Input::Text("b".into()));
    });
    assert!(matches!(refused, Err(DefinitionError::Default(_))));
    let refused = of(FieldType::Int, |spec| {
        (spec.unique, spec.default) = (true, Some(json!(1).into()));
    });
    assert_eq!(refused, Err(DefinitionError::UniqueDefault));
}

#[test]
fn what_is_written_from_a_definition_makes_it_again() {
    let definition = of(FieldType::Datetime, |spec| {
        spec.min = Some(Input::Text("2026-01-01T00:00:00+01:00".into()));
        spec.default = Some(Input::Text("2026-06-01T00:00:00Z".into()));
        (spec.required, spec.self_write) = (true, true);
    });
    let definition = definition.expect("is one");
    assert!(definition.self_read, "who writes it sees it");
    assert_eq!(Definition::new(definition.spec()), Ok(definition.clone()));
    let change = FieldChange {
        min: Some(None),
        in_token: Some(true),
        ..FieldChange::default()
    };
    let changed = Definition::new(change.applied_to(definition.spec())).expect("is one");
    assert!(changed.in_token && changed.required);
    assert_eq!(changed.bounds(), (None, None));
    assert_eq!(
        serde_json::to_value(&definition).expect("serialises"),
        json!({
            "label": "", "type": "datetime", "required": true, "unique": false, "indexed": false,
            "default": "2026-06-01T00:00:00Z", "choices": null, "max_length": null,
            "pattern": null, "min": "2025-12-31T23:00:00Z", "max": null, "self_read": true,
            "self_write": true, "in_token": false
        })
    );
}
