//! `compare --side-by-side`: two designs in two columns.

use anyhow::Result;
use lockwright::lease::designs::Entry;
use lockwright::report::beside as shows;
use lockwright::report::json::{self, BesideReport};
use lockwright::study::beside;

use super::{Status, print, select};

/// Prints both designs; of one call, if one is asked for, that alone.
pub fn run(designs: [Entry; 2], call: Option<&str>, columns: usize, as_json: bool) -> Result<Status> {
    let calls = select::calls(call)?;
    let calls = calls.iter().map(|call| beside::call(designs, call)).collect::<Result<Vec<_>, _>>()?;
    let functions = if call.is_none() { beside::beside(designs) } else { Vec::new() };
    let names = designs.map(Entry::full_name);
    let [old, new] = &names;
    if as_json {
        print(&json::text("compare --side-by-side", BesideReport::new(&names, &functions, &calls)))?;
        return Ok(Status::Clean);
    }
    let mut text = String::new();
    if !functions.is_empty() {
        text.push_str(&shows::functions(&functions, [old, new], columns));
        text.push('\n');
    }
    text.push_str(&shows::calls(&calls, [old, new], columns));
    print(&text)?;
    Ok(Status::Clean)
}
