//! Archives that are the same, byte for byte, whenever the same files are put in: entries are
//! sorted, and no time, user or folder of this machine is in them.

use std::io::{self, Cursor, Write};

use anyhow::{Context as _, ensure};
use flate2::{Compression, GzBuilder};
use sha2::{Digest as _, Sha256};
use tar::{EntryType, Header};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// A file, folder or link in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Without a slash at either end, separated by slashes.
    pub(crate) path: String,
    pub(crate) content: Content,
    /// Permissions, such as 0o644.
    pub(crate) mode: u32,
    /// The number of the user and of the group.
    pub(crate) owner: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    File(Vec<u8>),
    Folder,
    /// A symbolic link to this target, which is kept as it is.
    Link(String),
}

impl Entry {
    /// A file that all may read.
    pub(crate) fn file(path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self::new(path, Content::File(bytes.into()), 0o644)
    }

    /// A file that all may run.
    pub(crate) fn program(path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self::new(path, Content::File(bytes.into()), 0o755)
    }

    fn new(path: impl Into<String>, content: Content, mode: u32) -> Self {
        Self {
            path: path.into(),
            content,
            mode,
            owner: 0,
        }
    }
}

/// What `SOURCE_DATE_EPOCH` says, in seconds since 1970; `None` where it is not set.
pub(crate) fn source_date() -> anyhow::Result<Option<u64>> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the convention of reproducible builds, not a setting of the server"
    )]
    let date = std::env::var("SOURCE_DATE_EPOCH");
    let Ok(date) = date else {
        return Ok(None);
    };
    let seconds = date.parse();
    let seconds = seconds
        .with_context(|| format!("SOURCE_DATE_EPOCH is a number of seconds, not {date:?}"))?;
    Ok(Some(seconds))
}

/// The time of every entry of an archive, in seconds since 1970: that of `SOURCE_DATE_EPOCH`, or
/// else 1980, where the times of a zip begin.
pub(super) fn entry_date() -> anyhow::Result<u64> {
    let seconds = source_date()?.unwrap_or(FIRST_DATE);
    ensure!(
        seconds >= FIRST_DATE,
        "SOURCE_DATE_EPOCH must be at least {FIRST_DATE} (1980), where the times of a zip begin"
    );
    Ok(seconds)
}

const FIRST_DATE: u64 = 315_532_800;

/// A tar of these entries, sorted by path, with `date` as the time of each.
pub(crate) fn tar<W: Write>(entries: &[Entry], date: u64, output: W) -> anyhow::Result<W> {
    let mut builder = tar::Builder::new(output);
    for entry in sorted(entries)? {
        let mut header = Header::new_gnu();
        header.set_mode(entry.mode);
        header.set_uid(entry.owner.into());
        header.set_gid(entry.owner.into());
        header.set_mtime(date);
        header.set_size(0);
        let path = &entry.path;
        match &entry.content {
            Content::File(bytes) => {
                header.set_entry_type(EntryType::Regular);
                header.set_size(bytes.len() as u64);
                builder.append_data(&mut header, path, bytes.as_slice())?;
            }
            Content::Folder => {
                header.set_entry_type(EntryType::Directory);
                builder.append_data(&mut header, format!("{path}/"), io::empty())?;
            }
            Content::Link(target) => {
                header.set_entry_type(EntryType::Symlink);
                builder.append_link(&mut header, path, target)?;
            }
        }
    }
    Ok(builder.into_inner()?)
}

/// The bytes, compressed as well as gzip can; its head has neither a name nor a time.
pub(crate) fn gzip(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

/// A zip of these files in the order in which they are given, which some formats prescribe, with
/// `date` as the time of each.
pub(crate) fn zip(entries: &[Entry], date: u64) -> anyhow::Result<Vec<u8>> {
    sorted(entries)?;
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for entry in entries {
        let Content::File(bytes) = &entry.content else {
            anyhow::bail!("{} is no file, and only files go into a zip", entry.path);
        };
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(9))
            .last_modified_time(zip_date(date)?)
            .unix_permissions(entry.mode);
        writer.start_file(entry.path.as_str(), options)?;
        writer.write_all(bytes)?;
    }
    Ok(writer.finish()?.into_inner())
}

/// The digest in the way that `sha256sum` and OCI write it.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// The digest itself.
pub(crate) fn sha256_bytes(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sorted(entries: &[Entry]) -> anyhow::Result<Vec<&Entry>> {
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by(|one, other| one.path.cmp(&other.path));
    for entry in &sorted {
        let path = &entry.path;
        let mut parts = path.split('/');
        ensure!(
            parts.all(|part| !["", ".", ".."].contains(&part)),
            "{path:?} is no path within an archive"
        );
    }
    for pair in sorted.windows(2) {
        ensure!(
            pair[0].path != pair[1].path,
            "{} is there twice",
            pair[0].path
        );
    }
    Ok(sorted)
}

/// The time in UTC, to the two seconds that a zip can write.
fn zip_date(seconds: u64) -> anyhow::Result<zip::DateTime> {
    let date = jiff::Timestamp::from_second(seconds.try_into()?)?
        .to_zoned_datetime(jiff::tz::TimeZone::UTC);
    let part = |value: i8| u8::try_from(value).expect("no part of a date is negative");
    zip::DateTime::from_date_and_time(
        u16::try_from(date.year())?,
        part(date.month()),
        part(date.day()),
        part(date.hour()),
        part(date.minute()),
        part(date.second()),
    )
    .context("a zip can write times from 1980 to 2107")
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    const DATE: u64 = 1_700_000_000;

    fn entries() -> Vec<Entry> {
        let long = "long/".repeat(40);
        vec![
            Entry::program("b/run", "#!/bin/sh\n"),
            Entry::file("a", vec![7; 3000]),
            Entry::new("b", Content::Folder, 0o755),
            Entry::new("b/link", Content::Link("../a".into()), 0o777),
            Entry::file(format!("{long}name"), "deep"),
        ]
    }

    #[test]
    fn a_tar_is_the_same_whatever_the_order_of_its_files() {
        let mut reversed = entries();
        reversed.reverse();
        let one = tar(&entries(), DATE, Vec::new()).unwrap();
        let other = tar(&reversed, DATE, Vec::new()).unwrap();
        assert_eq!(sha256(&one), sha256(&other));
        assert_ne!(one, tar(&entries(), DATE + 1, Vec::new()).unwrap());

        let mut archive = tar::Archive::new(one.as_slice());
        let mut seen = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let header = entry.header().clone();
            assert_eq!(header.mtime().unwrap(), DATE);
            assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            let path = entry.path().unwrap().display().to_string();
            seen.push((path, header.mode().unwrap(), bytes.len()));
        }
        let long = format!("{}name", "long/".repeat(40));
        let expected = [
            ("a", 0o644, 3000),
            ("b/", 0o755, 0),
            ("b/link", 0o777, 0),
            ("b/run", 0o755, 10),
            (long.as_str(), 0o644, 4),
        ];
        assert_eq!(
            seen,
            expected.map(|(path, mode, size)| (path.to_owned(), mode, size))
        );
    }

    #[test]
    fn a_gzip_is_read_by_others_and_has_no_time() {
        let tar = tar(&entries(), DATE, Vec::new()).unwrap();
        let packed = gzip(&tar).unwrap();
        assert_eq!(packed[..8], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
        let mut unpacked = Vec::new();
        let mut reader = flate2::read::GzDecoder::new(packed.as_slice());
        reader.read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, tar);
    }

    #[test]
    fn a_zip_has_the_order_modes_and_times_that_it_was_given() {
        let files = [
            Entry::program("z/run", "#!/bin/sh\n"),
            Entry::file("a", vec![7; 3000]),
        ];
        let packed = zip(&files, DATE).unwrap();
        assert_eq!(sha256(&packed), sha256(&zip(&files, DATE).unwrap()));
        let mut archive = zip::ZipArchive::new(Cursor::new(packed)).unwrap();
        for (index, file) in files.iter().enumerate() {
            let mut entry = archive.by_index(index).unwrap();
            assert_eq!(entry.name().unwrap(), file.path);
            assert_eq!(entry.unix_mode().unwrap() & 0o777, file.mode);
            // 2023-11-14 22:13:20
            let time = entry.last_modified().unwrap();
            assert_eq!(time.to_string(), "2023-11-14 22:13:20");
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            assert_eq!(Content::File(bytes), file.content);
        }
    }

    #[test]
    fn what_no_archive_should_hold_is_refused() {
        for path in ["", "/etc/passwd", "../up", "a//b", "a/", "a/./b"] {
            let error = tar(&[Entry::file(path, "")], DATE, Vec::new()).unwrap_err();
            assert!(error.to_string().contains("no path"), "{path}: {error}");
        }
        let twice = [Entry::file("a", ""), Entry::file("a", "")];
        assert!(zip(&twice, DATE).unwrap_err().to_string().contains("twice"));
        let folder = [Entry::new("a", Content::Folder, 0o755)];
        assert!(zip(&folder, DATE).is_err());
    }

    #[test]
    fn a_digest_is_the_one_of_the_standard() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256(b""), empty);
        assert_eq!(hexadecimal(&sha256_bytes(b"")), empty);
    }
}
