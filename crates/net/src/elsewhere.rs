//! Values that take long to drop.

use tokio::runtime::Handle;

/// Drops a value on another thread: what is large, or of many parts, takes long to give back.
#[derive(Debug)]
pub struct Elsewhere<T: Send + 'static>(Option<T>);

impl<T: Send + 'static> Elsewhere<T> {
    /// Holds a value.
    pub fn new(value: T) -> Self {
        Self(Some(value))
    }

    /// The value, to be dropped anywhere.
    pub fn into_inner(mut self) -> T {
        self.0.take().expect(HELD)
    }

    /// The value.
    pub fn get_mut(&mut self) -> &mut T {
        self.0.as_mut().expect(HELD)
    }
}

const HELD: &str = "it is taken where its holder ends, too";

impl<T: AsRef<[u8]> + Send + 'static> AsRef<[u8]> for Elsewhere<T> {
    fn as_ref(&self) -> &[u8] {
        self.0.as_ref().expect(HELD).as_ref()
    }
}

impl<T: Send + 'static> Drop for Elsewhere<T> {
    fn drop(&mut self) {
        let Some(value) = self.0.take() else {
            return;
        };
        // It takes no permit of an `Offload`: it waits for nothing, and what waits for it is but
        // memory. Without a runtime there is nothing that it could hold up.
        if let Ok(runtime) = Handle::try_current() {
            drop(runtime.spawn_blocking(move || drop(value)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread::{self, ThreadId};

    use super::*;

    struct Says(mpsc::Sender<ThreadId>);

    impl Drop for Says {
        fn drop(&mut self) {
            self.0.send(thread::current().id()).unwrap();
        }
    }

    #[tokio::test]
    async fn it_is_dropped_on_another_thread() {
        let (send, receive) = mpsc::channel();
        drop(Elsewhere::new(Says(send.clone())));
        let here = thread::current().id();
        assert_ne!(receive.recv().unwrap(), here);
        drop(Elsewhere::new(Says(send)).into_inner());
        assert_eq!(receive.recv().unwrap(), here);
    }

    #[test]
    fn without_a_runtime_it_is_dropped_here() {
        let (send, receive) = mpsc::channel();
        drop(Elsewhere::new(Says(send)));
        assert_eq!(receive.recv().unwrap(), thread::current().id());
    }
}
