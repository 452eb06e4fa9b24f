//! How much memory there is, and a refusal before more of it is asked for: an allocation that fails ends the program without a
//! word, and one that succeeds on paper may end other programs too.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// What is taken to be there where the system does not tell.
const UNTOLD_BYTES: u64 = 1 << 40;

/// Bytes that this process may still take: what the kernel calls available, or what a cgroup leaves of its limit if that is less.
pub fn available() -> u64 {
    let system = fs::read_to_string("/proc/meminfo").ok().and_then(|text| kib(&text, "MemAvailable:"));
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = folders(&groups).into_iter().filter_map(|folder| left_by(&folder));
    system.into_iter().chain(limits).min().unwrap_or(UNTOLD_BYTES)
}

/// Bytes in words, such as `1.5 GiB`.
pub fn words(bytes: u128) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut number = bytes as f64 / 1024.0;
    let mut units = UNITS.iter();
    let mut unit = units.next().unwrap_or(&"");
    while number >= 1024.0
        && let Some(next) = units.next()
    {
        (number, unit) = (number / 1024.0, next);
    }
    format!("{number:.1} {unit}")
}

fn kib(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Folders of the cgroups that a process is in, from those that `/proc/self/cgroup` names up to their roots: every one of them
/// may have a limit.
fn folders(groups: &str) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let root = match controllers {
            "" => Path::new("/sys/fs/cgroup"),
            listed if listed.split(',').any(|controller| controller == "memory") => Path::new("/sys/fs/cgroup/memory"),
            _ => continue,
        };
        let below = Path::new(path.trim_start_matches('/')).ancestors();
        folders.extend(below.map(|part| root.join(part)));
    }
    folders
}

/// What the limit of a cgroup leaves; none without a limit. Pages of files count as free, for the kernel gives them up.
fn left_by(folder: &Path) -> Option<u64> {
    let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
    let limit = read("memory.max").or_else(|| read("memory.limit_in_bytes"))?.trim().parse::<u64>().ok()?;
    let stat = read("memory.stat")?;
    let taken = |key: &str| {
        let number = stat.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
        number.and_then(|number| number.parse::<u64>().ok())
    };
    Some(limit.saturating_sub(taken("anon").or_else(|| taken("total_rss"))?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_any_group_above_counts() {
        let found = folders("0::/user.slice/run.scope\n5:cpu:/x\n4:memory,pids:/docker/7\n");
        let expected = [
            "/sys/fs/cgroup/user.slice/run.scope",
            "/sys/fs/cgroup/user.slice",
            "/sys/fs/cgroup",
            "/sys/fs/cgroup/memory/docker/7",
            "/sys/fs/cgroup/memory/docker",
            "/sys/fs/cgroup/memory",
        ];
        assert_eq!(found, expected.map(PathBuf::from));
    }

    #[test]
    fn a_group_leaves_its_limit_less_what_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        assert_eq!(left_by(dir.path()), None);
        write("memory.stat", "anon 1000\nfile 5000\n");
        write("memory.max", "max\n");
        assert_eq!(left_by(dir.path()), None, "`max` is no limit");
        write("memory.max", "4096\n");
        assert_eq!(left_by(dir.path()), Some(3096));
    }

    #[test]
    fn meminfo_counts_in_kibibytes() {
        let text = "MemTotal:       24000000 kB\nMemAvailable:   22000000 kB\n";
        assert_eq!(kib(text, "MemAvailable:"), Some(22_000_000 * 1024));
        assert_eq!(kib("MemAvailable: lots", "MemAvailable:"), None);
        assert!(available() > 0);
    }

    #[test]
    fn bytes_are_told_in_words() {
        assert_eq!(words(1536), "1.5 KiB");
        assert_eq!(words(5 << 30), "5.0 GiB");
        assert_eq!(words(u128::from(u64::MAX) * 4096), "65536.0 EiB");
    }
}
