//! What cargo's progress line says. Pure.

/// How far a build is, as cargo counts: units done, of how many, and what it is at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Units {
    /// Done.
    pub(crate) done: u64,
    /// Of.
    pub(crate) all: u64,
    /// The crates being built now.
    pub(crate) now: String,
}

/// Reads `    Building [====>   ] 12/34: serde, syn`.
pub(crate) fn units(line: &str) -> Option<Units> {
    let (_, rest) = line.split_once("Building [")?;
    let (_, counts) = rest.split_once(']')?;
    let (counts, now) = counts.split_once(':').unwrap_or((counts, ""));
    let (done, all) = counts.trim().split_once('/')?;
    let (done, all) = (done.trim().parse().ok()?, all.trim().parse().ok()?);
    (done <= all).then(|| Units { done, all, now: now.trim().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargos_line_is_understood() {
        let line = "    Building [=======>                 ] 130/417: wasmtime, rmcp(build)";
        let expected = Units { done: 130, all: 417, now: "wasmtime, rmcp(build)".to_owned() };
        assert_eq!(units(line), Some(expected));
        let quiet = Units { done: 4, all: 4, now: String::new() };
        assert_eq!(units("\u{1b}[1m    Building\u{1b}[0m [====] 4/4".replace("\u{1b}[0m", "").as_str()), Some(quiet));
    }

    #[test]
    fn anything_else_is_not() {
        for line in ["", "   Compiling serde v1.0.228", "Building [", "Building [>] x/y: z", "Building [>] 9/3: z"] {
            assert_eq!(units(line), None, "{line}");
        }
    }
}
