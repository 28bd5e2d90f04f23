//! As much of the Dockerfile's language as ours is written in. What an image is, stands there
//! alone; an instruction that is not understood here is an error.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail, ensure};

/// A Dockerfile of several stages.
#[derive(Debug)]
pub(super) struct Dockerfile {
    pub(super) stages: Vec<Stage>,
}

/// What is between two `FROM`.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) name: String,
    /// Another stage, or an image, with its arguments filled in.
    pub(super) base: String,
    pub(super) instructions: Vec<Instruction>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Instruction {
    Copy {
        /// The stage that has the source; `None`: the repository.
        from: Option<String>,
        source: String,
        target: String,
    },
    Entrypoint(Vec<String>),
    Expose(Vec<u16>),
    Label(Vec<(String, String)>),
    /// A shell's command line, without line ends.
    Run(String),
    User(String),
    Workdir(String),
}

impl Dockerfile {
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let mut arguments = BTreeMap::new();
        let mut stages: Vec<Stage> = Vec::new();
        for line in logical_lines(text) {
            let (word, rest) = line.split_once(' ').unwrap_or((line.as_str(), ""));
            let rest = rest.trim();
            match (word, stages.last_mut()) {
                ("ARG", None) => {
                    let (name, value) = rest.split_once('=').with_context(|| {
                        format!("ARG {rest} must have a default before the first FROM")
                    })?;
                    arguments.insert(name.to_owned(), value.to_owned());
                }
                // Its value is what the builder says: it is in the environment of RUN.
                ("ARG", Some(_)) => {}
                ("FROM", _) => stages.push(stage(rest, &arguments)?),
                (_, None) => bail!("{word} stands before the first FROM"),
                (_, Some(stage)) => stage.instructions.push(instruction(word, rest)?),
            }
        }
        Ok(Self { stages })
    }

    pub(super) fn stage(&self, name: &str) -> anyhow::Result<&Stage> {
        let found = self.stages.iter().find(|stage| stage.name == name);
        found.with_context(|| format!("the Dockerfile has no stage {name}"))
    }

    /// The Rust target of each architecture, from the `case` whose outcome goes to `/triple`.
    pub(super) fn triples(&self) -> anyhow::Result<Vec<(String, String)>> {
        let mut commands = self.stages.iter().flat_map(Stage::commands);
        let case = commands
            .find_map(|command| command.strip_suffix(">/triple"))
            .context("no RUN of the Dockerfile writes /triple")?;
        let found: Vec<_> = case
            .split(";;")
            .filter_map(|arm| {
                let (before, triple) = arm.split_once(") echo ")?;
                let arch = before.split_whitespace().next_back()?;
                let is_name = |text: &str| !text.contains(|c: char| " \"'*".contains(c));
                let triple = triple.trim();
                (is_name(arch) && is_name(triple)).then(|| (arch.to_owned(), triple.to_owned()))
            })
            .collect();
        ensure!(!found.is_empty(), "no architecture has a Rust target");
        Ok(found)
    }
}

impl Stage {
    /// What its `RUN` instructions say.
    pub(super) fn commands(&self) -> impl Iterator<Item = &str> {
        self.instructions.iter().filter_map(|one| match one {
            Instruction::Run(command) => Some(command.as_str()),
            _ => None,
        })
    }
}

/// Lines without comments; those that end in a backslash go on in the next one.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut open = String::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some(part) = line.strip_suffix('\\') {
            open.push_str(part);
        } else {
            open.push_str(line);
            lines.push(std::mem::take(&mut open));
        }
    }
    lines.retain(|line| !line.trim().is_empty());
    lines
}

fn stage(rest: &str, arguments: &BTreeMap<String, String>) -> anyhow::Result<Stage> {
    let words: Vec<&str> = rest
        .split_whitespace()
        .filter(|word| !word.starts_with("--platform="))
        .collect();
    let &[base, "AS", name] = words.as_slice() else {
        bail!("FROM {rest}: must be FROM [--platform=…] IMAGE AS NAME");
    };
    let mut base = base.to_owned();
    for (name, value) in arguments {
        base = base.replace(&format!("${{{name}}}"), value);
    }
    ensure!(
        !base.contains('$'),
        "FROM {base}: an argument has no default"
    );
    Ok(Stage {
        name: name.to_owned(),
        base,
        instructions: Vec::new(),
    })
}

fn instruction(word: &str, rest: &str) -> anyhow::Result<Instruction> {
    Ok(match word {
        "COPY" => copy(rest)?,
        "ENTRYPOINT" => Instruction::Entrypoint(
            serde_json::from_str(rest)
                .with_context(|| format!("ENTRYPOINT {rest}: must be a list of strings"))?,
        ),
        "EXPOSE" => Instruction::Expose(
            rest.split_whitespace()
                .map(|port| port.parse().with_context(|| format!("EXPOSE {port}")))
                .collect::<anyhow::Result<_>>()?,
        ),
        "LABEL" => Instruction::Label(labels(rest)?),
        "RUN" => {
            let mut command = rest;
            while command.starts_with("--mount=") {
                command = command.split_once(' ').context("RUN has no command")?.1;
                command = command.trim_start();
            }
            Instruction::Run(command.to_owned())
        }
        "USER" => Instruction::User(rest.to_owned()),
        "WORKDIR" => Instruction::Workdir(rest.to_owned()),
        _ => bail!("{word} is an instruction that `cargo xtask image` does not know"),
    })
}

fn copy(rest: &str) -> anyhow::Result<Instruction> {
    let (from, paths) = match rest.strip_prefix("--from=") {
        Some(rest) => {
            let (from, paths) = rest.split_once(' ').context("COPY has no paths")?;
            (Some(from.to_owned()), paths)
        }
        None => (None, rest),
    };
    let &[source, target] = paths.split_whitespace().collect::<Vec<_>>().as_slice() else {
        bail!("COPY {rest}: must have one source and one target");
    };
    Ok(Instruction::Copy {
        from,
        source: source.to_owned(),
        target: target.to_owned(),
    })
}

/// `name="value"` as often as it comes.
fn labels(mut rest: &str) -> anyhow::Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (name, after) = rest
            .split_once("=\"")
            .with_context(|| format!("LABEL {rest}: must be NAME=\"VALUE\""))?;
        let (value, after) = after
            .split_once('"')
            .with_context(|| format!("LABEL {name} has no second quotation mark"))?;
        found.push((name.to_owned(), value.to_owned()));
        rest = after.trim_start();
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"# syntax
ARG DEBIAN=bookworm
FROM --platform=$BUILDPLATFORM rust:1-${DEBIAN} AS source
ARG TARGETARCH
RUN --mount=type=cache,target=/a \
    --mount=type=cache,target=/b \
# why
    case "$TARGETARCH" in \
        amd64) echo x86 ;; \
        arm64) echo arm ;; \
        *) echo "none for $TARGETARCH" >&2; exit 1 ;; \
    esac >/triple

FROM scratch AS small
COPY --from=source /here/ /
EXPOSE 9000 6000
LABEL a.b="c d" \
    e="f"
USER 8888
ENTRYPOINT ["/program", "flag"]
"#;

    #[test]
    fn stages_and_their_instructions_are_read() {
        let found = Dockerfile::parse(TEXT).unwrap();
        assert_eq!(found.stage("source").unwrap().base, "rust:1-bookworm");
        let small = found.stage("small").unwrap();
        let text = |text: &str| text.to_owned();
        assert_eq!(
            small.instructions,
            [
                Instruction::Copy {
                    from: Some(text("source")),
                    source: text("/here/"),
                    target: text("/")
                },
                Instruction::Expose(vec![9000, 6000]),
                Instruction::Label(vec![(text("a.b"), text("c d")), (text("e"), text("f"))]),
                Instruction::User(text("8888")),
                Instruction::Entrypoint(vec![text("/program"), text("flag")]),
            ]
        );
        let targets = found.triples().unwrap();
        let expected = [("amd64", "x86"), ("arm64", "arm")];
        assert_eq!(targets, expected.map(|(a, b)| (text(a), text(b))));
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for (text, reason) in [
            ("USER 1", "before the first FROM"),
            ("FROM a", "IMAGE AS NAME"),
            ("FROM ${A} AS b", "no default"),
            ("FROM a AS b\nVOLUME /x", "VOLUME is an instruction"),
            ("FROM a AS b\nCOPY c d e", "one source and one target"),
            ("FROM a AS b\nLABEL c=d", "must be NAME="),
            ("FROM a AS b\nENTRYPOINT run", "a list of strings"),
        ] {
            let error = format!("{:#}", Dockerfile::parse(text).unwrap_err());
            assert!(error.contains(reason), "{text:?}: {error}");
        }
    }
}
