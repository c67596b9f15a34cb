//! The tables of a manifest. A field that is not named here is an error; one that is named here and not
//! used is a compiler warning, since nothing else reads it.

use super::{
    Bytes, Count, Entries, Field, FromToml, List, Located, LoopAfter, ManifestName, Millis, Reading, Text, below,
};
use crate::http::{HostPattern, MediaType, Method, PathPattern, PathRecord, Scheme};
use crate::model::{Access, ArgumentsRecord, Clock, ContainerSize, Gate, RunnerScope, Runtime, Tier};
use crate::names::{ApproverName, ComponentName, CredentialName, Digest, EnvName, MountName, ProfileName, ToolName};
use crate::source::Spot;
use ipnet::IpNet;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

macro_rules! table {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name {
            $(pub(crate) $field: Field<$type>,)*
        }

        impl $name {
            /// The names of its fields.
            pub(crate) const FIELDS: &'static [&'static str] = &[$(stringify!($field)),*];

            pub(crate) fn from_table(reading: &mut Reading<'_>, table: &DeTable<'_>, at: &str) -> Self {
                $(let mut $field = Field::Absent;)*
                for (key, value) in table {
                    let name: &str = key.get_ref().as_ref();
                    $(if name == stringify!($field) {
                        $field = reading.field(value, &below(at, name));
                        continue;
                    })*
                    let spot: Spot = reading.spot(key);
                    reading.unknown(spot, name, at, Self::FIELDS);
                }
                Self { $($field),* }
            }
        }

        impl FromToml for $name {
            fn from_toml(reading: &mut Reading<'_>, value: &Spanned<DeValue<'_>>, at: &str) -> Option<Self> {
                let table = reading.table(value, at)?;
                Some(Self::from_table(reading, table, at))
            }
        }
    };
}

table!(
    /// One file.
    RawFile {
        name: ManifestName,
        tiers: Entries<Tier, RawTier>,
        mounts: Entries<MountName, RawMount>,
        components: Entries<ComponentName, RawComponent>,
        tools: Entries<ToolName, RawTool>,
        profiles: Entries<ProfileName, RawProfile>,
    }
);
table!(RawTier {
    concurrent_calls: Count,
    calls_per_hour: Count,
    principal_calls_per_hour: Count,
    loop_after: LoopAfter,
    idle: Millis,
    after_outside: Gate,
    runtime: Runtime,
    approvers: List<ApproverName>,
    budget: RawBudget,
    ceiling: RawCeiling,
});
table!(RawBudget { calls: Count, wall: Millis, egress: Bytes });
table!(RawCeiling {
    fs: List<RawFs>,
    env: List<EnvName>,
    clocks: List<Clock>,
    http: List<RawHttp>,
    size: ContainerSize,
    runner: RunnerScope,
    limits: RawLimits,
});
table!(RawLimits {
    memory: Bytes,
    cpu: Millis,
    deadline: Millis,
    arguments: Bytes,
    result: Bytes,
    log: Bytes,
    handles: Count,
});
table!(RawFs { mount: MountName, path: Text, access: Access });
table!(
    /// What may be asked of the outside: the same fields in a tool and in a ceiling.
    RawHttp {
        scheme: Scheme,
        host: HostPattern,
        port: Count,
        methods: List<Method>,
        paths: List<PathPattern>,
        request: Bytes,
        response: Bytes,
        first_byte: Millis,
        total: Millis,
        per_call: Count,
        per_minute: Count,
        concurrent: Count,
        content_types: List<MediaType>,
        credential: CredentialName,
        redirects: Count,
        private: List<IpNet>,
        approve: List<Method>,
        record: PathRecord,
    }
);
table!(RawMount { source: Text, path: Text, reason: Text });
table!(RawComponent { digest: Digest });
table!(RawTool {
    component: ComponentName,
    tier: Tier,
    reason: Text,
    fs: List<RawFs>,
    env: Entries<EnvName, Located<Text>>,
    clocks: List<Clock>,
    http: List<RawHttp>,
    runner: RunnerScope,
    size: ContainerSize,
    gate: Gate,
    record: ArgumentsRecord,
    trap_imports: List<Text>,
    limits: RawLimits,
});
table!(RawProfile { tiers: List<Tier>, tools: List<ToolName> });
table!(
    /// The list of protected paths, which is no manifest and is read by the same rules.
    RawProtectedFile { protected: List<RawProtected> }
);
table!(RawProtected { path: Text, reason: Text });

/// Every table of a manifest and its fields, to be compared with what is enforced and documented.
#[must_use]
pub fn fields() -> Vec<(&'static str, &'static [&'static str])> {
    vec![
        ("manifest", RawFile::FIELDS),
        ("tiers.TIER", RawTier::FIELDS),
        ("tiers.TIER.budget", RawBudget::FIELDS),
        ("tiers.TIER.ceiling", RawCeiling::FIELDS),
        ("tiers.TIER.ceiling.fs", RawFs::FIELDS),
        ("tiers.TIER.ceiling.http", RawHttp::FIELDS),
        ("tiers.TIER.ceiling.limits", RawLimits::FIELDS),
        ("mounts.NAME", RawMount::FIELDS),
        ("components.NAME", RawComponent::FIELDS),
        ("tools.NAME", RawTool::FIELDS),
        ("tools.NAME.fs", RawFs::FIELDS),
        ("tools.NAME.http", RawHttp::FIELDS),
        ("tools.NAME.limits", RawLimits::FIELDS),
        ("profiles.NAME", RawProfile::FIELDS),
    ]
}
