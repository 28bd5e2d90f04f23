//! The page. Ids hold nothing that JSON would escape, and all other texts are the server's own.

use std::fmt::{self, Display, Write as _};

use super::{Request, Snapshot, seconds};

impl Snapshot {
    pub(super) fn json(&self) -> String {
        let mut out = String::with_capacity(256 * (2 + self.requests.len()));
        // Writing to a string does not fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        let Self {
            state, all, queued, ..
        } = self;
        write!(
            out,
            "{{\"state\":\"{state}\",\"count\":{all},\"queued\":{queued}"
        )?;
        out.push_str(",\"requests\":[");
        for (at, one) in self.requests.iter().enumerate() {
            out.push_str(if at == 0 { "\n" } else { ",\n" });
            one.write(out)?;
        }
        out.push_str("],\"workers\":[");
        #[cfg(feature = "python")]
        for (at, one) in self.workers.iter().enumerate() {
            out.push_str(if at == 0 { "\n" } else { ",\n" });
            one.write(out)?;
        }
        out.push_str("]}\n");
        Ok(())
    }
}

impl Request {
    fn write(&self, out: &mut String) -> fmt::Result {
        let (worker, thread) = self.thread.unzip();
        write!(
            out,
            "{{\"id\":{},\"transport\":{},\"method\":\"{}\",\"shape\":{},\"bytes\":{},\
             \"age_seconds\":{:.3},\"stage\":\"{}\",\"pool\":{},\"worker\":{},\"thread\":{},\
             \"abandoned\":{}}}",
            Text(self.id.as_ref()),
            Text(self.transport),
            self.method,
            Text(self.shape.as_ref()),
            self.bytes,
            seconds(self.age),
            self.stage,
            Text(self.pool),
            Number(worker),
            Number(thread),
            self.is_abandoned,
        )
    }
}

#[cfg(feature = "python")]
impl super::Worker {
    fn write(&self, out: &mut String) -> fmt::Result {
        let worker = &self.snapshot;
        write!(
            out,
            "{{\"worker\":{},\"pid\":{},\"pool\":\"{}\",\"state\":\"{}\",\
             \"age_seconds\":{:.3},\"resident_bytes\":{},\"in_flight\":{},\"running\":[",
            worker.slot,
            worker.pid,
            self.pool,
            worker.state,
            seconds(worker.age),
            Number(self.resident),
            worker.in_flight,
        )?;
        for (at, id) in self.running.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(out, "{comma}\"{id}\"")?;
        }
        out.push_str("]}");
        Ok(())
    }
}

/// In quotes, or `null`.
struct Text<T>(Option<T>);

impl<T: Display> Display for Text<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(text) => write!(f, "\"{text}\""),
            None => f.write_str("null"),
        }
    }
}

struct Number<T>(Option<T>);

impl<T: Display> Display for Number<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(number) => number.fmt(f),
            None => f.write_str("null"),
        }
    }
}
