use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

/// What a name of a component that is compiled in starts with.
const BUILT_IN: &str = "rust:";

/// What stands before an ONNX file.
const ONNX: &str = "onnx:";

/// What to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ComponentName {
    /// A Python class, in worker processes.
    Python(InterfaceName),
    /// A component that is compiled in, by its name without `rust:`.
    BuiltIn(String),
    /// An ONNX file.
    Onnx(PathBuf),
}

impl ComponentName {
    /// # Errors
    ///
    /// What is wrong with the name, for a person.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Some(file) = text.strip_prefix(ONNX) {
            return match Path::new(file).file_stem() {
                Some(_) => Ok(Self::Onnx(file.into())),
                None => Err(format!("{file:?} is no name of a file")),
            };
        }
        match text.strip_prefix(BUILT_IN) {
            Some(name) if is_identifier(name) => Ok(Self::BuiltIn(name.to_owned())),
            Some(name) => Err(format!("{name:?} is no name of a component")),
            None => InterfaceName::parse(text).map(Self::Python),
        }
    }

    /// Its own name, without the module of a class, or the folder and the extension of a file.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Python(interface) => &interface.class,
            Self::BuiltIn(name) => name,
            // A path that was not text has not been parsed.
            Self::Onnx(file) => file.file_stem().and_then(OsStr::to_str).unwrap_or_default(),
        }
    }
}

impl fmt::Display for ComponentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Python(interface) => interface.fmt(f),
            Self::BuiltIn(name) => write!(f, "{BUILT_IN}{name}"),
            Self::Onnx(file) => write!(f, "{ONNX}{}", file.display()),
        }
    }
}

/// A Python class: a module and a class in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceName {
    /// Module to import, dotted for one inside a package.
    pub module: String,
    /// Attribute of the module: a class, or any callable that returns the component.
    pub class: String,
}

impl InterfaceName {
    /// Splits at the last dot; a name without a dot is module and class at once.
    ///
    /// A module may have hyphens in its name: Python's import machinery takes them (files such as
    /// `my-model.py` are served by seldon-core), only its `import` statement does not.
    ///
    /// # Errors
    ///
    /// What is wrong with the name, for a person. For the path of a file it names the class that
    /// probably is meant.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        Self::split(text).map_err(|why| match class_in_file(text) {
            Some(name) => format!("{why}; is {name} meant?"),
            None => why,
        })
    }

    fn split(text: &str) -> Result<Self, String> {
        let (module, class) = text.rsplit_once('.').unwrap_or((text, text));
        if let Some(part) = module
            .split('.')
            .find(|part| !is_identifier(&part.replace('-', "_")))
        {
            return Err(format!("{part:?} is no module name"));
        }
        if !is_identifier(class) {
            return Err(format!("{class:?} is no class name"));
        }
        Ok(Self {
            module: module.to_owned(),
            class: class.to_owned(),
        })
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.module, self.class)
    }
}

/// The class of the same name in a file that is given by its path.
fn class_in_file(path: &str) -> Option<String> {
    let path = path.strip_prefix("./").unwrap_or(path);
    let path = path.strip_suffix(".py").unwrap_or(path);
    let (folder, class) = path.rsplit_once('/').unwrap_or(("", path));
    let name = match folder {
        "" => class.to_owned(),
        _ => format!("{}.{class}.{class}", folder.replace('/', ".")),
    };
    InterfaceName::split(&name).ok().map(|_| name)
}

/// Python's identifiers, a little too generous beyond ASCII: Python has the last word at import.
fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars
        .next()
        .is_some_and(|first| first == '_' || first.is_alphabetic())
        && chars.all(|c| c == '_' || c.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_dot_divides_module_and_class() {
        for (text, module, class) in [
            ("Iris", "Iris", "Iris"),
            ("iris.Iris", "iris", "Iris"),
            ("pkg.sub.Model", "pkg.sub", "Model"),
            ("my-model.Model", "my-model", "Model"),
            ("_m._C", "_m", "_C"),
            ("modèle.Modèle2", "modèle", "Modèle2"),
        ] {
            let name = InterfaceName::parse(text).unwrap();
            assert_eq!(
                (name.module.as_str(), name.class.as_str()),
                (module, class),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_compiled_in_has_a_prefix() {
        let echo = ComponentName::parse("rust:echo").unwrap();
        assert_eq!(echo, ComponentName::BuiltIn("echo".to_owned()));
        assert_eq!((echo.name(), &*echo.to_string()), ("echo", "rust:echo"));
        let class = ComponentName::parse("iris.Iris").unwrap();
        assert_eq!((class.name(), &*class.to_string()), ("Iris", "iris.Iris"));
        for text in ["rust:", "rust:a b", "rust:a.b", "Rust:echo", "go:echo"] {
            assert!(ComponentName::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_file_has_a_prefix_of_its_own() {
        let file = ComponentName::parse("onnx:models/iris.v2.onnx").unwrap();
        assert_eq!(file, ComponentName::Onnx("models/iris.v2.onnx".into()));
        assert_eq!(
            (file.name(), &*file.to_string()),
            ("iris.v2", "onnx:models/iris.v2.onnx")
        );
        for text in ["onnx:", "onnx:/", "onnx:.."] {
            assert!(ComponentName::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_that_python_cannot_import_are_refused() {
        for text in [
            "", ".", "a.", ".a", "a..b", "1a", "a.1b", "a/b", "a b", "a.b-c", "my-model", "a.b()",
        ] {
            assert!(InterfaceName::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_path_of_a_file_is_refused_with_the_class_that_is_meant() {
        for (text, expected) in [
            ("./Iris.py", "Iris"),
            ("./Iris", "Iris"),
            ("models/Iris.py", "models.Iris.Iris"),
            ("a/b/Iris.py", "a.b.Iris.Iris"),
        ] {
            let why = InterfaceName::parse(text).unwrap_err();
            assert!(why.ends_with(&format!("; is {expected} meant?")), "{why}");
        }
        for text in ["/app/Iris.py", "a b.py", "../Iris.py"] {
            let why = InterfaceName::parse(text).unwrap_err();
            assert!(why.ends_with("name"), "{why}");
        }
    }
}
