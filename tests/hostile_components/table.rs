//! What an attack came to, in the words of those who are told: the rows of `docs/attacks-registration.md`. A row
//! that differs from the page fails; `UPDATE_GOLDEN=1` writes the page anew.

use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use tests::handed;

/// One attack.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) name: String,
    pub(crate) attack: String,
    /// What the operator or the agent sees.
    pub(crate) sees: String,
    /// What the hub reports of itself.
    pub(crate) hub: String,
    pub(crate) audit: String,
}

/// One writer at a time.
static PAGE: Mutex<()> = Mutex::new(());

/// Compares a section of the page with what was told just now.
pub(crate) fn keep(section: &str, rows: &[Told]) {
    let _one = PAGE.lock().unwrap_or_else(PoisonError::into_inner);
    let path = handed::repository().join("docs/attacks-registration.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- begin {section} -->\n"), format!("<!-- end {section} -->\n"));
    let (head, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("the page has the section {section}"));
    let (written, tail) = rest.split_once(&end).expect("the section has an end");
    let told = render(rows);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, format!("{head}{begin}{told}{end}{tail}")).unwrap();
        return;
    }
    let (written, told): (Vec<_>, Vec<_>) = (written.lines().collect(), told.lines().collect());
    for (was, is) in written.iter().zip(&told) {
        assert_eq!(was, is, "{section}: look at it, then UPDATE_GOLDEN=1 writes it down");
    }
    assert_eq!(written.len(), told.len(), "{section}: rows were added or removed");
}

fn render(rows: &[Told]) -> String {
    let mut text =
        String::from("| attack | how | operator or agent sees | hub says | audit says |\n|---|---|---|---|---|\n");
    for Told { name, attack, sees, hub, audit } in rows {
        let cells = [name, attack, sees, hub, audit].map(|cell| cell.replace('|', "\\|").replace(['\n', '\t'], " "));
        writeln!(text, "| {} |", cells.join(" | ")).unwrap();
    }
    text
}

/// A text without what differs from run to run and from build to build: digests, and the place in a record, whose
/// length depends on the sizes in it.
pub(crate) fn lasting(text: &str) -> String {
    placeless(&digestless(text))
}

fn placeless(text: &str) -> String {
    let mut parts = text.split(" at line ");
    let mut lasting = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        lasting.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit() || " column".contains(c)));
    }
    lasting
}

fn digestless(text: &str) -> String {
    let mut lasting = String::new();
    let mut run = String::new();
    for c in text.chars().chain(std::iter::once('\n')) {
        if c.is_ascii_hexdigit() {
            run.push(c);
            continue;
        }
        lasting.push_str(if run.len() == 64 { "DIGEST" } else { &run });
        run.clear();
        lasting.push(c);
    }
    lasting.pop();
    lasting
}
