use super::*;

const MIB: usize = 1 << 20;

fn kind(result: Result<()>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind)
}

fn refused(budget: &Budget) -> Vec<f64> {
    let mut samples = Vec::new();
    budget.samples(&mut samples);
    let of = "streeling_memory_refused_total";
    let samples = samples.iter().filter(|sample| sample.name == of);
    samples.map(|sample| sample.value).collect()
}

#[test]
fn what_never_fits_is_too_large_and_the_rest_may_try_again() {
    let budget = Budget::new(8 * MIB);
    let mut one = budget.account().request();
    assert_eq!(kind(one.grow(6 * MIB + 1)), Some(ErrorKind::TooLarge));
    assert_eq!((one.bytes(), budget.used()), (0, 0));
    one.grow(5 * MIB).unwrap();
    let mut other = budget.account().request();
    let error = other.grow(2 * MIB).unwrap_err();
    assert_eq!(error.kind, ErrorKind::MemoryFull);
    assert!(error.info.contains("--max-memory"), "{error}");
    // Grown over time it never fits, either.
    assert_eq!(kind(one.grow(2 * MIB)), Some(ErrorKind::TooLarge));
    drop(one);
    other.grow(2 * MIB).unwrap();
    drop(other);
    assert_eq!(budget.used(), 0);
    assert_eq!(refused(&budget), [2.0, 1.0, 0.0]);
}

#[test]
fn responses_of_many_requests_may_try_again() {
    let budget = Budget::new(8 * MIB);
    let account = budget.account();
    let responses: Vec<_> = [5 * MIB, 2 * MIB]
        .into_iter()
        .map(|size| {
            let mut charge = account.charge(Use::Response, 0);
            charge.grow(size).unwrap();
            charge
        })
        .collect();
    let mut next = account.charge(Use::Response, 0);
    assert_eq!(kind(next.grow(2 * MIB)), Some(ErrorKind::MemoryFull));
    assert_eq!(kind(next.grow(8 * MIB + 1)), Some(ErrorKind::TooLarge));
    drop(responses);
    next.grow(2 * MIB).unwrap();
}

#[test]
fn small_requests_pass_where_large_ones_have_filled_their_part() {
    let budget = Budget::new(8 * MIB);
    let large: Vec<_> = std::iter::from_fn(|| {
        let mut charge = budget.account().request();
        charge.grow(MIB).ok().map(|()| charge)
    })
    .collect();
    assert_eq!(large.len(), 6);
    let small: Vec<_> = std::iter::from_fn(|| {
        let mut charge = budget.account().request();
        charge.grow(SMALL).ok().map(|()| charge)
    })
    .collect();
    assert_eq!(small.len(), MIB / SMALL);
    // What was let in can be decoded and responded to.
    let account = budget.account();
    for of in [Use::Decoded, Use::Response] {
        account.charge(of, 0).grow(MIB).unwrap();
    }
    drop((large, small));
    assert_eq!(budget.used(), 0);
}

#[test]
fn a_connection_takes_no_more_than_it_leaves_to_others() {
    let budget = Budget::new(64 * MIB);
    let fill = |account: &Account| -> Vec<Charge> {
        std::iter::from_fn(|| {
            let mut charge = account.request();
            charge.grow(MIB).ok().map(|()| charge)
        })
        .collect()
    };
    let (one, two) = (budget.account(), budget.account());
    let first = fill(&one);
    assert_eq!(first.len(), 32);
    let second = fill(&two);
    assert_eq!(second.len(), 16);
    assert!(fill(&one).is_empty());
    // The first request of a connection needs no share.
    let mut alone = budget.account().request();
    alone.grow(MIB / 2).unwrap_err();
    alone.grow(SMALL).unwrap();
    // An eighth is granted in any case, if it is there.
    drop(second);
    let mut large = budget.account().request();
    large.grow(12 * MIB).unwrap();
    assert_eq!(fill(&two).len(), 3);
    drop((first, large, alone));
    assert_eq!(budget.used(), 0);
    assert_eq!(one.0.used.load(Ordering::Relaxed), 0);
    assert_eq!(one.0.requests.load(Ordering::Relaxed), 0);
}

#[test]
fn charges_live_as_long_as_the_memory() {
    let budget = Budget::new(MIB);
    let account = budget.account();
    let mut request = account.request();
    request.grow(1000).unwrap();
    let body = request.split(600).hold(Bytes::from(vec![7; 600]));
    let slice = body.slice(3..5);
    drop((request, body));
    assert_eq!((budget.used(), &slice[..]), (600, &[7, 7][..]));
    drop(slice);
    assert_eq!(budget.used(), 0);
    let mut response = account.charge(Use::Response, 0);
    response.grow(1000).unwrap();
    response.shrink(300);
    assert_eq!((budget.used(), response.bytes()), (300, 300));
    drop(response);
    let mut samples = Vec::new();
    budget.samples(&mut samples);
    let used = samples.iter().filter(|sample| sample.name.contains("used"));
    assert_eq!(used.map(|sample| sample.value).sum::<f64>(), 0.0);
}
