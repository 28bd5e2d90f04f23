//! Paths, which need not be UTF-8.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

#[cfg(test)]
use super::Examples;
use super::{Kind, Parsed};
use crate::language::Language::{self, Chinese, English};

/// A file that need not be there yet.
pub(crate) struct File;

impl Kind for File {
    type Value = PathBuf;

    fn parse(&self, text: &str) -> Parsed<PathBuf> {
        self.parse_raw(OsStr::new(text))
    }

    fn parse_raw(&self, raw: &OsStr) -> Parsed<PathBuf> {
        Parsed::of((!raw.is_empty()).then(|| PathBuf::from(raw)))
    }

    fn allowed(&self, language: Language) -> String {
        match language {
            English => "a path".to_owned(),
            Chinese => "路径".to_owned(),
        }
    }

    fn placeholder(&self) -> &'static str {
        "PATH"
    }

    #[cfg(test)]
    fn examples(&self) -> Examples {
        Examples::new(["a", "/no/such/b"], &[""])
    }
}

/// A folder that must be there. It is sent to the workers as JSON, and so must be UTF-8.
pub(crate) struct Folder;

impl Kind for Folder {
    type Value = PathBuf;

    fn parse(&self, text: &str) -> Parsed<PathBuf> {
        match Path::new(text) {
            _ if text.is_empty() => Parsed::Bad(None),
            path if path.is_dir() => Parsed::Value(path.to_owned()),
            _ => Parsed::Bad(Some("there is no such folder".to_owned())),
        }
    }

    fn allowed(&self, language: Language) -> String {
        match language {
            English => "a folder that is there".to_owned(),
            Chinese => "已存在的目录".to_owned(),
        }
    }

    fn placeholder(&self) -> &'static str {
        "FOLDER"
    }

    #[cfg(test)]
    fn examples(&self) -> Examples {
        Examples::new(["/", "/dev"], &["", "/no/such/folder", "/dev/null"])
    }
}

/// A program: a name to be looked up on `PATH`, or a path to a file that must be there.
pub(crate) struct Program;

impl Kind for Program {
    type Value = PathBuf;

    fn parse(&self, text: &str) -> Parsed<PathBuf> {
        self.parse_raw(OsStr::new(text))
    }

    fn parse_raw(&self, raw: &OsStr) -> Parsed<PathBuf> {
        let path = Path::new(raw);
        // A bare name is left to the search on PATH when the program is started.
        let has_folder = path.components().count() > 1;
        if raw.is_empty() {
            return Parsed::Bad(None);
        }
        if has_folder && !path.is_file() {
            return Parsed::Bad(Some("there is no such file".to_owned()));
        }
        Parsed::Value(path.to_owned())
    }

    fn allowed(&self, language: Language) -> String {
        match language {
            English => "a name on PATH or a program file that is there".to_owned(),
            Chinese => "PATH 中的程序名，或已存在的程序文件".to_owned(),
        }
    }

    fn placeholder(&self) -> &'static str {
        "PATH"
    }

    #[cfg(test)]
    fn examples(&self) -> Examples {
        let refused = ["", "/no/such/python", "./no-such-python"];
        Examples::new(["python3", "python3.12"], &refused)
    }
}
