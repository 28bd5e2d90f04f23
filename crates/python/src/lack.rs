//! What the system lacks when it refuses a descriptor, memory or a process: nothing of that is the
//! component's fault, and all of it passes.

use std::io;

use rustix::io::Errno;

/// What is lacking, with the name of the error and what to do; `None` for any other error.
pub(crate) fn lack(error: &io::Error) -> Option<&'static str> {
    Some(match Errno::from_io_error(error)? {
        Errno::MFILE => {
            "the server has no file descriptor left (EMFILE): raise the limit of open files \
             (ulimit -n), or lower --max-connections"
        }
        Errno::NFILE => {
            "the machine has no file descriptor left (ENFILE): raise fs.file-max, or find what \
             has opened so many"
        }
        Errno::TOOMANYREFS => {
            "too many file descriptors are on their way to other processes (ETOOMANYREFS): raise \
             the limit of open files (ulimit -n)"
        }
        Errno::NOMEM | Errno::NOBUFS => {
            "the system has no memory for it (ENOMEM, ENOBUFS): give the container more memory, \
             or use fewer workers"
        }
        Errno::AGAIN => {
            "no process or thread more may be made (EAGAIN): raise the limit of processes \
             (ulimit -u, the container's pids limit), or use fewer workers and threads"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::StartError;

    #[test]
    fn what_the_system_lacks_is_no_failure_of_a_socket() {
        for (errno, name) in [
            (Errno::MFILE, "EMFILE"),
            (Errno::NFILE, "ENFILE"),
            (Errno::TOOMANYREFS, "ETOOMANYREFS"),
            (Errno::NOMEM, "ENOMEM"),
            (Errno::NOBUFS, "ENOBUFS"),
            (Errno::AGAIN, "EAGAIN"),
        ] {
            let error = StartError::from(io::Error::from(errno));
            assert!(matches!(error, StartError::Lack { .. }), "{error:?}");
            assert!(error.to_string().contains(name), "{error}");
        }
        for other in [Errno::PIPE, Errno::CONNRESET] {
            let error = StartError::from(io::Error::from(other));
            assert!(matches!(error, StartError::Socket(_)), "{error:?}");
        }
    }
}
