//! x
use lockwright::explore::*;
use lockwright::lease::designs;
use lockwright::scenario::*;
fn main() {
    for d in designs::DESIGNS.iter().copied() {
        for s in catalogue::all() {
            let v = explore(&subject(d, &s), &Config::default());
            println!(
                "{:10} {:22} {:?} ex {} st {} out {} dl {} {:?} {:?}",
                d.name,
                s.name,
                v.codes(),
                v.executions,
                v.states,
                v.outcomes.len(),
                v.deadlocks.len(),
                v.bound,
                v.elapsed
            );
            for f in &v.findings {
                println!("     {} {} {}  | {:?}", f.finding.code, f.finding.subject, f.finding.message, f.finding.at.1);
            }
        }
    }
}
