//! A process of a server, and its end.

use std::process::{Child, ChildStdout};

use rustix::process::{Pid, Signal, kill_process_group};

use super::lines::Lines;

#[derive(Debug)]
pub(super) struct Process {
    pub(super) child: Child,
    /// Standard output that is not read yet.
    pub(super) held: Option<ChildStdout>,
    pub(super) output: Lines,
    pub(super) log: Lines,
}

impl Process {
    pub(super) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already, which is fine.
        let _ = kill_process_group(self.pid(), Signal::KILL);
        let _ = self.child.wait();
    }
}
