//! A launcher that is itself in a container, as its compose file has it. It looks at directories before runners get
//! them; the engine then takes the same text for a path of its own. Where the two lead to different directories, what
//! was found about one (protected paths, and whether it may be mounted at all) would be held against another.

use super::connect::found;
use crate::class::ClassSpec;
use crate::launcher::LauncherError;
use bollard::Docker;
use manifest::ClassId;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What the engine has mounted into the launcher's container; `None` if the launcher is in none of this engine's.
#[derive(Debug)]
pub(super) struct Own(Option<Vec<Mounted>>);

#[derive(Debug)]
struct Mounted {
    source: PathBuf,
    target: PathBuf,
}

impl Own {
    /// Asks the engine about the container that this process is in.
    pub(super) async fn find(docker: &Docker) -> Result<Self, LauncherError> {
        let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let Some(id) = container(&table) else { return Ok(Self(None)) };
        // Of another engine, which runs this one as well: then they share what they see.
        let seen = found("inspect the launcher's own container", docker.inspect_container(id, None)).await?;
        let Some(seen) = seen else { return Ok(Self(None)) };
        let mounted = seen
            .mounts
            .unwrap_or_default()
            .into_iter()
            .filter_map(|mount| Some(Mounted { source: mount.source?.into(), target: mount.destination?.into() }));
        Ok(Self(Some(mounted.collect())))
    }

    /// Whether the engine finds what these classes name where this process found it.
    pub(super) fn sees_alike(&self, classes: &BTreeMap<ClassId, ClassSpec>) -> Result<(), LauncherError> {
        let paths = classes.values().flat_map(|spec| {
            let mounts = spec.mounts.iter().map(|mount| &mount.source);
            mounts.chain(&spec.artefacts).chain(&spec.frames)
        });
        for path in paths {
            // What cannot be opened is told as that, by whoever looks at it next.
            if let Ok(path) = path.canonicalize() {
                self.shown(&path)?;
            }
        }
        Ok(())
    }

    fn shown(&self, path: &Path) -> Result<(), LauncherError> {
        let Some(mounted) = &self.0 else { return Ok(()) };
        let above = mounted.iter().filter(|mount| path.starts_with(&mount.target));
        let found = above.max_by_key(|mount| mount.target.components().count());
        let shown = found.and_then(|mount| {
            let below = path.strip_prefix(&mount.target).ok()?;
            // `join` with nothing would append a slash.
            Some(mount.source.components().chain(below.components()).collect::<PathBuf>())
        });
        match shown {
            Some(shown) if shown == path => Ok(()),
            shown => Err(LauncherError::Elsewhere { path: path.to_owned(), shown }),
        }
    }
}

/// The id of the container that has this mount table: the engine mounts the file with the host's name from the
/// container's own directory.
fn container(table: &str) -> Option<&str> {
    let root = table.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(3);
        let (root, target) = (fields.next()?, fields.next()?);
        (target == "/etc/hostname").then_some(root)
    })?;
    let id = Path::new(root.strip_suffix("/hostname")?).file_name()?.to_str()?;
    (id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(id)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::class::{MountSpec, Program, Size};
    use manifest::{Access, MountName, Runtime};

    fn own(mounts: &[(&str, &str)]) -> Own {
        Own(Some(
            mounts.iter().map(|(source, target)| Mounted { source: source.into(), target: target.into() }).collect(),
        ))
    }

    #[test]
    fn a_container_is_known_by_its_hostname_file() {
        let id = "0f".repeat(32);
        let line = |root: &str, target: &str| format!("91 80 8:1 {root} {target} rw,relatime - ext4 /dev/sda1 rw\n");
        let table = line("/", "/") + &line(&format!("/var/lib/docker/containers/{id}/hostname"), "/etc/hostname");
        assert_eq!(container(&table), Some(id.as_str()));
        for (root, target) in [
            ("/", "/"),
            ("/etc/hostname", "/etc/hostname"),
            (&format!("/containers/{id}/hostname"), "/elsewhere"),
            ("/containers/../hostname", "/etc/hostname"),
        ] {
            assert_eq!(container(&line(root, target)), None, "{root} {target}");
        }
    }

    #[test]
    fn a_path_is_the_same_inside_and_outside_or_refused() {
        let own = own(&[("/srv/s/data", "/srv/s/data"), ("/home/ada", "/work"), ("/home/ada/b", "/srv/s/data/b")]);
        let shown = |path: &str| match own.shown(Path::new(path)) {
            Ok(()) => "the same".to_owned(),
            Err(error) => error.to_string(),
        };
        for path in ["/srv/s/data", "/srv/s/data/frames", "/srv/s/data/"] {
            assert_eq!(shown(path), "the same", "{path}");
        }
        assert!(shown("/work/x").contains("/work/x is /home/ada/x on the engine's machine"), "{}", shown("/work/x"));
        assert!(shown("/work").contains("/work is /home/ada on the engine's machine"), "{}", shown("/work"));
        // The nearest mount counts, as for the kernel.
        assert!(shown("/srv/s/data/b/c").contains("/home/ada/b/c"));
        // Only of this container, and no directory of the engine's.
        assert!(shown("/tmp/x").contains("not mounted"));
        assert!(shown("/srv/s/database").contains("not mounted"), "a name is no prefix of another");
        assert!(Own(None).shown(Path::new("/anything")).is_ok());
    }

    #[test]
    fn each_directory_of_a_class_is_looked_at() {
        let here = tempfile::tempdir().unwrap().keep().canonicalize().unwrap();
        let there = || here.clone();
        let spec = |mount: Option<PathBuf>, artefacts, frames| {
            let name = MountName::try_from("work").unwrap();
            let mounts = mount.map(|source| MountSpec { name, source, access: Access::Read }).into_iter().collect();
            let spec = ClassSpec {
                program: Program::Runner,
                size: Size::Small,
                runtime: Runtime::Runc,
                mounts,
                artefacts,
                frames,
            };
            BTreeMap::from([(ClassId("user".to_owned()), spec)])
        };
        let elsewhere = own(&[("/another", here.to_str().unwrap())]);
        for classes in
            [spec(Some(there()), None, None), spec(None, Some(there()), None), spec(None, None, Some(there()))]
        {
            assert!(matches!(elsewhere.sees_alike(&classes), Err(LauncherError::Elsewhere { .. })), "{classes:?}");
            let alike = own(&[(here.to_str().unwrap(), here.to_str().unwrap())]);
            alike.sees_alike(&classes).unwrap();
        }
        std::fs::remove_dir(here).unwrap();
    }
}
