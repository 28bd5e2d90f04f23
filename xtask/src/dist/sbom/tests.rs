use std::collections::BTreeSet;

use super::*;

/// By the rules of `CycloneDX` that its schema does not express, and those of it that matter.
#[test]
fn the_bill_of_the_server_is_sound_and_always_the_same() {
    let text = full().unwrap();
    assert_eq!(text, full().unwrap());
    let bill: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(bill["bomFormat"], "CycloneDX");
    assert_eq!(bill["specVersion"], "1.6");
    let serial = bill["serialNumber"].as_str().unwrap();
    let serial = serial.strip_prefix("urn:uuid:").unwrap();
    let lengths: Vec<usize> = serial.split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12]);

    let server = &bill["metadata"]["component"];
    let components = bill["components"].as_array().unwrap();
    let mut references = BTreeSet::new();
    for component in components.iter().chain([server]) {
        let reference = component["bom-ref"].as_str().unwrap();
        assert!(references.insert(reference), "{reference} is there twice");
        assert!(reference.starts_with("pkg:"), "{reference}");
        let license = component["licenses"][0]["expression"].as_str().unwrap();
        assert!(
            !license.is_empty() && !license.contains('/'),
            "{reference}: {license}"
        );
        let is_ours = reference.starts_with("pkg:cargo/streeling");
        let is_generic = reference.starts_with("pkg:generic/");
        let digest = component["hashes"][0]["content"].as_str();
        assert_eq!(digest.is_none(), is_ours || is_generic, "{reference}");
        assert!(
            digest.is_none_or(|digest| digest.len() == 64),
            "{reference}"
        );
    }
    let mut described = BTreeSet::new();
    for dependency in bill["dependencies"].as_array().unwrap() {
        let reference = dependency["ref"].as_str().unwrap();
        assert!(described.insert(reference), "{reference} is there twice");
        for needed in dependency["dependsOn"].as_array().unwrap() {
            let needed = needed.as_str().unwrap();
            assert!(references.contains(needed), "{reference} needs {needed}");
        }
    }
    assert_eq!(described, references);
}

#[test]
fn what_runs_is_in_the_bill_and_what_only_builds_or_tests_is_not() {
    let bill: Value = serde_json::from_str(&full().unwrap()).unwrap();
    let components = bill["components"].as_array().unwrap();
    let names: BTreeSet<&str> = components
        .iter()
        .map(|component| component["name"].as_str().unwrap())
        .collect();
    for name in [
        "tokio",
        "libmimalloc-sys",
        "streeling-python",
        "rust-std",
        "musl",
    ] {
        assert!(names.contains(name), "{name} is missing");
    }
    // A macro, a build script's helper, and what only tests need.
    for name in [
        "serde_derive",
        "cc",
        "streeling-testkit",
        "proptest",
        "streeling",
    ] {
        assert!(!names.contains(name), "{name} is not in the program");
    }
}

#[test]
fn a_licence_in_the_old_notation_is_an_expression() {
    assert_eq!(expression("MIT/Apache-2.0"), "MIT OR Apache-2.0");
    assert_eq!(expression("Apache-2.0 / MIT"), "Apache-2.0 OR MIT");
    assert_eq!(expression("MIT AND Zlib"), "MIT AND Zlib");
}

#[test]
fn a_serial_number_is_made_of_the_content() {
    let mut digest = [0xff; 32];
    assert_eq!(uuid(&digest), "ffffffff-ffff-8fff-bfff-ffffffffffff");
    digest[0] = 0;
    assert_eq!(uuid(&digest), "00ffffff-ffff-8fff-bfff-ffffffffffff");
}
