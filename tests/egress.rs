//! A hostile tool and what it asks of the outside, through both walls. Two numbers have to be zero: requests that were
//! let through and should not have been, and secrets that were found where they must not be.

mod fields;

use hub::{CallEnd, CallOutcome, Caller};
use serde::Deserialize;
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use tests::own::{Own, Plan};
use tests::running::structured;
use tests::upstream::outside::Outside;
use tests::upstream::{Script, Upstream};

const MANIFEST: &str = include_str!("egress/manifest.toml");
const ATTACKS: &str = include_str!("egress/attacks.toml");
const TOOL: &str = "attack_request";

#[derive(Deserialize)]
struct Attacks {
    attacks: Vec<Attack>,
}

#[derive(Deserialize)]
struct Attack {
    name: String,
    ask: Value,
}

struct Ground {
    upstream: Upstream,
    own: Own,
    _outside: Outside,
}

impl Ground {
    async fn start(manifest: &str) -> Self {
        let upstream = Upstream::start(Script::default()).await;
        let outside = Outside::of(&upstream);
        let manifest = manifest.replace("PORT", &upstream.address().port().to_string());
        let own = Plan::new(&manifest).guest("hostile-http").outside(&outside.file()).start().await;
        Self { upstream, own, _outside: outside }
    }

    fn caller(&self) -> Caller {
        self.own.caller("all")
    }

    /// What is not said is the upstream, over TLS.
    fn arguments(&self, ask: &Value) -> String {
        let token = self.upstream.token();
        let text = ask.to_string().replace("PORT", &self.upstream.address().port().to_string());
        let text = text.replace("TOKEN", token).replace("HEX", &hex::encode(token));
        let mut ask: Value = serde_json::from_str(&text).unwrap();
        for (key, value) in [("scheme", "https".to_owned()), ("authority", self.upstream.address().to_string())] {
            if ask.get(key).is_none() {
                ask[key] = value.into();
            }
        }
        ask.to_string()
    }

    async fn end(&self, caller: &Caller, ask: &Value) -> CallEnd {
        self.own.call(caller, TOOL, &self.arguments(ask)).await
    }

    /// What came of the first request.
    async fn came(&self, caller: &Caller, ask: Value) -> Value {
        structured(&self.end(caller, &ask).await)["requests"][0].clone()
    }

    fn audit(&self) -> String {
        fs::read_to_string(self.own.data.join("audit.jsonl")).unwrap()
    }

    fn pages(&self) -> usize {
        self.upstream.log().len()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_not_granted_leaves() {
    let ground = Ground::start(MANIFEST).await;
    let caller = ground.caller();
    // The control, which also gives the session a secret that it has used.
    let came = ground.came(&caller, json!({ "path": "/echo/none" })).await;
    assert_eq!((came["outcome"].as_str(), came["status"].as_u64()), (Some("answered"), Some(404)), "{came}");
    let before = ground.pages();
    let Attacks { attacks } = toml::from_str(ATTACKS).unwrap();
    let mut let_through = Vec::new();
    for attack in &attacks {
        let end = ground.end(&caller, &attack.ask).await;
        let reached = match &end.outcome {
            CallOutcome::Answer(answer) if !answer.is_error => {
                let report = structured(&end);
                // Whoever looked for an address or knocked at one had been let out, and met nobody by chance.
                let outcomes = report["requests"].to_string();
                let knocked = ["Connection", "DNS", "DestinationNotFound", "DestinationUnavailable", "TLS"];
                let limit = outcomes.contains("ConnectionLimitReached");
                report["reached"] == true || (!limit && knocked.iter().any(|word| outcomes.contains(word)))
            }
            _ => false,
        };
        if reached || ground.pages() != before {
            let_through.push(format!("{}: {end:?}", attack.name));
        }
    }
    assert_eq!(let_through, Vec::<String>::new(), "{} were tried", attacks.len());
    // And the session goes on as if nothing had happened.
    let came = ground.came(&caller, json!({ "path": "/pages/plain.html" })).await;
    assert_eq!(came["status"], 200, "{came}");
    let audit = ground.audit();
    assert!(audit.contains("this would:"), "a denial tells the operator the line that would allow it");
    assert!(!audit.contains(ground.upstream.token()));
    ground.own.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_repeats_a_secret_tells_nobody() {
    let ground = Ground::start(MANIFEST).await;
    let caller = ground.caller();
    let token = ground.upstream.token().to_owned();
    let mut found = Vec::new();
    let echoes = [
        "body",
        "header",
        "base64",
        "base64-shifted",
        "base64-url",
        "hex",
        "percent",
        "json",
        "unicode",
        "halves",
        "chunks",
        "redirect",
        "error",
    ];
    for echo in echoes {
        let end = ground.end(&caller, &json!({ "path": format!("/echo/{echo}") })).await;
        let told = format!("{end:?}").to_ascii_lowercase();
        // As it is, as the hexadecimal of it, and as nothing but its own letters.
        let spellings = [token.clone(), hex::encode(&token), token.trim_start_matches("ghp_").to_owned()];
        if spellings.iter().any(|spelling| told.contains(&spelling.to_ascii_lowercase())) {
            found.push(echo);
        }
    }
    assert_eq!(found, Vec::<&str>::new(), "{} echoes", echoes.len());
    assert_eq!(ground.pages(), echoes.len(), "each was asked for, with the token");
    let audit = ground.audit();
    assert!(audit.contains(r#""outcome":"leak""#) && !audit.contains(&token));
    for entry in fs::read_dir(&ground.own.data).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            assert!(!holds(&bytes, token.as_bytes()), "{} has the token", path.display());
        }
    }
    ground.own.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_runner_has_a_secret_in_its_memory() {
    const MARKER: &str = "a-marker-that-only-the-guest-has-written";
    let ground = Ground::start(MANIFEST).await;
    let caller = ground.caller();
    let came = ground.came(&caller, json!({ "path": "/echo/request" })).await;
    assert_eq!(came["status"], 200, "{came}");
    // A call under way: what it asks for is in its memory, and what was added to it before is not.
    let slow = json!({ "path": format!("/pages/slow.txt?{MARKER}"), "read_bytes": 100_000 });
    let arguments = ground.arguments(&slow);
    let (own, asking) = (&ground.own, caller.clone());
    let call = own.call(&asking, TOOL, &arguments);
    let look = async {
        loop {
            if ground.upstream.log().iter().any(|asked| asked.path.contains(MARKER)) {
                return memories();
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let memories = tokio::select! {
        end = call => panic!("it ended: {end:?}"),
        memories = look => memories,
    };
    let (with_marker, with_token): (Vec<_>, Vec<_>) = (
        memories.iter().filter(|memory| holds(memory, MARKER.as_bytes())).collect(),
        memories.iter().filter(|memory| holds(memory, ground.upstream.token().as_bytes())).collect(),
    );
    assert!(!with_marker.is_empty(), "the runner's memory was not among {} that were read", memories.len());
    assert!(with_token.is_empty(), "{} runners have the token in their memory", with_token.len());
    ground.own.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_approval_is_wanted_for_is_not_made_and_ends_the_call() {
    let ground = Ground::start(MANIFEST).await;
    let end = ground.end(&ground.caller(), &json!({ "method": "DELETE", "path": "/pages/plain.html" })).await;
    // Nobody is enrolled who could allow it.
    assert!(matches!(&end.outcome, CallOutcome::Denied { reason, .. } if reason.contains("no approver")), "{end:?}");
    assert_eq!(ground.pages(), 0);
    ground.own.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_from_outside_puts_a_tier_behind_a_person_where_the_manifest_says_so() {
    let careful = MANIFEST.replace("idle = \"15min\"", "idle = \"15min\"\nafter_outside = \"approval\"");
    let ground = Ground::start(&careful).await;
    let caller = ground.caller();
    assert_eq!(ground.came(&caller, json!({ "path": "/pages/plain.html" })).await["status"], 200);
    let end = ground.end(&caller, &json!({ "path": "/pages/plain.html" })).await;
    assert!(matches!(&end.outcome, CallOutcome::Denied { reason, .. } if reason.contains("no approver")), "{end:?}");
    assert_eq!(ground.pages(), 1);
    ground.own.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_beyond_the_sessions_budget_do_not_pass() {
    let poor = MANIFEST.replace("idle = \"15min\"", "idle = \"15min\"\nbudget = { egress = \"2KiB\" }");
    let ground = Ground::start(&poor).await;
    let caller = ground.caller();
    let came = ground.came(&caller, json!({ "path": "/pages/large.txt?bytes=100000" })).await;
    assert!(came["read"].as_u64().unwrap() < 2048, "{came}");
    assert_ne!(came["outcome"], "answered", "{came}");
    ground.own.end().await;
}

/// The writable memory of every runner of this machine.
fn memories() -> Vec<Vec<u8>> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let runners = processes.filter(|pid| {
        let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        command.split(|byte| *byte == 0).next().is_some_and(|program| program.ends_with(b"runner"))
    });
    runners.filter_map(|pid| memory(&pid)).collect()
}

fn memory(pid: &str) -> Option<Vec<u8>> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
    let mut memory = fs::File::open(format!("/proc/{pid}/mem")).ok()?;
    let pages = fs::File::open(format!("/proc/{pid}/pagemap")).ok();
    let mut all = Vec::new();
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (start, end) = line.split_once(' ')?.0.split_once('-')?;
        let (start, end) = (u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?);
        // A guest's memory is reserved by the gigabyte: only pages that are there are read.
        for page in (start..end.min(start + (1 << 28))).step_by(4096) {
            if pages.as_ref().is_some_and(|pages| !present(pages, page)) {
                continue;
            }
            let mut bytes = [0; 4096];
            if memory.seek(SeekFrom::Start(page)).is_ok() && memory.read_exact(&mut bytes).is_ok() {
                all.extend_from_slice(&bytes);
            }
        }
    }
    Some(all)
}

fn present(pages: &fs::File, page: u64) -> bool {
    use std::os::unix::fs::FileExt;
    let mut entry = [0; 8];
    // Bit 63: in memory; bit 62: swapped out.
    pages.read_exact_at(&mut entry, page / 4096 * 8).is_ok() && u64::from_le_bytes(entry) >> 62 != 0
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
