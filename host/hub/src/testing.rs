//! Small manifests for this crate's own tests.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::api::{RegisteredTool, Registration};
use manifest::{
    Access, ArgumentsRecord, Budget, Ceiling, Component, ComponentName, ContainerSize, Digest, FsGrant, Gate, Grants,
    Limits, LoopAfter, Manifest, Mount, MountName, Profile, ProfileName, RunnerScope, Runtime, Tier, TierRules, Tool,
    ToolName,
};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) fn limits() -> Limits {
    Limits {
        memory_bytes: 64 << 20,
        cpu_ms: 1000,
        deadline_ms: 5000,
        arguments_bytes: 1000,
        result_bytes: 1000,
        log_bytes: 1000,
        handles: 16,
    }
}

pub(crate) fn tool(name: &str, tier: Tier) -> Tool {
    Tool {
        name: ToolName::try_from(name).unwrap(),
        component: ComponentName::try_from("demo").unwrap(),
        tier,
        runner: RunnerScope::Session,
        size: ContainerSize::Small,
        gate: if tier.needs_approval() { Gate::Approval } else { Gate::Profile },
        record: ArgumentsRecord::Digest,
        grants: Grants {
            fs: vec![FsGrant { mount: MountName::try_from("work").unwrap(), path: ".".into(), access: Access::Read }],
            env: BTreeMap::new(),
            clocks: BTreeSet::new(),
            trap_imports: BTreeSet::new(),
            http: Vec::new(),
            limits: limits(),
        },
        reason: "tests".into(),
    }
}

pub(crate) fn profile(name: &str, tiers: &[Tier], tools: Option<&[&str]>) -> Profile {
    let names = |tools: &[&str]| tools.iter().map(|t| ToolName::try_from(*t).unwrap()).collect();
    Profile {
        name: ProfileName::try_from(name).unwrap(),
        tiers: tiers.iter().copied().collect(),
        tools: tools.map(names),
    }
}

fn rules(tier: Tier) -> TierRules {
    let ceiling = Ceiling {
        fs: Vec::new(),
        env: BTreeSet::new(),
        clocks: BTreeSet::new(),
        http: Vec::new(),
        size: ContainerSize::Small,
        runner: RunnerScope::Session,
        limits: limits(),
    };
    TierRules {
        tier,
        ceiling,
        calls_per_hour: 10,
        principal_calls_per_hour: 320,
        budget: Budget::default(),
        loop_after: LoopAfter::Never,
        concurrent_calls: 2,
        idle_s: 60,
        after_outside: manifest::Gate::Profile,
        runtime: Runtime::Runc,
        approvers: None,
    }
}

pub(crate) fn manifest(tools: impl IntoIterator<Item = Tool>) -> Manifest {
    let tiers = [Tier::User, Tier::Write, Tier::Admin, Tier::Critical];
    let component = ComponentName::try_from("demo").unwrap();
    let mount = Mount {
        name: MountName::try_from("work").unwrap(),
        source: None,
        path: "/work".into(),
        reason: "tests".into(),
    };
    let everyone = profile("everyone", &tiers, None);
    Manifest {
        name: "test".into(),
        tiers: tiers.into_iter().map(|tier| (tier, rules(tier))).collect(),
        mounts: [(mount.name.clone(), mount)].into(),
        components: [(component.clone(), Component { name: component, digest: None })].into(),
        tools: tools.into_iter().map(|tool| (tool.name.clone(), tool)).collect(),
        profiles: [(everyone.name.clone(), everyone)].into(),
    }
}

pub(crate) fn registration(tools: &[&str]) -> Registration {
    let tool = |name: &&str| RegisteredTool {
        name: ToolName::try_from(*name).unwrap(),
        title: None,
        description: "a tool".into(),
        input_schema: r#"{"type":"object"}"#.into(),
        output_schema: None,
        hints: protocol::Hints::default(),
    };
    Registration {
        name: ComponentName::try_from("demo").unwrap(),
        component: Digest::of(b"wasm"),
        component_bytes: 4,
        artefact: Digest::of(b"artefact"),
        artefact_bytes: 8,
        compatibility: "engine 1".into(),
        imports: Vec::new(),
        trap_imports: BTreeSet::new(),
        http: false,
        tools: tools.iter().map(tool).collect(),
        made_with: "tests".into(),
        registered: "2026-01-01T00:00:00Z".into(),
    }
}

/// A FIFO in a file's place: whoever opens it to read waits for a writer, unless it knows better.
pub(crate) fn fifo(path: &std::path::Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::from(0o600), 0).unwrap();
}

/// One that reaches nobody: it trusts no certificate, and its DNS server answers nobody.
pub(crate) fn broker() -> ::egress::Broker {
    let servers = ::egress::Servers::Named(vec!["127.0.0.1:9".parse().unwrap()]);
    let settings = ::egress::Settings {
        roots: tokio_rustls::rustls::RootCertStore::empty(),
        servers,
        forbidden: Vec::new(),
        credentials: Default::default(),
    };
    ::egress::Broker::new(settings).unwrap()
}
