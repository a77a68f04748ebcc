//! The table of mutants, as the command line and the page `docs/mutants.md` show it.

use super::columns;
use crate::study::mutants::{MUTANTS, NOT_SEEDED, NotSeeded, Row};

/// For a terminal: what catches each, and what is not seeded.
pub fn text() -> String {
    let mut text = "mutants, each with a seeded bug: what catches it, and where\n".to_owned();
    for row in MUTANTS {
        let head = format!("  {:<4} {}", row.number, row.full_name());
        text.push_str(&format!("{head:<40}{} in {}\n", caught_by(row), row.scenario));
        for line in columns::wrap(row.about, columns::PAGE_COLUMNS - 8) {
            text.push_str(&format!("       {}\n", line.trim_start()));
        }
        if !row.fixed.is_empty() {
            text.push_str(&format!("       in Linux: {}\n", row.fixed));
        }
    }
    text.push_str("\nnumbers without a mutant\n");
    for missing in NOT_SEEDED {
        let sentence = format!("{}: {}", missing.about, missing.why);
        for (at, line) in columns::wrap(&sentence, columns::PAGE_COLUMNS - 8).iter().enumerate() {
            let number = if at == 0 { missing.number } else { "" };
            text.push_str(&format!("  {number:<4} {}\n", line.trim_start()));
        }
    }
    text
}

fn caught_by(row: &Row) -> String {
    let also: Vec<String> = row.also.iter().map(|code| format!(" and {code}")).collect();
    let engine = if row.weak_memory { " by loom" } else { "" };
    format!("{}{}{engine}", row.code, also.concat())
}

/// The tables of `docs/mutants.md`, as Markdown.
pub fn page() -> String {
    let of_history = MUTANTS.iter().filter(|row| !row.number.is_empty());
    let ours = MUTANTS.iter().filter(|row| row.number.is_empty());
    let mut text = "## Of history\n\n".to_owned();
    text.push_str("| number | mutant | what it does wrong | caught by | in | clean there | in Linux |\n");
    text.push_str("|---|---|---|---|---|---|---|\n");
    for row in of_history {
        text.push_str(&format!("| {} | {} | {} |\n", row.number, cells(row), row.fixed));
    }
    text.push_str(
        "\n## Ours\n\n| mutant | what it does wrong | caught by | in | clean there |\n|---|---|---|---|---|\n",
    );
    for row in ours {
        text.push_str(&format!("| {} |\n", cells(row)));
    }
    text.push_str("\n## Waiting\n\n");
    text.push_str(&missing(|missing| missing.waits));
    text.push_str("\n## Exempt\n\n");
    text.push_str(&missing(|missing| !missing.waits));
    text
}

fn cells(row: &Row) -> String {
    let codes =
        [row.code].iter().chain(row.also).map(|code| format!("[{code}](findings/{code}.md)")).collect::<Vec<_>>();
    let engine = if row.weak_memory { " (loom)" } else { "" };
    format!(
        "`{}` | {} | {}{engine} | `{}` | `{}`",
        row.full_name(),
        row.about.replace('|', "\\|"),
        codes.join(", "),
        row.scenario,
        row.sound
    )
}

fn missing(wanted: impl Fn(&NotSeeded) -> bool) -> String {
    let rows = NOT_SEEDED.iter().filter(|it| wanted(it));
    let rows = rows.map(|it| format!("| {} | {} | {} |\n", it.number, it.about.replace('|', "\\|"), it.why));
    format!("| number | bug | why it is not here |\n|---|---|---|\n{}", rows.collect::<String>())
}
