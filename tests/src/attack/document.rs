//! `docs/attacks.md`, written from the rows.

use super::{Row, Theme};

const HEAD: &str = "# Attacks of guests\n\n\
    Each row is an attack that `tests/attacks/*.toml` describes and the tests play through both walls: what is\n\
    tried, what stops it, what the tool itself then sees, what the hub reports to the agent, and what the audit\n\
    log says of the call's end. After each, the same runners serve an innocent call, and nothing beside the\n\
    granted directories has changed. A row marked *control* is no attack: it shows that the tool can do what the\n\
    attacks beside it are denied. This file is written by the tests; edit the rows.\n";

/// The document of these files of rows.
pub fn document(themes: &[Theme]) -> String {
    let mut text = HEAD.to_owned();
    for theme in themes {
        text += &format!("\n## {}\n\n{}\n\n", theme.title, theme.about.trim());
        text += "| attack | how | stopped by | the guest sees | the hub reports | the audit log says |\n";
        text += "|---|---|---|---|---|---|\n";
        theme.attack.iter().for_each(|row| text += &line(theme, row));
    }
    let rows = || themes.iter().flat_map(|theme| &theme.attack);
    let (attacks, controls) = (rows().filter(|row| !row.control).count(), rows().filter(|row| row.control).count());
    text += &format!("\n{attacks} attacks tried, {attacks} stopped; {controls} controls worked.\n");
    text
}

fn line(theme: &Theme, row: &Row) -> String {
    let wall = if row.control { "*control*" } else { row.wall.as_deref().unwrap_or(&theme.wall) };
    let sees = match &row.sees {
        Some(toml::Value::String(text)) => code(text),
        Some(other) => code(&serde_json::to_string(other).expect("TOML is JSON")),
        None if row.audit.starts_with("denied: ") => "it never runs".to_owned(),
        None => "its end".to_owned(),
    };
    let cells = [cell(&row.name), how(theme, row), cell(wall), sees, code(&row.hub), code(&row.audit)];
    format!("| {} |\n", cells.join(" | "))
}

/// The call, and what happens beside it.
fn how(theme: &Theme, row: &Row) -> String {
    let arguments = match &row.raw {
        Some(pieces) => pieces
            .iter()
            .map(|(text, times)| if *times == 1 { text.clone() } else { format!("{text} × {times}") })
            .collect::<Vec<_>>()
            .join(" … "),
        None if row.arguments.is_empty() => String::new(),
        None => super::json(&row.arguments),
    };
    let mut how = code(format!("{} {arguments}", theme.tool(row)).trim());
    if let Some(race) = &row.race {
        how += &format!(", while the host does {}", code(&format!("{race:?}")));
    }
    if let Some(then) = &row.then {
        how += &format!(", then {}", code(&format!("{} {}", then.tool, super::json(&then.arguments))));
    }
    match (row.together, row.rounds) {
        (1, 1) => how,
        (1, rounds) => format!("{how}, {rounds} times"),
        (calls, _) => format!("{how}, {calls} at once"),
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// Code in a table, cut where nobody reads on; what would end it is replaced, what hides is shown.
fn code(text: &str) -> String {
    let shown: String = hub::clean::line(text, 160).replace('`', "'").replace('|', "¦");
    format!("`{shown}`")
}
