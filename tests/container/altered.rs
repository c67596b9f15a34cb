//! A container that the shipping launcher made, as the engine reports it, made once more with one thing changed:
//! its seccomp profile. The launcher itself has no door for that, so this speaks to the engine.

use container::ContainerName;
use serde_json::{Value, json};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use tests::handed;

use super::boxes::LONG;

/// A started container. Dropping it removes it.
pub(super) struct Altered {
    id: String,
    pub(super) input: Input,
    pub(super) output: Output,
    exit: Option<JoinHandle<Option<i64>>>,
}

/// Its standard input.
pub(super) struct Input(UnixStream);

/// Its standard output; standard error is put aside on the way.
pub(super) struct Output {
    stream: UnixStream,
    left: Vec<u8>,
    pub(super) diagnostics: Arc<Mutex<String>>,
}

/// The profile that ships, from the container that has it.
pub(super) fn start(like: &ContainerName, change: impl FnOnce(&mut Value)) -> Result<Altered, String> {
    let (_, seen) = ask("GET", &format!("/containers/{like}/json"), None);
    let mut body = seen["Config"].clone();
    let mut host = seen["HostConfig"].clone();
    let options = host["SecurityOpt"].as_array_mut().expect("security options");
    let profile = options.iter_mut().find(|option| option.as_str().is_some_and(|text| text.starts_with("seccomp=")));
    let profile = profile.expect("the launcher sends a profile");
    let mut rules: Value = serde_json::from_str(profile.as_str().unwrap().trim_start_matches("seccomp=")).unwrap();
    change(&mut rules);
    *profile = json!(format!("seccomp={rules}"));
    body["HostConfig"] = host;
    let (status, made) = ask("POST", "/containers/create", Some(&body));
    assert_eq!(status, 201, "{made}");
    let id = made["Id"].as_str().unwrap().to_owned();
    let stream = attach(&id);
    let mut altered = Altered {
        input: Input(stream.try_clone().unwrap()),
        output: Output { stream, left: Vec::new(), diagnostics: Arc::default() },
        exit: None,
        id,
    };
    let wait = send("POST", &format!("/containers/{}/wait?condition=next-exit", altered.id), None);
    altered.exit = Some(std::thread::spawn(move || body_of(wait).1["StatusCode"].as_i64()));
    let (status, why) = ask("POST", &format!("/containers/{}/start", altered.id), None);
    if status == 204 { Ok(altered) } else { Err(format!("it does not start: {why}")) }
}

impl Altered {
    /// Waits for its end: the exit code.
    pub(super) fn end(mut self) -> Option<i64> {
        let _ = self.input.0.shutdown(Shutdown::Write);
        self.exit.take().and_then(|waiting| waiting.join().ok().flatten())
    }
}

impl Drop for Altered {
    fn drop(&mut self) {
        // It removes itself when it ends; one that has not ended yet does so now.
        let _ = ask("DELETE", &format!("/containers/{}?force=1", self.id), None);
    }
}

impl Write for Input {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Read for Output {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.left.is_empty() {
            let mut header = [0; 8];
            match self.stream.read_exact(&mut header) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                other => other?,
            }
            let mut bytes = vec![0; u32::from_be_bytes([header[4], header[5], header[6], header[7]]) as usize];
            self.stream.read_exact(&mut bytes)?;
            if header[0] == 1 {
                self.left = bytes;
            } else {
                self.diagnostics.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes));
            }
        }
        let some = self.left.len().min(into.len());
        into[..some].copy_from_slice(&self.left[..some]);
        self.left.drain(..some);
        Ok(some)
    }
}

fn attach(id: &str) -> UnixStream {
    let mut stream = connect();
    let request = format!(
        "POST /containers/{id}/attach?stream=1&stdin=1&stdout=1&stderr=1 HTTP/1.1\r\nHost: engine\r\n\
         Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    stream
}

fn connect() -> UnixStream {
    let stream = UnixStream::connect(handed::engine()).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

fn ask(method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
    body_of(send(method, path, body))
}

/// HTTP/1.0: the answer is whole, and ends with the connection.
fn send(method: &str, path: &str, body: Option<&Value>) -> UnixStream {
    let mut stream = connect();
    let body = body.map(Value::to_string).unwrap_or_default();
    let head =
        format!("{method} {path} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all((head + &body).as_bytes()).unwrap();
    stream
}

fn body_of(mut stream: UnixStream) -> (u16, Value) {
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text.as_str(), ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

/// Lets a program fork and wait for its children, so that many attempts find room in one container.
pub(super) fn with_children(rules: &mut Value) {
    let rules = rules["syscalls"].as_array_mut().expect("rules");
    // As the rule for threads, but with neither CLONE_VM nor CLONE_THREAD.
    let fork = json!([{ "index": 0, "value": 2_114_126_080_u32, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ" }]);
    rules.push(json!({ "names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": fork }));
    rules.push(json!({ "names": ["wait4"], "action": "SCMP_ACT_ALLOW" }));
}
