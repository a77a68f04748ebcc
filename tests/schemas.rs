//! The schemas that `lockwright schema` prints, and that what the commands print is valid by them.
//!
//! [`assert_valid`] is used on everything that `tests/json.rs` has the commands print. It knows the keywords that our schemas use, and
//! panics at others: a keyword that nobody looks at would make every object valid.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::cli::{lockwright, stdout};

/// Keywords that say nothing about validity.
const REMARKS: [&str; 6] = ["$schema", "$defs", "title", "description", "format", "default"];

/// What is wrong with the value by the schema; `at` is where in the value.
fn problems(value: &Value, schema: &Value, root: &Value, at: &str, found: &mut Vec<String>) {
    let keywords = match schema {
        Value::Bool(true) => return,
        Value::Object(keywords) => keywords,
        other => panic!("{at}: {other} is no schema"),
    };
    let is_valid = |schema: &Value| {
        let mut found = Vec::new();
        problems(value, schema, root, at, &mut found);
        found.is_empty()
    };
    for (keyword, says) in keywords {
        let mut wrong = |why: String| found.push(format!("{at}: {why}"));
        match keyword.as_str() {
            "$ref" => {
                let pointer = says.as_str().expect("a reference").trim_start_matches('#');
                problems(value, root.pointer(pointer).expect("it leads somewhere"), root, at, found);
            }
            "type" if !of_type(value, says) => wrong(format!("{value} is not {says}")),
            "const" if value != says => wrong(format!("{value} is not {says}")),
            "enum" if !says.as_array().expect("a list").contains(value) => wrong(format!("{value} is none of {says}")),
            "anyOf" if !says.as_array().expect("a list").iter().any(is_valid) => wrong("fits nothing of anyOf".into()),
            "oneOf" if says.as_array().expect("a list").iter().filter(|it| is_valid(it)).count() != 1 => {
                wrong("fits not one of oneOf".into());
            }
            "allOf" => says.as_array().expect("a list").iter().for_each(|it| problems(value, it, root, at, found)),
            "required" => {
                let names = says.as_array().expect("a list").iter().filter_map(Value::as_str);
                names.filter(|name| value.get(name).is_none()).for_each(|name| wrong(format!("no field {name}")));
            }
            "properties" => {
                for (name, field) in value.as_object().into_iter().flatten() {
                    if let Some(schema) = says.get(name) {
                        problems(field, schema, root, &format!("{at}.{name}"), found);
                    }
                }
            }
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    problems(item, says, root, &format!("{at}[]"), found);
                }
            }
            "prefixItems" => {
                let pairs = value.as_array().into_iter().flatten().zip(says.as_array().expect("a list"));
                pairs.for_each(|(item, schema)| problems(item, schema, root, &format!("{at}[]"), found));
            }
            "minimum" if value.is_number() && value.as_f64() < says.as_f64() => {
                wrong(format!("{value} is less than {says}"))
            }
            "maximum" if value.is_number() && value.as_f64() > says.as_f64() => {
                wrong(format!("{value} is more than {says}"))
            }
            "minItems" | "maxItems" | "uniqueItems" | "additionalProperties" => {}
            "type" | "const" | "enum" | "anyOf" | "oneOf" | "minimum" | "maximum" => {}
            remark => assert!(REMARKS.contains(&remark), "{at}: the test does not know the keyword {remark}"),
        }
    }
}

fn of_type(value: &Value, says: &Value) -> bool {
    let is = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no type {other}"),
    };
    match says {
        Value::String(name) => is(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).any(is),
        other => panic!("{other} is no type"),
    }
}

/// The name of the schema of that command.
fn name(command: &str) -> String {
    command.replace("--", "").to_lowercase().split_whitespace().collect::<Vec<_>>().join("-")
}

fn schema(name: &str) -> Value {
    serde_json::from_str(&stdout(&lockwright(&["schema", name]))).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What a command has printed is valid by its schema, and has no field on top that the schema does not know.
pub fn assert_valid(command: &str, value: &Value) {
    let schema = schema(&name(command));
    let mut found = Vec::new();
    problems(value, &schema, &schema, command, &mut found);
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_wrong_object_would_be_seen() {
    let schema = json!({
        "type": "object",
        "properties": { "n": { "$ref": "#/$defs/n" }, "all": { "type": "array", "items": { "type": ["string", "null"] } } },
        "required": ["n"],
        "$defs": { "n": { "type": "integer", "minimum": 0 } }
    });
    let said = |value: Value| {
        let mut found = Vec::new();
        problems(&value, &schema, &schema, "x", &mut found);
        found
    };

    assert_eq!(said(json!({ "n": 1, "all": ["a", null] })), Vec::<String>::new());
    assert_eq!(said(json!({ "n": "1" })), ["x.n: \"1\" is not \"integer\""]);
    assert_eq!(said(json!({ "n": -1 })), ["x.n: -1 is less than 0"]);
    assert_eq!(said(json!({ "all": [2] })).len(), 2);
}

#[test]
fn every_command_of_the_page_has_a_schema_of_its_version_and_no_other_has() {
    let listed = stdout(&lockwright(&["schema"]));
    let names: BTreeSet<String> =
        listed.lines().skip(1).map(|line| line.split_whitespace().next().expect("a name").to_owned()).collect();
    let page = include_str!("../docs/json.md");
    let commands = page
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .flat_map(|heading| heading.split('`').skip(1).step_by(2).map(name).collect::<Vec<_>>());

    assert_eq!(names, commands.collect::<BTreeSet<_>>());
    for name in &names {
        let schema = schema(name);
        assert_eq!(schema["properties"]["lockwright"]["const"], 1, "{name}");
        let title = schema["title"].as_str().expect("a title");
        assert!(title.starts_with("lockwright ") && title.ends_with(" --json, version 1"), "{title}");
        assert!(schema["required"].as_array().is_some_and(|all| all.contains(&json!("lockwright"))), "{name}");
    }
    let unknown = lockwright(&["schema", "compar"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("did you mean 'compare'?"));
}
