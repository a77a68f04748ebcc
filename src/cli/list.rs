//! `list`: everything that has a name on the command line.

use anyhow::Result;
use clap::ValueEnum;
use lockwright::lease::designs::{self, Entry};
use lockwright::outline::catalogue::{Catalogue, Known};
use lockwright::outline::facts::Fact;
use lockwright::report::json::{self, Listed, MutantReport, Named};
use lockwright::report::{columns, mutants};
use lockwright::scenario::{alone, catalogue};
use lockwright::study::mutants::MUTANTS;

use super::{Status, print, select};

/// A list.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Designs.
    Designs,
    /// Mutants, and what catches each.
    Mutants,
    /// Scenarios.
    Scenarios,
    /// Engines.
    Engines,
    /// Calls of `outline`.
    Calls,
    /// Codes of findings.
    Findings,
    /// What outlines know of the kernel's functions.
    Catalogue,
}

/// Prints one list, or all.
pub fn run(what: Option<What>, as_json: bool) -> Result<Status> {
    if what == Some(What::Catalogue) {
        return catalogue_of_functions(as_json);
    }
    let listed = listed(what);
    if as_json {
        print(&json::text("list", Printed::Listed(listed)))?;
        return Ok(Status::Clean);
    }
    if what == Some(What::Mutants) {
        print(&mutants::text())?;
        return Ok(Status::Clean);
    }
    let short = |it: &MutantReport| Named { name: it.name.clone(), about: it.about.to_owned() };
    // Those that are designs as they stand are listed as such.
    let seeded = listed.mutants.iter().filter(|it| it.name.contains(':')).map(short).collect();
    let sections = [
        ("designs", &listed.designs),
        ("mutants, each with a seeded bug", &seeded),
        ("scenarios", &listed.scenarios),
        ("engines", &listed.engines),
        ("calls of outline", &listed.calls),
        ("findings", &listed.codes),
    ];
    let pages = sections.iter().filter(|(_, names)| !names.is_empty()).map(|(title, names)| section(title, names));
    print(&pages.collect::<Vec<_>>().join("\n"))?;
    Ok(Status::Clean)
}

fn listed(what: Option<What>) -> Listed {
    let named = |name: &str, about: &str| Named { name: name.to_owned(), about: about.to_owned() };
    let design = |entry: Entry| named(&entry.full_name(), entry.about);
    let all = Listed {
        designs: designs::DESIGNS.iter().copied().chain([designs::FLOCKS_FIXED]).map(design).collect(),
        mutants: MUTANTS.iter().map(MutantReport::new).collect(),
        scenarios: catalogue::all().iter().map(|scenario| named(scenario.name, scenario.about)).collect(),
        engines: select::ENGINES.iter().map(|(name, _, about)| named(name, about)).collect(),
        calls: alone::calls().iter().map(|call| named(call.name, call.about)).collect(),
        codes: select::all_codes().iter().map(|(code, title)| named(code, title)).collect(),
    };
    match what {
        None => all,
        Some(What::Designs) => Listed { designs: all.designs, ..Listed::default() },
        Some(What::Mutants) => Listed { mutants: all.mutants, ..Listed::default() },
        Some(What::Scenarios) => Listed { scenarios: all.scenarios, ..Listed::default() },
        Some(What::Engines) => Listed { engines: all.engines, ..Listed::default() },
        Some(What::Calls) => Listed { calls: all.calls, ..Listed::default() },
        Some(What::Catalogue) => Listed::default(),
        Some(What::Findings) => Listed { codes: all.codes, ..Listed::default() },
    }
}

/// What `--json` prints.
#[derive(serde::Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub(super) enum Printed {
    /// All lists, those that were not asked for empty.
    Listed(Listed),
    /// The catalogue of kernel functions, which is printed alone.
    Functions(Functions),
}

/// A function of the catalogue.
#[derive(serde::Serialize, schemars::JsonSchema)]
struct Function {
    name: String,
    facts: Vec<String>,
    about: String,
}

/// The catalogue.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub(super) struct Functions {
    functions: Vec<Function>,
}

fn catalogue_of_functions(as_json: bool) -> Result<Status> {
    let catalogue = Catalogue::built_in();
    let function = |(name, known): (&str, &Known)| Function {
        name: name.to_owned(),
        facts: known.facts.iter().map(Fact::text).collect(),
        about: known.about.clone(),
    };
    let functions: Vec<Function> = catalogue.iter().map(function).collect();
    if as_json {
        print(&json::text("list", Printed::Functions(Functions { functions })))?;
        return Ok(Status::Clean);
    }
    let line = |it: &Function| Named { name: it.name.clone(), about: format!("{}; {}", it.facts.join(", "), it.about) };
    print(&section("functions of the kernel that outlines know", &functions.iter().map(line).collect::<Vec<_>>()))?;
    Ok(Status::Clean)
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
