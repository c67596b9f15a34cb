//! Who says so, as this machine knows them, and when.

/// The user's name and number, for records.
pub(crate) fn who() -> String {
    let uid = rustix::process::getuid().as_raw();
    let name = ["SUDO_USER", "USER"].into_iter().find_map(|name| std::env::var(name).ok().filter(|n| !n.is_empty()));
    name.map_or_else(|| format!("uid {uid}"), |name| format!("{name} (uid {uid})"))
}
