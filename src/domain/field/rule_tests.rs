//! What fits each type, and what does not.

use serde_json::{Value, json};

use super::{Definition, FieldProblem, FieldType, Input, Rule, Spec};

fn field(kind: FieldType, change: impl FnOnce(&mut Spec)) -> Definition {
    let mut spec = Spec {
        kind,
        ..Spec::default()
    };
    change(&mut spec);
    Definition::new(spec).expect("is a definition")
}

fn kept(definition: &Definition, input: impl Into<Input>) -> Value {
    let value = definition.parse(&input.into());
    let value = value.unwrap_or_else(|problem| panic!("{problem}"));
    value.expect("is one").json
}

fn text(text: &str) -> Input {
    Input::Text(text.to_owned())
}

#[test]
fn what_json_and_what_a_command_line_says_are_kept_alike() {
    for (kind, typed, given, expected) in [
        (FieldType::String, "R&D", json!("R&D"), json!("R&D")),
        (FieldType::String, "e\u{301}", json!("é"), json!("é")),
        (FieldType::Int, "-42", json!(-42), json!(-42)),
        (FieldType::Bool, "true", json!(true), json!(true)),
        (
            FieldType::Date,
            "2024-02-29",
            json!("2024-02-29"),
            json!("2024-02-29"),
        ),
        (
            FieldType::Datetime,
            "2026-11-23T11:00:00+01:00",
            json!("2026-11-23T10:00:00Z"),
            json!("2026-11-23T10:00:00Z"),
        ),
        (
            FieldType::Email,
            "Ada@Example.com",
            json!("Ada@Example.com"),
            json!("Ada@Example.com"),
        ),
        (
            FieldType::Phone,
            "+44 20 7946 0000",
            json!("+442079460000"),
            json!("+442079460000"),
        ),
        (
            FieldType::Url,
            "HTTPS://B\u{dc}CHER.example/a b".trim_end_matches(" b"),
            json!("https://xn--bcher-kva.example/a"),
            json!("https://xn--bcher-kva.example/a"),
        ),
        (
            FieldType::Json,
            r#"{"a": [1, null]}"#,
            json!({"a": [1, null]}),
            json!({"a": [1, null]}),
        ),
    ] {
        let field = field(kind, |_| {});
        assert_eq!(kept(&field, text(typed)), expected, "{kind}");
        assert_eq!(kept(&field, given), expected, "{kind}");
        assert_eq!(field.parse(&text("")), Ok(None), "{kind}");
        assert_eq!(field.parse(&Value::Null.into()), Ok(None), "{kind}");
    }
}

#[test]
fn a_value_of_another_type_is_refused() {
    let values = [
        (
            FieldType::String,
            vec![json!(1), json!(true), json!([]), json!({})],
        ),
        (
            FieldType::Int,
            vec![
                json!("1"),
                json!(1.5),
                json!(1.0),
                json!(9_007_199_254_740_992_i64),
                json!(-9_007_199_254_740_992_i64),
                json!(u64::MAX),
                json!(true),
            ],
        ),
        (FieldType::Bool, vec![json!("true"), json!(1), json!([])]),
        (
            FieldType::Date,
            vec![
                json!("2023-02-29"),
                json!("20240229"),
                json!("2024-02-29T10:00:00Z"),
                json!("yesterday"),
                json!(20_240_229),
            ],
        ),
        (
            FieldType::Datetime,
            vec![
                json!("2024-02-29"),
                json!("2024-02-29T10:00:00"),
                json!("2024-02-29T25:00:00Z"),
                json!("2024-02-29T10:00:00+00:00[UTC]"),
                json!(0),
            ],
        ),
        (
            FieldType::Url,
            vec![
                json!("example.com"),
                json!("javascript:alert(1)"),
                json!("data:text/html,x"),
                json!("https://"),
                json!("https://ada:secret@example.com/"),
                json!("https://example.com/\n"),
                json!("file:///etc/passwd"),
            ],
        ),
        (FieldType::Email, vec![json!(["ada@example.com"])]),
        (FieldType::Phone, vec![json!(442_079_460_000_i64)]),
    ];
    for (kind, values) in values {
        let field = field(kind, |_| {});
        for value in values {
            let refused = field.parse(&value.clone().into());
            assert_eq!(refused, Err(FieldProblem::Type(kind)), "{kind} {value}");
        }
    }
    for (kind, typed) in [
        (FieldType::Int, "1e3"),
        (FieldType::Int, " 1"),
        (FieldType::Int, "9007199254740992"),
        (FieldType::Bool, "yes"),
    ] {
        let refused = field(kind, |_| {}).parse(&text(typed));
        assert_eq!(refused, Err(FieldProblem::Type(kind)), "{typed}");
    }
    for (kind, bad) in [
        (FieldType::Email, json!("ada")),
        (FieldType::Phone, json!("020 7946 0000")),
        (FieldType::Json, json!(null)),
    ] {
        let parsed = field(kind, |_| {}).parse(&bad.into());
        assert!(!matches!(parsed, Ok(Some(_))), "{kind}");
    }
    let broken = field(FieldType::Json, |_| {}).parse(&text("{"));
    assert!(matches!(broken, Err(FieldProblem::NotJson(_))));
}

#[test]
fn each_rule_that_a_value_breaks_is_named() {
    let short = field(FieldType::String, |spec| spec.max_length = Some(3));
    assert_eq!(kept(&short, text("äöü")), json!("äöü"));
    assert_eq!(short.parse(&text("äöüß")), Err(FieldProblem::TooLong(3)));
    let coded = field(FieldType::String, |spec| {
        spec.pattern = Some("[A-Z]{2}[0-9]+".into());
    });
    assert_eq!(kept(&coded, text("DE1")), json!("DE1"));
    for bad in ["DE", "xDE1", "DE1\n", "DE1x"] {
        let refused = coded.parse(&text(bad));
        assert!(matches!(refused, Err(FieldProblem::Pattern(_))), "{bad:?}");
    }
    let level = field(FieldType::Int, |spec| {
        spec.min = Some(text("1"));
        spec.max = Some(json!(5).into());
    });
    assert_eq!(kept(&level, text("5")), json!(5));
    assert_eq!(
        level.parse(&text("0")),
        Err(FieldProblem::TooLow("1".into()))
    );
    assert_eq!(
        level.parse(&text("6")),
        Err(FieldProblem::TooHigh("5".into()))
    );
    let day = field(FieldType::Date, |spec| spec.min = Some(text("2000-01-01")));
    assert_eq!(
        day.parse(&text("1999-12-31")),
        Err(FieldProblem::TooLow("2000-01-01".into()))
    );
    let size = field(FieldType::Enum, |spec| {
        spec.choices = vec!["s".into(), "m".into()];
    });
    assert_eq!(kept(&size, text("m")), json!("m"));
    for bad in [text("M"), json!(1).into(), json!(["s"]).into()] {
        assert!(size.parse(&bad).is_err(), "{bad:?}");
    }
}

#[test]
fn there_is_an_end_to_how_much_a_value_may_be() {
    let note = field(FieldType::String, |_| {});
    let most = "x".repeat(Rule::MAX_TEXT_BYTES);
    assert_eq!(kept(&note, text(&most)), json!(most));
    let too_big = Err(FieldProblem::TooBig(Rule::MAX_TEXT_BYTES));
    assert_eq!(note.parse(&text(&format!("{most}x"))), too_big);
    assert_eq!(kept(&note, text("a\tb\r\nc")), json!("a\tb\r\nc"));
    for bad in ["a\0b", "\u{1b}[31m", "\u{85}"] {
        assert_eq!(note.parse(&text(bad)), Err(FieldProblem::Control));
    }
    let indexed = field(FieldType::String, |spec| spec.indexed = true);
    let limit = Definition::MAX_INDEXED_BYTES;
    assert!(indexed.parse(&text(&"x".repeat(limit))).is_ok());
    assert_eq!(
        indexed.parse(&text(&"x".repeat(limit + 1))),
        Err(FieldProblem::TooBigForIndex(limit))
    );
    let anything = field(FieldType::Json, |_| {});
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(anything.parse(&text(&nested(16))).is_ok());
    assert_eq!(
        anything.parse(&text(&nested(17))),
        Err(FieldProblem::TooDeep(16))
    );
    assert!(anything.parse(&text(&nested(500))).is_err());
    let big = format!("\"{}\"", "x".repeat(Rule::MAX_JSON_BYTES));
    assert_eq!(
        anything.parse(&text(&big)),
        Err(FieldProblem::TooBig(Rule::MAX_JSON_BYTES))
    );
    let address = format!("https://example.com/{}", "x".repeat(Rule::MAX_URL_BYTES));
    assert_eq!(
        field(FieldType::Url, |_| {}).parse(&text(&address)),
        Err(FieldProblem::TooBig(Rule::MAX_URL_BYTES))
    );
}

#[test]
fn two_spellings_of_one_value_are_found_as_one() {
    let lookup = |kind, typed: &str| {
        let value = field(kind, |_| {}).parse(&text(typed)).expect("fits");
        value.expect("is one").lookup
    };
    for (kind, one, other) in [
        (FieldType::Email, "Ada@Example.com", "ada@EXAMPLE.COM"),
        (FieldType::Phone, "+44 20 7946 0000", "+442079460000"),
        (
            FieldType::Url,
            "https://example.com",
            "https://EXAMPLE.com/",
        ),
        (
            FieldType::Datetime,
            "2026-11-23T11:00:00+01:00",
            "2026-11-23T10:00:00Z",
        ),
        (FieldType::Int, "7", "+7"),
    ] {
        assert!(lookup(kind, one).is_some());
        assert_eq!(lookup(kind, one), lookup(kind, other), "{kind}");
    }
    assert_ne!(
        lookup(FieldType::String, "a"),
        lookup(FieldType::String, "A")
    );
    assert_eq!(lookup(FieldType::Json, "[]"), None);
}
