//! `safeclaw image`: the images of runner and hub, known by their ids before the engine has seen them.

mod program;

use crate::archive::{self, Archive};
use crate::data::Data;
use crate::engine::{EngineAt, record};
use crate::output;
use crate::programs::Programs;
use anyhow::Context;
use container::ImageId;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Pack the runner and compile programs into an image archive and print its id
    ///
    /// With --hub: this very program, which is the hub and its launcher, for whoever runs them in containers.
    Pack {
        /// The hub's image in place of the runner's
        #[arg(long, conflicts_with_all = ["runner", "compile"])]
        hub: bool,
        #[command(flatten)]
        programs: Programs,
        /// Where to write the archive
        file: PathBuf,
    },
    /// Print the id of an image archive
    Id {
        /// An archive, as `image pack` writes it
        file: PathBuf,
    },
    /// Load an image archive into the container engine, check its id, and record a runner's for the hub
    Load {
        /// An archive, as `image pack` writes it
        file: PathBuf,
        /// Do not record it as the image that the hub uses
        #[arg(long)]
        no_record: bool,
        #[command(flatten)]
        engine: EngineAt,
        #[command(flatten)]
        data: Data,
    },
}

pub(crate) async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Pack { hub, programs, file } => {
            let image = if hub {
                container::hub_archive(&program::this()?)
            } else {
                container::archive(&read(&programs.runner()?)?, &read(&programs.compile()?)?)
            };
            let image = image.context("the image cannot be packed")?;
            std::fs::write(&file, &image.tar).with_context(|| format!("{} cannot be written", file.display()))?;
            output::line(&image.id.to_string())?;
        }
        Command::Id { file } => output::line(&open(&file)?.image.id.to_string())?,
        Command::Load { file, no_record, engine, data } => {
            let Archive { image, hub } = open(&file)?;
            container::load_image(&engine.socket()?, &image).await.context("the image was not loaded")?;
            // No runner is started from the hub's image.
            if !no_record && !hub {
                keep(&data.directory()?, &image.id)?;
            }
            output::line(&image.id.to_string())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn keep(data: &Path, id: &ImageId) -> anyhow::Result<()> {
    let path = record(data);
    std::fs::create_dir_all(data).with_context(|| format!("{} cannot be made", data.display()))?;
    std::fs::write(&path, format!("{id}\n")).with_context(|| format!("{} cannot be written", path.display()))
}

fn open(file: &Path) -> anyhow::Result<Archive> {
    archive::open(read(file)?).with_context(|| format!("{} is not an image archive", file.display()))
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))
}
