//! How much memory known states may take unless a flag says so: what the machine, its control group and the limits of the
//! process leave, so that a search ends with a verdict and not with the process.

use std::fs::read_to_string;

/// The table may take one part in this many of what is available: it is doubled while the old one is still there, and what runs
/// beside it needs memory as well.
const PART: u64 = 4;

/// The bound of each of `at_once` explorations that run at the same time: `bytes_max`, or less where there is less.
pub fn bytes_max(bytes_max: u64, at_once: usize) -> u64 {
    let available = [machine(), control_group(), limit()].into_iter().flatten().min();
    available.map_or(bytes_max, |bytes| bytes_max.min(bytes / PART / at_once.max(1) as u64))
}

/// `MemAvailable` of the machine.
fn machine() -> Option<u64> {
    kilobytes(&read_to_string("/proc/meminfo").ok()?, "MemAvailable:")
}

/// What the control group leaves; nothing is known where it sets no limit.
fn control_group() -> Option<u64> {
    let number = |file: &str| read_to_string(format!("/sys/fs/cgroup/{file}")).ok()?.trim().parse::<u64>().ok();
    Some(number("memory.max")?.saturating_sub(number("memory.current")?))
}

/// What `ulimit -v` leaves.
fn limit() -> Option<u64> {
    let limits = read_to_string("/proc/self/limits").ok()?;
    let soft = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?.split_whitespace().next()?;
    let used = kilobytes(&read_to_string("/proc/self/status").ok()?, "VmSize:")?;
    Some(soft.parse::<u64>().ok()?.saturating_sub(used))
}

/// The value of a line such as `VmSize:   1024 kB`, in bytes.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    value.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_kernel_are_read() {
        assert_eq!(kilobytes("MemTotal: 10 kB\nMemAvailable:   2048 kB\n", "MemAvailable:"), Some(2 << 20));
        assert_eq!(kilobytes("MemTotal: 10 kB\n", "MemAvailable:"), None);
    }

    #[test]
    fn bound_is_never_above_what_was_asked_for() {
        assert_eq!(bytes_max(1, 1), 1);
    }
}
