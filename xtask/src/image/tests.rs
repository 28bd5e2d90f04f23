//! Images of the real Dockerfile, with a small file in the place of the program.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::arch::ARCHITECTURES;
use super::contents::{Settings, Sources};
use super::debian::Debian;
use super::dockerfile::Dockerfile;
use super::layout::{Description, Layer, Layout, SBOM};
use super::making::own_layer;
use super::unpack::Stored;
use crate::shell::root;

const PROGRAM: &str = "#!/bin/sh\necho a program\n";
const DATE: u64 = 1_700_000_000;

fn dockerfile() -> Dockerfile {
    let text = fs::read_to_string(root().join("deploy/image/Dockerfile")).unwrap();
    Dockerfile::parse(&text).unwrap()
}

/// A folder as `cargo xtask dist binaries` leaves it.
fn programs(dockerfile: &Dockerfile) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (_, triple) in dockerfile.triples().unwrap() {
        for variant in ["full", "rest-only"] {
            let folder = folder.path().join(variant).join(&triple);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("streeling"), PROGRAM).unwrap();
        }
    }
    folder
}

/// A stage's own layer for the first architecture.
fn layer(name: &str) -> Layer {
    let dockerfile = dockerfile();
    let programs = programs(&dockerfile);
    let sources = Sources {
        dockerfile: &dockerfile,
        repository: &root(),
        programs: programs.path(),
    };
    let triple = &dockerfile.triples().unwrap()[0].1;
    own_layer(&sources, dockerfile.stage(name).unwrap(), triple, DATE).unwrap()
}

/// Kind, mode, owner, and target or size of each file.
fn files(layer: &Layer) -> BTreeMap<String, String> {
    let mut archive = tar::Archive::new(layer.tar.as_slice());
    let entries = archive.entries().unwrap().map(|entry| {
        let entry = entry.unwrap();
        let header = entry.header();
        let (mode, owner) = (header.mode().unwrap(), header.uid().unwrap());
        assert_eq!(header.mtime().unwrap(), DATE);
        let more = match entry.link_name().unwrap() {
            Some(target) => format!("-> {}", target.display()),
            None => header.size().unwrap().to_string(),
        };
        let path = entry.path().unwrap().display().to_string();
        (path, format!("{mode:o} {owner} {more}"))
    });
    entries.collect()
}

#[test]
fn an_image_without_a_distribution_has_the_program_and_what_it_reads() {
    for name in ["rest-only", "full"] {
        let files = files(&layer(name));
        let found: Vec<_> = files.iter().map(|(a, b)| format!("{a} {b}")).collect();
        let program = format!("usr/local/bin/streeling 755 0 {}", PROGRAM.len());
        let expected = [
            "etc/ 755 0 0",
            "etc/group 644 0 18",
            "etc/passwd 644 0 51",
            "tmp/ 1777 0 0",
            "usr/ 755 0 0",
            "usr/local/ 755 0 0",
            "usr/local/bin/ 755 0 0",
            "usr/local/bin/seldon-core-microservice 777 0 -> streeling",
            program.as_str(),
        ];
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn an_image_for_components_has_the_scripts_above_debian() {
    let dockerfile = dockerfile();
    let stage = dockerfile.stage("python").unwrap();
    let debian = Debian::of(stage).unwrap().unwrap();
    assert_eq!(debian.suite, "bookworm");
    let shown = format!("{debian:?}");
    for part in ["python3-numpy", "useradd --uid 8888", "/opt/venv"] {
        assert!(shown.contains(part), "no {part} in {shown}");
    }
    assert!(!shown.contains("apt-get"), "{shown}");

    let files = files(&layer("python"));
    for name in [
        "usr/local/bin/streeling-entrypoint",
        "usr/libexec/s2i/assemble",
    ] {
        assert!(files[name].starts_with("755 0 "), "{name}: {files:?}");
    }
    assert!(files.contains_key("usr/libexec/s2i/run"));
    assert!(!files.contains_key("etc/passwd"), "Debian has its own");
    for name in ["rest-only", "full"] {
        let stage = dockerfile.stage(name).unwrap();
        assert_eq!(Debian::of(stage).unwrap(), None);
    }
}

/// The table of the README says of each image what the Dockerfile says.
#[test]
fn the_readme_says_what_the_images_have() {
    let readme = fs::read_to_string(root().join("deploy/image/README.md")).unwrap();
    let dockerfile = dockerfile();
    for name in super::NAMES {
        let stage = dockerfile.stage(name).unwrap();
        let settings = Settings::of(stage);
        assert!(readme.contains(&format!("`streeling:{name}`")), "{name}");
        let program = settings.entrypoint[0].rsplit('/').next().unwrap();
        let row = |start: &str| readme.lines().find(|line| line.starts_with(start)).unwrap();
        assert!(row("| starts |").contains(&format!("`{program}`")));
        for port in &settings.ports {
            assert!(row("| ports |").contains(&port.to_string()), "{port}");
        }
        assert!(row("| user |").contains(&settings.user));
    }
    for (arch, _) in dockerfile.triples().unwrap() {
        assert!(readme.contains(&arch), "{arch}");
        assert!(ARCHITECTURES.contains(&arch.as_str()), "{arch}");
    }
}

/// Writes an image of one layer for two architectures, with a bill of materials.
fn write(folder: &Path) -> String {
    let dockerfile = dockerfile();
    let settings = Settings::of(dockerfile.stage("python").unwrap());
    let about = Description {
        settings: &settings,
        labels: vec![("org.opencontainers.image.version".into(), "1".into())],
        time: DATE,
    };
    let layers = [layer("full")];
    let mut layout = Layout::create(folder).unwrap();
    let mut images = Vec::new();
    for arch in ARCHITECTURES {
        images.push(layout.image(arch, &about, &layers).unwrap());
    }
    layout.attach(&images[0], b"{}\n", DATE).unwrap();
    layout.finish("full", &images).unwrap()
}

#[test]
fn a_layout_is_the_same_when_made_again_and_is_read_back() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("full");
    let digest = write(&folder);
    assert_eq!(write(&scratch.path().join("again")), digest);
    // In the place of the one before.
    assert_eq!(write(&folder), digest);
    let version = fs::read_to_string(folder.join("oci-layout")).unwrap();
    assert_eq!(version, r#"{"imageLayoutVersion":"1.0.0"}"#);

    let stored = Stored::open(&folder).unwrap();
    assert_eq!(stored.index().unwrap()["digest"], digest);
    let unpacked = scratch.path().join("root");
    let config = stored.unpack("arm64", &unpacked).unwrap();
    assert_eq!(config["User"], "8888");
    assert_eq!(config["WorkingDir"], "/microservice");
    assert_eq!(
        config["Entrypoint"],
        json!(["/usr/local/bin/streeling-entrypoint"])
    );
    let ports: Vec<_> = config["ExposedPorts"].as_object().unwrap().keys().collect();
    assert_eq!(ports, ["9000/tcp", "5000/tcp", "6000/tcp"]);
    let labels = &config["Labels"];
    assert_eq!(labels["org.opencontainers.image.version"], "1");
    assert_eq!(
        labels["io.openshift.s2i.scripts-url"],
        "image:///usr/libexec/s2i"
    );
    let link = unpacked.join("usr/local/bin/seldon-core-microservice");
    assert_eq!(fs::read_to_string(link).unwrap(), PROGRAM);

    let index = stored.document(&stored.index().unwrap()).unwrap();
    let attached = stored
        .manifests()
        .unwrap()
        .into_iter()
        .find(|one| one["artifactType"] == SBOM)
        .unwrap();
    let attached = stored.document(&attached).unwrap();
    assert_eq!(
        attached["subject"]["digest"],
        index["manifests"][0]["digest"]
    );
    assert_eq!(stored.blob(&attached["layers"][0]).unwrap(), b"{}\n");
    assert_eq!(attached["subject"].get("platform"), None);
}

#[test]
fn a_layout_that_was_changed_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("full");
    write(&folder);
    let stored = Stored::open(&folder).unwrap();
    let manifest = stored.image("amd64").unwrap();
    let layer: &Value = &manifest["layers"][0];
    let digest = layer["digest"].as_str().unwrap().replace(':', "/");
    let file = folder.join("blobs").join(digest);
    let mut bytes = fs::read(&file).unwrap();
    bytes.pop();
    fs::write(&file, &bytes).unwrap();
    let error = stored
        .unpack("amd64", &scratch.path().join("root"))
        .unwrap_err();
    assert!(error.to_string().contains("has the digest"), "{error}");
    let error = stored.image("riscv64").unwrap_err();
    assert!(
        error.to_string().contains("not made for riscv64"),
        "{error}"
    );
    assert!(Stored::open(scratch.path()).is_err());
}

#[test]
fn a_missing_program_is_an_error_that_says_how_to_get_it() {
    let dockerfile = dockerfile();
    let sources = Sources {
        dockerfile: &dockerfile,
        repository: &root(),
        programs: Path::new("/nonexistent"),
    };
    let stage = dockerfile.stage("rest-only").unwrap();
    let error = sources.program(stage, "some-triple").unwrap_err();
    let way = "cargo xtask dist binaries --variant rest-only --target some-triple";
    assert!(error.to_string().ends_with(way), "{error}");
}
