//! Reaching for what was never granted: host files, environment, standard input, clocks.

use crate::{Attempt, Report, attempt};
use safeclaw_sdk::prelude::*;
use std::io::Read as _;
use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{Descriptor, DescriptorFlags, ErrorCode, OpenFlags, PathFlags};

const HOST_PATHS: [&str; 12] = [
    "/etc/passwd",
    "/etc/shadow",
    "/proc/self/environ",
    "/proc/1/environ",
    "/proc/self/maps",
    "/proc/self/fd/0",
    "/proc/self/root/etc/passwd",
    "/sys/kernel/hostname",
    "/runner",
    "/var/run/docker.sock",
    "/dev/mem",
    "/artefacts",
];

fn read_raw(directory: &Descriptor, path: &str, follow: PathFlags) -> Result<String, ErrorCode> {
    let file = directory.open_at(follow, path, OpenFlags::empty(), DescriptorFlags::READ)?;
    let (bytes, _) = file.read(100, 0)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Reads files of the container and of the host: by absolute paths, by climbing, through symlinks.
#[tool]
pub(crate) fn attack_read_host_file() -> Result<Report> {
    let mut attempts: Vec<Attempt> =
        HOST_PATHS.into_iter().map(|path| attempt(format!("std: {path}"), std::fs::read_to_string(path))).collect();
    let climb = "../".repeat(16);
    for path in ["../../../../etc/passwd", "/workspace/../../etc/passwd", "/workspace/x/../../../etc/passwd"] {
        attempts.push(attempt(format!("std: {path}"), std::fs::read_to_string(path)));
    }
    for (number, (directory, name)) in get_directories().into_iter().enumerate() {
        for follow in [PathFlags::empty(), PathFlags::SYMLINK_FOLLOW] {
            for path in HOST_PATHS {
                attempts.push(attempt(format!("raw {name}: {path}"), read_raw(&directory, path, follow)));
                let below = format!("{climb}{}", path.trim_start_matches('/'));
                attempts.push(attempt(format!("raw {name}: {below}"), read_raw(&directory, &below, follow)));
            }
            attempts.push(attempt(format!("raw {name}: ."), read_raw(&directory, "..", follow)));
        }
        // A link of our own making: to an absolute path, upwards, to /proc, and to itself.
        for (target, follow_path) in [
            ("/etc/passwd", ""),
            ("../../../../../../etc/passwd", ""),
            ("/", "/etc/passwd"),
            ("..", "/etc/passwd"),
            ("/proc/self/root", "/etc/passwd"),
        ] {
            let link = format!(".attack-link-{number}");
            let planted = directory.symlink_at(target, &link);
            let what = format!("symlink {name}/{link} -> {target}: planted {planted:?}; read{follow_path}");
            let path = format!("{link}{follow_path}");
            if planted.is_ok() {
                attempts.push(attempt(what, read_raw(&directory, &path, PathFlags::SYMLINK_FOLLOW)));
                let _ = directory.unlink_file_at(&link);
            } else {
                attempts.push(Attempt { what, outcome: "not planted".into(), reached: false });
            }
        }
    }
    Ok(Report::of(attempts))
}

/// Every environment variable, the arguments and the working directory.
#[result]
pub(crate) struct Environment {
    /// `NAME=value`.
    variables: Vec<String>,
    /// Command-line arguments.
    arguments: Vec<String>,
    /// The working directory.
    directory: Option<String>,
    /// What is preopened.
    preopens: Vec<String>,
}

/// Reads the environment, the arguments and the working directory.
#[tool]
pub(crate) fn attack_read_environment() -> Result<Environment> {
    Ok(Environment {
        variables: std::env::vars_os().map(|(k, v)| format!("{}={}", k.display(), v.display())).collect(),
        arguments: std::env::args_os().map(|argument| argument.display().to_string()).collect(),
        directory: wasip2::cli::environment::initial_cwd(),
        preopens: get_directories().into_iter().map(|(_, path)| path).collect(),
    })
}

/// Reads standard input, on which the hub's frames come to the runner.
#[tool]
pub(crate) fn attack_read_stdin() -> Result<Report> {
    let mut bytes = [0; 4096];
    let read = std::io::stdin().read(&mut bytes).map_err(|e| e.to_string()).and_then(|count| match count {
        0 => Err("empty".to_owned()),
        count => Ok(format!("{:?}", bytes.get(..count))),
    });
    Ok(Report::of(vec![attempt("stdin", read)]))
}

/// Both clocks, as this guest reads them.
#[result]
pub(crate) struct Clocks {
    /// Seconds since 1970.
    wall_s: u64,
    /// Nanoseconds.
    wall_ns: u32,
    /// Nanoseconds since some moment.
    monotonic_ns: u64,
    /// The same, after some work.
    monotonic_later_ns: u64,
}

/// Reads clocks that were not granted, for timing what happens outside.
#[tool]
pub(crate) fn attack_read_clocks() -> Result<Clocks> {
    use wasip2::clocks::{monotonic_clock, wall_clock};
    let wall = wall_clock::now();
    let monotonic_ns = monotonic_clock::now();
    std::hint::black_box((0..1_000_000_u64).fold(0, |a, b| a ^ std::hint::black_box(b)));
    Ok(Clocks {
        wall_s: wall.seconds,
        wall_ns: wall.nanoseconds,
        monotonic_ns,
        monotonic_later_ns: monotonic_clock::now(),
    })
}
