//! What a bridge says before it carries MCP: one line with its token, answered by one line.

use crate::api::Caller;
use crate::identity::MAX_TOKEN_BYTES;
use crate::mcp::Governor;
use std::io;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The word before the token; another version of this protocol has another.
pub(super) const WORD: &str = "safeclaw-mcp/1";
/// The longest line of either side, its end included.
pub(super) const MAX_LINE_BYTES: usize = MAX_TOKEN_BYTES + 64;

/// Reads the greeting and says who it is; nothing behind its line is taken.
pub(super) async fn receive<R, G>(input: &mut R, governor: &G) -> Result<Caller, &'static str>
where
    R: AsyncBufRead + Unpin,
    G: Governor,
{
    let mut line = Vec::new();
    let read = input.take(MAX_LINE_BYTES as u64).read_until(b'\n', &mut line).await;
    read.map_err(|_| "the greeting could not be read")?;
    let token = token(&line)?;
    governor.authenticate(token, "mcp.sock").await.ok_or("this token is not known")
}

/// The token in a greeting.
pub(super) fn token(line: &[u8]) -> Result<&str, &'static str> {
    const SHAPE: &str = "the greeting is `safeclaw-mcp/1 TOKEN` and the end of the line";
    let line = line.strip_suffix(b"\n").ok_or(SHAPE)?;
    let line = std::str::from_utf8(line).map_err(|_| SHAPE)?;
    let token = line.strip_prefix(WORD).and_then(|rest| rest.strip_prefix(' ')).ok_or(SHAPE)?;
    let graphic = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    graphic.then_some(token).ok_or(SHAPE)
}

/// Says `ok`, or why not.
pub(super) async fn answer<W: AsyncWrite + Unpin>(output: &mut W, who: Result<(), &str>) -> io::Result<()> {
    let line = match who {
        Ok(()) => "ok\n".to_owned(),
        Err(reason) => format!("no: {reason}\n"),
    };
    output.write_all(line.as_bytes()).await?;
    output.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_greeting_is_one() {
        let bad: [&[u8]; 9] = [
            b"",
            b"\n",
            b"safeclaw-mcp/1 token",
            b"safeclaw-mcp/1 \n",
            b"safeclaw-mcp/1\ttoken\n",
            b"safeclaw-mcp/2 token\n",
            b"safeclaw-mcp/1 two tokens\n",
            b"safeclaw-mcp/1 \xff\n",
            b"{\"jsonrpc\":\"2.0\"}\n",
        ];
        for line in bad {
            assert!(token(line).is_err(), "{line:?}");
        }
        assert_eq!(token(b"safeclaw-mcp/1 token\n"), Ok("token"));
    }
}
