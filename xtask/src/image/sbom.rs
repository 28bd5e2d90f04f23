//! What is in an image, in the form of `CycloneDX`.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::debian::Package;
use super::layout::date;
use crate::shell::{cargo, output};

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

/// The crates that are linked into a program.
pub(super) fn of_program(features: Option<&[&str]>, triple: &str) -> anyhow::Result<Vec<Value>> {
    let mut tree = cargo();
    tree.args(["tree", "--locked", "--package", "streeling"])
        .args(["--target", triple, "--edges", "normal,no-proc-macro"])
        .args(["--prefix", "none", "--format", "{p}\t{l}"]);
    if let Some(features) = features {
        tree.args(["--no-default-features", "--features"])
            .arg(features.join(","));
    }
    of_tree(&output(&mut tree)?)
}

fn of_tree(text: &str) -> anyhow::Result<Vec<Value>> {
    let mut found = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let (package, license) = line
            .split_once('\t')
            .context("cargo tree gives no licence")?;
        let mut words = package.split(' ');
        let (Some(name), Some(version)) = (words.next(), words.next()) else {
            anyhow::bail!("cargo tree gives no version: {line}");
        };
        let version = version.trim_start_matches('v');
        // A package that is listed above has a star behind it.
        let license = license.trim_end_matches(" (*)");
        let url = format!("pkg:cargo/{name}@{}", percent_encoded(version));
        let mut component = json!({
            "type": "library",
            "bom-ref": url,
            "name": name,
            "version": version,
            "purl": url,
        });
        if !license.is_empty() {
            // The old way to write OR.
            let expression = license.replace('/', " OR ").replace("  ", " ");
            component["licenses"] = json!([{"expression": expression}]);
        }
        found.insert((name.to_owned(), version.to_owned()), component);
    }
    Ok(found.into_values().collect())
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
    fn crates_are_listed_once_with_their_licences() {
        let text = "streeling v0.1.0 (/somewhere/crates/streeling)\tApache-2.0\n\
            b v1.0.0+x\tMIT/Apache-2.0\n\
            a v2.0.0 (proc-macro)\t\n\
            b v1.0.0+x\tMIT/Apache-2.0 (*)\n";
        let found = of_tree(text).unwrap();
        let names: Vec<_> = found
            .iter()
            .map(|one| one["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["a", "b", "streeling"]);
        assert_eq!(found[0].get("licenses"), None);
        assert_eq!(found[1]["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(found[1]["purl"], "pkg:cargo/b@1.0.0%2Bx");
        assert!(!Value::from(found).to_string().contains("somewhere"));
    }

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
