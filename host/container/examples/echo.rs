//! What the engine tests put in the place of the runner: a static program that echoes its input, and on
//! request does what a program that broke out of wall 1 would do. Not part of any image that ships.

use std::fs::File;
use std::io::{Read, Write, stderr, stdin, stdout};
use std::path::Path;

/// Where it hears and speaks: its FIFOs if it was given some, as the runner does.
fn streams() -> std::io::Result<(Box<dyn Read>, Box<dyn Write>)> {
    Ok(match std::env::args().skip_while(|word| word != "--frames").nth(1) {
        Some(frames) => {
            let input = File::open(Path::new(&frames).join("in"))?;
            (Box::new(input), Box::new(File::options().write(true).open(Path::new(&frames).join("out"))?))
        }
        None => (Box::new(stdin()), Box::new(stdout())),
    })
}

fn main() -> std::io::Result<()> {
    let (mut input, mut output) = streams()?;
    let mut buffer = vec![0_u8; 64 << 10];
    loop {
        let some = input.read(&mut buffer)?;
        let Some(request) = buffer.get(..some).filter(|request| !request.is_empty()) else { return Ok(()) };
        match request {
            // A flood of memory.
            b"!memory" => {
                let mut hoard = Vec::new();
                loop {
                    hoard.push(vec![1_u8; 1 << 20]);
                }
            }
            // Never reads again, so the end of its input does not end it.
            b"!deaf" => loop {
                std::thread::park();
            },
            // The first thread ends alone and another lives: the engine can no longer kill this.
            b"!zombie" => {
                std::thread::spawn(|| {
                    loop {
                        std::thread::park();
                    }
                });
                output.write_all(b"zombie")?;
                output.flush()?;
                end_this_thread();
            }
            b"!stderr" => {
                stderr().write_all(b"\x1b[31mdiagnostic\n")?;
                output.write_all(b"said")?;
                output.flush()?;
            }
            // Where no frame belongs, for one that has FIFOs.
            b"!stdout" => {
                stdout().write_all(b"said")?;
                stdout().flush()?;
            }
            b"!arguments" => {
                let arguments: Vec<String> = std::env::args().collect();
                output.write_all(arguments.join(" ").as_bytes())?;
                output.flush()?;
            }
            // `!write PATH`, `!rename FROM TO`: what of the file system gives way.
            request if request.starts_with(b"!") => {
                let text = String::from_utf8_lossy(request).into_owned();
                let words: Vec<&str> = text.split(' ').collect();
                let done = match words.as_slice() {
                    ["!write", path] => std::fs::write(path, "written from inside"),
                    // The older spelling of the call is not in the profile.
                    ["!rename", from, to] => {
                        rustix::fs::renameat(rustix::fs::CWD, *from, rustix::fs::CWD, *to).map_err(std::io::Error::from)
                    }
                    ["!remove", path] => std::fs::remove_dir_all(path),
                    ["!read", path] => std::fs::read(path).map(drop),
                    _ => Err(std::io::Error::other("no such request")),
                };
                let answer = match done {
                    Ok(()) => "done".to_owned(),
                    Err(error) => {
                        error.raw_os_error().map_or_else(|| error.to_string(), |code| format!("errno {code}"))
                    }
                };
                output.write_all(answer.as_bytes())?;
                output.flush()?;
            }
            other => {
                output.write_all(other)?;
                output.flush()?;
            }
        }
    }
}

/// By the gate of 32-bit programs: the profile refuses `exit`, but the engine's library answers that gate by
/// killing the thread that uses it, and not the process.
#[expect(unsafe_code, reason = "ending one thread alone is the attack, and no library offers it safely")]
fn end_this_thread() -> ! {
    // SAFETY: the thread never returns; what it owned is leaked.
    unsafe { std::arch::asm!("int 0x80", inout("eax") 1 => _, out("r8") _, out("r9") _, out("r10") _, out("r11") _) };
    std::process::abort()
}
