//! What is in an image, in the form of `CycloneDX`.

use serde_json::{Value, json};

use super::debian::Package;
use super::layout::date;

/// The image that a bill of materials is for.
pub(super) struct Subject<'a> {
    pub(super) name: &'a str,
    pub(super) version: &'a str,
    pub(super) arch: &'a str,
    pub(super) license: &'a str,
    /// Seconds since 1970.
    pub(super) time: u64,
}

/// The document; the same input gives the same bytes.
pub(super) fn document(subject: &Subject<'_>, components: &[Value]) -> anyhow::Result<Vec<u8>> {
    let document = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": date(subject.time)?,
            "component": {
                "type": "container",
                "bom-ref": format!("streeling:{}-{}", subject.name, subject.arch),
                "name": format!("streeling:{}", subject.name),
                "version": subject.version,
                "licenses": [{"expression": subject.license}],
                "properties": [{"name": "architecture", "value": subject.arch}],
            },
        },
        "components": components,
    });
    Ok(serde_json::to_vec_pretty(&document)?)
}

/// The packages of Debian as components.
pub(super) fn of_debian(packages: &[Package], suite: &str) -> Vec<Value> {
    let components = packages.iter().map(|package| {
        let (name, architecture) = (&package.name, &package.architecture);
        let version = percent_encoded(&package.version);
        let url = format!(
            "pkg:deb/debian/{}@{version}?arch={architecture}&distro={suite}",
            percent_encoded(name)
        );
        json!({
            "type": "library",
            "bom-ref": url,
            "name": name,
            "version": package.version,
            "purl": url,
        })
    });
    components.collect()
}

/// As package URLs want it.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte.into());
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_of_debian_have_urls_that_scanners_understand() {
        let package = Package {
            name: "libstdc++6".into(),
            version: "1:2.0~x+y".into(),
            architecture: "amd64".into(),
        };
        let found = of_debian(&[package], "bookworm");
        assert_eq!(
            found[0]["purl"],
            "pkg:deb/debian/libstdc%2B%2B6@1%3A2.0~x%2By?arch=amd64&distro=bookworm"
        );
        assert_eq!(found[0]["version"], "1:2.0~x+y");
    }
}
