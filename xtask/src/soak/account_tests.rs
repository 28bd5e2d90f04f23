//! Tests of the account: each kind of fault of a server is seen, and a right one passes.

use std::ops::Range;
use std::path::PathBuf;

use super::*;
use crate::soak::call::{Form, Method, Operation};

/// An account with requests of these ends, and a ledger of these calls: number and worker.
struct Book {
    account: Account,
    folder: tempfile::TempDir,
}

impl Book {
    fn new() -> Self {
        Self {
            account: Account::default(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn request(&self, ended: Ended) -> u64 {
        let number = self.account.number();
        let call = Call {
            number,
            operation: Operation::Digest,
            argument: 0,
            method: Method::Predict,
            form: Form::Least,
            data: Range::default(),
        };
        let entry = self.account.open(Transport::Rest, &call);
        self.account.close(&entry, ended);
        number
    }

    fn fault(&self, pid: Option<u32>, number: Option<u64>, allows: &'static [Refusal]) {
        let now = Instant::now();
        self.account.fault(Fault {
            name: "fault",
            pool: Some(Transport::Rest),
            pid,
            number,
            allows,
            from: now,
            to: Some(now),
        });
    }

    fn objections(&self, calls: &[(u64, u32)]) -> Vec<String> {
        let path: PathBuf = self.folder.path().join("calls");
        let mut bytes = Vec::new();
        for (number, pid) in calls {
            bytes.extend(number.to_le_bytes());
            bytes.extend(pid.to_le_bytes());
            bytes.extend([0; 4]);
        }
        fs::write(&path, bytes).unwrap();
        self.account.settle(&path).unwrap().objections
    }
}

fn lost() -> Ended {
    Ended::Refused(Refusal::Lost, "the worker is gone".to_owned())
}

#[test]
fn a_right_server_has_no_objection() {
    let book = Book::new();
    let right = book.request(Ended::Right);
    let gone = book.request(Ended::Vanished);
    book.request(Ended::Cut);
    book.fault(Some(7), None, &[Refusal::Lost]);
    let failed = book.request(lost());
    // One that was never run may have been on its way to any worker.
    book.request(lost());
    let calls = [(right, 8), (gone, 8), (failed, 7)];
    assert_eq!(book.objections(&calls), [""; 0]);
}

#[test]
fn what_is_lost_or_run_twice_is_seen() {
    let book = Book::new();
    let [one, two, cut] = [Ended::Right, Ended::Vanished, Ended::Cut].map(|one| book.request(one));
    let invented = book.request(Ended::Right);
    let open = book.account.number();
    let calls = [(one, 1), (one, 1), (two, 1), (two, 2), (cut, 1), (99, 1)];
    assert_eq!(
        book.objections(&calls),
        [
            format!("request {one} was run twice"),
            format!("request {two} was run twice"),
            format!("request {cut} was run, and half of it had been sent"),
            format!("request {invented} has a response that no call made"),
            format!("request {open} was sent and never ended"),
            "call 99 belongs to no request".to_owned(),
        ]
    );
}

#[test]
fn a_wrong_response_is_seen() {
    let book = Book::new();
    let number = book.request(Ended::Broken("another's data".to_owned()));
    let expected = format!("REST {number}: another's data");
    assert_eq!(book.objections(&[(number, 1)]), [expected]);
}

#[test]
fn an_error_needs_a_fault_of_its_kind_that_reached_its_worker() {
    let number = |book: &Book| book.request(lost());
    // No fault at all.
    let book = Book::new();
    let failed = number(&book);
    assert_eq!(book.objections(&[(failed, 7)]).len(), 1);
    // Another worker's.
    book.fault(Some(8), None, &[Refusal::Lost]);
    assert_eq!(book.objections(&[(failed, 7)]).len(), 1);
    // One that explains a deadline alone.
    book.fault(Some(7), None, &[Refusal::Late]);
    assert_eq!(book.objections(&[(failed, 7)]).len(), 1);
    // One that began when the request had ended.
    let book = Book::new();
    let failed = number(&book);
    std::thread::sleep(Duration::from_millis(2));
    book.fault(Some(7), None, &[Refusal::Lost]);
    assert_eq!(book.objections(&[(failed, 7)]).len(), 1);
    // The request of a fault shows the worker.
    let book = Book::new();
    let harmful = book.account.number();
    book.fault(None, Some(harmful), &[Refusal::Lost]);
    let failed = number(&book);
    let calls = |pid| [(harmful, 7), (failed, pid)];
    // The harmful one itself has never ended.
    assert_eq!(book.objections(&calls(7)).len(), 1);
    let book = Book::new();
    let harmful = book.account.number();
    book.fault(None, Some(harmful), &[Refusal::Lost]);
    let failed = number(&book);
    assert_eq!(book.objections(&[(harmful, 7), (failed, 8)]).len(), 2);
}

#[test]
fn an_error_is_what_its_status_and_its_reason_say() {
    let rest = Refusal::of_rest;
    assert_eq!(rest(503, "MICROSERVICE_WORKER_LOST"), Some(Refusal::Lost));
    assert_eq!(rest(503, "MICROSERVICE_MEMORY_FULL"), Some(Refusal::Busy));
    assert_eq!(rest(500, "MICROSERVICE_WORKER_LOST"), None);
    assert_eq!(rest(503, "MICROSERVICE_NOT_READY"), None);
    let details = b"\x0a\x1eMICROSERVICE_DEADLINE_EXCEEDED\x12\x01x";
    let grpc = |code| Refusal::of_grpc(code, details);
    assert_eq!(grpc(Code::DeadlineExceeded), Some(Refusal::Late));
    assert_eq!(grpc(Code::Unavailable), None);
    assert_eq!(Refusal::of_grpc(Code::Unavailable, b""), None);
}
