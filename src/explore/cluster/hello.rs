//! How the processes of a cluster find each other. Each listens at its own address, and calls those before it in the list. Before anything
//! else is sent, both say who they are; two that differ in build or input would give a verdict about nothing.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::Cluster;

/// What every greeting begins with. A stranger that calls by mistake does not know it.
const MAGIC: &[u8; 8] = b"lockwri1";

/// Bytes of a greeting, at most.
const HELLO_BYTES_MAX: u32 = 1 << 16;

/// Time in which who calls has to greet.
const GREETING: Duration = Duration::from_secs(10);

/// Time between two tries to reach a process that has not started.
const RETRY: Duration = Duration::from_millis(50);

/// What a process says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Hello {
    process: usize,
    hosts: Vec<String>,
    workers: usize,
    build: String,
    input: String,
    /// The manifest that it goes on from.
    manifest: String,
}

/// Connections to all other processes, in their order; none to itself.
///
/// # Errors
/// With the host and the cause: a port in use, nobody there in time, another build or input.
pub(super) fn connect(cluster: &Cluster, manifest: &str) -> Result<Vec<Option<TcpStream>>, String> {
    let mine = Hello {
        process: cluster.process,
        hosts: cluster.hosts.clone(),
        workers: cluster.workers,
        build: cluster.build.clone(),
        input: cluster.input.clone(),
        manifest: manifest.to_owned(),
    };
    let until = Instant::now() + cluster.patience;
    let name = |process: usize| cluster.host_of(process * cluster.workers);
    let (me, address) = (cluster.process, &cluster.hosts[cluster.process]);
    let listener =
        TcpListener::bind(address).map_err(|error| format!("{}: the port cannot be opened: {error}", name(me)))?;
    let mut streams: Vec<Option<TcpStream>> = (0..cluster.hosts.len()).map(|_| None).collect();
    for (process, address) in cluster.hosts.iter().enumerate().take(me) {
        let mut stream = call(address, until).map_err(|error| absent(&name(process), cluster.patience, Some(error)))?;
        let theirs = send(&mut stream, &mine).and_then(|()| receive(&mut stream, until));
        let theirs = theirs.map_err(|error| format!("{}: no answer to the greeting: {error}", name(process)))?;
        agree(&mine, &theirs, &name(process))?;
        if theirs.process != process {
            return Err(format!("{} says that it is process {}", name(process), theirs.process));
        }
        streams[process] = Some(stream);
    }
    listener.set_nonblocking(true).map_err(|error| format!("{}: {error}", name(me)))?;
    while let Some(missing) = (me + 1..streams.len()).find(|process| streams[*process].is_none()) {
        let mut stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(_) if Instant::now() < until => {
                std::thread::sleep(RETRY);
                continue;
            }
            Err(_) => return Err(absent(&name(missing), cluster.patience, None)),
        };
        _ = stream.set_nonblocking(false);
        // A process that does not greet is a stranger, and none of ours.
        let Ok(theirs) = receive(&mut stream, until.min(Instant::now() + GREETING)) else { continue };
        // It is told who this is, even if the two differ: then it says so as well.
        let answered = send(&mut stream, &mine);
        agree(&mine, &theirs, &format!("process {}", theirs.process))?;
        answered.map_err(|error| format!("{}: {error}", name(theirs.process)))?;
        match streams.get_mut(theirs.process) {
            Some(place @ None) if theirs.process > me => *place = Some(stream),
            _ => {
                return Err(format!(
                    "process {} calls twice, or is not in the list: is --process right?",
                    theirs.process
                ));
            }
        }
    }
    for stream in streams.iter().flatten() {
        let ready = stream.set_read_timeout(None).and_then(|()| stream.set_nodelay(true));
        ready.map_err(|error| format!("{}: {error}", name(me)))?;
    }
    Ok(streams)
}

fn absent(name: &str, patience: Duration, error: Option<io::Error>) -> String {
    let why = error.map(|error| format!(": {error}")).unwrap_or_default();
    format!("{name} did not come within {} s{why}", patience.as_secs())
}

fn call(address: &str, until: Instant) -> io::Result<TcpStream> {
    loop {
        match TcpStream::connect(address) {
            Ok(stream) => return Ok(stream),
            Err(error) if Instant::now() >= until => return Err(error),
            Err(_) => std::thread::sleep(RETRY),
        }
    }
}

fn send(stream: &mut TcpStream, hello: &Hello) -> io::Result<()> {
    let text = serde_json::to_vec(hello).expect("a greeting is plain data");
    let mut bytes = MAGIC.to_vec();
    bytes.extend((text.len() as u32).to_le_bytes());
    bytes.extend(text);
    stream.write_all(&bytes)
}

fn receive(stream: &mut TcpStream, until: Instant) -> io::Result<Hello> {
    let left = until.saturating_duration_since(Instant::now()).max(RETRY);
    stream.set_read_timeout(Some(left))?;
    let stranger = || io::Error::new(io::ErrorKind::InvalidData, "it is no lockwright of this version");
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    let length = u32::from_le_bytes(head[8..].try_into().expect("the last four of twelve bytes"));
    if head[..8] != *MAGIC || length > HELLO_BYTES_MAX {
        return Err(stranger());
    }
    let mut text = vec![0; length as usize];
    stream.read_exact(&mut text)?;
    serde_json::from_slice(&text).map_err(|_| stranger())
}

/// Do they work on the same?
fn agree(mine: &Hello, theirs: &Hello, name: &str) -> Result<(), String> {
    let hosts = |hello: &Hello| hello.hosts.join(" ");
    let workers = |hello: &Hello| hello.workers.to_string();
    let differs = [
        ("another build", theirs.build.clone(), mine.build.clone()),
        ("another input", theirs.input.clone(), mine.input.clone()),
        ("another list of hosts", hosts(theirs), hosts(mine)),
        ("another number of workers", workers(theirs), workers(mine)),
        ("another checkpoint", theirs.manifest.clone(), mine.manifest.clone()),
    ];
    match differs.into_iter().find(|(_, theirs, mine)| theirs != mine) {
        None => Ok(()),
        Some((what, theirs, mine)) => {
            let said = |text: String| if text.is_empty() { "none".to_owned() } else { text };
            Err(format!("{name} has {what}: {} there, {} here", said(theirs), said(mine)))
        }
    }
}
