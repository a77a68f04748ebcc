//! `explain`: the page of a finding.

use anyhow::Result;
use lockwright::check::Code;
use lockwright::report::json::{self, Explained};

use super::{Status, print, select};

/// Prints the page of the code.
pub fn run(code: &str, as_json: bool) -> Result<Status> {
    let known = || Code::ALL.iter().map(Code::to_string).collect();
    let Ok(code) = code.parse::<Code>() else { return Err(select::unknown("finding", code, known())) };
    if as_json {
        print(&json::text("explain", Explained { code, title: code.title(), page: code.page() }))?;
    } else {
        print(code.page())?;
    }
    Ok(Status::Clean)
}
