//! How long a container takes from `create` to the first byte that comes back: 20 starts, one by one.
//! `SAFECLAW_TEST_ENGINE=SOCKET cargo run --release -p container --example starts`

use container::{ClassSpec, Create, HubId, Launcher, LauncherConfig, Program, Size, archive, load_image};
use manifest::{ClassId, Digest};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let socket = PathBuf::from(std::env::var_os("SAFECLAW_TEST_ENGINE").ok_or("SAFECLAW_TEST_ENGINE is not set")?);
    let echo = std::fs::read(std::env::current_exe()?.with_file_name("echo"))?;
    let image = archive(&echo, &echo)?;
    load_image(&socket, &image).await?;
    let class = ClassId("user".to_owned());
    let spec = ClassSpec {
        program: Program::Runner,
        size: Size::Small,
        runtime: manifest::Runtime::Runc,
        mounts: Vec::new(),
        artefacts: None,
        frames: None,
    };
    let launcher = Launcher::connect(LauncherConfig {
        hub_id: HubId(format!("starts{}", std::process::id())),
        socket,
        image: image.id,
        hub_key: String::new(),
        protected: Vec::new(),
        forbidden: Vec::new(),
    })
    .await?;
    let manifest = Digest::of(b"starts");
    launcher.admit(manifest.clone(), BTreeMap::from([(class.clone(), spec)])).await?;
    let mut figures = [const { Vec::new() }; 5];
    let [create, attach, first_byte, second_byte, kill] = &mut figures;
    for _ in 0..20 {
        let mut clock = Instant::now();
        let mut lap = |into: &mut Vec<Duration>| into.push(std::mem::replace(&mut clock, Instant::now()).elapsed());
        let name = launcher.create(Create { manifest: manifest.clone(), class: class.clone() }).await?.container;
        lap(create);
        let mut streams = launcher.attach(&name).await?;
        lap(attach);
        for into in [&mut *first_byte, &mut *second_byte] {
            streams.input.write_all(b"x").await?;
            streams.input.flush().await?;
            streams.output.read_exact(&mut [0]).await?;
            lap(into);
        }
        launcher.kill(&name).await?;
        lap(kill);
    }
    for (name, laps) in
        ["create", "attach and start", "first byte", "second byte", "kill and removal"].iter().zip(&mut figures)
    {
        laps.sort();
        let (median, worst) = (laps.get(laps.len() / 2), laps.last());
        println!(
            "{name:<18} median {:>8.1?}   worst {:>8.1?}",
            median.copied().unwrap_or_default(),
            worst.copied().unwrap_or_default()
        );
    }
    Ok(())
}
