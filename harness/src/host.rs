//! The machine a run took place on, for the report.

use squall_results::facts::Host;

/// This machine, as far as it can be told without privileges.
pub fn describe() -> Host {
    let os = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let pretty = os.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let uname = nix::sys::utsname::uname();
    let kernel = uname.map(|name| name.release().to_string_lossy().into_owned());
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    Host {
        os: pretty.unwrap_or(std::env::consts::OS).trim_matches('"').to_owned(),
        kernel: kernel.unwrap_or_default(),
        cpus: std::thread::available_parallelism()
            .map_or(0, |cpus| u32::try_from(cpus.get()).unwrap_or(u32::MAX)),
        memory_mb: total_kib(&memory) / 1024,
    }
}

fn total_kib(meminfo: &str) -> u64 {
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let number = total.and_then(|rest| rest.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_meminfo() {
        assert_eq!(total_kib("MemFree: 1 kB\nMemTotal:       2048 kB\n"), 2048);
        assert_eq!(total_kib("nothing"), 0);
    }
}
