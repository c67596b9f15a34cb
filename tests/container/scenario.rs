//! What a hub asks of a runner between its hello and its end, so that a test can take something away from the
//! runner and see whether it is missed. Each step says its name when it fails.

use manifest::{Access, Digest, Limits};
use protocol::{
    Call, Decoder, Done, FromRunner, HubKey, Outcome, Preopen, Ticket, TicketComponent, TicketTool, ToRunner, encode,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tests::running::running;

/// Components that are compiled, and where.
pub(super) struct Shelf {
    pub(super) artefacts: PathBuf,
    registrations: Vec<hub::Registration>,
}

/// What the shared hub has compiled.
pub(super) fn shelf() -> &'static Shelf {
    static SHELF: OnceLock<Shelf> = OnceLock::new();
    SHELF.get_or_init(|| {
        let hub = running();
        Shelf { artefacts: hub.data.join("artefacts"), registrations: hub.hub.components() }
    })
}

pub(super) fn key() -> HubKey {
    HubKey::from_seed(&[7; 32])
}

/// A runner that was just started.
pub(super) struct Runner<'a> {
    pub(super) input: &'a mut dyn Write,
    pub(super) output: &'a mut dyn Read,
    /// What it was born with.
    pub(super) container: String,
    pub(super) posture: Digest,
    /// Where it finds a writable mount.
    pub(super) root: String,
    decoder: Decoder,
    serial: u64,
}

/// Which step failed, and how.
pub(super) type Failed = String;

impl<'a> Runner<'a> {
    pub(super) fn new(
        input: &'a mut dyn Write,
        output: &'a mut dyn Read,
        container: String,
        posture: Digest,
        root: &str,
    ) -> Self {
        Self { input, output, container, posture, root: root.to_owned(), decoder: Decoder::new(), serial: 0 }
    }

    /// Asks two components for their tools.
    pub(super) fn describes(mut self) -> Result<(), Failed> {
        let nonce = self.hello()?;
        let components: Vec<_> = ["files", "hostile"].map(component).into();
        let asked: Vec<Digest> = components.iter().map(|known| known.component.clone()).collect();
        self.ticket(&nonce, components, Vec::new())?;
        for (id, component) in (1..).zip(asked) {
            self.say("describe", &[ToRunner::Describe(id, component)])?;
            match self.hear("describe")? {
                FromRunner::Described(_, Ok(tools)) if !tools.is_empty() => {}
                other => return Err(format!("describe: {other:?}")),
            }
        }
        Ok(())
    }

    /// Files of every kind of change, a trap, deep recursion, a budget, a cancelled call, a renewed ticket.
    pub(super) fn serves(mut self) -> Result<(), Failed> {
        let nonce = self.hello()?;
        let components: Vec<_> = ["files", "hostile", "time"].map(component).into();
        let tools: Vec<_> = ["files", "hostile", "time"].iter().flat_map(|name| tools(name, &self.root)).collect();
        self.ticket(&nonce, components.clone(), tools.clone())?;
        self.files()?;
        self.answered("time_now", json!({}))?;
        for (step, ends) in [
            ("attack_trap", "Broken"),
            ("attack_recurse", "Limit"),
            ("attack_spin_forever", "Limit"),
            ("attack_sleep_forever", "Limit"),
        ] {
            let outcome = self.call(step, json!({}))?;
            if !format!("{outcome:?}").starts_with(ends) {
                return Err(format!("{step}: {outcome:?}"));
            }
        }
        // In one write, so that the call is cancelled before its budget ends it.
        self.say("cancel", &[start(90, "attack_spin_forever", &json!({})), ToRunner::Cancel(90)])?;
        match self.done("cancel")? {
            Outcome::Cancelled => {}
            other => return Err(format!("cancel: {other:?}")),
        }
        self.ticket(&nonce, components, tools)?;
        self.answered("files_list", json!({"path": "."}))
    }

    /// Calls tools of files, one after the other: what each ended in.
    pub(super) fn calls(mut self, calls: &[(&str, Value)]) -> Result<Vec<Outcome>, Failed> {
        let nonce = self.hello()?;
        self.ticket(&nonce, vec![component("files")], tools("files", &self.root))?;
        calls.iter().map(|(tool, arguments)| self.call(tool, arguments.clone())).collect()
    }

    fn files(&mut self) -> Result<(), Failed> {
        let large = "0123456789abcde\n".repeat(15 << 10);
        // Several runners may share a workspace: each has files of its own.
        let name = |name: &str| format!("{}-{name}", self.container);
        let (file, moved, folder) = (name("file.txt"), name("moved.txt"), name("folder"));
        let below = format!("{folder}/deep/file.txt");
        for (tool, arguments) in [
            ("files_write", json!({"path": file, "content": large, "mode": "overwrite"})),
            ("files_write", json!({"path": file, "content": "more\n", "mode": "append"})),
            ("files_write", json!({"path": below, "content": "x", "mode": "overwrite", "parents": true})),
            ("files_read", json!({"path": file})),
            ("files_stat", json!({"path": file})),
            ("files_list", json!({"path": "."})),
            ("files_search", json!({"path": file, "pattern": "more"})),
            ("files_edit", json!({"path": file, "old": "more", "new": "less"})),
            ("files_move", json!({"from": file, "to": moved, "overwrite": true})),
            ("files_delete", json!({"path": moved})),
            ("files_delete", json!({"path": folder, "recursive": true})),
        ] {
            self.answered(tool, arguments)?;
        }
        Ok(())
    }

    fn hello(&mut self) -> Result<String, Failed> {
        match self.hear("hello")? {
            FromRunner::Hello(hello) => Ok(hex::encode(hello.nonce)),
            other => Err(format!("hello: {other:?}")),
        }
    }

    fn ticket(&mut self, nonce: &str, components: Vec<TicketComponent>, tools: Vec<TicketTool>) -> Result<(), Failed> {
        self.serial += 1;
        let ticket = Ticket {
            hub: "hub".to_owned(),
            container: self.container.clone(),
            nonce: nonce.to_owned(),
            session: "session".to_owned(),
            manifest: Digest::of(b"manifest"),
            epoch: 0,
            expires: u64::MAX / 2,
            serial: self.serial,
            posture: self.posture.clone(),
            concurrent_calls: 2,
            components,
            tools,
        };
        self.say("ticket", &[ToRunner::Ticket(key().sign(&ticket).unwrap())])?;
        match self.hear("ticket")? {
            FromRunner::Ready(_) => Ok(()),
            other => Err(format!("ticket: {other:?}")),
        }
    }

    fn answered(&mut self, tool: &str, arguments: Value) -> Result<(), Failed> {
        match self.call(tool, arguments)? {
            Outcome::Answer(answer) if !answer.is_error => Ok(()),
            other => Err(format!("{tool}: {other:?}")),
        }
    }

    fn call(&mut self, tool: &str, arguments: Value) -> Result<Outcome, Failed> {
        self.say(tool, &[start(1, tool, &arguments)])?;
        self.done(tool)
    }

    fn done(&mut self, step: &str) -> Result<Outcome, Failed> {
        loop {
            match self.hear(step)? {
                FromRunner::Done(Done { outcome, .. }) => return Ok(outcome),
                FromRunner::Log(_) | FromRunner::Progress(_) => {}
                other => return Err(format!("{step}: {other:?}")),
            }
        }
    }

    fn say(&mut self, step: &str, messages: &[ToRunner]) -> Result<(), Failed> {
        let mut bytes = Vec::new();
        messages.iter().for_each(|message| encode(message, &mut bytes).unwrap());
        self.input.write_all(&bytes).and_then(|()| self.input.flush()).map_err(|error| format!("{step}: {error}"))
    }

    fn hear(&mut self, step: &str) -> Result<FromRunner, Failed> {
        let mut chunk = [0; 4096];
        loop {
            if let Some(message) = self.decoder.next().map_err(|error| format!("{step}: {error}"))? {
                return Ok(message);
            }
            match self.output.read(&mut chunk).map_err(|error| format!("{step}: {error}"))? {
                0 => return Err(format!("{step}: it ended")),
                count => self.decoder.push(&chunk[..count]),
            }
        }
    }
}

fn start(id: u64, tool: &str, arguments: &Value) -> ToRunner {
    ToRunner::Call(Call { id, tool: tool.try_into().unwrap(), arguments: arguments.to_string() })
}

fn registration(name: &str) -> &'static hub::Registration {
    shelf().registrations.iter().find(|known| known.name.as_str() == name).unwrap_or_else(|| panic!("no {name}"))
}

fn component(name: &str) -> TicketComponent {
    let known = registration(name);
    TicketComponent {
        component: known.component.clone(),
        artefact: known.artefact.clone(),
        trap_imports: known.trap_imports.clone(),
        http: false,
    }
}

fn tools(name: &str, root: &str) -> Vec<TicketTool> {
    let known = registration(name);
    let tool = |tool: &hub::RegisteredTool| TicketTool {
        name: tool.name.clone(),
        component: known.component.clone(),
        limits: Limits {
            memory_bytes: 64 << 20,
            cpu_ms: 100,
            // Sleeping is what ends here; what works takes a fraction of it on a busy machine.
            deadline_ms: if tool.name.as_str().contains("sleep") { 300 } else { 60_000 },
            arguments_bytes: 1 << 20,
            result_bytes: 1 << 20,
            log_bytes: 64 << 10,
            handles: 1_000,
        },
        preopens: vec![Preopen {
            root: root.to_owned(),
            path: ".".to_owned(),
            guest: "/workspace".to_owned(),
            access: Access::Write,
        }],
        env: Default::default(),
        clocks: [manifest::Clock::Wall, manifest::Clock::Monotonic].into_iter().collect::<BTreeSet<_>>(),
        http: false,
        input_schema: tool.input_schema.clone(),
        output_schema: tool.output_schema.clone(),
    };
    known.tools.iter().map(tool).collect()
}

/// A directory that a runner, whoever it is, can write.
pub(super) fn scratch() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("safeclaw-scenario-").tempdir().unwrap();
    open_for_all(folder.path());
    folder
}

/// Runners are uid 1000, and the tests may be root.
pub(super) fn open_for_all(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
}
