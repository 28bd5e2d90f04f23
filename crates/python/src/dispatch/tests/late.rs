//! When late requests are reported.

use super::*;
use crate::dispatch::late::REPORT_INTERVAL;

const NONE: [WorkerId; 0] = [];

#[test]
fn a_late_request_is_reported_once_and_a_worker_at_intervals() {
    let mut simulation = Simulation::new(2, 1, 16, |_| 3600 * SECOND);
    simulation.timeout = Some(SECOND);
    simulation.send();
    let mut late = |after| {
        simulation.now += after;
        simulation.dispatcher.newly_late(simulation.now)
    };
    assert_eq!(late(SECOND), NONE, "it is only just due");
    assert_eq!(late(SECOND), [0]);
    assert_eq!(late(REPORT_INTERVAL), NONE, "it has been reported");
    simulation.timeout = Some(Duration::ZERO);
    simulation.send();
    let mut late = |after| {
        simulation.now += after;
        simulation.dispatcher.newly_late(simulation.now)
    };
    assert_eq!(late(SECOND), [1], "another worker");
    assert_eq!(simulation.dispatcher.running(0).count(), 1);
    assert_eq!(simulation.dispatcher.running(7).count(), 0);
}

#[test]
fn another_late_request_of_a_worker_waits_for_the_interval() {
    let mut simulation = Simulation::new(1, 2, 16, |_| 3600 * SECOND);
    simulation.timeout = Some(SECOND);
    simulation.send();
    simulation.now += 2 * SECOND;
    assert_eq!(simulation.dispatcher.newly_late(simulation.now), [0]);
    simulation.send();
    simulation.now += 2 * SECOND;
    assert_eq!(simulation.dispatcher.newly_late(simulation.now), NONE);
    simulation.now += REPORT_INTERVAL;
    assert_eq!(simulation.dispatcher.newly_late(simulation.now), [0]);
}

#[test]
fn requests_without_a_deadline_are_never_late() {
    let mut simulation = Simulation::new(1, 1, 16, |_| 3600 * SECOND);
    simulation.send();
    simulation.now += 1800 * SECOND;
    assert_eq!(simulation.dispatcher.newly_late(simulation.now), NONE);
}
