//! Which names a patch brings, and which names it uses.
//!
//! A patch that calls what another one added may stand far from it. So the Rust files that a patch
//! touches are read as they are after it: names that nothing had before are its own, and a later patch
//! whose added lines hold such a name needs it. So does one that uses what an earlier one imported into the
//! same file; an extension trait (`AsyncReadExt`) is used without its name, by whatever comes to that file. A name that its file alone can see counts only
//! there. Things of one name are not told apart: a word that upstream's own code has, as `new`, tells
//! nothing. What no name shows (that, or a signature that changed) is said by a `Needs:` trailer.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use anyhow::{Context, Result};
use syn::visit::{self, Visit};

use crate::patch_file::{FileDiff, HunkLineKind, PatchFile};

/// A name, and the file that alone can see it, if so.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    word: String,
    only_in: Option<String>,
    /// Whether it is defined elsewhere, and imported.
    is_import: bool,
}

impl Name {
    /// Whether it is an extension trait, as far as its name tells.
    fn is_extension(&self) -> bool {
        self.is_import && self.word.ends_with("Ext")
    }
}

/// The sources as they are after some of the patches.
#[derive(Debug)]
pub struct Sources<'d> {
    /// Where they are without patches.
    dir: &'d Path,
    /// The files that patches have touched.
    files: HashMap<String, String>,
    /// The words of all of them without patches.
    words: HashSet<String>,
    /// Every name that a patch has brought so far.
    known: BTreeSet<Name>,
    /// Files that are not as Rust is written, and why.
    pub unread: BTreeMap<String, String>,
}

impl<'d> Sources<'d> {
    /// Those in `dir`, without patches.
    pub fn pristine(dir: &'d Path) -> Result<Self> {
        let mut words = HashSet::new();
        let mut folders = vec![dir.to_path_buf()];
        while let Some(folder) = folders.pop() {
            let cannot_read = || format!("cannot read {}", folder.display());
            for entry in std::fs::read_dir(&folder).with_context(cannot_read)? {
                let path = entry.with_context(cannot_read)?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if is_rust(&path) {
                    let text = read(&path)?;
                    words.extend(text.lines().flat_map(words_of).map(str::to_owned));
                }
            }
        }
        Ok(Self {
            dir,
            files: HashMap::new(),
            words,
            known: BTreeSet::new(),
            unread: BTreeMap::new(),
        })
    }

    /// Applies `patch`, and gives the names it brings.
    pub fn apply(&mut self, patch: &PatchFile) -> Result<BTreeSet<Name>> {
        let mut names = BTreeSet::new();
        for file in &patch.files {
            let before = match &file.old_path {
                Some(path) => self.take(path)?,
                None => String::new(),
            };
            let after = patched(&before, file);
            if let Some(path) = &file.new_path {
                if is_rust(Path::new(path)) {
                    let imported = self.definitions(path, &before);
                    self.known
                        .extend(imported.into_iter().filter(|name| name.is_import));
                    names.extend(self.definitions(path, &after));
                }
                self.files.insert(path.clone(), after);
            }
        }
        names.retain(|name| {
            !self.known.contains(name) && (name.is_import || !self.words.contains(&name.word))
        });
        self.known.extend(names.iter().cloned());
        Ok(names)
    }

    fn definitions(&mut self, path: &str, text: &str) -> BTreeSet<Name> {
        let mut found = Definitions {
            path,
            names: BTreeSet::new(),
        };
        match syn::parse_file(text) {
            Ok(file) => found.visit_file(&file),
            Err(error) => {
                self.unread.insert(path.to_owned(), error.to_string());
            }
        }
        found.names
    }

    fn take(&mut self, path: &str) -> Result<String> {
        if let Some(text) = self.files.remove(path) {
            return Ok(text);
        }
        read(&self.dir.join(path))
    }
}

/// The first of `names` that `patch` uses.
pub fn used<'n>(patch: &PatchFile, names: &'n BTreeSet<Name>) -> Option<&'n str> {
    let words: HashMap<&str, BTreeSet<&str>> = patch
        .files
        .iter()
        .filter_map(|file| Some((file.new_path.as_deref()?, words(file))))
        .collect();
    let is_used = |name: &&Name| match &name.only_in {
        Some(path) => words.get(path.as_str()).is_some_and(|words| {
            words.contains(name.word.as_str()) || (name.is_extension() && !words.is_empty())
        }),
        None => words
            .values()
            .any(|words| words.contains(name.word.as_str())),
    };
    names.iter().find(is_used).map(|name| name.word.as_str())
}

/// Whether the added lines of `patch` hold `word`.
pub fn mentions(patch: &PatchFile, word: &str) -> bool {
    patch.files.iter().any(|file| words(file).contains(word))
}

/// The words of the lines that are added, comments left out.
fn words(file: &FileDiff) -> BTreeSet<&str> {
    file.hunks
        .iter()
        .flat_map(|hunk| &hunk.lines)
        .filter(|line| line.kind == HunkLineKind::Added)
        .flat_map(|line| words_of(&line.text))
        .collect()
}

/// The words of a line of code, without those of a comment.
fn words_of(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split("//").next().unwrap_or_default();
    code.split(|c: char| !c.is_alphanumeric() && c != '_')
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

/// `before` with the hunks of `file`, which are known to fit.
fn patched(before: &str, file: &FileDiff) -> String {
    let old: Vec<&str> = before.split_inclusive('\n').collect();
    let mut after = String::with_capacity(before.len());
    let mut at = 0;
    for hunk in &file.hunks {
        let has_old = hunk.old_lines().next().is_some();
        let start = hunk.old_start.saturating_sub(usize::from(has_old));
        after.extend(old.get(at..start).unwrap_or_default().iter().copied());
        at = start + hunk.old_lines().count();
        for line in &hunk.lines {
            if line.kind != HunkLineKind::Removed {
                after += &line.text;
                after += if line.unterminated { "" } else { "\n" };
            }
        }
    }
    after.extend(old.get(at..).unwrap_or_default().iter().copied());
    after
}

struct Definitions<'p> {
    path: &'p str,
    names: BTreeSet<Name>,
}

impl Definitions<'_> {
    fn add(&mut self, name: &syn::Ident, is_private: bool) {
        self.names.insert(Name {
            word: name.to_string(),
            only_in: is_private.then(|| self.path.to_owned()),
            is_import: false,
        });
    }

    fn imports(&mut self, tree: &syn::UseTree) {
        let name = match tree {
            syn::UseTree::Path(path) => return self.imports(&path.tree),
            syn::UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.imports(tree))
            }
            syn::UseTree::Glob(_) => return,
            syn::UseTree::Name(name) => &name.ident,
            // One that is renamed to `_` is used as it was named.
            syn::UseTree::Rename(rename) if rename.rename == "_" => &rename.ident,
            syn::UseTree::Rename(rename) => &rename.rename,
        };
        self.names.insert(Name {
            word: name.to_string(),
            only_in: Some(self.path.to_owned()),
            is_import: true,
        });
    }

    fn item(&mut self, name: &syn::Ident, visibility: &syn::Visibility) {
        self.add(name, matches!(visibility, syn::Visibility::Inherited));
    }

    fn fields(&mut self, fields: &syn::Fields, is_public: bool) {
        for field in fields {
            if let Some(name) = &field.ident {
                let inherited = matches!(field.vis, syn::Visibility::Inherited);
                self.add(name, inherited && !is_public);
            }
        }
    }
}

impl<'ast> Visit<'ast> for Definitions<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.item(&item.sig.ident, &item.vis);
        visit::visit_item_fn(self, item);
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.item(&item.ident, &item.vis);
        self.fields(&item.fields, false);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.item(&item.ident, &item.vis);
        // Variants and their fields are as visible as the enum.
        let is_private = matches!(item.vis, syn::Visibility::Inherited);
        for variant in &item.variants {
            self.add(&variant.ident, is_private);
            self.fields(&variant.fields, !is_private);
        }
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.item(&item.ident, &item.vis);
        let is_private = matches!(item.vis, syn::Visibility::Inherited);
        for item in &item.items {
            match item {
                syn::TraitItem::Fn(item) => self.add(&item.sig.ident, is_private),
                syn::TraitItem::Const(item) => self.add(&item.ident, is_private),
                syn::TraitItem::Type(item) => self.add(&item.ident, is_private),
                _ => {}
            }
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        // What implements a trait has its names from there.
        if item.trait_.is_some() {
            return;
        }
        for item in &item.items {
            match item {
                syn::ImplItem::Fn(item) => self.item(&item.sig.ident, &item.vis),
                syn::ImplItem::Const(item) => self.item(&item.ident, &item.vis),
                _ => {}
            }
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.imports(&item.tree);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.item(&item.ident, &item.vis);
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.item(&item.ident, &item.vis);
    }

    fn visit_item_static(&mut self, item: &'ast syn::ItemStatic) {
        self.item(&item.ident, &item.vis);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.item(&item.ident, &item.vis);
        visit::visit_item_mod(self, item);
    }

    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        if let Some(name) = &item.ident {
            self.add(name, true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(path: &str, hunk: &str) -> PatchFile {
        let text = format!(
            "From 0\nFrom: a <a@b>\nSubject: s\n\ndiff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n{hunk}"
        );
        PatchFile::parse(&text).unwrap()
    }

    /// What a patch brings that turns the file `a.rs` from `before` into `after`, each a line.
    fn brought(before: &str, after: &str) -> BTreeSet<Name> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.rs"), format!("{before}\n")).unwrap();
        let patch = patch("a.rs", &format!("@@ -1 +1 @@\n-{before}\n+{after}\n"));
        Sources::pristine(dir.path())
            .unwrap()
            .apply(&patch)
            .unwrap()
    }

    fn words(names: &BTreeSet<Name>) -> Vec<&str> {
        names.iter().map(|name| name.word.as_str()).collect()
    }

    #[test]
    fn a_patch_brings_what_upstream_has_no_word_for() {
        let names = brought(
            "struct A; impl A { fn new() {} }",
            "struct A { idle: u8 } impl A { fn new() {} pub fn end(&self) {} } pub enum B { C { d: u8 } } trait E { fn f(); }",
        );
        assert_eq!(words(&names), ["B", "C", "E", "d", "end", "f", "idle"]);
        assert_eq!(words(&brought("fn a() {}", "fn a() { b(); }")), [""; 0]);
        assert_eq!(words(&brought("fn a() { b::c(); }", "fn b() {}")), [""; 0]);
    }

    #[test]
    fn a_name_that_only_its_file_can_see_counts_there() {
        let names = brought("", "fn a() {} pub(crate) fn b() {}");
        let uses = |path, code: &str| {
            let patch = patch(path, &format!("@@ -1 +1,2 @@\n x\n+{code}\n"));
            used(&patch, &names).map(str::to_owned)
        };
        assert_eq!(uses("a.rs", "a();").as_deref(), Some("a"));
        assert_eq!(uses("other.rs", "a();"), None);
        assert_eq!(uses("other.rs", "self.b();").as_deref(), Some("b"));
        assert_eq!(uses("other.rs", "self.bb(); // b"), None);
    }

    #[test]
    fn what_was_imported_is_needed_in_that_file() {
        let names = brought("use a::B;", "use a::{B, C as D}; use std::io::ReadExt;");
        assert_eq!(words(&names), ["D", "ReadExt"]);
        let uses = |path, code: &str| {
            let patch = patch(path, &format!("@@ -1 +1,2 @@\n x\n+{code}\n"));
            used(&patch, &names).map(str::to_owned)
        };
        assert_eq!(uses("a.rs", "D::new();").as_deref(), Some("D"));
        assert_eq!(uses("a.rs", "file.read();").as_deref(), Some("ReadExt"));
        assert_eq!(uses("other.rs", "D::new(); file.read();"), None);
    }

    #[test]
    fn what_is_no_rust_is_said() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.rs"), "line 1\n").unwrap();
        let mut sources = Sources::pristine(dir.path()).unwrap();
        let names = sources.apply(&patch("a.rs", "@@ -1 +1 @@\n-line 1\n+line 2\n"));
        assert_eq!(words(&names.unwrap()), [""; 0]);
        assert!(sources.unread.contains_key("a.rs"));
    }
}
