//! Sending a file of requests.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::reply::Reply;
use crate::request::Request;
use crate::target::Target;

/// How requests are sent.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Requests that are in flight at once, at each server.
    pub concurrency: usize,
    /// How long a response may take.
    pub timeout: Duration,
}

/// What both servers responded to one request, or why there is no response.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The old server.
    pub old: Result<Reply, String>,
    /// The new server.
    pub new: Result<Reply, String>,
}

/// Sends every request to one server and gives the replies in the requests' order.
pub async fn send(
    target: &Target,
    requests: &[Request],
    pace: Pace,
    done: impl Fn() + Clone + Send + 'static,
) -> Vec<Result<Reply, String>> {
    let each = |target: Target, requests: Taken| async move {
        let mut sender = target.sender();
        let mut replies = Vec::new();
        while let Some((index, request)) = requests.next() {
            replies.push((index, sender.send(request, pace.timeout).await));
            done();
        }
        replies
    };
    side_by_side(requests, pace, |taken| each.clone()(target.clone(), taken)).await
}

/// Sends every request to both servers, to the one right after the other, so that both are measured
/// at the same time; which is first alternates.
pub async fn exchange(
    (old, new): (&Target, &Target),
    requests: &[Request],
    pace: Pace,
    done: impl Fn() + Clone + Send + 'static,
) -> Vec<Exchange> {
    let each = |old: Target, new: Target, requests: Taken| async move {
        let (mut old, mut new) = (old.sender(), new.sender());
        let mut exchanges = Vec::new();
        while let Some((index, request)) = requests.next() {
            let exchange = if index % 2 == 0 {
                let old = old.send(request, pace.timeout).await;
                let new = new.send(request, pace.timeout).await;
                Exchange { old, new }
            } else {
                let new = new.send(request, pace.timeout).await;
                let old = old.send(request, pace.timeout).await;
                Exchange { old, new }
            };
            exchanges.push((index, exchange));
            done();
        }
        exchanges
    };
    let (old, new) = (old.clone(), new.clone());
    side_by_side(requests, pace, |taken| {
        each.clone()(old.clone(), new.clone(), taken)
    })
    .await
}

/// The requests that several tasks take one by one.
#[derive(Clone)]
struct Taken {
    requests: std::sync::Arc<[Request]>,
    next: std::sync::Arc<AtomicUsize>,
}

impl Taken {
    fn next(&self) -> Option<(usize, &Request)> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        self.requests.get(index).map(|request| (index, request))
    }
}

async fn side_by_side<R, F>(requests: &[Request], pace: Pace, task: impl Fn(Taken) -> F) -> Vec<R>
where
    R: Send + 'static,
    F: Future<Output = Vec<(usize, R)>> + Send + 'static,
{
    let taken = Taken {
        requests: requests.into(),
        next: std::sync::Arc::default(),
    };
    let mut tasks = JoinSet::new();
    for _ in 0..pace.concurrency.clamp(1, requests.len().max(1)) {
        tasks.spawn(task(taken.clone()));
    }
    let mut found: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    found.sort_by_key(|(index, _)| *index);
    found.into_iter().map(|(_, result)| result).collect()
}
