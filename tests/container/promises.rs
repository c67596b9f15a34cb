//! The 28 promises of `runner-image/README.md`, each from inside a container of both sizes where it can differ;
//! a test here counts them.

use super::boxes::probe;
use serde_json::Value;
use tests::handed;

const SIZES: [&str; 2] = ["small", "large"];

/// One attempt must end in this.
fn ends(size: &str, name: &str, wanted: &str) {
    assert_eq!(probe(size, &[name]).of(name), wanted, "{name} in {size}");
}

/// An attempt after the runner's lockdown ends the process.
fn killed(lock: &str, name: &str) {
    let said = probe("small", &[lock, name]);
    assert_eq!(said.exit, 159, "{name}, {lock}: {:?}", said.results);
}

fn facts(size: &str) -> Value {
    serde_json::from_str(probe(size, &["facts"]).of("facts")).unwrap()
}

fn fact(facts: &Value, name: &str) -> String {
    facts[name].as_str().unwrap_or_else(|| panic!("no fact {name}: {facts}")).to_owned()
}

#[test]
fn row_01_root_read_only() {
    for size in SIZES {
        ends(size, "write /", "EROFS");
        ends(size, "write /etc", "EROFS");
        // Its mode forbids it before the file system does.
        ends(size, "write /runner", "EACCES");
    }
}

#[test]
fn row_02_usr_read_only() {
    SIZES.iter().for_each(|size| ends(size, "mkdir /usr/probe", "EROFS"));
}

#[test]
fn row_03_var_read_only() {
    SIZES.iter().for_each(|size| ends(size, "mkdir /var/probe", "EROFS"));
}

#[test]
fn row_04_tmp_writable() {
    for size in SIZES {
        let said = probe(size, &["round trip /tmp", "round trip /run"]);
        assert_eq!((said.of("round trip /tmp"), said.of("round trip /run")), ("allowed", "allowed"));
    }
}

#[test]
fn row_05_tmp_not_executable() {
    for size in SIZES {
        ends(size, "exec from /tmp", "EACCES");
        ends(size, "exec script from /run", "EACCES");
        ends(size, "exec script from /tmp", "EACCES");
        ends(size, "mmap file of /tmp executable", "EPERM");
        ends(size, "memfd_create", "EPERM");
        ends(size, "mmap writable and executable", "EPERM");
    }
    for name in ["exec /runner", "exec itself", "memfd_create"] {
        killed("locked", name);
    }
    for name in ["mmap executable", "mprotect data executable"] {
        killed("sealed", name);
    }
}

#[test]
fn row_06_home_not_writable() {
    for size in SIZES {
        let said = probe(size, &["round trip home"]);
        assert!(["EROFS", "no home"].contains(&said.of("round trip home")), "{:?}", said.results);
    }
}

#[test]
fn row_07_not_root() {
    for size in SIZES {
        let ids = fact(&facts(size), "uid");
        assert!(ids.split_whitespace().all(|id| id != "0"), "{ids}");
    }
}

#[test]
fn row_08_uid_gid() {
    for size in SIZES {
        let facts = facts(size);
        for name in ["uid", "gid"] {
            assert!(fact(&facts, name).split_whitespace().all(|id| id == "1000"), "{facts}");
        }
    }
}

#[test]
fn row_09_no_sudo() {
    let said = probe("small", &["sudo", "sh"]);
    assert!(said.of("sudo").split(' ').all(|answer| answer.ends_with("=ENOENT")), "{}", said.of("sudo"));
    assert_eq!(said.of("sh"), "ENOENT");
}

#[test]
fn row_10_no_privileged_port() {
    for family in ["AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET", "AF_VSOCK", "AF_ALG"] {
        ends("small", &format!("socket {family}"), "EPERM");
    }
    ends("large", "socket AF_INET", "EPERM");
    ends("small", "bind", "EPERM");
    killed("locked", "socket AF_INET");
    killed("locked", "socketpair");
}

#[test]
fn row_12_process_limit() {
    for size in SIZES {
        assert_eq!(fact(&facts(size), "pids.max"), "100");
        ends(size, "threads", "EAGAIN within 100");
        ends(size, "fork", "EPERM");
    }
}

#[test]
fn row_13_memory_limit() {
    for (size, mebibytes) in [("small", 512_u64), ("large", 2048)] {
        assert_eq!(fact(&facts(size), "memory.max"), (mebibytes << 20).to_string());
    }
    let said = probe("small", &["memory"]);
    assert_eq!(said.exit, 137, "{:?}", said.results);
    assert!(!said.results.iter().any(|(name, _)| name == "memory"), "it came back: {:?}", said.results);
}

#[test]
fn row_14_cpu_limit() {
    for (size, quota) in [("small", "5000 10000"), ("large", "20000 10000")] {
        assert_eq!(fact(&facts(size), "cpu.max"), quota);
    }
}

#[test]
fn row_15_no_capabilities() {
    for size in SIZES {
        let facts = facts(size);
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            assert_eq!(fact(&facts, set), "0000000000000000", "{set} in {size}");
        }
    }
}

#[test]
fn row_16_no_network_configuration() {
    for size in SIZES {
        assert_eq!(fact(&facts(size), "interfaces"), "lo");
        ends(size, "socket AF_NETLINK", "EPERM");
        ends(size, "unshare net", "EPERM");
    }
}

#[test]
fn row_17_no_new_privileges() {
    for size in SIZES {
        let facts = facts(size);
        assert_eq!((fact(&facts, "NoNewPrivs"), fact(&facts, "Seccomp")), ("1".to_owned(), "2".to_owned()));
    }
}

#[test]
fn row_18_exits_cleanly() {
    for size in SIZES {
        assert_eq!(probe(size, &["end cleanly"]).exit, 0);
    }
}

#[test]
fn row_24_runner_says_hello() {
    let hub = tests::running::running();
    let caller = hub.caller("developer");
    let (inside, rendered) = hub.block_on(hub.hub.posture(&caller, "files_read")).unwrap_or_else(|e| panic!("{e:?}"));
    for name in ["write", "socket", "unshare"] {
        assert!(inside.self_test.iter().any(|(tried, _)| tried.contains(name)), "{name}: {:?}", inside.self_test);
    }
    assert!(inside.lockdown.len() >= 4, "{:?}", inside.lockdown);
    assert!(inside.facts.iter().any(|(name, value)| name == "NoNewPrivs" && value == "1"), "{:?}", inside.facts);
    assert!(rendered.is_object());
}

#[test]
fn row_26_setuid_has_no_effect() {
    for size in SIZES {
        let said = probe(size, &["setuid bits"]);
        assert_eq!(said.of("setuid bits"), "none");
        assert_ne!(probe(size, &["setuid bit in /tmp"]).of("setuid bit in /tmp"), "allowed");
        ends(size, "setuid 0", "EPERM");
        let facts = facts(size);
        for mount in ["/tmp", "/run"] {
            let options = fact(&facts, mount);
            for option in ["nosuid", "nodev", "noexec"] {
                assert!(options.contains(option), "{mount}: {options}");
            }
        }
    }
}

#[test]
fn row_27_environment_empty() {
    let said = probe("small", &["environment"]);
    for line in said.of("environment").lines() {
        let name = line.split('=').next().unwrap();
        assert!(["PATH", "HOSTNAME", "HOME"].contains(&name), "{line}");
    }
}

#[test]
fn row_28_full_stack() {
    for size in SIZES {
        let said = probe(size, &["write /", "socket AF_INET", "setuid 0", "mount tmpfs", "ptrace TRACEME", "facts"]);
        for name in ["socket AF_INET", "setuid 0", "mount tmpfs", "ptrace TRACEME"] {
            assert_eq!(said.of(name), "EPERM", "{name}");
        }
        assert_eq!(said.of("write /"), "EROFS");
        let facts: Value = serde_json::from_str(said.of("facts")).unwrap();
        assert_eq!(fact(&facts, "CapEff"), "0000000000000000");
        assert_eq!(fact(&facts, "uid").split_whitespace().next(), Some("1000"));
    }
}

/// The table of promises names tests that exist, all 28 rows of it, or says why not.
#[test]
fn each_of_the_28_promises_has_its_test() {
    let table = std::fs::read_to_string(handed::repository().join("runner-image/README.md")).unwrap();
    let source = include_str!("promises.rs");
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| line.starts_with("| ") && line[2..].starts_with(|c: char| c.is_ascii_digit()))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let numbers: Vec<u32> = rows.iter().map(|row| row[0].parse().unwrap()).collect();
    assert_eq!(numbers, (1..=28).collect::<Vec<u32>>());
    for row in rows {
        let held = row[2];
        match held.split('`').find(|word| word.starts_with("tests::container::promises::")) {
            Some(path) => {
                let name = path.trim_start_matches("tests::container::promises::");
                assert!(source.contains(&format!("fn {name}()")), "row {}: {name} does not exist", row[0]);
                assert!(name.starts_with(&format!("row_{:02}_", row[0].parse::<u32>().unwrap())), "{name}");
            }
            None => assert!(held.starts_with("not applicable, because "), "row {}: {held}", row[0]),
        }
    }
}
