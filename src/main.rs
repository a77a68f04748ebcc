//! x
use lockwright::explore::*;
use lockwright::lease::designs;
use lockwright::scenario::*;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let ds: Vec<_> = designs::DESIGNS.iter().copied().chain(designs::mutants()).collect();
    for d in ds {
        for s in catalogue::all() {
            if a.len() > 1 && a[1] != "all" && a[1] != d.name {
                continue;
            }
            if a.len() > 2 && a[2] != s.name {
                continue;
            }
            let v0 = explore(&subject(d, &s), &Config::default());
            let v = explore(
                &subject(d, &s),
                &Config {
                    engine: EngineKind::Loom,
                    executions_max: a.get(3).and_then(|s| s.parse().ok()).unwrap_or(100000),
                    ..Config::default()
                },
            );
            println!(
                "{:10} {:22} {:?}/{:?} ex {} st {} out {} dl {} {:?} {:?} | {} {}",
                d.name,
                s.name,
                v0.codes(),
                v.codes(),
                v.executions,
                v.states,
                v.outcomes.len(),
                v.deadlocks.len(),
                v.bound,
                v.elapsed,
                v0.states,
                v0.executions
            );
            if a.len() > 2 {
                for f in &v.findings {
                    println!(
                        "     {} {} {}  | {:?} {}",
                        f.finding.code, f.finding.subject, f.finding.message, f.finding.at.1, f.weak_memory
                    );
                }
            }
            if v.bound.is_none() && v.outcomes != v0.outcomes {
                println!("  OUT {:?}\n   vs {:?}", v0.outcomes, v.outcomes);
            }
        }
    }
}
