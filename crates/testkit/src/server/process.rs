//! A process of a server, and its end.

use std::process::{Child, ChildStdout};

use rustix::process::{Pid, Signal, kill_process_group};

use super::lines::{Lines, TIMEOUT};

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

    /// Waits for a line of the log that holds this text.
    pub(super) fn wait_for_log(&self, text: &str) -> String {
        match self.log.wait_for(text, TIMEOUT) {
            Some(line) => line,
            None => panic!("no \"{text}\" in the log:\n{}", self.log.text()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already, which is fine.
        let _ = kill_process_group(self.pid(), Signal::KILL);
        let _ = self.child.wait();
    }
}
