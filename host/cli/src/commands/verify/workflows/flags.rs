//! The words behind `docker run` as the body that the command would send. What a later flag undoes is
//! undone here too; a flag that is not known makes the whole command unreadable.

use super::shell::Word;
use serde_json::{Map, Value, json};

/// Flags without a value.
const SWITCHES: [&str; 13] = [
    "--detach",
    "--disable-content-trust",
    "--init",
    "--interactive",
    "--no-healthcheck",
    "--oom-kill-disable",
    "--privileged",
    "--publish-all",
    "--quiet",
    "--read-only",
    "--rm",
    "--sig-proxy",
    "--tty",
];

/// Short forms.
const SHORT: [(char, &str); 15] = [
    ('a', "--attach"),
    ('c', "--cpu-shares"),
    ('d', "--detach"),
    ('e', "--env"),
    ('h', "--hostname"),
    ('i', "--interactive"),
    ('l', "--label"),
    ('m', "--memory"),
    ('p', "--publish"),
    ('P', "--publish-all"),
    ('q', "--quiet"),
    ('t', "--tty"),
    ('u', "--user"),
    ('v', "--volume"),
    ('w', "--workdir"),
];

/// Flags that say nothing about what the container may do.
const HARMLESS: [&str; 9] = [
    "--cidfile",
    "--detach-keys",
    "--disable-content-trust",
    "--no-healthcheck",
    "--platform",
    "--pull",
    "--quiet",
    "--sig-proxy",
    "--name",
];

/// What a command asks for.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// The body that it would send.
    pub(super) body: Value,
    /// The container's name.
    pub(super) name: Option<String>,
    /// The file of the seccomp profile.
    pub(super) profile: Option<String>,
    /// Settings whose values cannot be read, with what is written there.
    pub(super) unread: Vec<(String, String)>,
}

/// Reads the words; an error says which one cannot be read.
pub(super) fn read(words: &[Word]) -> Result<Asked, String> {
    let mut reader =
        Reader { asked: Asked::default(), config: Map::new(), host: Map::new(), attached: Vec::new(), detach: false };
    let mut words = words.iter();
    let image = loop {
        let word = words.next().ok_or("it names no image")?;
        let text = word.text.as_str();
        if text == "--" {
            break words.next().ok_or("it names no image")?;
        }
        if let Some(letters) = text.strip_prefix('-').filter(|letters| !letters.is_empty() && !letters.starts_with('-'))
        {
            reader.short(letters, word, &mut words)?;
        } else if text.starts_with("--") {
            let (name, value) = match text.split_once('=') {
                Some((name, value)) => (name, Some(Word { text: value.to_owned(), exact: word.exact })),
                None if !word.exact => return Err(format!("{text} may be any flag")),
                None => (text, None),
            };
            reader.flag(name, value, &mut words)?;
        } else if !word.exact && !text.contains("sha256:") && words.clone().any(|word| word.text.starts_with('-')) {
            // `$FLAGS --more IMAGE`: what it holds may undo all that was read.
            return Err(format!("{text} may be any flags, or the image"));
        } else {
            break word;
        }
    };
    reader.finish(image, words)
}

struct Reader {
    asked: Asked,
    config: Map<String, Value>,
    host: Map<String, Value>,
    attached: Vec<String>,
    detach: bool,
}

impl Reader {
    /// `-it`, `-eA=b`, `-v /:/x`.
    fn short<'w>(
        &mut self,
        letters: &str,
        word: &Word,
        words: &mut impl Iterator<Item = &'w Word>,
    ) -> Result<(), String> {
        let mut letters = letters.chars();
        while let Some(letter) = letters.next() {
            let known = SHORT.iter().find(|(short, _)| *short == letter);
            let (_, name) = known.ok_or_else(|| format!("-{letter} is a flag that is not known here"))?;
            if SWITCHES.contains(name) {
                self.flag(name, None, words)?;
                continue;
            }
            let rest = letters.as_str();
            let rest = rest.strip_prefix('=').unwrap_or(rest);
            let value = (!rest.is_empty()).then(|| Word { text: rest.to_owned(), exact: word.exact });
            return self.flag(name, value, words);
        }
        Ok(())
    }

    fn flag<'w>(
        &mut self,
        name: &str,
        value: Option<Word>,
        words: &mut impl Iterator<Item = &'w Word>,
    ) -> Result<(), String> {
        let value = match (value, SWITCHES.contains(&name)) {
            (Some(value), _) => value,
            (None, true) => Word { text: "true".to_owned(), exact: true },
            (None, false) => words.next().ok_or_else(|| format!("{name} has no value"))?.clone(),
        };
        if !value.exact && !HARMLESS.contains(&name) {
            let setting = setting_of(name).to_owned();
            // When a container was made differs from run to run.
            if !(name == "--label" && value.text.starts_with("safeclaw.created=")) {
                self.asked.unread.push((setting, format!("{name} {}", value.text)));
            }
        }
        self.set(name, &value.text)
    }

    fn set(&mut self, name: &str, text: &str) -> Result<(), String> {
        let setting = setting_of(name);
        let flag = || match text {
            "true" | "1" | "t" | "T" | "TRUE" | "True" => Ok(true),
            "false" | "0" | "f" | "F" | "FALSE" | "False" => Ok(false),
            _ => Err(format!("{name}={text} is neither on nor off")),
        };
        match name {
            "--name" => self.asked.name = Some(text.to_owned()),
            "--detach" => self.detach = flag()?,
            "--attach" => self.attached.push(text.to_ascii_lowercase()),
            name if HARMLESS.contains(&name) => {}
            "--interactive" | "--tty" => self.put(true, setting, json!(flag()?)),
            "--rm" | "--read-only" | "--privileged" | "--publish-all" | "--oom-kill-disable" | "--init" => {
                self.put(false, setting, json!(flag()?));
            }
            "--entrypoint" => self.put(true, setting, json!([text])),
            "--user" | "--workdir" | "--hostname" | "--domainname" | "--stop-signal" | "--mac-address" => {
                self.put(true, setting, json!(text));
            }
            "--env" | "--env-file" => self.add(true, setting, json!(text)),
            "--label-file" => self.entry(true, setting, text, json!("(a file's)")),
            "--label" => {
                let (key, value) = text.split_once('=').unwrap_or((text, ""));
                self.entry(true, setting, key, json!(value));
            }
            "--restart" => {
                let (name, count) = text.split_once(':').unwrap_or((text, "0"));
                self.put(false, setting, json!({"Name": name, "MaximumRetryCount": number(count)}));
            }
            "--cap-add"
            | "--cap-drop"
            | "--device"
            | "--device-cgroup-rule"
            | "--dns"
            | "--dns-search"
            | "--dns-option"
            | "--group-add"
            | "--add-host"
            | "--volumes-from"
            | "--link" => self.add(false, setting, json!(text)),
            "--volume" => self.add(false, "Binds", json!(text)),
            "--security-opt" => {
                if let Some(file) = text.strip_prefix("seccomp=").or_else(|| text.strip_prefix("seccomp:")) {
                    self.asked.profile = Some(file.to_owned());
                }
                self.add(false, setting, json!(text));
            }
            "--network" | "--net" => {
                // A second network is one more, not another one.
                let all = match self.host.get(setting).and_then(Value::as_str) {
                    Some(first) => format!("{first},{text}"),
                    None => text.to_owned(),
                };
                self.put(false, setting, json!(all));
            }
            "--publish" => self.entry(false, setting, text, json!([{}])),
            "--pids-limit"
            | "--cpu-quota"
            | "--cpu-period"
            | "--cpu-shares"
            | "--oom-score-adj"
            | "--memory-swappiness"
            | "--stop-timeout" => self.put(name == "--stop-timeout", setting, number(text)),
            "--memory" | "--memory-swap" | "--memory-reservation" | "--kernel-memory" | "--shm-size" => {
                self.put(false, setting, bytes(text));
            }
            "--ulimit" => {
                let (name, values) = text.split_once('=').unwrap_or((text, ""));
                let (soft, hard) = values.split_once(':').unwrap_or((values, values));
                // The last one of a name holds.
                if let Some(limits) = self.host.get_mut(setting).and_then(Value::as_array_mut) {
                    limits.retain(|limit| limit.get("Name") != Some(&json!(name)));
                }
                self.add(false, setting, json!({"Name": name, "Soft": number(soft), "Hard": number(hard)}));
            }
            "--tmpfs" => {
                let (path, options) = text.split_once(':').unwrap_or((text, ""));
                self.entry(false, setting, path, json!(options));
            }
            "--mount" => self.add(false, setting, mount(text)),
            "--log-driver" => self.entry(false, setting, "Type", json!(text)),
            "--log-opt" => {
                let (key, value) = text.split_once('=').unwrap_or((text, ""));
                self.entry(false, setting, "Config", json!({ key: value }));
            }
            "--sysctl" | "--annotation" | "--storage-opt" => {
                let (key, value) = text.split_once('=').unwrap_or((text, ""));
                self.entry(false, setting, key, json!(value));
            }
            // Whatever else is said is a text, and a difference where the posture does not say it.
            _ => self.put(false, setting, json!(text)),
        }
        if setting.is_empty() && !["--detach", "--attach"].contains(&name) && !HARMLESS.contains(&name) {
            return Err(format!("{name} is a flag that is not known here"));
        }
        Ok(())
    }

    fn part(&mut self, config: bool) -> &mut Map<String, Value> {
        if config { &mut self.config } else { &mut self.host }
    }

    fn put(&mut self, config: bool, setting: &str, value: Value) {
        self.part(config).insert(setting.to_owned(), value);
    }

    fn add(&mut self, config: bool, setting: &str, value: Value) {
        if let Value::Array(list) = self.part(config).entry(setting).or_insert_with(|| json!([])) {
            list.push(value);
        }
    }

    fn entry(&mut self, config: bool, setting: &str, key: &str, value: Value) {
        if let Value::Object(map) = self.part(config).entry(setting).or_insert_with(|| json!({})) {
            map.insert(key.to_owned(), value);
        }
    }

    fn finish<'w>(mut self, image: &Word, arguments: impl Iterator<Item = &'w Word>) -> Result<Asked, String> {
        let arguments: Vec<&Word> = arguments.collect();
        if !image.exact {
            self.asked.unread.push(("Image".to_owned(), image.text.clone()));
        }
        if let Some(word) = arguments.iter().find(|word| !word.exact) {
            self.asked.unread.push(("Cmd".to_owned(), word.text.clone()));
        }
        let interactive = self.config.get("OpenStdin") == Some(&Value::Bool(true));
        let to = |stream: &str| match (self.attached.is_empty(), self.detach) {
            (false, _) => self.attached.iter().any(|one| one == stream),
            (true, true) => false,
            (true, false) => stream != "stdin" || interactive,
        };
        let streams = [("AttachStdin", to("stdin")), ("AttachStdout", to("stdout")), ("AttachStderr", to("stderr"))];
        let once = interactive && to("stdin");
        self.config.extend(streams.map(|(setting, on)| (setting.to_owned(), json!(on))));
        self.config.insert("StdinOnce".to_owned(), json!(once));
        self.config.insert("Image".to_owned(), json!(image.text));
        self.config.insert("Cmd".to_owned(), arguments.iter().map(|word| word.text.as_str()).collect());
        self.config.insert("HostConfig".to_owned(), Value::Object(self.host));
        self.asked.body = Value::Object(self.config);
        Ok(self.asked)
    }
}

/// The engine's word for a flag; empty where the flag is not known.
fn setting_of(flag: &str) -> &'static str {
    const SETTINGS: [(&str, &str); 80] = [
        ("--add-host", "ExtraHosts"),
        ("--annotation", "Annotations"),
        ("--blkio-weight", "BlkioWeight"),
        ("--blkio-weight-device", "BlkioWeightDevice"),
        ("--cap-add", "CapAdd"),
        ("--cap-drop", "CapDrop"),
        ("--cgroup-parent", "CgroupParent"),
        ("--cgroupns", "CgroupnsMode"),
        ("--cpu-count", "CpuCount"),
        ("--cpu-percent", "CpuPercent"),
        ("--cpu-period", "CpuPeriod"),
        ("--cpu-quota", "CpuQuota"),
        ("--cpu-rt-period", "CpuRealtimePeriod"),
        ("--cpu-rt-runtime", "CpuRealtimeRuntime"),
        ("--cpu-shares", "CpuShares"),
        ("--cpus", "NanoCpus"),
        ("--cpuset-cpus", "CpusetCpus"),
        ("--cpuset-mems", "CpusetMems"),
        ("--device", "Devices"),
        ("--device-cgroup-rule", "DeviceCgroupRules"),
        ("--device-read-bps", "BlkioDeviceReadBps"),
        ("--device-read-iops", "BlkioDeviceReadIOps"),
        ("--device-write-bps", "BlkioDeviceWriteBps"),
        ("--device-write-iops", "BlkioDeviceWriteIOps"),
        ("--dns", "Dns"),
        ("--dns-option", "DnsOptions"),
        ("--dns-search", "DnsSearch"),
        ("--domainname", "Domainname"),
        ("--entrypoint", "Entrypoint"),
        ("--env", "Env"),
        ("--env-file", "Env"),
        ("--expose", "ExposedPorts"),
        ("--gpus", "DeviceRequests"),
        ("--group-add", "GroupAdd"),
        ("--health-cmd", "Healthcheck"),
        ("--hostname", "Hostname"),
        ("--init", "Init"),
        ("--interactive", "OpenStdin"),
        ("--ip", "NetworkAddress"),
        ("--ip6", "NetworkAddress6"),
        ("--ipc", "IpcMode"),
        ("--isolation", "Isolation"),
        ("--kernel-memory", "KernelMemory"),
        ("--label", "Labels"),
        ("--label-file", "Labels"),
        ("--link", "Links"),
        ("--log-driver", "LogConfig"),
        ("--log-opt", "LogConfig"),
        ("--mac-address", "MacAddress"),
        ("--memory", "Memory"),
        ("--memory-reservation", "MemoryReservation"),
        ("--memory-swap", "MemorySwap"),
        ("--memory-swappiness", "MemorySwappiness"),
        ("--mount", "Mounts"),
        ("--net", "NetworkMode"),
        ("--network", "NetworkMode"),
        ("--network-alias", "NetworkAlias"),
        ("--oom-kill-disable", "OomKillDisable"),
        ("--oom-score-adj", "OomScoreAdj"),
        ("--pid", "PidMode"),
        ("--pids-limit", "PidsLimit"),
        ("--privileged", "Privileged"),
        ("--publish", "PortBindings"),
        ("--publish-all", "PublishAllPorts"),
        ("--read-only", "ReadonlyRootfs"),
        ("--restart", "RestartPolicy"),
        ("--rm", "AutoRemove"),
        ("--runtime", "Runtime"),
        ("--security-opt", "SecurityOpt"),
        ("--shm-size", "ShmSize"),
        ("--stop-signal", "StopSignal"),
        ("--stop-timeout", "StopTimeout"),
        ("--sysctl", "Sysctls"),
        ("--tmpfs", "Tmpfs"),
        ("--tty", "Tty"),
        ("--ulimit", "Ulimits"),
        ("--user", "User"),
        ("--userns", "UsernsMode"),
        ("--uts", "UTSMode"),
        ("--volume", "Binds"),
    ];
    match flag {
        "--volume-driver" => "VolumeDriver",
        "--volumes-from" => "VolumesFrom",
        "--workdir" => "WorkingDir",
        "--storage-opt" => "StorageOpt",
        "--use-api-socket" => "UseApiSocket",
        _ => SETTINGS.iter().find(|(known, _)| *known == flag).map_or("", |(_, setting)| setting),
    }
}

/// A number, or what stands there instead of one.
fn number(text: &str) -> Value {
    text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number))
}

/// `512m`, `2GiB`, `-1`.
fn bytes(text: &str) -> Value {
    let lower = text.to_ascii_lowercase();
    let short = lower.trim_end_matches('b').trim_end_matches('i');
    let (digits, power) = match short.chars().last() {
        Some(unit @ ('k' | 'm' | 'g' | 't')) => {
            (short.trim_end_matches(unit), "kmgt".find(unit).map_or(0, |at| at as u32 + 1))
        }
        _ => (short, 0),
    };
    let number = digits.parse::<i64>().ok().and_then(|number| number.checked_mul(1 << (10 * power)));
    number.map_or_else(|| json!(text), |number| json!(number))
}

/// The value of `--mount`: one record of comma-separated values.
fn mount(text: &str) -> Value {
    let (mut mount, mut options) = (Map::from_iter([("Type".to_owned(), json!("volume"))]), Map::new());
    for field in record(text) {
        let (key, value) = field.split_once('=').map_or((field.as_str(), None), |(key, value)| (key, Some(value)));
        let on = matches!(value, None | Some("true" | "1"));
        match (key.to_ascii_lowercase().as_str(), value) {
            ("type", Some(value)) => drop(mount.insert("Type".to_owned(), json!(value))),
            ("source" | "src", Some(value)) => drop(mount.insert("Source".to_owned(), json!(value))),
            ("target" | "destination" | "dst", Some(value)) => drop(mount.insert("Target".to_owned(), json!(value))),
            ("readonly" | "ro", _) => drop(mount.insert("ReadOnly".to_owned(), json!(on))),
            ("bind-propagation", Some(value)) => drop(options.insert("Propagation".to_owned(), json!(value))),
            ("bind-nonrecursive", _) => drop(options.insert("NonRecursive".to_owned(), json!(on))),
            ("bind-recursive", Some("disabled")) => drop(options.insert("NonRecursive".to_owned(), json!(true))),
            (other, value) => drop(mount.insert(other.to_owned(), json!(value.unwrap_or("true")))),
        }
    }
    mount.insert("BindOptions".to_owned(), Value::Object(options));
    Value::Object(mount)
}

/// Fields between commas; one in double quotes may hold commas, and two double quotes for one.
fn record(text: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match (c, fields.last_mut()) {
            ('"', Some(field)) if quoted && characters.next_if_eq(&'"').is_some() => field.push('"'),
            ('"', _) => quoted = !quoted,
            (',', _) if !quoted => fields.push(String::new()),
            (c, Some(field)) => field.push(c),
            (_, None) => {}
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn words(text: &str) -> Vec<Word> {
        text.split_whitespace().map(|text| Word { text: text.to_owned(), exact: !text.contains('$') }).collect()
    }

    fn at(text: &str, pointer: &str) -> Value {
        read(&words(text)).unwrap().body.pointer(pointer).cloned().unwrap_or_default()
    }

    #[test]
    fn flags_are_read_in_all_their_spellings() {
        for (text, pointer, wanted) in [
            ("-it i", "/Tty", json!(true)),
            ("-itd i", "/StdinOnce", json!(false)),
            ("-i i", "/StdinOnce", json!(true)),
            ("--rm=false i", "/HostConfig/AutoRemove", json!(false)),
            ("-m512m i", "/HostConfig/Memory", json!(512 << 20)),
            ("-m=512m i", "/HostConfig/Memory", json!(512 << 20)),
            ("--memory=2GiB i", "/HostConfig/Memory", json!(2_i64 << 30)),
            ("--memory-swap -1 i", "/HostConfig/MemorySwap", json!(-1)),
            ("-v/:/host i", "/HostConfig/Binds", json!(["/:/host"])),
            ("--cap-drop ALL --cap-add=SYS_ADMIN i", "/HostConfig/CapAdd", json!(["SYS_ADMIN"])),
            ("--privileged --privileged=false i", "/HostConfig/Privileged", json!(false)),
            ("--network none --network host i", "/HostConfig/NetworkMode", json!("none,host")),
            ("--user 1000:1000 -u0 i", "/User", json!("0")),
            ("--entrypoint /x i a b", "/Cmd", json!(["a", "b"])),
            ("-- i --privileged", "/Cmd", json!(["--privileged"])),
            ("i --privileged", "/HostConfig/Privileged", Value::Null),
            ("--ulimit core=0 --ulimit core=-1 i", "/HostConfig/Ulimits/0/Hard", json!(-1)),
            ("--mount type=bind,src=/a,dst=/b,ro i", "/HostConfig/Mounts/0/ReadOnly", json!(true)),
            ("--mount type=bind,\"src=/a,b\",dst=/b i", "/HostConfig/Mounts/0/Source", json!("/a,b")),
        ] {
            assert_eq!(at(text, pointer), wanted, "{text}");
        }
    }

    #[test]
    fn what_may_be_anything_is_an_error() {
        for text in ["$FLAGS --rm i", "--rm", "--tomorrow x i", "-Z i", "--$X=y i", "--rm=maybe i", ""] {
            assert!(read(&words(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn values_that_cannot_be_read_are_named() {
        let asked = read(&words("--memory $M --name $N --label safeclaw.created=$D $IMAGE a $B")).unwrap();
        let named: Vec<_> = asked.unread.iter().map(|(setting, _)| setting.as_str()).collect();
        assert_eq!(named, ["Memory", "Image", "Cmd"]);
    }

    #[test]
    fn every_switch_and_every_short_form_is_known() {
        for name in SWITCHES.iter().chain(SHORT.iter().map(|(_, name)| name)) {
            let known =
                !setting_of(name).is_empty() || HARMLESS.contains(name) || ["--detach", "--attach"].contains(name);
            assert!(known, "{name}");
        }
    }
}
