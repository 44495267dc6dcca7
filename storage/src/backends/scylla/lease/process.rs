//! Which process holds a lease, and whether it can be told that it is gone.

use rustix::{io::Errno, process::Pid, system::uname};

/// A process, as another one on any machine can name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Process {
    /// The name of its machine or container.
    pub host: String,
    /// Its id there.
    pub pid: u32,
    /// In which boot of which kernel and in which namespace of process ids; empty where that cannot be told.
    pub place: String,
    /// When it started, in the kernel's own count; empty where that cannot be told.
    pub started: String,
}

impl Process {
    /// This one.
    pub fn this() -> Self {
        let pid = std::process::id();
        let host = uname().nodename().to_string_lossy().into_owned();
        let place = place(pid).unwrap_or_default();
        Self { host, pid, place, started: started(&pid.to_string()).unwrap_or_default() }
    }

    /// Whether it surely runs no more, as seen from `here`: it ran in the same place, and its id is free or another's.
    /// A namespace that is gone took its processes with it, so one that has its number tells no lie about them.
    pub fn is_gone(&self, here: &Self) -> bool {
        let is_here = !here.place.is_empty() && self.place == here.place && self.host == here.host;
        is_here && (is_free(self.pid) || self.is_another())
    }

    fn is_another(&self) -> bool {
        !self.started.is_empty() && started(&self.pid.to_string()).is_some_and(|then| then != self.started)
    }
}

/// Whether no process has this id. One of another user is there all the same, even where `/proc` hides it.
fn is_free(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return false };
    rustix::process::test_kill_process(pid) == Err(Errno::SRCH)
}

/// The boot and the namespace of this process. None where `/proc` is that of another namespace.
fn place(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let is_ours = stat.split(' ').next() == Some(&pid.to_string());
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
    is_ours.then(|| format!("{} {}", boot.trim(), namespace.display()))
}

/// When a process started, in ticks since the boot: field 22 of its line, of which the second may hold anything.
fn started(pid: &str) -> Option<String> {
    const AFTER_THE_NAME: usize = 19;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split(' ').nth(AFTER_THE_NAME).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_runs_is_not_gone() {
        let this = Process::this();
        assert!(!this.is_gone(&this), "{this:?}");
    }

    #[test]
    fn an_id_that_was_given_to_another_process_is_of_one_that_is_gone() {
        let this = Process::this();
        let earlier = Process { started: "1".to_owned(), ..this.clone() };
        assert!(earlier.is_gone(&this), "{this:?}");
    }

    #[test]
    fn a_process_that_has_ended_is_gone_and_one_elsewhere_may_run() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let this = Process::this();
        let ended = Process { pid: child.id(), ..this.clone() };
        assert!(ended.is_gone(&this), "{ended:?}");
        for elsewhere in [
            Process { place: "another boot".to_owned(), ..ended.clone() },
            Process { host: "another host".to_owned(), ..ended.clone() },
        ] {
            assert!(!elsewhere.is_gone(&this), "{elsewhere:?}");
        }
        let nowhere = Process { place: String::new(), ..ended };
        assert!(!nowhere.is_gone(&Process { place: String::new(), ..this }));
    }
}
