//! What the test command selects, and the table of its stages' times.

use std::path::Path;
use std::time::Duration;
use tokio::process::Command;

/// Packages that are built and tested in one cargo call, since cargo unifies features within one.
#[derive(Debug)]
pub(crate) struct Selection {
    packages: &'static [&'static str],
    features: &'static [&'static str],
}

/// Pure: text and bytes in, values out. Seconds to build, no container engine, no Wasm engine.
pub(crate) const PURE: Selection = Selection { packages: &["manifest", "protocol", "container"], features: &[] };

/// Everything outside the container.
pub(crate) const HOST: Selection = Selection {
    packages: &["manifest", "protocol", "container", "egress", "hub", "cli", "xtask", "tests"],
    features: &["xtask/demo", "xtask/bench"],
};

/// The runner by itself. Built beside the hub it would get the hub's features of tokio, and with `signal` an
/// event loop that begins with a pair of sockets, which the container's profile refuses; and it must not
/// hold a compiler.
pub(crate) const RUNNER: Selection = Selection { packages: &["runner"], features: &[] };

/// The engine with its compiler: `compile`, and `engine`, whose tests compile what they run.
pub(crate) const COMPILER: Selection = Selection { packages: &["engine", "compile"], features: &[] };

impl Selection {
    /// Adds it to a cargo command.
    pub(crate) fn select<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        for package in self.packages {
            command.args(["-p", package]);
        }
        for feature in self.features {
            command.args(["--features", feature]);
        }
        command
    }

    /// The integration tests that its packages bring along: `PACKAGE/tests/NAME.rs`, or `NAME/main.rs`.
    pub(crate) fn integration_tests(&self, host: &Path) -> Vec<String> {
        self.packages
            .iter()
            .flat_map(|package| std::fs::read_dir(host.join(package).join("tests")).into_iter().flatten().flatten())
            .map(|entry| entry.path())
            .filter(|path| {
                path.extension().is_some_and(|extension| extension == "rs") || path.join("main.rs").is_file()
            })
            .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
            .collect()
    }
}

/// What a stage took.
#[derive(Debug, Clone)]
pub(crate) struct Took {
    /// Which.
    pub(crate) stage: &'static str,
    /// How long.
    pub(crate) time: Duration,
}

/// The table that ends a test run.
pub(crate) fn table(stages: &[Took]) -> String {
    let row = |name: &str, time: Duration| format!("  {name:<28}{:>6.1}\n", time.as_secs_f64() / 60.0);
    let total = stages.iter().map(|took| took.time).sum();
    let mut text = format!("  {:<28}{:>6}\n", "stage", "minutes");
    stages.iter().for_each(|took| text.push_str(&row(took.stage, took.time)));
    text.push_str(&row("all", total));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_package_of_the_workspace_is_tested_somewhere() {
        let host = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let folders: BTreeSet<String> = std::fs::read_dir(host)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .chain(["tests".to_owned()])
            .collect();
        let selected: BTreeSet<String> = HOST
            .packages
            .iter()
            .chain(RUNNER.packages)
            .chain(COMPILER.packages)
            .map(|name| (*name).to_owned())
            .collect();
        assert_eq!(folders, selected);
    }

    #[test]
    fn a_test_of_several_files_is_one_as_well() {
        let host = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let found = HOST.integration_tests(&host);
        assert!(
            ["broker", "memory", "golden", "engine"].iter().all(|name| found.iter().any(|one| one == name)),
            "{found:?}"
        );
    }

    #[test]
    fn what_is_selected_reaches_cargo() {
        let mut command = Command::new("cargo");
        let shown = format!("{:?}", COMPILER.select(&mut command).as_std());
        assert_eq!(shown, r#""cargo" "-p" "engine" "-p" "compile""#);
    }

    #[test]
    fn the_table_ends_with_the_sum() {
        let took = |stage, seconds| Took { stage, time: Duration::from_secs(seconds) };
        let text = table(&[took("build the host", 90), took("tests", 30)]);
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines.get(1).map(|l| l.join(" ")).as_deref(), Some("build the host 1.5"));
        assert_eq!(lines.last().map(|l| l.join(" ")).as_deref(), Some("all 2.0"));
    }
}
