//! What is large takes none of its time on the thread that moves bytes.

use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

use async_trait::async_trait;
use streeling_core::{Context, Models, Request, Response, Result, Service};
use streeling_grpc::seldon::Seldon;
use streeling_grpc::{Config, Grpc};
use streeling_testkit::Harness;

use crate::support::{Server, text, text_of};

/// Bytes of what is large.
const LARGE: usize = 1 << 20;

/// Notes on which threads it is called, and what it is called on is dropped.
#[derive(Clone, Default)]
struct Model(Arc<Mutex<Vec<ThreadId>>>);

struct Dropped(Model);

impl Model {
    fn note(&self) {
        self.0.lock().unwrap().push(thread::current().id());
    }
}

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.note();
    }
}

#[async_trait]
impl Service for Model {
    async fn call(&self, _: &Context, _: Request) -> Result<Response> {
        self.note();
        let _dropped = Dropped(self.clone());
        Ok("done".to_owned().into())
    }
}

#[tokio::test(start_paused = true)]
async fn large_messages_take_no_step_where_bytes_are_moved() {
    let model = Model::default();
    let models = Models::one("model", Arc::new(model.clone()));
    let server = Server::of(Harness::start(|_, observers, ready| {
        Grpc::new(
            &Config::default(),
            vec![Arc::new(Seldon)],
            models,
            observers,
            ready,
        )
    }));
    let here = thread::current().id();
    for (size, is_here) in [(10, true), (LARGE, false)] {
        let mut client = server.client().await;
        let response = client.predict(text(&"a".repeat(size))).await.unwrap();
        assert_eq!(text_of(&response.into_inner()), "done");
        let threads = std::mem::take(&mut *model.0.lock().unwrap());
        assert_eq!(threads.len(), 2, "the call, and a drop");
        assert!(threads.iter().all(|thread| (*thread == here) == is_here));
    }
}
