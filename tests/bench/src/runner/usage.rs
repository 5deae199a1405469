//! What a process has used, from Linux's `/proc`.

use std::fs;
use std::time::Duration;

/// CPU time of all threads that are alive, in nanoseconds' precision (`schedstat`; `stat` counts in ticks of 10 ms).
/// None when the process is gone.
pub(crate) fn cpu(process: u32) -> Option<Duration> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).ok()?;
    let nanoseconds = tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("schedstat")).ok())
        .filter_map(|line| line.split_whitespace().next()?.parse::<u64>().ok())
        .sum();
    Some(Duration::from_nanos(nanoseconds))
}

/// Resident memory in bytes. None when the process is gone.
pub(crate) fn resident_bytes(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_something() {
        assert!(resident_bytes(std::process::id()).unwrap() > 100_000);
        assert!(cpu(std::process::id()).is_some());
        assert!(cpu(u32::MAX).is_none());
    }
}
