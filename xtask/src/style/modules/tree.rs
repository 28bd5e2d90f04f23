//! The modules of a crate, and who depends on whom.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::parse::{self, Import, Path};

/// Longer chains of re-exports than anybody writes.
const DEEPEST: usize = 32;

pub(super) struct Tree {
    modules: Vec<Node>,
}

struct Node {
    /// From the crate's root.
    path: Path,
    /// The file's path from the repository's root.
    file: String,
    /// The module that is this one's file: itself, unless it is inline.
    owner: usize,
    parent: usize,
    children: BTreeMap<String, usize>,
    module: parse::Module,
}

/// What a name stands for.
#[derive(Clone, Copy)]
enum Found {
    Module(usize),
    /// An item of this module.
    Item(usize),
    /// Something of another crate.
    Foreign,
}

impl Tree {
    /// Reads the crate whose root is the file `root`.
    pub(super) fn read(root: &str, files: &BTreeMap<&str, &str>) -> Result<Self, String> {
        let mut tree = Self {
            modules: Vec::new(),
        };
        let (folder, _) = root.rsplit_once('/').unwrap_or_default();
        let module = parse::parse(files[root]);
        tree.add(module, &[], root, folder, None, files)?;
        Ok(tree)
    }

    /// Adds a module and all below it, of which those in files lie in `folder`.
    fn add(
        &mut self,
        mut module: parse::Module,
        path: &[String],
        file: &str,
        folder: &str,
        parent: Option<(usize, bool)>,
        files: &BTreeMap<&str, &str>,
    ) -> Result<usize, String> {
        let index = self.modules.len();
        let (below, inline) = (
            std::mem::take(&mut module.files),
            std::mem::take(&mut module.inline),
        );
        self.modules.push(Node {
            path: path.to_vec(),
            file: file.to_owned(),
            owner: match parent {
                Some((parent, true)) => self.modules[parent].owner,
                _ => index,
            },
            parent: parent.map_or(index, |(parent, _)| parent),
            children: BTreeMap::new(),
            module,
        });
        let joined =
            |name: &str| -> Path { path.iter().cloned().chain([name.to_owned()]).collect() };
        for name in below {
            let folder = format!("{folder}/{name}");
            let candidates = [format!("{folder}.rs"), format!("{folder}/mod.rs")];
            let Some(file) = candidates
                .iter()
                .find(|file| files.contains_key(file.as_str()))
            else {
                return Err(format!("{file}: `mod {name};` and no {}", candidates[0]));
            };
            let module = parse::parse(files[file.as_str()]);
            let child = self.add(
                module,
                &joined(&name),
                file,
                &folder,
                Some((index, false)),
                files,
            )?;
            self.modules[index].children.insert(name, child);
        }
        for (name, module) in inline {
            let folder = format!("{folder}/{name}");
            let child = self.add(
                module,
                &joined(&name),
                file,
                &folder,
                Some((index, true)),
                files,
            )?;
            self.modules[index].children.insert(name, child);
        }
        Ok(index)
    }

    pub(super) fn name(&self, node: usize) -> String {
        match self.modules[node].path.as_slice() {
            [] => "crate".to_owned(),
            path => path.join("::"),
        }
    }

    /// For each pair of files of which the first names something of the second's, the first place.
    pub(super) fn edges(&self) -> BTreeMap<(usize, usize), String> {
        let mut edges = BTreeMap::new();
        for (index, node) in self.modules.iter().enumerate() {
            let mut add = |found: Found, path: &Path, line: usize| {
                let (Found::Module(to) | Found::Item(to)) = found else {
                    return;
                };
                let (from, to) = (node.owner, self.modules[to].owner);
                if from != to
                    && let Entry::Vacant(entry) = edges.entry((from, to))
                {
                    entry.insert(format!("{}:{line}: {}", node.file, path.join("::")));
                }
            };
            for Import {
                path,
                is_public,
                line,
                ..
            } in &node.module.imports
            {
                let found = self.resolve(index, path, 0);
                if !(*is_public && self.is_below(found, index)) {
                    add(found, path, *line);
                }
            }
            for (path, line) in &node.module.named {
                add(self.resolve(index, path, 0), path, *line);
            }
        }
        edges
    }

    fn is_below(&self, found: Found, above: usize) -> bool {
        match found {
            Found::Module(index) | Found::Item(index) => {
                let above = &self.modules[above].path;
                self.modules[index].path.starts_with(above)
            }
            Found::Foreign => false,
        }
    }

    fn resolve(&self, from: usize, path: &[String], depth: usize) -> Found {
        let Some((first, rest)) = path.split_first() else {
            return Found::Foreign;
        };
        let mut found = match first.as_str() {
            "crate" => Found::Module(0),
            "self" => Found::Module(from),
            "super" => Found::Module(self.modules[from].parent),
            name => self.look_up(from, name, depth).unwrap_or(Found::Foreign),
        };
        for name in rest {
            found = match found {
                Found::Module(index) if name == "super" => {
                    Found::Module(self.modules[index].parent)
                }
                // What is not seen here comes out of a macro of that module.
                Found::Module(index) => self
                    .look_up(index, name, depth)
                    .unwrap_or(Found::Item(index)),
                Found::Item(_) | Found::Foreign => return found,
            };
        }
        found
    }

    /// What a name means within a module, if anything.
    fn look_up(&self, index: usize, name: &str, depth: usize) -> Option<Found> {
        if depth > DEEPEST {
            return None;
        }
        let Node {
            module, children, ..
        } = &self.modules[index];
        if let Some(child) = children.get(name) {
            return Some(Found::Module(*child));
        }
        if module.defined.contains(name) {
            return Some(Found::Item(index));
        }
        let import = |import: &&Import| import.name.as_deref() == Some(name);
        if let Some(import) = module.imports.iter().find(import) {
            return Some(self.resolve(index, &import.path, depth + 1));
        }
        let mut globs = module.imports.iter().filter(|import| import.name.is_none());
        globs.find_map(|glob| match self.resolve(index, &glob.path, depth + 1) {
            Found::Module(other) if other != index => self.look_up(other, name, depth + 1),
            _ => None,
        })
    }
}
