//! What the demo adds to the shipped manifest: hostile components, granted what an honest tool would be.
//! Pure.

use crate::attacks::{ATTACKS, Attack};
use std::fmt::Write as _;

/// What std's networking imports. A component that imports them is refused when it is registered, unless
/// they link to a trap: only so can it be seen to try.
const SOCKETS: [&str; 7] =
    ["instance-network", "ip-name-lookup", "network", "tcp-create-socket", "tcp", "udp-create-socket", "udp"];

/// The file, beside those of the shipped manifest.
pub(crate) const FILE: &str = "demo-hostile.toml";

/// The file's text.
pub(crate) fn hostile() -> String {
    let mut text = "# Added by the demo: components that attack, in the tier of reading tools.\n".to_owned();
    let mut components: Vec<&str> = ATTACKS.iter().map(|attack| attack.component).collect();
    components.dedup();
    for component in components {
        let _ = write!(text, "\n[components.{component}]\n");
    }
    for attack in ATTACKS {
        let _ = write!(
            text,
            "\n[tools.{}]\ncomponent = \"{}\"\ntier = \"user\"\nreason = \"the demo shows that it fails\"\n",
            attack.tool, attack.component
        );
        if attack.reads_workspace {
            text.push_str("fs = [{ mount = \"workspace\", access = \"read\" }]\n");
        }
        if attack.imports_sockets {
            let imports: Vec<String> = SOCKETS.iter().map(|name| format!("\"wasi:sockets/{name}\"")).collect();
            let _ = writeln!(text, "trap_imports = [{}]", imports.join(", "));
        }
    }
    text
}

/// Which line of it is in force for an attack, and what is granted there.
pub(crate) fn policy(attack: &Attack) -> String {
    let text = hostile();
    let table = format!("[tools.{}]", attack.tool);
    let mut lines = text.lines().enumerate().skip_while(|(_, line)| *line != table);
    let number = lines.next().map_or(0, |(number, _)| number + 1);
    let granted = lines.map(|(_, line)| line).take_while(|line| !line.is_empty());
    let granted: Vec<&str> =
        granted.filter(|line| !line.starts_with("reason") && !line.starts_with("component")).collect();
    format!("{FILE}:{number} {}", granted.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_toml_and_grants_no_more_than_reading_the_workspace() {
        let text = hostile();
        let parsed: toml::Table = text.parse().unwrap_or_default();
        let tools = parsed.get("tools").and_then(toml::Value::as_table).map(toml::Table::len);
        assert_eq!(tools, Some(ATTACKS.len()), "{text}");
        assert!(!text.contains("\"write\"") && !text.contains("env =") && !text.contains("clocks ="), "{text}");
    }

    #[test]
    fn each_component_is_declared_once() {
        let text = hostile();
        assert_eq!(text.matches("[components.hostile]").count(), 1);
        assert_eq!(text.matches("[components.hostile-net]").count(), 1);
    }
}
