//! A directory that a guest may be granted, with every kind of link that leads out of it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// `granted/` is what a tool gets; `secret` beside it is not. Made anew by each process, in `target/`.
pub(crate) static GROUND: LazyLock<PathBuf> = LazyLock::new(|| {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/fuzz");
    let ground = target.join(format!("ground-{}", std::process::id()));
    forget_older(&target);
    let granted = ground.join("granted");
    fs::create_dir_all(granted.join("dir/sub")).expect("a directory");
    fs::create_dir_all(granted.join(".git/hooks")).expect("a directory");
    fs::write(granted.join("dir/file"), "").expect("a file");
    fs::write(granted.join(".envrc"), "").expect("a file");
    fs::write(ground.join("secret"), "").expect("a file");
    for (link, target) in
        [("in", "dir"), ("up", ".."), ("out", "/"), ("dir/up", "../.."), ("etc", "/etc"), ("round", "round")]
    {
        symlink(target, granted.join(link)).expect("a link");
    }
    ground.canonicalize().expect("the ground")
});

/// What processes left that are gone.
fn forget_older(target: &Path) {
    for entry in fs::read_dir(target).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix("ground-"));
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
