//! Processes that are killed: the others say which is lost, and a run that is begun again ends as if nothing had been.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = "L-mainline-3-3";

/// A directory with a host file, and what is kept of a run.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let path = std::env::temp_dir().join(format!("lockwright-cluster-{name}-{}", std::process::id()));
        _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a directory for the test");
        Place(path)
    }

    fn epochs(&self) -> PathBuf {
        self.0.join("epochs")
    }

    /// A host file with ports that nobody listens at.
    fn hosts(&self, count: usize) -> PathBuf {
        let all: Vec<TcpListener> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
        let lines = all.iter().map(|one| format!("{}\n", one.local_addr().expect("an address")));
        let file = self.0.join("hosts");
        fs::write(&file, lines.collect::<String>()).expect("a host file");
        file
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}

/// Processes that are killed when a test ends before them.
struct Started(Vec<Option<Child>>);

impl Drop for Started {
    fn drop(&mut self) {
        for child in self.0.iter_mut().flatten() {
            _ = child.kill();
            _ = child.wait();
        }
    }
}

fn start(place: &Place, count: usize, more: &[&str]) -> Started {
    let hosts = place.hosts(count);
    let process = |number: usize| {
        Command::new(env!("CARGO_BIN_EXE_lockwright"))
            .args(["explore", PROGRAM, "--engine", "explicit", "--patience", "20", "--process", &number.to_string()])
            .args(["--cluster".as_ref(), hosts.as_os_str(), "--epochs".as_ref(), place.epochs().as_os_str()])
            .args(["--epochs-every", "10"])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts")
    };
    Started((0..count).map(|number| Some(process(number))).collect())
}

impl Started {
    /// What they have said, in the order of their numbers.
    fn ended(mut self) -> Vec<Output> {
        let all = self.0.iter_mut().map(|child| child.take().expect("it was started"));
        all.map(|child| child.wait_with_output().expect("it ends")).collect()
    }
}

/// The line that does not depend on the time it took.
fn verdict(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().next().unwrap_or_default().to_owned()
}

fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Starts processes, and kills one of them after a while; true if the run was over before that.
fn kill_one(place: &Place, count: usize, victim: usize, after: Duration) -> bool {
    let mut started = start(place, count, &[]);
    std::thread::sleep(after);
    let mut child = started.0[victim].take().expect("it was started");
    let was_done = child.try_wait().expect("it can be asked").is_some();
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    started.0.remove(victim);
    let others = started.ended();
    let is_over = others.iter().chain([]).all(|output| output.status.success());
    for output in others.iter().filter(|output| !output.status.success()) {
        // It is told which host it was, and nothing is printed as if it were a verdict.
        let lost = error(output);
        assert!(lost.contains("host ") && !lost.contains("panicked"), "{lost}");
        assert_eq!((output.status.code(), verdict(output)), (Some(2), String::new()), "{lost}");
    }
    was_done && is_over
}

/// Begins again until it is done; process 0's verdict.
fn finish(place: &Place, count: usize) -> String {
    let ended = start(place, count, &[]).ended();
    for output in &ended {
        assert!(output.status.success(), "{}", error(output));
    }
    verdict(&ended[0])
}

fn is_empty(directory: &Path) -> bool {
    fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_none())
}

/// Random enough for moments.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn whoever_is_killed_when_a_restart_says_the_same() {
    let place = Place::new("moments");
    let begun = Instant::now();
    let whole = finish(&place, 2);
    let takes = begun.elapsed().as_micros() as u64;
    assert!(whole.starts_with("COMPLETE") && is_empty(&place.epochs()), "{whole}");
    let mut state = 2026;
    for moment in 0..if crate::is_long() { 50 } else { 4 } {
        let after = Duration::from_micros(next(&mut state) % takes);
        kill_one(&place, 2, moment % 2, after);
        assert_eq!(finish(&place, 2), whole, "killed after {after:?}");
        assert!(is_empty(&place.epochs()), "nothing is left");
    }
}

#[test]
fn the_number_of_hosts_may_change_from_run_to_run() {
    let place = Place::new("numbers");
    let begun = Instant::now();
    let whole = finish(&place, 1);
    let takes = begun.elapsed();
    for (count, victim) in [(2, 1), (3, 0), (1, 0), (3, 2)] {
        if kill_one(&place, count, victim, takes / 2) {
            break;
        }
    }

    assert_eq!(finish(&place, 2), whole);
}

#[test]
fn what_a_bound_has_ended_goes_on_where_it_was_and_damage_is_seen() {
    let place = Place::new("bound");
    let whole = finish(&place, 1);
    let cut = start(&place, 2, &["--states-max", "5000"]).ended();
    assert_eq!(cut[0].status.code(), Some(3), "{}", error(&cut[0]));
    let manifest = place.epochs().join("manifest.json");
    assert!(manifest.exists(), "it can be gone on with");

    let other = start(&place, 1, &["--symmetry"]).ended();
    assert_eq!(other[0].status.code(), Some(2));
    assert!(error(&other[0]).contains("a checkpoint of L-mainline-3-3"), "{}", error(&other[0]));

    // A log that has lost its end, and one that has another byte.
    let log = place.epochs().join("log-0");
    let bytes = fs::read(&log).expect("a log");
    for damaged in [bytes[..bytes.len() / 2].to_vec(), [&bytes[..9], &[bytes[9] ^ 1], &bytes[10..]].concat()] {
        fs::write(&log, damaged).expect("it can be written");
        let ended = start(&place, 1, &[]).ended();
        assert_eq!(ended[0].status.code(), Some(2));
        assert!(error(&ended[0]).contains("log-0: "), "{}", error(&ended[0]));
    }
    fs::write(&log, bytes).expect("it can be written");
    assert_eq!(finish(&place, 3), whole);
}
