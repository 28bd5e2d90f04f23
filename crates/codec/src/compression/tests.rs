use std::io::Write as _;

use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use flate2::{Compression, GzBuilder};
use proptest::prelude::*;
use streeling_core::{Budget, Charge, ErrorKind, Use};

use super::*;

/// Each coding, with what a sender makes of bytes.
fn packed(coding: Coding, bytes: &[u8]) -> Vec<u8> {
    match coding {
        Coding::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Coding::Deflate => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Coding::Zstd => zstd::encode_all(bytes, 3).unwrap(),
    }
}

fn raw_deflate(bytes: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), level);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn charge() -> Charge {
    Budget::default().account().charge(Use::Received, 0)
}

fn read(packed: &[u8], coding: Coding, most: usize) -> Result<Vec<u8>, UnpackError> {
    unpack(packed, coding, most, charge()).map(Vec::from)
}

fn corrupt(packed: &[u8], coding: Coding) -> String {
    match read(packed, coding, 1 << 20) {
        Err(error @ UnpackError::Corrupt(_)) => error.to_string(),
        other => panic!("{coding}: {other:?} of {packed:?}"),
    }
}

/// Text that is packed in some hundred bytes, not to a few.
fn text() -> Vec<u8> {
    (0..5000)
        .flat_map(|number: u32| number.to_string().into_bytes())
        .collect()
}

#[test]
fn what_senders_pack_is_read() {
    for bytes in [vec![], vec![7], text(), vec![0; 300_000]] {
        for coding in Coding::ALL {
            let packed = packed(coding, &bytes);
            assert!(
                read(&packed, coding, bytes.len()).unwrap() == bytes,
                "{coding}"
            );
        }
        for level in [
            Compression::none(),
            Compression::fast(),
            Compression::best(),
        ] {
            let packed = raw_deflate(&bytes, level);
            let read = read(&packed, Coding::Deflate, bytes.len());
            assert!(read.unwrap() == bytes, "{level:?}");
        }
    }
}

#[test]
fn several_members_and_frames_are_one_after_the_other() {
    for coding in [Coding::Gzip, Coding::Zstd] {
        let both = [packed(coding, b"one "), packed(coding, b"two")].concat();
        assert_eq!(read(&both, coding, 100).unwrap(), b"one two");
        let many = packed(coding, b"").repeat(20_000);
        assert_eq!(read(&many, coding, 0).unwrap(), b"");
    }
}

#[test]
fn a_head_with_all_its_fields_is_read() {
    let builder = GzBuilder::new()
        .filename("a")
        .comment("b")
        .extra("c")
        .mtime(1);
    let mut encoder = builder.write(Vec::new(), Compression::fast());
    encoder.write_all(b"text").unwrap();
    let packed = encoder.finish().unwrap();
    assert_eq!(read(&packed, Coding::Gzip, 4).unwrap(), b"text");
}

#[test]
fn what_breaks_off_goes_on_or_is_changed_is_refused() {
    let bytes = text();
    let deflate = raw_deflate(&bytes, Compression::default());
    let cases = Coding::ALL.map(|coding| (coding, packed(coding, &bytes)));
    for (coding, whole) in cases.into_iter().chain([(Coding::Deflate, deflate)]) {
        for end in [0, 1, 2, 5, 10, whole.len() / 2, whole.len() - 1] {
            assert!(!corrupt(&whole[..end], coding).is_empty(), "{coding} {end}");
        }
        for more in [&b"x"[..], b"\0", b"garbage behind the end of it all"] {
            corrupt(&[&whole, more].concat(), coding);
        }
    }
    // The sums at the end are looked at.
    for (coding, last) in [(Coding::Gzip, 5), (Coding::Gzip, 1), (Coding::Deflate, 1)] {
        let mut whole = packed(coding, &bytes);
        let at = whole.len() - last;
        whole[at] ^= 1;
        corrupt(&whole, coding);
    }
    // Each is none of the others.
    for coding in Coding::ALL {
        for other in Coding::ALL.into_iter().filter(|other| *other != coding) {
            corrupt(&packed(other, &bytes), coding);
        }
        corrupt(b"{\"strData\":\"plain\"}", coding);
    }
}

#[test]
fn a_dictionary_of_its_own_is_refused() {
    // The zlib format, with the flag for one.
    corrupt(&[0x78, 0xBB, 1, 2, 3, 4, 3, 0], Coding::Deflate);
}

#[test]
fn no_more_comes_out_than_may() {
    for coding in Coding::ALL {
        let bomb = packed(coding, &vec![0; 10 << 20]);
        assert!(bomb.len() < 20_000, "{coding}");
        for most in [0, 1, 65_535, 65_536, 1 << 20, (10 << 20) - 1] {
            let error = read(&bomb, coding, most).unwrap_err();
            assert!(matches!(error, UnpackError::TooLarge), "{coding} {most}");
        }
        assert_eq!(read(&bomb, coding, 10 << 20).unwrap().len(), 10 << 20);
    }
}

#[test]
fn what_comes_out_is_charged_as_it_grows() {
    for coding in Coding::ALL {
        let bomb = packed(coding, &vec![0; 10 << 20]);
        let budget = Budget::new(4 << 20);
        let account = budget.account();
        let unpacked = |charge| unpack(&bomb, coding, usize::MAX, charge);
        match unpacked(account.charge(Use::Received, 0)) {
            Err(UnpackError::Memory(error)) => {
                assert!([ErrorKind::TooLarge, ErrorKind::MemoryFull].contains(&error.kind));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(budget.used(), 0);
        budget.set_limit(40 << 20);
        let whole = unpacked(account.charge(Use::Received, 0)).unwrap();
        assert_eq!((whole.len(), budget.used()), (10 << 20, 10 << 20));
        drop(whole);
        assert_eq!(budget.used(), 0);
    }
}

#[test]
fn a_window_that_is_too_large_is_refused() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    encoder.include_contentsize(false).unwrap();
    encoder.write_all(&text()).unwrap();
    let packed = encoder.finish().unwrap();
    assert!(corrupt(&packed, Coding::Zstd).contains("memory"));
}

#[test]
fn what_is_packed_can_be_read_and_is_charged() {
    for coding in Coding::ALL {
        let budget = Budget::new(1 << 20);
        let bytes = text();
        let charge = budget.account().charge(Use::Response, 0);
        let (packed, charge) = pack(&bytes, coding, 5, charge).unwrap();
        assert!(packed.len() < bytes.len() / 2, "{coding}: {}", packed.len());
        assert_eq!(charge.bytes(), packed.len());
        assert_eq!(packed[..5], [0; 5]);
        assert!(read(&packed[5..], coding, bytes.len()).unwrap() == bytes);
        drop(charge);
        assert_eq!(budget.used(), 0);
    }
}

#[test]
fn what_does_not_become_less_is_left() {
    let mut random = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (random >> 56) as u8
    })
    .take(100_000)
    .collect();
    for coding in Coding::ALL {
        for bytes in [&noise[..], b"", b"x"] {
            let budget = Budget::new(1 << 20);
            let charge = budget.account().charge(Use::Response, 0);
            assert!(pack(bytes, coding, 5, charge).is_none(), "{coding}");
            assert_eq!(budget.used(), 0);
        }
        // Nor what there is no memory for.
        let budget = Budget::new(1000);
        let charge = budget.account().charge(Use::Response, 0);
        assert!(pack(&text(), coding, 0, charge).is_none(), "{coding}");
        assert_eq!(budget.used(), 0);
    }
}

#[test]
fn names() {
    for coding in Coding::ALL {
        assert_eq!(Coding::named(coding.name().as_bytes()), Some(coding));
        assert_eq!(coding.to_string(), coding.name());
    }
    for other in [&b""[..], b"GZIP", b"br", b"identity", b"gzip "] {
        assert_eq!(Coding::named(other), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_packed_comes_out(bytes: Vec<u8>, zeros in 0_usize..70_000) {
        let bytes = [bytes, vec![0; zeros]].concat();
        for coding in Coding::ALL {
            prop_assert!(read(&packed(coding, &bytes), coding, bytes.len()).unwrap() == bytes);
            if let Some((packed, _)) = pack(&bytes, coding, 0, charge()) {
                prop_assert!(packed.len() < bytes.len());
                prop_assert!(read(&packed, coding, bytes.len()).unwrap() == bytes);
            }
        }
        let raw = raw_deflate(&bytes, Compression::default());
        prop_assert!(read(&raw, Coding::Deflate, bytes.len()).unwrap() == bytes);
    }

    #[test]
    fn whatever_comes_is_bounded(bytes: Vec<u8>, most in 0_usize..1000) {
        for coding in Coding::ALL {
            if let Ok(whole) = read(&bytes, coding, most) {
                prop_assert!(whole.len() <= most);
            }
        }
    }
}
