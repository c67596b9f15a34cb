//! `safeclaw image`: the runner image, known by its id before the engine has seen it.

use crate::archive;
use crate::data::Data;
use crate::engine::{EngineAt, record};
use crate::output;
use crate::programs::Programs;
use anyhow::Context;
use container::{Image, ImageId};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Pack the runner and compile programs into an image archive and print its id
    Pack {
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
    /// Load an image archive into the container engine, check its id, and record it for the hub
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
        Command::Pack { programs, file } => {
            let image = container::archive(&read(&programs.runner()?)?, &read(&programs.compile()?)?)
                .context("the image cannot be packed")?;
            std::fs::write(&file, &image.tar).with_context(|| format!("{} cannot be written", file.display()))?;
            output::line(&image.id.to_string())?;
        }
        Command::Id { file } => output::line(&open(&file)?.id.to_string())?,
        Command::Load { file, no_record, engine, data } => {
            let image = open(&file)?;
            container::load_image(&engine.socket()?, &image).await.context("the image was not loaded")?;
            if !no_record {
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

fn open(file: &Path) -> anyhow::Result<Image> {
    archive::open(read(file)?).with_context(|| format!("{} is not a runner image", file.display()))
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))
}
