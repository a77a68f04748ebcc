//! A gallery of real locking bugs, each as a small program of ours, before its fix and after it.
//!
//! `cargo run --example kernel` says what the explorer finds and what one run predicts; `cargo run --example kernel NAME` shows the pages.

mod bugs;

use bugs::{Bug, all};
use lockwright::prelude::*;

fn line(bug: &Bug) -> String {
    let before = (bug.before)();
    let found: Vec<Code> = before.check(&Config::default()).verdict.codes().into_iter().collect();
    let predicted = before.predict().codes();
    let as_known =
        if found == bug.found && predicted == bug.predicted { "" } else { "   (differs from what is known)" };
    let found: Vec<String> = found.iter().map(Code::to_string).collect();
    format!("{:<18}{:<14}{:<14}{}{as_known}", bug.name, found.join(" "), predicted.join(" "), bug.title)
}

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let chosen: Vec<Bug> = all().into_iter().filter(|bug| asked.iter().any(|name| name == bug.name)).collect();
    if chosen.is_empty() {
        println!("{:<18}{:<14}{:<14}", "bug", "found", "predicted");
        all().iter().for_each(|bug| println!("{}", line(bug)));
        return;
    }
    for bug in chosen {
        let (before, after) = ((bug.before)(), (bug.after)());
        println!("{}: {}\n{}\n", bug.name, bug.title, bug.source);
        println!("{}\n{}", before.predict().text(), before.check(&Config::default()));
        println!("after the fix\n{}", after.check(&Config::default()));
    }
}
