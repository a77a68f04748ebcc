//! `list`: everything that has a name on the command line.

use anyhow::Result;
use lockwright::check::Code;
use lockwright::lease::designs::{self, Entry};
use lockwright::report::columns;
use lockwright::report::json::{self, Listed, Named};
use lockwright::scenario::{alone, catalogue};

use super::{Status, print, select};

/// Prints the lists.
pub fn run(as_json: bool) -> Result<Status> {
    let listed = listed();
    if as_json {
        print(&json::text("list", listed))?;
        return Ok(Status::Clean);
    }
    let sections = [
        ("designs", &listed.designs),
        ("mutants, each with a seeded bug", &listed.mutants),
        ("scenarios", &listed.scenarios),
        ("engines", &listed.engines),
        ("calls of outline", &listed.calls),
        ("findings", &listed.codes),
    ];
    let pages: Vec<String> = sections.iter().map(|(title, names)| section(title, names)).collect();
    print(&pages.join("\n"))?;
    Ok(Status::Clean)
}

fn listed() -> Listed {
    let named = |name: &str, about: &str| Named { name: name.to_owned(), about: about.to_owned() };
    let design = |entry: Entry| named(&entry.full_name(), entry.about);
    Listed {
        designs: designs::DESIGNS.iter().copied().chain([designs::BKL_AS_SPINLOCK]).map(design).collect(),
        mutants: designs::mutants().map(design).collect(),
        scenarios: catalogue::all().iter().map(|scenario| named(scenario.name, scenario.about)).collect(),
        engines: select::ENGINES.iter().map(|(name, _, about)| named(name, about)).collect(),
        calls: alone::calls().iter().map(|call| named(call.name, call.about)).collect(),
        codes: Code::ALL.iter().map(|code| named(&code.to_string(), code.title())).collect(),
    }
}

fn section(title: &str, names: &[Named]) -> String {
    let width = names.iter().map(|it| it.name.len()).max().unwrap_or(0);
    let mut text = format!("{title}\n");
    for it in names {
        let about = columns::wrap(&it.about, columns::PAGE_COLUMNS - width - 4);
        for (at, line) in about.iter().enumerate() {
            let name = if at == 0 { it.name.as_str() } else { "" };
            text.push_str(&format!("  {name:<width$}  {line}\n"));
        }
    }
    text
}
