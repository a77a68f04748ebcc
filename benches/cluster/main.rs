//! Two processes on 127.0.0.1 against two threads of one process: the same program, in turns.
//!
//! `cargo bench --package lockwright-benches --features cluster --bench cluster` prints states a second of both, and their ratio, by wall time and by CPU
//! time; then what a state costs on the way: steps, states sent, bytes, and how many repeats the cache has left out. A word
//! behind `--` names another program of a family. Read the ratios, on an idle machine.
//!
//! Linux only: it reads `/proc/self/stat`.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use lockwright::explore::cluster::Work;
use lockwright::explore::{Cluster, Config, EngineKind, explore, explore_on_cluster};
use lockwright::program::family::Family;

/// Pairs of runs.
const TURNS: usize = 5;

/// The system's ticks of CPU time in a second.
const TICKS: f64 = 100.0;

/// What a run took: states, seconds by the clock, seconds of CPU.
#[derive(Clone, Copy)]
struct Took {
    states: u64,
    wall: f64,
    cpu: f64,
}

fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("this is Linux");
    let behind = stat.rsplit_once(") ").expect("the name is in brackets").1;
    // User and system time are fields 14 and 15 of all, and two are gone.
    let ticks = behind.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<f64>().expect("a number"));
    ticks.sum::<f64>() / TICKS
}

fn config(jobs: usize) -> Config {
    Config { jobs, states_max: 1 << 40, ..Config::with_engine(EngineKind::Explicit) }
}

/// One of the processes: a line of what it took.
fn process(program: &str, hosts: &str, number: &str) {
    let subject = program.parse::<Family>().expect("the family exists").subject();
    let started = Instant::now();
    let (states, work) = if hosts == "none" {
        (explore(&subject, &config(2)).states, Work::default())
    } else {
        let hosts = hosts.split(',').map(str::to_owned).collect();
        let cluster = Cluster { hosts, process: number.parse().expect("a number"), ..Cluster::of_threads(1) };
        let explored = explore_on_cluster(&subject, &config(1), &cluster).expect("no process is lost");
        explored.map_or((0, Work::default()), |(verdict, work)| (verdict.states, work))
    };
    let wall = started.elapsed().as_secs_f64();
    let Work { edges, sent, cached, bytes_sent, bytes, .. } = work;
    println!("{states} {wall} {} {edges} {sent} {cached} {bytes_sent} {bytes}", cpu());
}

fn start(program: &str, hosts: &str, number: usize) -> Child {
    Command::new(std::env::current_exe().expect("the bench has a file"))
        .args(["--process", program, hosts, &number.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it can be started")
}

fn ended(child: Child) -> Vec<f64> {
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", output.status);
    let text = String::from_utf8(output.stdout).expect("numbers");
    text.split_whitespace().map(|number| number.parse().expect("a number")).collect()
}

fn alone(program: &str) -> Took {
    let said = ended(start(program, "none", 0));
    Took { states: said[0] as u64, wall: said[1], cpu: said[2] }
}

fn together(program: &str) -> (Took, Vec<f64>) {
    let ports: Vec<TcpListener> = (0..2).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
    let hosts: Vec<String> = ports.iter().map(|port| port.local_addr().expect("an address").to_string()).collect();
    drop(ports);
    let all: Vec<Child> = (0..2).map(|number| start(program, &hosts.join(","), number)).collect();
    let said: Vec<Vec<f64>> = all.into_iter().map(ended).collect();
    let took = Took { states: said[0][0] as u64, wall: said[0][1], cpu: said[0][2] + said[1][2] };
    (took, said[0][3..].to_vec())
}

fn best(all: &[Took], of: fn(&Took) -> f64) -> f64 {
    all.iter().map(of).fold(f64::INFINITY, f64::min)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [option, program, hosts, number] = &arguments[..]
        && option == "--process"
    {
        return process(program, hosts, number);
    }
    let program = arguments.iter().find(|argument| !argument.starts_with("--")).map_or("L-fixed-4-4", String::as_str);
    let (mut threads, mut processes, mut work) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..TURNS {
        threads.push(alone(program));
        let (took, said) = together(program);
        processes.push(took);
        work = said;
    }
    let states = threads[0].states;
    assert!(processes.iter().all(|took| took.states == states), "another number of states");
    println!("{program}: {states} states, the best of {TURNS} turns");
    for (what, all) in [("--jobs 2", &threads), ("two processes", &processes)] {
        let (wall, cpu) = (best(all, |took| took.wall), best(all, |took| took.cpu));
        println!("{what:<16} {:>12.0} states a second {wall:>9.2} s {cpu:>9.2} s of CPU", states as f64 / wall);
    }
    let ratio = |of: fn(&Took) -> f64| best(&threads, of) / best(&processes, of);
    println!("ratio            {:>12.2} by the clock, {:.2} by CPU", ratio(|took| took.wall), ratio(|took| took.cpu));
    let [edges, sent, cached, bytes_sent, bytes] = work[..] else { unreachable!("five numbers") };
    let (each, seconds) = (|number: f64| number / states as f64, best(&processes, |took| took.wall));
    println!(
        "a state          {:.2} steps, {:.2} sent, {:.1} bytes sent, {:.1} bytes kept",
        each(edges),
        each(sent),
        each(bytes_sent),
        each(bytes)
    );
    println!(
        "on the way       {:.1} MB a second; the cache has left out {:.0} %",
        bytes_sent / seconds / 1e6,
        100.0 * cached / (sent + cached)
    );
}
