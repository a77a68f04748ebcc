//! The HTML report in headless Chromium: what it does when somebody uses it.
//!
//! Without Chromium nothing can be tried, and the tests say so. On a machine that calls itself `CI` that is a failure. `CHROME`
//! names another browser.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use headless_chrome::protocol::cdp::Emulation::{MediaFeature, SetDeviceMetricsOverride, SetEmulatedMedia};
use headless_chrome::protocol::cdp::types::Event;
use headless_chrome::{Browser, LaunchOptions, Tab};

const WIDE: u32 = 1280;
const NARROW: u32 = 360;

/// The browser, if there is one.
fn chromium() -> Option<PathBuf> {
    let named = std::env::var_os("CHROME").map(PathBuf::from);
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    let names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    let found = named.or_else(|| {
        let paths = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
        paths.into_iter().find(|path| path.is_file())
    });
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "no chromium: CI has to install it (apt-get install chromium)");
        eprintln!("\n*** SKIPPED: no chromium, so the report was not opened in a browser ***\n");
    }
    found
}

/// The report of the whole matrix, written once by the program itself; or the one that `LOCKWRIGHT_REPORT` names.
fn report() -> &'static Path {
    static REPORT: OnceLock<PathBuf> = OnceLock::new();
    REPORT.get_or_init(|| {
        if let Some(file) = std::env::var_os("LOCKWRIGHT_REPORT") {
            return PathBuf::from(file);
        }
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("report.html");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the workspace");
        let status = Command::new(env!("CARGO"))
            .args(["run", "--quiet", "--package", "lockwright", "--bin", "lockwright", "--", "report", "-o"])
            .arg(&file)
            .current_dir(root)
            .status()
            .expect("cargo can be started");
        assert_eq!(status.code(), Some(0), "the report is written, and all in it is as expected");
        file
    })
}

struct Open {
    tab: Arc<Tab>,
    errors: Arc<Mutex<Vec<String>>>,
    _browser: Browser,
}

/// Opens the report at a width, in light or dark; `None` without a browser.
fn open(width: u32, scheme: &str, hash: &str) -> Option<Open> {
    let path = chromium()?;
    let options = LaunchOptions {
        path: Some(path),
        // Containers have no user namespaces; the page is our own.
        sandbox: false,
        window_size: Some((width, 900)),
        idle_browser_timeout: Duration::from_secs(600),
        ..LaunchOptions::default()
    };
    let browser = Browser::new(options).expect("chromium starts");
    let tab = browser.new_tab().expect("a tab");
    tab.set_default_timeout(Duration::from_secs(60));
    let errors = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&errors);
    let listen = move |event: &Event| {
        let text = match event {
            Event::LogEntryAdded(entry) => format!("{:?}", entry.params.entry),
            Event::RuntimeExceptionThrown(thrown) => format!("{:?}", thrown.params.exception_details),
            // Also `console.error`, and whatever else the page says there.
            Event::RuntimeConsoleAPICalled(call) => format!("{:?}", call.params.args),
            _ => return,
        };
        heard.lock().expect("nobody panics while it is held").push(text);
    };
    tab.enable_log().and_then(|tab| tab.enable_runtime()).expect("the console can be heard");
    tab.add_event_listener(Arc::new(listen)).expect("the console can be heard");
    let metrics = SetDeviceMetricsOverride {
        width,
        height: 900,
        device_scale_factor: 1.0,
        mobile: width == NARROW,
        scale: None,
        screen_width: None,
        screen_height: None,
        position_x: None,
        position_y: None,
        dont_set_visible_size: None,
        screen_orientation: None,
        viewport: None,
        display_feature: None,
        device_posture: None,
    };
    tab.call_method(metrics).expect("the width can be set");
    let feature = |name: &str, value: &str| MediaFeature { name: name.to_owned(), value: value.to_owned() };
    let features = vec![feature("prefers-color-scheme", scheme), feature("prefers-reduced-motion", "reduce")];
    tab.call_method(SetEmulatedMedia { media: None, features: Some(features) }).expect("the scheme can be set");
    tab.navigate_to(&format!("file://{}{hash}", report().display())).expect("the file can be opened");
    tab.wait_until_navigated().expect("the page loads");
    Some(Open { tab, errors, _browser: browser })
}

impl Open {
    /// What an expression of the page comes to.
    fn eval(&self, expression: &str) -> serde_json::Value {
        let result = self.tab.evaluate(expression, true).unwrap_or_else(|error| panic!("{expression}: {error}"));
        result.value.unwrap_or(serde_json::Value::Null)
    }

    fn number(&self, expression: &str) -> i64 {
        self.eval(expression).as_f64().unwrap_or_else(|| panic!("{expression} is no number")) as i64
    }

    /// A list of texts that ought to be empty.
    fn none(&self, what: &str, expression: &str) {
        let list = self.eval(&format!("JSON.stringify(({expression}).slice(0, 20))"));
        assert_eq!(list.as_str(), Some("[]"), "{what}");
    }

    fn no_errors(&self) {
        assert_eq!(*self.errors.lock().expect("nobody panics while it is held"), Vec::<String>::new());
    }
}

#[test]
fn the_file_is_small_and_asks_for_nothing_from_outside() {
    let Some(page) = open(WIDE, "light", "") else { return };

    let bytes = std::fs::metadata(report()).expect("it is written").len();
    assert!(bytes < 2_000_000, "{bytes} bytes");
    page.none("resources", "performance.getEntriesByType('resource').map((it) => it.name)");
    page.none(
        "addresses of resources",
        "[...document.querySelectorAll('[src],link[href]')].map((it) => it.src || it.href).filter((it) => it && !it.startsWith('data:'))",
    );
    page.no_errors();
}

#[test]
fn the_keyboard_steps_and_the_places_are_marked_in_trace_and_outline() {
    let Some(page) = open(WIDE, "light", "") else { return };
    let current = "[...document.querySelectorAll('.viewer li')].findIndex((it) => it.hasAttribute('aria-current'))";

    assert_eq!(page.number("document.querySelectorAll('.viewer[data-built]').length"), 1);
    page.eval("document.querySelector('.trace').focus()");
    page.tab.press_key("Home").expect("a key");
    let first = page.number(current);
    page.tab.press_key("ArrowRight").expect("a key");
    let second = page.number(current);
    page.tab.press_key("ArrowRight").expect("a key");
    let third = page.number(current);
    page.tab.press_key("ArrowLeft").expect("a key");
    let back = page.number(current);
    page.tab.press_key("End").expect("a key");
    let last = page.number(current);

    assert!(first < second && second < third && third < last, "{first} {second} {third} {last}");
    assert_eq!(back, second);
    assert_eq!(page.number("document.querySelectorAll('.viewer [aria-current]').length"), 1);
    // The end of a counterexample is the second place, and the outline stands there as well.
    assert!(
        page.eval("document.querySelector('.now').textContent")
            .as_str()
            .is_some_and(|it| it.ends_with("place 2 of the finding"))
    );
    assert_eq!(page.number("document.querySelectorAll('.trace li.m').length"), 2);
    assert_eq!(page.number("document.querySelectorAll('.outline li.m').length"), 2);
    assert_eq!(page.number("document.querySelectorAll('.outline li.at').length"), 1);
    assert_eq!(page.number("document.querySelectorAll('.trace li.turn').length"), 1);
    page.no_errors();
}

#[test]
fn a_click_goes_to_a_step_and_all_steps_can_be_shown() {
    let Some(page) = open(WIDE, "dark", "") else { return };
    let shown = "[...document.querySelectorAll('.trace ol li:not(.turn):not(.fold)')].filter((it) => it.offsetHeight > 0).length";

    let few = page.number(shown);
    page.eval("document.querySelector('.viewer [aria-pressed]').click()");
    let all = page.number(shown);
    assert!(few > 5 && all > 2 * few, "{few} {all}");
    page.eval("document.querySelectorAll('.trace ol li:not(.turn):not(.fold)')[7].click()");

    assert_eq!(
        page.number("[...document.querySelectorAll('.trace ol li:not(.turn):not(.fold)')].findIndex((it) => it.hasAttribute('aria-current'))"),
        7
    );
    page.no_errors();
}

#[test]
fn every_address_of_the_page_leads_somewhere_and_every_finding_has_its_page_and_its_trace() {
    let Some(page) = open(WIDE, "light", "") else { return };

    page.none(
        "dead links",
        "[...document.querySelectorAll('a[href^=\"#\"]')].map((it) => it.getAttribute('href').slice(1)).filter((it) => !document.getElementById(it))",
    );
    page.none(
        "an id twice",
        "(() => { const all = [...document.querySelectorAll('[id]')].map((it) => it.id); return all.filter((it, at) => all.indexOf(it) !== at); })()",
    );
    // 714 findings in the matrix of ten designs; the number is that of `lockwright --all`, whose cells `tests/counts.rs` pins.
    let findings = page.number("document.querySelectorAll('details.finding').length");
    assert_eq!(findings, page.number("JSON.parse(document.getElementById('data').textContent).traces.length"));
    assert!(findings > 500, "{findings}");
    page.none(
        "findings that do not open",
        "[...document.querySelectorAll('details.finding')].filter((it) => { it.open = true; it.dispatchEvent(new Event('toggle')); \
         const built = it.querySelector('.trace li.m'); it.open = false; it.querySelector('.viewer').replaceChildren(); return !built; }).map((it) => it.id)",
    );
    page.none(
        "findings without a command",
        "[...document.querySelectorAll('section.cell')].filter((it) => !it.querySelector('.rerun code')?.textContent.startsWith('lockwright check ')).map((it) => it.id)",
    );
    page.no_errors();
}

#[test]
fn an_address_opens_what_it_names() {
    let Some(page) = open(WIDE, "light", "#bkl-leaser-unlock-LW020-1") else { return };

    let is_open = page.eval("document.getElementById('bkl-leaser-unlock-LW020-1').open");
    assert_eq!(is_open, true);
    assert_eq!(page.number("document.querySelectorAll('#bkl-leaser-unlock-LW020-1 .trace li.m').length"), 2);
    page.eval("location.hash = 'LW040'");
    assert_eq!(
        page.eval("new Promise((done) => setTimeout(() => done(document.getElementById('LW040').open), 0))"),
        true
    );
    page.no_errors();
}

#[test]
fn the_reason_of_a_difference_leads_to_its_execution() {
    let Some(page) = open(WIDE, "light", "") else { return };

    page.eval("document.querySelector('#comparison table.reasons a[href*=\"-\"]').click()");
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(
        page.number("document.querySelectorAll('#comparison details.finding[open] .viewer button').length > 3 ? 1 : 0"),
        1
    );
    page.no_errors();
}

#[test]
fn nothing_is_wider_than_a_small_telephone() {
    let Some(page) = open(NARROW, "light", "") else { return };

    let wide = || page.number("document.documentElement.scrollWidth");
    assert_eq!(page.number("innerWidth"), i64::from(NARROW));
    assert_eq!(wide(), i64::from(NARROW));
    page.eval("document.querySelectorAll('details:not(.finding)').forEach((it) => { it.open = true; })");
    page.eval("[...document.querySelectorAll('details.finding')].slice(0, 30).forEach((it) => { it.open = true; })");
    page.eval("new Promise((done) => setTimeout(done, 0))");
    assert_eq!(wide(), i64::from(NARROW));
    page.no_errors();
}

/// Text whose contrast is below what WCAG AA asks for, of all that can be seen.
const PALE: &str = r#"(() => {
  const numbers = (colour) => {
    const context = (window.contrastCanvas ??= document.createElement("canvas").getContext("2d", { willReadFrequently: true }));
    context.clearRect(0, 0, 1, 1); context.fillStyle = colour; context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map((it) => it / 255)
    .map((it) => it <= 0.03928 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4)
    .reduce((sum, it, at) => sum + it * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = numbers(getComputedStyle(at).backgroundColor);
      if (colour[3] > 250) return colour;
    }
    return numbers(getComputedStyle(document.body).backgroundColor);
  };
  const pale = new Set();
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((it) => it.nodeType === 3 && it.textContent.trim());
    const box = node.getBoundingClientRect();
    if (!own || box.width < 2 || box.height < 2 || node.closest("svg, script, style, .away, .skip")) continue;
    const style = getComputedStyle(node);
    const [one, two] = [light(numbers(style.color)), light(ground(node))].sort((a, b) => b - a);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    const ratio = (one + 0.05) / (two + 0.05);
    if (ratio < (large ? 3 : 4.5)) pale.add(`${node.tagName}.${node.className}: ${ratio.toFixed(2)}`);
  }
  return [...pale];
})()"#;

#[test]
fn all_text_can_be_read_in_light_and_dark() {
    for scheme in ["light", "dark"] {
        let Some(page) = open(WIDE, scheme, "") else { return };
        let ground = page.eval("getComputedStyle(document.body).backgroundColor");
        page.none(&format!("pale text in {scheme}, {ground}"), PALE);
        page.no_errors();
    }
}

#[test]
fn the_page_has_landmarks_and_every_control_a_name() {
    let Some(page) = open(WIDE, "light", "") else { return };

    for landmark in ["header", "nav[aria-label]", "main", "footer", "h1", "html[lang]"] {
        assert_eq!(page.number(&format!("document.querySelectorAll('{landmark}').length")), 1, "{landmark}");
    }
    page.none("sections without a name", "[...document.querySelectorAll('main section')].filter((it) => !it.ariaLabel && !document.getElementById(it.getAttribute('aria-labelledby'))).map((it) => it.outerHTML.slice(0, 80))");
    page.none("buttons without a name", "[...document.querySelectorAll('button')].filter((it) => !it.getAttribute('aria-label')).map((it) => it.outerHTML)");
    page.none("pictures without a title", "[...document.querySelectorAll('svg')].filter((it) => it.getAttribute('role') !== 'img' || !it.querySelector('title')).map((it) => it.outerHTML.slice(0, 80))");
    page.none("boxes that scroll and cannot be reached", "[...document.querySelectorAll('.scroll, .trace, .outline')].filter((it) => it.tabIndex !== 0).map((it) => it.className)");
    page.no_errors();
}
