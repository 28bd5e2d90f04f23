//! The parts of a page: headings, blocks of code, and the prose with its links.

/// A heading: its level, and its text as it was typed.
pub(super) type Heading<'a> = (usize, &'a str);

#[derive(Debug, Default)]
pub(super) struct Page<'a> {
    pub(super) headings: Vec<Heading<'a>>,
    /// Blocks of code between fences, with what the first fence says of their language.
    pub(super) blocks: Vec<String>,
    /// Lines outside of blocks, with their numbers.
    pub(super) prose: Vec<(usize, &'a str)>,
}

pub(super) fn parse(text: &str) -> Page<'_> {
    let mut page = Page::default();
    let mut fence: Option<&str> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let start = line.trim_start();
        let ticks = &start[..start.len() - start.trim_start_matches('`').len()];
        match fence {
            Some(opened) if ticks.len() >= opened.len() && start.trim_end() == ticks => {
                fence = None;
            }
            Some(_) => {
                if let Some(block) = page.blocks.last_mut() {
                    block.push('\n');
                    block.push_str(line);
                }
            }
            None if ticks.len() >= 3 => {
                fence = Some(ticks);
                page.blocks.push(start[ticks.len()..].to_owned());
            }
            None => {
                let level = line.len() - line.trim_start_matches('#').len();
                if let Some(text) = line[level..].strip_prefix(' ').filter(|_| level > 0) {
                    page.headings.push((level, text.trim()));
                }
                page.prose.push((number, line));
            }
        }
    }
    page
}

/// The line without what stands between backticks.
pub(super) fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("` `")
}

/// What the links of a line lead to: `[words](target)` and `[words]: target`.
pub(super) fn targets(line: &str) -> Vec<String> {
    let line = without_code(line);
    let mut targets: Vec<String> = line
        .split("](")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once(')')?.0.to_owned()))
        .collect();
    if let Some((_, target)) = line
        .trim_start()
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("]: "))
    {
        targets.push(target.trim().to_owned());
    }
    targets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_no_prose() {
        let page = parse("# A `b`\ntext\n```sh\n# no heading\n```\n````\n```\n````\n## C\n#hash\n");
        assert_eq!(page.headings, [(1, "A `b`"), (2, "C")]);
        assert_eq!(page.blocks, ["sh\n# no heading", "\n```"]);
        let numbers: Vec<_> = page.prose.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [1, 2, 9, 10]);
    }

    #[test]
    fn links_are_found_outside_of_code() {
        assert_eq!(
            targets("see [a](b.md#c), `[d](e.md)` and [`f`](g.md)"),
            ["b.md#c", "g.md"]
        );
        assert_eq!(targets("[words]: docs/a.md"), ["docs/a.md"]);
        assert_eq!(targets("values[0](x"), [""; 0]);
    }
}
