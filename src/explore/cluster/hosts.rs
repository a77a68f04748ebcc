//! The file that lists the processes of a cluster: one `host:port` a line, in the order of their numbers, from 0.

use std::path::Path;

use crate::explore::files;

/// Reads a host file.
///
/// # Errors
/// If it cannot be read, or with each line that is no address.
pub fn read(path: &Path) -> Result<Vec<String>, String> {
    let name = path.display();
    let text = files::read_text(path).map_err(|error| format!("{name}: the host file cannot be read: {error}"))?;
    parse(&text).map_err(|wrong| wrong.iter().map(|line| format!("{name}: {line}")).collect::<Vec<_>>().join("\n"))
}

/// The addresses of a host file. Empty lines and what follows a `#` do not count.
///
/// # Errors
/// All that is wrong, each with its line.
pub fn parse(text: &str) -> Result<Vec<String>, Vec<String>> {
    let (mut hosts, mut wrong): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for (number, line) in (1..).zip(text.lines()) {
        let host = line.split('#').next().expect("split yields one part at least").trim();
        if host.is_empty() {
            continue;
        }
        let parts = host.rsplit_once(':').filter(|(name, _)| !name.is_empty());
        match parts.map(|(_, port)| port.parse::<u16>()) {
            Some(Ok(1..)) if !host.contains(char::is_whitespace) => {}
            _ => wrong.push(format!("line {number}: '{host}' is no address: write host:port, such as node-1:7101")),
        }
        if hosts.iter().any(|known| known == host) {
            wrong.push(format!("line {number}: '{host}' is there twice"));
        }
        hosts.push(host.to_owned());
    }
    if hosts.is_empty() {
        wrong.push("no hosts: write one host:port a line".to_owned());
    }
    if wrong.is_empty() { Ok(hosts) } else { Err(wrong) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_lines_and_everything_wrong_is_said_at_once() {
        assert_eq!(parse("a:1 # first\n\n[::1]:2\n").expect("two hosts"), ["a:1", "[::1]:2"]);
        let wrong = parse("a\n:1\nb:x\nc d:1\ne:0\nf:1\nf:1\n").expect_err("nearly all");
        assert_eq!(wrong.len(), 6, "{wrong:#?}");
        assert_eq!(wrong[0], "line 1: 'a' is no address: write host:port, such as node-1:7101");
        assert_eq!(wrong[5], "line 7: 'f:1' is there twice");
        assert_eq!(parse("# none\n").expect_err("no host"), ["no hosts: write one host:port a line"]);
    }
}
