//! A body far larger than what may be on its way: the broker's memory does not grow with it. A program of its own, since
//! it looks at all of its memory.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[expect(dead_code, reason = "shared with the other tests")]
mod support;

use protocol::ToHttp;
use support::server::{Server, Step, say};
use support::{Ask, Desk, Guest, World, http};

const GIB: u64 = 1 << 30;
const ALLOWED_KB: u64 = 4 << 10;

/// The most memory that this process has had, kB.
fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}

/// Reads an answer, and keeps none of it.
async fn drain(world: &World, server: &Server, most: u64) -> u64 {
    let mut grant = http("a.test", server);
    (grant.response_bytes, grant.total_ms, grant.first_byte_ms) = (most, 600_000, 60_000);
    let guest = Guest::new(world, &Desk::new([grant]));
    let mut pending = guest.begin(&Ask::get(format!("http://a.test:{}/", server.address.port()))).await;
    let mut read = 0;
    loop {
        match pending.frames.recv().await.unwrap() {
            ToHttp::Data(_, bytes) => {
                read += bytes.len() as u64;
                pending.far.credit(u32::try_from(bytes.len()).unwrap()).unwrap();
            }
            ToHttp::Failed(..) | ToHttp::End(..) => return read,
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_gibibyte_passes_through_a_window() {
    let world = World::new().await;
    world.dns.here("a.test");
    let steps = vec![Step::Head, say("HTTP/1.1 200 OK\r\n\r\n"), Step::Repeat(vec![b'x'; 256 << 10])];
    let server = Server::plain(steps).await;
    // What a first one needs, every one needs.
    drain(&world, &server, 16 << 20).await;
    let before = peak_kb();
    let read = drain(&world, &server, GIB).await;
    let grown = peak_kb().saturating_sub(before);
    assert!(read > GIB - (64 << 10) && read <= GIB, "{read}");
    println!("{grown} kB more for {read} bytes");
    assert!(grown < ALLOWED_KB, "{grown} kB for a window of 64 KiB");
}

/// A guest that reads nothing holds a window of the answer, and the server the rest.
#[tokio::test]
async fn nothing_is_read_that_nobody_has_room_for() {
    let world = World::new().await;
    world.dns.here("a.test");
    let steps = vec![Step::Head, say("HTTP/1.1 200 OK\r\n\r\n"), Step::Repeat(vec![b'x'; 64 << 10])];
    let server = Server::plain(steps).await;
    let mut grant = http("a.test", &server);
    (grant.response_bytes, grant.total_ms) = (GIB, 1_000);
    let desk = Desk::new([grant]);
    let guest = Guest::new(&world, &desk);
    let mut pending = guest.begin(&Ask::get(format!("http://a.test:{}/", server.address.port()))).await;
    let mut passed = 0;
    loop {
        match pending.frames.recv().await.unwrap() {
            ToHttp::Data(_, bytes) => passed += bytes.len(),
            ToHttp::Failed(..) => break,
            _ => {}
        }
    }
    // A piece that does not fit waits whole.
    assert!(passed <= 64 << 10 && passed > 48 << 10, "{passed}");
    // Of what came, one piece at most waits for room.
    let came = desk.told().last().unwrap().received;
    assert!(came <= 192 << 10, "{came}");
}
