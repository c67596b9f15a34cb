//! A hub that somebody has taken over: with the rights of one that serves, or, for comparison, with those of its
//! user, it tries what an intruder would. A line for each attempt: its name, and `done` or the error.
//! `taken_hub confined|free DATA ENGINE RECORD LAUNCHER-PID HOME`
#![expect(clippy::expect_used, reason = "an intruder that panics has said nothing, which the test sees")]

use hub::confine::{self, Reach};
use std::ffi::c_long;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is there to be attacked.
struct Prey {
    data: PathBuf,
    engine: PathBuf,
    record: PathBuf,
    launcher: i32,
    home: PathBuf,
}

type Attempt = (&'static str, fn(&Prey) -> io::Result<()>);

const ATTEMPTS: &[Attempt] = &[
    ("keep its own data", |prey| fs::write(prey.data.join("kept"), "1")),
    ("start a thread", |_| std::thread::Builder::new().spawn(|| ())?.join().map_err(|_| io::Error::other("lost"))),
    ("connect to the network", |_| {
        // Nobody is there: that it is refused by the peer means that it was tried.
        match std::net::TcpStream::connect(("127.0.0.1", 1)) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
            other => other.map(drop),
        }
    }),
    ("connect to the container engine", |prey| UnixStream::connect(&prey.engine).map(drop)),
    ("connect to the launcher's operator socket", |prey| {
        UnixStream::connect(container::launcher::operator::socket(&prey.record)).map(drop)
    }),
    ("write the launcher's record", |prey| {
        OpenOptions::new().append(true).open(prey.record.join("admitted.json")).map(drop)
    }),
    ("read the launcher's record", |prey| read(&prey.record.join("admitted.json"))),
    ("put another record in its place", |prey| {
        fs::write(prey.data.join("admitted.json"), "{}")?;
        fs::rename(prey.data.join("admitted.json"), prey.record.join("other.json"))
    }),
    ("read the launcher's memory", |prey| File::open(format!("/proc/{}/mem", prey.launcher)).map(drop)),
    ("list the launcher's descriptors", |prey| fs::read_dir(format!("/proc/{}/fd", prey.launcher)).map(drop)),
    ("trace the launcher", |prey| {
        const PTRACE_SEIZE: c_long = 0x4206;
        system_call(libc::SYS_ptrace, [PTRACE_SEIZE, prey.launcher.into(), 0, 0])
    }),
    ("signal the launcher", |prey| system_call(libc::SYS_kill, [prey.launcher.into(), 0, 0, 0])),
    ("take a descriptor of the launcher's", |prey| {
        let pidfd = rustix::process::pidfd_open(
            rustix::process::Pid::from_raw(prey.launcher).expect("a process"),
            rustix::process::PidfdFlags::empty(),
        )?;
        use std::os::fd::AsRawFd as _;
        system_call(libc::SYS_pidfd_getfd, [pidfd.as_raw_fd().into(), 0, 0, 0])
    }),
    ("read a file of its user's", |prey| read(&prey.home.join("secret"))),
    ("read the machine's passwords", |_| read(Path::new("/etc/shadow"))),
    ("write a file of its user's", |prey| fs::write(prey.home.join(".profile"), "true")),
    ("list its user's home", |prey| fs::read_dir(&prey.home).map(drop)),
    ("link its user's file into its data", |prey| {
        fs::hard_link(prey.home.join("secret"), prey.data.join("linked"))?;
        read(&prey.data.join("linked"))
    }),
    ("lead its data to its user's file", |prey| {
        std::os::unix::fs::symlink(prey.home.join("secret"), prey.data.join("led"))?;
        read(&prey.data.join("led"))
    }),
    ("run a program", |_| Command::new("/bin/true").status().map(drop)),
    ("run a program of its own", |prey| {
        fs::copy("/bin/true", prey.data.join("true"))?;
        Command::new(prey.data.join("true")).status().map(drop)
    }),
    ("fork", |_| {
        // SIGCHLD alone.
        let child = fork()?;
        if child == 0 {
            std::process::exit(0);
        }
        Ok(())
    }),
    ("open a door of its own", |_| TcpListener::bind(("127.0.0.1", 0)).map(drop)),
    ("open a Unix socket of its own", |prey| {
        std::os::unix::net::UnixListener::bind(prey.data.join("door.sock")).map(drop)
    }),
    ("talk to the kernel (netlink)", |_| system_call(libc::SYS_socket, [16, 3, 0, 0])),
    ("a user namespace", |_| system_call(libc::SYS_unshare, [0x1000_0000, 0, 0, 0])),
    ("io_uring", |_| {
        let parameters = [0_u8; 120];
        system_call(libc::SYS_io_uring_setup, [1, parameters.as_ptr().addr().cast_signed() as c_long, 0, 0])
    }),
    ("a keyring", |_| system_call(libc::SYS_keyctl, [0, -3, 1, 0])),
    ("memory without a file", |_| {
        system_call(libc::SYS_memfd_create, [c"x".as_ptr().addr().cast_signed() as c_long, 0, 0, 0])
    }),
    // Numbered as a program of the x32 kind would: EPERM is the filter's word, ENOSYS a kernel's without it.
    ("run a program by its x32 number", |_| system_call(0x4000_0000 | 520, [0, 0, 0, 0])),
    ("a Unix socket by its x32 number", |_| system_call(0x4000_0000 | libc::SYS_socket, [1, 1, 0, 0])),
];

fn main() {
    let mut words = std::env::args().skip(1);
    let mut next = || words.next().expect("six words");
    let confined = next() == "confined";
    let [data, engine, record] = [next(), next(), next()].map(PathBuf::from);
    let (launcher, home) = (next().parse().expect("a number"), PathBuf::from(next()));
    let prey = Prey { data, engine, record, launcher, home };
    if confined {
        let reach = Reach { read: Vec::new(), write: vec![prey.data.clone()] };
        let confined = confine::before_threads(&reach).expect("it gives up its rights");
        confine::after_listening(confined).expect("it gives up the rest");
    }
    for (name, attempt) in ATTEMPTS {
        let found = attempt(&prey).map_or_else(
            |error| match error.raw_os_error() {
                Some(libc::EPERM) => "EPERM".to_owned(),
                Some(libc::EACCES) => "EACCES".to_owned(),
                Some(libc::EXDEV) => "EXDEV".to_owned(),
                _ => error.to_string(),
            },
            |()| "done".to_owned(),
        );
        println!("{name}: {found}");
    }
}

fn read(path: &Path) -> io::Result<()> {
    File::open(path)?.read_to_end(&mut Vec::new()).map(drop)
}

#[expect(unsafe_code, reason = "an intruder makes system calls as they are")]
fn system_call(number: c_long, [first, second, third, fourth]: [c_long; 4]) -> io::Result<()> {
    // SAFETY: those that are called here with these arguments change no memory of this process.
    let answer = unsafe { libc::syscall(number, first, second, third, fourth) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[expect(unsafe_code, reason = "an intruder makes system calls as they are")]
fn fork() -> io::Result<libc::pid_t> {
    // SAFETY: there is one thread, and the child ends at once.
    let child = unsafe { libc::fork() };
    if child < 0 { Err(io::Error::last_os_error()) } else { Ok(child) }
}
