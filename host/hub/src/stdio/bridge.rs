//! The bridge's side: carries an agent's standard input and output to a running hub.
//!
//! Threads and blocking calls, no runtime: two copies are all it does, and a blocked read of standard input
//! must not keep the process from ending.

use super::greeting::{MAX_LINE_BYTES, WORD};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long the hub may take to answer the greeting.
const GREETING_TIME: Duration = Duration::from_secs(10);

/// Why a bridge did not stand, or fell.
#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    /// Nobody listens.
    #[error("no hub answers on {path}; start one with `safeclaw hub`, or use `safeclaw mcp --solo`")]
    NoHub {
        /// The socket.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The hub did not let us in.
    #[error("the hub refused: {0}")]
    Refused(String),
    /// Something else than a hub answered, or nothing.
    #[error("the hub did not answer the greeting")]
    Greeting(#[source] io::Error),
    /// The connection broke off.
    #[error("the connection to the hub broke off")]
    Broken(#[source] io::Error),
}

/// Carries `input` to the hub and what it says to `output`, until the hub ends the conversation, which it
/// does when the input has ended.
///
/// # Errors
/// See [`BridgeError`].
pub fn bridge<R, W>(socket: &Path, token: &str, input: R, output: W) -> Result<(), BridgeError>
where
    R: Read + Send + 'static,
    W: Write,
{
    let no_hub = |source| BridgeError::NoHub { path: socket.to_owned(), source };
    let hub = UnixStream::connect(socket).map_err(no_hub)?;
    greet(&hub, token)?;
    let upward = hub.try_clone().map_err(BridgeError::Broken)?;
    std::thread::spawn(move || {
        let _ = carry(input, &upward);
        let _ = upward.shutdown(Shutdown::Write);
    });
    carry(&hub, output).map_err(BridgeError::Broken)
}

fn greet(mut hub: &UnixStream, token: &str) -> Result<(), BridgeError> {
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(BridgeError::Refused("a token has no spaces and no line ends".to_owned()));
    }
    hub.set_read_timeout(Some(GREETING_TIME)).map_err(BridgeError::Greeting)?;
    hub.write_all(format!("{WORD} {token}\n").as_bytes()).map_err(BridgeError::Greeting)?;
    let line = line(hub).map_err(BridgeError::Greeting)?;
    hub.set_read_timeout(None).map_err(BridgeError::Greeting)?;
    match line.as_str() {
        "ok" => Ok(()),
        other => Err(BridgeError::Refused(other.strip_prefix("no: ").unwrap_or("not a hub").to_owned())),
    }
}

/// One line, byte by byte: what comes after it is MCP and not ours.
fn line(mut hub: &UnixStream) -> io::Result<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    while line.len() < MAX_LINE_BYTES {
        hub.read_exact(&mut byte)?;
        match byte {
            [b'\n'] => {
                return String::from_utf8(line).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error));
            }
            [byte] => line.push(byte),
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "the line has no end"))
}

/// Copies, and flushes after each piece: a message must not wait for the next one.
fn carry(mut from: impl Read, mut to: impl Write) -> io::Result<()> {
    let mut piece = vec![0; 64 << 10];
    loop {
        let bytes = match from.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        to.write_all(piece.get(..bytes).unwrap_or_default())?;
        to.flush()?;
    }
}
