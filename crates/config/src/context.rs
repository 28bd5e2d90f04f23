use crate::annotations::Annotations;
use crate::environment::Environment;
use crate::error::{Warning, quoted};

/// Where settings come from beside the command line, and what there is to be said about them.
pub(crate) struct Context<'a> {
    /// The name that the program was started by, without its folder.
    pub(crate) program: &'a str,
    pub(crate) environment: &'a Environment,
    annotations: &'a Annotations,
    pub(crate) warnings: Vec<Warning>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(
        program: &'a str,
        environment: &'a Environment,
        annotations: &'a Annotations,
    ) -> Self {
        Self {
            program,
            environment,
            annotations,
            warnings: Vec::new(),
        }
    }

    pub(crate) fn warn(&mut self, text: String) {
        self.warnings.push(Warning(text));
    }

    /// Whether an annotation has this value.
    pub(crate) fn has(&self, key: &str, value: &str) -> bool {
        self.annotations.get(key) == Some(value)
    }

    /// An annotation is often not the person's who starts the server: a bad one is left out.
    pub(crate) fn annotation<T>(
        &mut self,
        key: &str,
        read: impl Fn(&str) -> Option<T>,
        allowed: &str,
    ) -> Option<T> {
        let text = self.annotations.get(key)?;
        let value = read(text);
        if value.is_none() {
            self.warn(format!(
                "annotation {key}: {} is left out, allowed is {allowed}",
                quoted(text)
            ));
        }
        value
    }
}
