//! The attacks of `tests/attacks/*.toml`, played through both walls, and the document that is written from them.

use std::collections::BTreeSet;
use tests::attack::{Theme, document, folder, play, shown_tools};
use tests::handed;

/// A test for each file, in the order of the document.
macro_rules! themes {
    ($($name:ident),* $(,)?) => {
        const THEMES: &[&str] = &[$(stringify!($name)),*];
        $(
            #[test]
            fn $name() {
                play(stringify!($name));
            }
        )*
    };
}

themes!(paths, special, writing, races, ungranted, policy, time, memory, ends, between, text, results);

#[test]
fn every_file_of_rows_is_played() {
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
        .collect();
    assert_eq!(files, THEMES.iter().map(|name| (*name).to_owned()).collect());
}

/// A hostile tool that nobody plays would be a promise that nobody keeps.
#[test]
fn every_hostile_tool_has_a_row() {
    let themes: Vec<Theme> = THEMES.iter().map(|name| Theme::read(name)).collect();
    let played: BTreeSet<&str> = themes
        .iter()
        .flat_map(|theme| {
            theme.attack.iter().flat_map(|row| [Some(theme.tool(row)), row.then.as_ref().map(|t| &*t.tool)])
        })
        .flatten()
        .collect();
    let unplayed: Vec<String> = shown_tools().into_iter().filter(|tool| !played.contains(tool.as_str())).collect();
    assert!(unplayed.is_empty(), "these have no row in tests/attacks: {unplayed:?}");
}

/// One name, one row: a failure names the row.
#[test]
fn names_of_rows_are_their_own() {
    for name in THEMES {
        let mut seen = BTreeSet::new();
        for row in Theme::read(name).attack {
            assert!(seen.insert(row.name.clone()), "{name}: two rows are named `{}`", row.name);
        }
    }
}

/// `UPDATE_GOLDEN=1` writes it.
#[test]
fn the_document_is_what_the_rows_say() {
    let path = handed::repository().join("docs/attacks.md");
    let wanted = document(&THEMES.iter().map(|name| Theme::read(name)).collect::<Vec<_>>());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "docs/attacks.md is not what tests/attacks says; run this test with UPDATE_GOLDEN=1");
}
