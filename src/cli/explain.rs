//! `explain`: the page of a finding, or of a bug by its number.

use anyhow::Result;
use lockwright::check::Code;
use lockwright::report::bug;
use lockwright::report::json::{self, Explained};

use super::{Status, print, select};

/// Prints the page of a code such as LW030, or of a number such as M24.
pub fn run(asked: &str, as_json: bool) -> Result<Status> {
    let asked = asked.to_uppercase();
    let of_code = asked.parse::<Code>().ok().map(|code| (code.title(), code.page().to_owned()));
    let (title, page) = match of_code {
        Some(found) => found,
        None => bug::page(&asked).ok_or_else(|| {
            let codes = select::all_codes().into_iter().map(|(code, _)| code);
            select::unknown(
                "finding or bug",
                &asked,
                codes.chain(bug::numbers().into_iter().map(str::to_owned)).collect(),
            )
        })?,
    };
    if as_json {
        print(&json::text("explain", Explained { code: &asked, title, page: &page }))?;
    } else {
        print(&page)?;
    }
    Ok(Status::Clean)
}
