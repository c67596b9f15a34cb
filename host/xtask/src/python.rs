//! The plugin in Python, made a component by `componentize-py`, which is pinned beside it.

use crate::place::Place;
use crate::step::{self, Output};
use crate::venv;
use anyhow::Context;
use std::path::PathBuf;
use tokio::process::Command;

/// What a component is made of, below the clone.
const SOURCES: [&str; 6] = [
    "plugins/hello-python/requirements.txt",
    "plugins/hello-python/app.py",
    "wit/world.wit",
    "wit/host.wit",
    "wit/tools.wit",
    "wit/types.wit",
];

/// Makes it, unless it has been made of the same; gives its path.
pub(crate) async fn component(place: &Place) -> anyhow::Result<PathBuf> {
    let (home, source) = (place.target.join("python"), place.root.join("plugins/hello-python"));
    let (component, made_of) = (home.join("hello_python.wasm"), home.join("hello_python.sources"));
    let texts = sources(place)?;
    if component.is_file() && std::fs::read(&made_of).is_ok_and(|before| before == texts) {
        return Ok(component);
    }
    let venv = home.join("venv");
    venv::install(place, "componentize-py", &venv, &source.join("requirements.txt")).await?;
    let mut command = Command::new(venv.join("bin/componentize-py"));
    command.arg("--wit-path").arg(place.root.join("wit")).args(["--world", "plugin", "componentize", "app"]);
    // Of a copy: Python leaves what it compiled beside what it read.
    let copy = home.join("source");
    venv::fresh(&copy)?;
    std::fs::copy(source.join("app.py"), copy.join("app.py")).context("the plugin in Python cannot be copied")?;
    command.arg("--python-path").arg(&copy).arg("--output").arg(&component);
    step::run(place, "python", Output::Logged, &mut command).await?;
    std::fs::write(&made_of, texts).context("what the component was made of cannot be written down")?;
    Ok(component)
}

fn sources(place: &Place) -> anyhow::Result<Vec<u8>> {
    let mut texts = Vec::new();
    for name in SOURCES {
        let path = place.root.join(name);
        texts.extend(std::fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?);
    }
    Ok(texts)
}
