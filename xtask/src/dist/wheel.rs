//! A wheel of programs that are there already, packed by the rules of the specification of binary
//! distributions.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use super::archive::{self, Content, Entry};

/// What goes into a wheel.
pub(super) struct Wheel<'a> {
    pub(super) name: &'a str,
    pub(super) version: &'a str,
    /// The systems and architectures that it is for, such as `musllinux_1_1_x86_64`.
    pub(super) platforms: Vec<String>,
    /// Programs that are to lie on the path, by name.
    pub(super) programs: Vec<(&'a str, Vec<u8>)>,
    /// Files of the folder `dist-info`, by their path in it, `METADATA` among them.
    pub(super) about: Vec<(String, Vec<u8>)>,
}

impl Wheel<'_> {
    /// The name of the file, which says where it can be installed.
    pub(super) fn file_name(&self) -> String {
        let Self { name, version, .. } = self;
        format!("{name}-{version}-py3-none-{}.whl", self.platforms.join("."))
    }

    /// The bytes of the file.
    pub(super) fn pack(&self, date: u64) -> anyhow::Result<Vec<u8>> {
        let Self { name, version, .. } = self;
        let mut files: Vec<Entry> = self
            .programs
            .iter()
            .map(|(program, bytes)| {
                let path = format!("{name}-{version}.data/scripts/{program}");
                Entry::program(path, bytes.clone())
            })
            .collect();
        // Behind everything else, as the specification recommends.
        let folder = format!("{name}-{version}.dist-info");
        for (path, bytes) in &self.about {
            files.push(Entry::file(format!("{folder}/{path}"), bytes.clone()));
        }
        files.push(Entry::file(format!("{folder}/WHEEL"), self.tags()?));
        let list = format!("{folder}/RECORD");
        let record = record(&files, &list)?;
        files.push(Entry::file(list, record));
        archive::zip(&files, date)
    }

    fn tags(&self) -> anyhow::Result<String> {
        let mut text = format!(
            "Wheel-Version: 1.0\n\
             Generator: streeling-dist ({})\n\
             Root-Is-Purelib: false\n",
            self.version
        );
        for platform in &self.platforms {
            writeln!(text, "Tag: py3-none-{platform}")?;
        }
        Ok(text)
    }
}

/// Every file with its digest and size; the list itself has neither.
fn record(files: &[Entry], list: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    for file in files {
        let Content::File(bytes) = &file.content else {
            anyhow::bail!("{} is no file", file.path);
        };
        let digest = BASE64_URL_SAFE_NO_PAD.encode(archive::sha256_bytes(bytes));
        writeln!(text, "{},sha256={digest},{}", file.path, bytes.len())?;
    }
    writeln!(text, "{list},,")?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read as _};

    use super::*;

    const DATE: u64 = 1_700_000_000;

    fn wheel() -> Wheel<'static> {
        Wheel {
            name: "small",
            version: "1.2.3",
            platforms: vec!["manylinux2014_x86_64".into(), "musllinux_1_1_x86_64".into()],
            programs: vec![("small", b"#!/bin/sh\necho small\n".to_vec())],
            about: vec![
                ("METADATA".into(), b"Metadata-Version: 2.4\n".to_vec()),
                ("licenses/LICENSE".into(), b"free\n".to_vec()),
            ],
        }
    }

    #[test]
    fn the_same_files_make_the_same_wheel() {
        let one = wheel().pack(DATE).unwrap();
        let other = wheel().pack(DATE).unwrap();
        assert_eq!(archive::sha256(&one), archive::sha256(&other));
        let mut changed = wheel();
        changed.programs[0].1.push(b'\n');
        assert_ne!(one, changed.pack(DATE).unwrap());
    }

    #[test]
    fn the_name_and_the_tags_say_where_it_can_be_installed() {
        let name = "small-1.2.3-py3-none-manylinux2014_x86_64.musllinux_1_1_x86_64.whl";
        assert_eq!(wheel().file_name(), name);
        let tags = wheel().tags().unwrap();
        let tags: Vec<&str> = tags
            .lines()
            .filter(|line| line.starts_with("Tag"))
            .collect();
        let expected = [
            "Tag: py3-none-manylinux2014_x86_64",
            "Tag: py3-none-musllinux_1_1_x86_64",
        ];
        assert_eq!(tags, expected);
    }

    #[test]
    fn the_record_names_every_file_with_its_digest() {
        let mut archive = zip::ZipArchive::new(Cursor::new(wheel().pack(DATE).unwrap())).unwrap();
        let mut files = Vec::new();
        for index in 0..archive.len() {
            let mut file = archive.by_index(index).unwrap();
            let name = file.name().unwrap().into_owned();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            files.push((name, bytes));
        }
        let (last, record) = files.pop().unwrap();
        assert_eq!(last, "small-1.2.3.dist-info/RECORD");
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        let expected = [
            "small-1.2.3.data/scripts/small",
            "small-1.2.3.dist-info/METADATA",
            "small-1.2.3.dist-info/licenses/LICENSE",
            "small-1.2.3.dist-info/WHEEL",
        ];
        assert_eq!(names, expected);
        let mut lines: Vec<String> = files
            .iter()
            .map(|(name, bytes)| {
                let digest = BASE64_URL_SAFE_NO_PAD.encode(archive::sha256_bytes(bytes));
                format!("{name},sha256={digest},{}", bytes.len())
            })
            .collect();
        lines.push(format!("{last},,"));
        let record = String::from_utf8(record).unwrap();
        assert_eq!(record.lines().collect::<Vec<_>>(), lines);
        // As `printf 'free\n' | sha256sum` has it, in the record's alphabet.
        assert!(
            record.contains("LICENSE,sha256=DPk0DYvC8feDbgzm4heNX9OCvef8UNyEXb8ije43E7Q,5\n"),
            "{record}"
        );
    }
}
