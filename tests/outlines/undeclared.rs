//! What a text shares without a line that declares it.

use super::run;

/// Declared or not: what one writes with `WRITE_ONCE` and another reads with `READ_ONCE` is shared.
#[test]
fn marked_accesses_of_a_name_that_nobody_declares_share_it() {
    let body = "a\n   WRITE_ONCE(x, 1)\n   r1 = READ_ONCE(y)\n\nb\n   WRITE_ONCE(y, 1)\n   r2 = READ_ONCE(x)\n";
    let outcomes = |text: &str| -> Vec<Vec<(String, i64)>> {
        let report = run(text.as_bytes(), &[]);
        let all = report.units.iter().flat_map(|unit| &unit.runs).map(|run| &run.outcomes);
        let pair = all.max_by_key(|outcomes| outcomes.len()).expect("a run");
        pair.iter().map(|outcome| outcome.iter().map(|it| (it.name.clone(), it.value)).collect()).collect()
    };
    let declared = outcomes(&format!("atomic x = 0\natomic y = 0\n{body}"));
    assert_eq!(declared.len(), 3, "all but (0, 0)");
    assert_eq!(outcomes(body), declared);

    let assumed = |text: &str| -> Vec<Option<String>> {
        let report = run(text.as_bytes(), &[]);
        report.units[0].assumptions.iter().map(|known| known.declare.clone()).collect()
    };
    let both = ["atomic x = 0", "atomic y = 0"].map(|line| Some(line.to_owned()));
    assert_eq!(assumed(body), both);
    // What nobody here writes has no value that is known: both ways are tried. A parameter is its task's own.
    assert!(assumed("a\n   r1 = READ_ONCE(y)\n   mutex_lock(&m)\n   mutex_unlock(&m)\n").is_empty());
    let own = "static int a(int x)\n{\n\tWRITE_ONCE(x, 1);\n\tr1 = READ_ONCE(x);\n\tmutex_lock(&m);\n\tmutex_unlock(&m);\n}\n";
    assert!(assumed(own).is_empty());
}
