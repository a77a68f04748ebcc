//! The HTML report and the picture of a schedule, without a browser: what is in the files, and what is left when something is wrong.
//!
//! What the page does when it is used is tried in Chromium, in the package `browser-tests`.

use std::path::{Path, PathBuf};

use crate::cli::{directory, lockwright, stdout};

fn path(path: &Path) -> &str {
    path.to_str().expect("paths of tests are UTF-8")
}

/// A folder of the test's own that exists.
fn folder(name: &str) -> PathBuf {
    let folder = directory(name);
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    folder
}

/// The report of these designs and scenarios.
fn report(name: &str, designs: &[&str], scenarios: &[&str]) -> String {
    let file = folder(name).join("report.html");
    let mut arguments = vec!["report", "-o", path(&file)];
    designs.iter().for_each(|design| arguments.extend(["--design", design]));
    scenarios.iter().for_each(|scenario| arguments.extend(["--scenario", scenario]));
    let output = lockwright(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read_to_string(&file).expect("the report is written")
}

/// The text between tags, one space where there was any.
fn text(html: &str) -> String {
    let mut text = String::new();
    for part in html.split('<').skip(1) {
        text.push_str(part.split_once('>').map_or("", |(_, text)| text));
        text.push(' ');
    }
    let text = text
        .replace("&#62;", ">")
        .replace("&#60;", "<")
        .replace("&gt;", ">")
        .replace("&lt;", "<")
        .replace("&#39;", "'");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_first_screen_counts_what_is_fixed_what_it_costs_and_what_is_open() {
    let page = report("first-screen", &["bkl", "spinlock"], &["leaser-unlock", "unlock-break", "getlease-unlock"]);
    let text = text(&page);

    // leaser-unlock has LW020 and unlock-break LW010 under the BKL; getlease-unlock has nothing on either.
    for said in [
        "2 of 3 → 0 of 3 scenarios can go wrong",
        "data race on plain memory 1 → 0",
        "use after free 1 → 0",
        "the opener drops the lock between the signal and its sleep: a lease that goes in between is not waited for 1 scenario",
        "Nothing was found, and every order was seen.",
        "point of no return",
        "Point of no return: step 10; if leaser went first there, the run could still end without LW020.",
        "lockwright check bkl leaser-unlock",
        "lockwright compare bkl spinlock unlock-break",
    ] {
        assert!(text.contains(said), "{said}");
    }
    // The same input gives the same file.
    assert_eq!(
        page,
        report("first-screen-again", &["bkl", "spinlock"], &["leaser-unlock", "unlock-break", "getlease-unlock"])
    );
}

#[test]
fn what_a_change_breaks_stands_on_the_first_screen() {
    let page = report("broken", &["spinlock", "proposal"], &["two-leasers"]);
    let text = text(&page);

    assert!(text.contains("0 of 1 → 1 of 1 scenarios can go wrong"), "{text}");
    assert!(
        text.contains("Broken, and the cost goes wrong since, and did not before may sleep in atomic context 0 → 1")
    );
    assert!(text.contains("Still open may sleep in atomic context 1 scenario"));
    assert!(!text.contains("Nothing was found"));
}

#[test]
fn each_reason_of_a_difference_leads_to_an_execution_and_to_the_proof_that_the_other_design_has_none() {
    let page = report("differences", &["bkl", "spinlock"], &["leaser-unlock", "remote-two-leasers"]);
    let (_, compared) = page.split_once("id=\"comparison\"").expect("the section");
    let (compared, _) = compared.split_once("id=\"findings\"").expect("the next section");

    let links: Vec<&str> = compared.split("href=\"#LW05").skip(1).filter_map(|it| it.split('"').next()).collect();
    let of_differences: Vec<&&str> = links.iter().filter(|link| link.contains('-')).collect();
    // The server grants a lease that the node refuses (M46): the two designs end differently, so there is one of each.
    assert!(of_differences.contains(&&"0-remote-two-leasers-1"), "{of_differences:?}");
    for link in of_differences {
        let (_, view) = compared.split_once(&format!("id=\"LW05{link}\"")).expect("what is linked to is there");
        let (view, _) = view.split_once("</details>").expect("it ends");
        assert!(view.contains("data-trace=\""), "{view}");
        let (here, other) = if link.starts_with('0') { ("spinlock", "bkl") } else { ("bkl", "spinlock") };
        assert!(view.contains(&format!("on <code>{here}</code>")), "{view}");
        assert!(text(view).contains(&format!("Never in {other} : COMPLETE, ")), "{}", text(view));
    }
}

#[test]
fn one_design_alone_is_compared_with_nothing() {
    let text = text(&report("alone", &["bkl"], &["leaser-unlock"]));

    assert!(text.contains("What is wrong with bkl"));
    assert!(text.contains("1 of 1 scenarios can go wrong"), "{text}");
    assert!(!text.contains("What else changed"));
}

#[test]
fn the_page_loads_nothing_and_nothing_in_it_ends_the_script_early() {
    let page = report("self-contained", &["bkl", "spinlock"], &["leaser-unlock"]);

    for outside in ["<link rel=\"stylesheet\"", " src=", "@import", "url(", "fetch(", "import("] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert_eq!(page.matches("</script>").count(), page.matches("<script").count());
    let data =
        page.split("id=\"data\">").nth(1).and_then(|rest| rest.split("</script>").next()).expect("there is data");
    let data: serde_json::Value = serde_json::from_str(data).expect("it is JSON");
    // One finding; and what the old design alone does for the same reason.
    let [trace, _] = &data["traces"].as_array().expect("a list")[..] else { panic!("a trace of each") };
    // The point of no return, and the two places: of 39 steps the last is the second one.
    assert_eq!(trace["n"], 10);
    let rows = trace["r"].as_array().expect("rows");
    let steps_of = |mark: u64| {
        let marked = rows.iter().filter(move |row| row[5].as_u64().is_some_and(|flags| flags & mark != 0));
        marked.map(|row| row[0].as_u64().expect("a number")).collect::<Vec<_>>()
    };
    assert_eq!((steps_of(2), steps_of(4)), (vec![36], vec![39]));
}

#[test]
fn a_scenario_from_a_file_is_named_by_its_file_and_its_words_are_no_markup() {
    let folder = folder("own-scenario");
    let file = folder.join("mine.json");
    let tasks = serde_json::json!([
        { "name": "holder", "before": ["a = open(file, O_RDONLY)", "fcntl(a, F_SETLEASE, F_RDLCK)"], "calls": ["fcntl(a, F_SETLEASE, F_UNLCK)"] },
        { "name": "leaser", "before": ["a = open(file, O_RDONLY)"], "calls": ["fcntl(a, F_SETLEASE, F_RDLCK)"] },
    ]);
    let scenario = serde_json::json!({ "name": "mine", "about": "<script>alert(1)</script>", "tasks": tasks });
    std::fs::write(&file, scenario.to_string()).expect("the scenario can be written");
    let page = folder.join("page.html");

    let output = lockwright(&["report", "-o", path(&page), "--design", "bkl", "--scenario", path(&file)]);

    let html = std::fs::read_to_string(&page).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    assert!(!html.contains("<script>alert"));
    assert!(text(&html).contains(&format!("lockwright check bkl {}", path(&file))));
}

#[test]
fn bad_input_leaves_no_file_and_a_file_that_was_there_as_it_was() {
    let folder = folder("bad-input");
    let file = folder.join("report.html");
    std::fs::write(&file, "mine").expect("a file can be written");
    let missing = folder.join("no/such/report.html");
    let cases: [(&[&str], &str); 5] = [
        (&["report", "-o", path(&file), "--design", "no-such"], "unknown design 'no-such'"),
        (&["report", "-o", path(&file), "--scenario", "no-such"], "unknown scenario 'no-such'"),
        (&["report", "-o", path(&missing)], "there is no directory "),
        (&["report", "-o", path(&folder)], "that is no file"),
        (&["--json", "report", "-o", path(&file)], "--json is for commands that print"),
    ];
    for (arguments, said) in cases {
        let output = lockwright(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(said), "{arguments:?}");
        assert!(output.stdout.is_empty());
    }
    assert_eq!(std::fs::read_to_string(&file).expect("it is there"), "mine");
    assert_eq!(std::fs::read_dir(&folder).expect("it is there").count(), 1);
}

/// The schedule of a finding, saved.
fn saved(name: &str, design: &str, scenario: &str) -> PathBuf {
    let folder = directory(name);
    lockwright(&["check", "--design", design, "--scenario", scenario, "--save", path(&folder)]);
    let mut files = std::fs::read_dir(&folder).expect("schedules are saved").map(|file| file.expect("a file").path());
    files.next().expect("there is one")
}

#[test]
fn the_picture_of_the_docs_is_the_one_that_replay_draws() {
    let picture = directory("picture.svg");
    let output = lockwright(&["replay", path(&saved("picture", "bkl", "leaser-unlock")), "--svg", path(&picture)]);
    assert_eq!(output.status.code(), Some(1));
    let drawn = std::fs::read_to_string(&picture).expect("it is drawn");

    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures/leaser-unlock.svg");
    if std::env::var_os("LOCKWRIGHT_BLESS").is_some() {
        std::fs::write(&docs, &drawn).expect("the picture can be written");
    }
    let kept = std::fs::read_to_string(&docs).unwrap_or_default();
    assert!(kept == drawn, "docs/pictures/leaser-unlock.svg is stale: LOCKWRIGHT_BLESS=1 writes it anew");
}

#[test]
fn a_picture_has_the_places_the_bars_and_the_point_of_no_return() {
    let picture = directory("parts.svg");
    lockwright(&["replay", path(&saved("parts", "bkl", "leaser-unlock")), "--svg", path(&picture)]);
    let svg = std::fs::read_to_string(&picture).expect("it is drawn");

    // Two places are marked; leaser holds the BKL twice and holder once.
    assert_eq!(svg.matches("class=\"k\"").count(), 2);
    assert_eq!(svg.matches("<title>kernel_flag</title>").count(), 3);
    assert_eq!(svg.matches("class=\"q\"").count(), 1);
    for said in [">leaser<", ">holder<", "lease@boot.16-&gt;fl_next -&gt; NULL (2)", "point of no return: step 10;"] {
        assert!(svg.contains(said), "{said}");
    }
    // Nothing reaches beyond the picture: 7.83 units a letter, and the margin.
    let width: f64 = svg.split("width=\"").nth(1).and_then(|it| it.split('"').next()?.parse().ok()).expect("a width");
    for line in svg.lines().filter(|line| line.starts_with("<text x=")) {
        let x: f64 = line.split('"').nth(1).and_then(|it| it.parse().ok()).expect("a place");
        let letters = text(line).replace("&gt;", ">").chars().count();
        assert!(x + letters as f64 * 7.83 <= width, "{line}");
    }
}

#[test]
fn the_page_of_a_replayed_schedule_says_where_it_was_lost() {
    let output = lockwright(&["replay", path(&saved("lost", "bkl", "leaser-unlock"))]);

    let said = "  point of no return: step 10; if leaser went first there, the run could still end without LW020\n";
    assert!(stdout(&output).contains(said));
}
