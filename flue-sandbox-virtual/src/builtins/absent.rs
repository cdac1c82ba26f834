//! The engine's commands that are left out, and why.
//!
//! A command that is missing is an error an agent can act on. One that prints
//! something plausible is not.

/// Whether the engine's own command of this name stays.
pub(crate) fn keep(name: &str) -> bool {
    !(PRETENDS.contains(&name) || INVENTS.contains(&name) || UNKNOWN_ELSEWHERE.contains(&name))
}

/// Do less than they say: `git status` calls a changed tree clean, `sudo`
/// grants nothing, `parallel` prints the commands it does not run, `watch`
/// shows nothing, `man` shows the engine's own notes.
const PRETENDS: [&str; 13] =
    ["busybox", "git", "man", "nano", "node", "parallel", "python", "python3", "scp", "sftp", "ssh", "sudo", "watch"];

/// Report a machine that is not there: memory, load, a host number.
const INVENTS: [&str; 4] = ["free", "hostid", "uptime", "vi"];

/// The engine's inventions. No other system has them, and some answer to the
/// name of something else, as `http` does.
const UNKNOWN_ELSEWHERE: [&str; 12] =
    ["assert", "csv", "dotenv", "glob", "http", "json", "log", "retry", "semver", "template", "tomlq", "verify"];

#[cfg(test)]
mod tests {
    use super::keep;

    #[test]
    fn what_lies_goes_and_what_works_stays() {
        for name in ["git", "sudo", "busybox", "parallel", "http", "free"] {
            assert!(!keep(name), "{name}");
        }
        for name in ["echo", "[", "awk", "sed", "grep", "make", "curl", "tree", "rg"] {
            assert!(keep(name), "{name}");
        }
    }
}
