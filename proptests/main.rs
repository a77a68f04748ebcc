//! Properties over random programs: one binary, a module per property. `PROPTEST_CASES` scales them.

mod casts;
mod oracle;
mod second_opinion;
mod sequential;

/// The default number of cases, or what the environment asks for; no files are written.
fn config(cases: u32) -> proptest::test_runner::Config {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    proptest::test_runner::Config {
        cases: asked.unwrap_or(cases),
        failure_persistence: None,
        ..proptest::test_runner::Config::default()
    }
}
