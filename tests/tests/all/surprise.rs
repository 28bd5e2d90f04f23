//! A slow call among many fast ones that look alike.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Gate, eventually, meanwhile, scripted, send_json};

/// Callers that are busy all the time.
const CALLERS: usize = 64;

/// The caller of every fast call gets its response while the slow ones are still in the component:
/// what lay behind them has moved to other threads.
#[test]
fn slow_calls_hold_up_no_others() {
    let server = scripted(&["--threads", "10"]);
    let (open, closed) = (Gate::closed(), Gate::closed());
    open.open();
    let done = AtomicUsize::new(0);
    let slow = std::thread::scope(|scope| {
        let fast = || {
            let (status, body) = send_json(&server, &open.hold(1));
            assert_eq!(status, 200, "{body}");
            done.fetch_add(1, Ordering::Relaxed);
        };
        let mut slow = Vec::new();
        meanwhile(CALLERS, fast, || {
            for _ in 0..4 {
                let rounds = done.load(Ordering::Relaxed) + 5 * CALLERS;
                eventually("fast calls", || done.load(Ordering::Relaxed) > rounds);
                slow.push(scope.spawn(|| send_json(&server, &closed.hold(1))));
                // Every caller has one call in flight; of so many responses some are to those that
                // lay behind the slow call.
                let rounds = done.load(Ordering::Relaxed) + 5 * CALLERS;
                eventually("fast calls", || done.load(Ordering::Relaxed) > rounds);
                assert!(slow.iter().all(|call| !call.is_finished()));
            }
        });
        // All fast callers have had their last response.
        closed.open();
        let slow = slow.into_iter().map(|call| call.join().unwrap());
        slow.collect::<Vec<_>>()
    });
    assert!(slow.iter().all(|(status, _)| *status == 200));
}
