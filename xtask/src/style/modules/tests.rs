use super::super::source::{Source, source};
use super::check;

fn sources(files: &[(&str, &str)]) -> Vec<Source> {
    files
        .iter()
        .map(|(path, text)| source(&format!("crates/x/src/{path}"), text))
        .collect()
}

/// The circles, as `a -> b -> a`.
fn circles(files: &[(&str, &str)]) -> Vec<String> {
    check(&sources(files))
        .iter()
        .map(|fault| {
            let line = fault.lines().next().unwrap();
            line.rsplit_once(": ").unwrap().1.to_owned()
        })
        .collect()
}

const NONE: [&str; 0] = [];

#[test]
fn two_that_use_each_other_are_a_circle_and_the_places_are_named() {
    let files = [
        ("lib.rs", "mod a;\nmod b;\n"),
        (
            "a.rs",
            "use std::fmt;\nuse crate::b::B;\npub(crate) struct A;\n",
        ),
        ("b.rs", "pub(crate) struct B(Vec<crate::a::A>);\n"),
    ];
    let found = check(&sources(&files));
    assert_eq!(
        found,
        [
            "crates/x/src/lib.rs: modules import each other in a circle: a -> b -> a\n  \
          move what both need into a module of its own, below both\n  \
          a -> b: crates/x/src/a.rs:2: crate::b::B\n  \
          b -> a: crates/x/src/b.rs:1: crate::a::A"
        ]
    );
    assert_eq!(circles(&files[..2]), ["`mod b;` and no crates/x/src/b.rs"]);
}

#[test]
fn one_direction_is_fine() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c; pub use a::A;"),
        (
            "a.rs",
            "use crate::{b::B, c}; pub struct A; fn f() { c::f(); }",
        ),
        ("b.rs", "use super::c::*; pub(crate) struct B;"),
        (
            "c.rs",
            "use serde::a; pub(crate) fn f() {} // use crate::a;\n",
        ),
    ];
    assert_eq!(circles(&files), NONE);
}

#[test]
fn a_circle_of_three_is_found_through_re_exports_of_the_root() {
    let files = [
        (
            "lib.rs",
            "mod a; mod b; mod c; pub use a::A; pub(crate) use b::{B as Bee}; pub use c::*;",
        ),
        ("a.rs", "pub struct A(crate::Bee);"),
        ("b.rs", "use crate::C; pub(crate) struct B(C);"),
        ("c.rs", "pub struct C(Box<super::A>);"),
    ];
    assert_eq!(circles(&files), ["a -> b -> c -> a"]);
}

#[test]
fn a_parent_may_re_export_what_its_child_defines_and_no_more() {
    let child = ("a/b.rs", "use super::P; pub struct B(P);");
    let parent = |text| [("lib.rs", "mod a;"), ("a.rs", text), child];
    let fine = "mod b; pub use b::B; pub struct P;";
    assert_eq!(circles(&parent(fine)), NONE);
    for text in [
        "mod b; use b::B; pub struct P(Option<Box<B>>);",
        "mod b; pub use b::B; pub struct P; fn f(_: B) {}",
        "mod b; pub struct P; fn f(_: b::B) {}",
        "mod b; pub struct P; fn f(_: self::b::B) {}",
        "mod b; pub struct P; fn f() { use self::b::B; }",
    ] {
        assert_eq!(circles(&parent(text)), ["a -> a::b -> a"], "{text}");
    }
    // What the child defines itself is no matter how it is named.
    let files = [
        ("lib.rs", "mod a;"),
        ("a.rs", "mod b; use b::B;"),
        ("a/b.rs", "pub struct B; fn f(_: super::b::B) {}"),
    ];
    assert_eq!(circles(&files), NONE);
}

#[test]
fn what_a_child_gets_by_its_parents_imports_is_its_definers() {
    let files = [
        ("lib.rs", "mod a; mod c;"),
        (
            "a/mod.rs",
            "mod b; use crate::c::C; use b::B; fn f(_: C) {}",
        ),
        ("a/b.rs", "use super::C; pub struct B(C);"),
        ("c.rs", "pub struct C;"),
    ];
    assert_eq!(circles(&files), NONE);
}

#[test]
fn siblings_that_re_export_each_other_are_a_circle() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        (
            "a.rs",
            "pub(crate) use crate::b::TABLE; pub(crate) struct Row;",
        ),
        (
            "b.rs",
            "use crate::a::Row; pub(crate) static TABLE: &[Row] = &[];",
        ),
    ];
    assert_eq!(circles(&files), ["a -> b -> a"]);
}

#[test]
fn tests_do_not_count() {
    let files = [
        (
            "lib.rs",
            "mod a; mod b; #[cfg(test)] mod tests; #[cfg(test)] use b::B as Other;",
        ),
        (
            "a.rs",
            "use crate::b::B;\n#[cfg(test)]\nuse crate::b::C;\n#[cfg(test)]\n#[allow(x)]\n\
             pub(crate) mod tests { use super::*; use crate::b::D; fn f() { {} } }\npub struct A;",
        ),
        (
            "b.rs",
            "pub struct B { #[cfg(test)] pub(crate) a: Vec<crate::a::A>, b: u8 }\n\
             #[cfg(all(test, unix))] impl B { fn f(&self) -> crate::a::A { todo!() } }\n\
             #[cfg(test)] fn g<T, U>(_: crate::a::A) {}\n\
             #[cfg(test)] const C: [u8; 2] = { crate::a::N };\n",
        ),
    ];
    assert_eq!(circles(&files), NONE);
    for cfg in ["not(test)", "any(test, unix)", "unix"] {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::B; pub struct A;"),
            (
                "b.rs",
                &*format!("#[cfg({cfg})] use crate::a::A; pub struct B;"),
            ),
        ];
        assert_eq!(circles(&files), ["a -> b -> a"], "{cfg}");
    }
}

#[test]
fn inline_modules_belong_to_their_file() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        (
            "a.rs",
            "mod inner { use super::A; pub struct I(A, crate::b::B); } struct A; use inner::I;",
        ),
        ("b.rs", "pub struct B(crate::a::inner::I);"),
    ];
    assert_eq!(circles(&files), ["a -> b -> a"]);
    assert_eq!(
        circles(&[("lib.rs", "mod a;"), files[1], ("b.rs", "")]),
        NONE
    );
}

#[test]
fn names_in_macros_count_and_those_of_other_crates_do_not() {
    let files = [
        ("lib.rs", "mod tracing; mod b;"),
        (
            "tracing.rs",
            "macro_rules! m { () => { $crate::b::f() } } pub(crate) use m;",
        ),
        (
            "b.rs",
            "use ::tracing::x; pub fn f() { tracing::info!(\"crate::tracing::x\"); x.a::<u8>(); }",
        ),
    ];
    assert_eq!(circles(&files), NONE);
    let mut back = files;
    back[2].1 = "pub fn f() { crate::tracing::m!(); }";
    assert_eq!(circles(&back), ["tracing -> b -> tracing"]);
}

#[test]
fn the_root_is_a_module_as_any_other() {
    let files = [
        (
            "main.rs",
            "mod a; pub(crate) struct Root; fn main() { a::run(); }",
        ),
        ("a.rs", "pub(crate) fn run() { let _ = crate::Root; }"),
    ];
    assert_eq!(circles(&files), ["crate -> a -> crate"]);
    let files = [
        ("main.rs", "mod a; fn main() { a::run(); }"),
        (
            "a.rs",
            "pub(crate) fn run() { let (a, b): (impl Fn() + use<>, pub_in) = x; }",
        ),
    ];
    assert_eq!(circles(&files), NONE);
}
