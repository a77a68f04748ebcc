//! `schema`: what `--json` prints, as JSON Schema, from the types that print it.

use anyhow::{Result, anyhow, ensure};
use lockwright::report::json::{
    BesideReport, Comparison, Explained, Explored, ExploredOne, Generated, Outlined, Replayed, Report, RulesReport,
    ThroughputReport, VERSION,
};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use super::{Status, lease, list, lockdep, outlines, print, select};

/// The field `command` of an object, and its schema.
type Row = (&'static str, fn(&'static str) -> Schema);

/// Every command that prints an object.
const SCHEMAS: &[Row] = &[
    ("matrix", of::<Explored<'static>>),
    ("check", of::<Explored<'static>>),
    ("check FILE", of::<outlines::FilesJson>),
    ("check --all", of::<Generated>),
    ("compare", of::<Comparison<'static>>),
    ("compare --side-by-side", of::<BesideReport<'static>>),
    ("compare --throughput", of::<ThroughputReport<'static>>),
    ("explore", of::<ExploredOne<'static>>),
    ("replay", of::<Replayed<'static>>),
    ("lease", of::<lease::Reports<'static>>),
    ("lockdep", of::<lockdep::Rows<'static>>),
    ("outline", of::<Outlined>),
    ("rules", of::<RulesReport>),
    ("list", of::<list::Printed>),
    ("explain", of::<Explained<'static>>),
];

fn of<T: JsonSchema>(command: &'static str) -> Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<Report<T>>();
    schema.insert("title".to_owned(), json!(format!("lockwright {command} --json, version {VERSION}")));
    for (field, value) in [("command", json!(command)), ("lockwright", json!(VERSION))] {
        let known = schema.pointer_mut(&format!("/properties/{field}")).and_then(Value::as_object_mut);
        known.expect("the envelope has it").insert("const".to_owned(), value);
    }
    schema
}

/// The name on the command line: `check --all` is `check-all`.
fn name(command: &str) -> String {
    command.replace("--", "").to_lowercase().split_whitespace().collect::<Vec<_>>().join("-")
}

/// Prints the schema of one command, or the names of all.
pub fn run(wanted: Option<&str>, as_json: bool) -> Result<Status> {
    ensure!(wanted.is_some() || !as_json, "the list of schemas is text; each is JSON: lockwright schema NAME");
    let Some(wanted) = wanted else {
        let line = |(command, _): &Row| format!("  {:<21} lockwright {}\n", name(command), shown(command));
        let lines: String = SCHEMAS.iter().map(line).collect();
        print(&format!("schemas of what --json prints, version {VERSION}: lockwright schema NAME\n{lines}"))?;
        return Ok(Status::Clean);
    };
    let found = SCHEMAS.iter().find(|(command, _)| name(command) == wanted || *command == wanted);
    let known = || SCHEMAS.iter().map(|(command, _)| name(command)).collect();
    let (command, schema) = found.ok_or_else(|| anyhow!(select::unknown("schema", wanted, known())))?;
    let text = serde_json::to_string_pretty(&schema(command))?;
    print(&(text + "\n"))?;
    Ok(Status::Clean)
}

/// As it is typed.
fn shown(command: &str) -> String {
    match command {
        "matrix" => "--json".to_owned(),
        command => format!("{command} --json"),
    }
}
