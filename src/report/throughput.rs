//! Calls a second of two designs on real threads, as a table.

use super::count;
use crate::study::throughput::{Files, Measured, Plan};

/// The table. All numbers in it are measured.
pub fn table(all: &[Measured], names: [&str; 2], plan: Plan, cores: usize) -> String {
    let [old, new] = names;
    let width = old.len().max(new.len()).max(10);
    let mut text = format!(
        "calls a second on real threads, {}: the median of {}, both designs in each\n\n",
        count(cores as u64, "core"),
        count(plan.rounds as u64, "round")
    );
    text.push_str(&format!("files   threads  {old:>width$}  {new:>width$}  {new} for each {old}\n"));
    for measured in all {
        let files = match measured.files {
            Files::One => "one",
            Files::Each => "many",
        };
        let [median, low, high] = measured.ratio;
        let [was, is] = measured.calls.map(|calls| thousands(calls.round() as u64));
        text.push_str(&format!(
            "{files:<6}  {:>7}  {was:>width$}  {is:>width$}  {median:.2}  ({low:.2} to {high:.2})\n",
            measured.threads
        ));
    }
    text + "\none: all threads on one file; many: each on its own. A thread opens, takes a read lease, asks for it, gives it up, closes.\n"
}

/// A number that can be read: `1 234 567`.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_line_for_each_measurement() {
        let measured =
            Measured { files: Files::Each, threads: 2, calls: [1_234_567.0, 2_000_000.0], ratio: [1.62, 1.5, 1.75] };
        let plan = Plan { threads_max: 2, rounds: 1, turns: 1 };

        let table = table(&[measured], ["bkl", "spinlock"], plan, 2);

        assert!(
            table.starts_with("calls a second on real threads, 2 cores: the median of 1 round, both designs in each\n")
        );
        assert!(table.contains("\nmany          2   1 234 567   2 000 000  1.62  (1.50 to 1.75)\n"), "{table}");
    }
}
