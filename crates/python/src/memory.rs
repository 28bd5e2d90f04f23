//! How much memory a worker takes, and what follows when that is too much.

/// What is to be done about a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// It takes no more than it may.
    Fine,
    /// It takes more: a successor is to take over.
    Replace,
    /// It grows on, and does not come to the end of a request.
    Kill,
}

/// What a worker was seen to take.
#[derive(Debug, Default)]
pub(crate) struct MemoryWatch(Option<Above>);

/// Since it takes more than it may, or since a request has ended after that.
#[derive(Debug)]
struct Above {
    resident: u64,
    /// Requests that it had ended.
    ended: u64,
}

/// A worker that takes too much is killed when it grows by this part of what it may take, without
/// the end of any request.
const GROWTH: u64 = 16;

/// And at so many times of what it may take, if it has any request.
const MOST: u64 = 2;

impl MemoryWatch {
    /// Looks at a worker that takes so many bytes, of which it may take `limit`, and has ended so
    /// many requests.
    pub(crate) fn look(&mut self, resident: u64, limit: u64, ended: u64, in_flight: usize) -> Look {
        if resident <= limit {
            self.0 = None;
            return Look::Fine;
        }
        let now = Above { resident, ended };
        let above = match &mut self.0 {
            Some(above) if above.ended == ended => above,
            above => above.insert(now),
        };
        let grows_on = resident >= above.resident.saturating_add((limit / GROWTH).max(1));
        let is_far_above = resident >= limit.saturating_mul(MOST);
        if in_flight > 0 && (grows_on || is_far_above) {
            Look::Kill
        } else {
            Look::Replace
        }
    }
}

/// Whether the system says how much memory a process takes.
pub(crate) const IS_KNOWN: bool = cfg!(target_os = "linux");

/// The bytes of a process that are in memory, also those that it shares; `None` where there is no
/// such process, or the system does not say.
pub(crate) fn resident(pid: u32) -> Option<u64> {
    if !IS_KNOWN {
        return None;
    }
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 1600;

    #[test]
    fn one_that_grows_on_without_ending_a_request_is_killed() {
        let mut watch = MemoryWatch::default();
        let mut look = |resident, ended, in_flight| watch.look(resident, LIMIT, ended, in_flight);
        assert_eq!(look(LIMIT, 0, 1), Look::Fine);
        assert_eq!(look(LIMIT + 1, 0, 1), Look::Replace);
        assert_eq!(look(LIMIT + 100, 0, 1), Look::Replace);
        // A request has ended.
        assert_eq!(look(LIMIT + 200, 1, 1), Look::Replace);
        assert_eq!(look(LIMIT + 299, 1, 1), Look::Replace);
        // It has none.
        assert_eq!(look(LIMIT + 300, 1, 0), Look::Replace);
        assert_eq!(look(LIMIT + 300, 1, 1), Look::Kill);
        assert_eq!(look(LIMIT, 1, 1), Look::Fine);
        assert_eq!(look(LIMIT + 300, 1, 1), Look::Replace);
        assert_eq!(look(2 * LIMIT, 2, 0), Look::Replace);
        assert_eq!(look(2 * LIMIT, 3, 1), Look::Kill);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_memory_of_a_process_is_what_it_has_touched() {
        let own = || resident(std::process::id()).unwrap();
        let before = own();
        let touched = vec![1_u8; 64 << 20];
        let during = own();
        assert!(touched.iter().all(|byte| *byte == 1));
        assert!(during >= before + (48 << 20), "{before} {during}");
        assert_eq!(resident(u32::MAX), None);
    }
}
