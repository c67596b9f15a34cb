//! Repositories as the `git` program makes them: what is honest is understood, and what makes that program run
//! another one makes this one do nothing.

use super::*;
use std::process::Command;

/// A repository that `git` made, with `policy/tools.toml` committed; `None` where there is no `git`.
fn made(arguments: &[&str]) -> Option<(TempDir, String)> {
    if Command::new("git").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "CI has git");
        println!("not run: there is no git here");
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &[&["init", "-q", "-b", "main"], arguments].concat());
    fs::create_dir(dir.path().join("policy")).unwrap();
    fs::write(dir.path().join("policy/tools.toml"), TOOLS.1).unwrap();
    let commit = commit(dir.path());
    Some((dir, commit))
}

/// Nothing of this machine's or user's own configuration.
fn git(dir: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(dir).args(["-c", "user.name=a", "-c", "user.email=a@example.org"]).args(arguments);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"GIT_")) {
        command.env_remove(name);
    }
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").env("HOME", "/nonexistent");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn commit(dir: &Path) -> String {
    git(dir, &["add", "-A"]);
    git(dir, &["commit", "-q", "-m", "x"]);
    git(dir, &["rev-parse", "HEAD"])
}

#[test]
fn a_fresh_commit_is_clean_and_a_staged_change_is_not() {
    let Some((dir, commit)) = made(&[]) else { return };
    let policy = dir.path().join("policy");
    assert_eq!(look_at(&policy).unwrap(), clean(&commit));
    fs::write(policy.join("tools.toml"), "name = \"y\"\n").unwrap();
    git(dir.path(), &["add", "-A"]);
    assert_eq!(look_at(&policy).unwrap(), dirty(&commit, &["policy/tools.toml"]));
    git(dir.path(), &["update-index", "--assume-unchanged", "policy/tools.toml"]);
    assert_eq!(git(dir.path(), &["diff", "--name-only"]), "");
    assert_eq!(look_at(&policy).unwrap(), dirty(&commit, &["policy/tools.toml"]));
}

/// Packed references and objects, among them trees that are kept as differences from others.
#[test]
fn packed_repositories_are_understood() {
    let Some((dir, _)) = made(&[]) else { return };
    let policy = dir.path().join("policy");
    for at in 0..200 {
        fs::write(policy.join(format!("{at:03}-{}.md", "x".repeat(50))), at.to_string()).unwrap();
    }
    let mut commits = Vec::new();
    for at in 0..6 {
        fs::write(policy.join("tools.toml"), format!("name = \"x{at}\"\n")).unwrap();
        commits.push(commit(dir.path()));
    }
    git(dir.path(), &["gc", "-q", "--aggressive", "--prune=now"]);
    let loose = fs::read_dir(dir.path().join(".git/objects"))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().len() == 2);
    assert_eq!((loose.count(), dir.path().join(".git/refs/heads/main").exists()), (0, false));
    let pack = fs::read_dir(dir.path().join(".git/objects/pack")).unwrap().map(|entry| entry.unwrap().path());
    let pack = pack.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "idx")).unwrap();
    let listed = git(dir.path(), &["verify-pack", "-v", pack.to_str().unwrap()]);
    let kept = |tree: &str| listed.lines().find(|line| line.starts_with(tree)).unwrap().split_whitespace().count();
    let mut differences = 0;
    for commit in &commits {
        git(dir.path(), &["checkout", "-q", commit]);
        differences += u32::from(kept(&git(dir.path(), &["rev-parse", "HEAD:policy"])) == 7);
        assert_eq!(look_at(&policy).unwrap(), clean(commit));
        fs::write(policy.join("tools.toml"), "changed").unwrap();
        assert_eq!(look_at(&policy).unwrap(), dirty(commit, &["policy/tools.toml"]));
        git(dir.path(), &["checkout", "-q", "."]);
    }
    assert!(differences > 2, "{listed}");
    git(dir.path(), &["checkout", "-q", "main"]);
    assert_eq!(look_at(&policy).unwrap(), clean(commits.last().unwrap()));
}

#[test]
fn linked_work_trees_are_understood_and_separate_directories_refused() {
    let Some((dir, _)) = made(&[]) else { return };
    let other = tempfile::tempdir().unwrap();
    let top = other.path().join("linked");
    git(dir.path(), &["worktree", "add", "-q", "-b", "branch", top.to_str().unwrap()]);
    fs::write(top.join("policy/new.toml"), "").unwrap();
    let second = commit(&top);
    assert_eq!(look_at(&top.join("policy")).unwrap(), clean(&second));
    fs::rename(&top, other.path().join("moved")).unwrap();
    assert!(matches!(look_at(&other.path().join("moved/policy")), Err(WorkTreeError::Refused { .. })));
    let apart = format!("--separate-git-dir={}", other.path().join("apart").display());
    let Some((dir, _)) = made(&[&apart]) else { return };
    assert!(matches!(look_at(&dir.path().join("policy")), Err(WorkTreeError::Refused { .. })));
}

#[test]
fn formats_that_are_not_understood_are_not_guessed_at() {
    for format in ["--object-format=sha256", "--ref-format=reftable"] {
        let Some((dir, _)) = made(&[format]) else { return };
        assert!(matches!(look_at(&dir.path().join("policy")), Err(WorkTreeError::Damaged { .. })), "{format}");
    }
}

/// The configuration of a repository names programs. That this one would be run is shown with `git` itself.
#[test]
fn no_program_that_the_configuration_names_is_run() {
    let Some((dir, _)) = made(&[]) else { return };
    let (top, policy) = (dir.path(), dir.path().join("policy"));
    let ran = tempfile::tempdir().unwrap();
    let program = |name: &str| {
        let path = ran.path().join(format!("{name}.sh"));
        let seen = ran.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n: > {}\ncat\n", seen.display())).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let hooks = ran.path().join("hooks");
    fs::create_dir(&hooks).unwrap();
    for hook in ["post-index-change", "post-checkout", "reference-transaction"] {
        fs::copy(program("hook"), hooks.join(hook)).unwrap();
    }
    fs::write(top.join(".gitattributes"), "*.toml filter=planted diff=planted\n").unwrap();
    let commit = commit(top);
    let included = ran.path().join("included");
    fs::write(&included, format!("[filter \"planted\"]\n\tprocess = {}\n", program("process"))).unwrap();
    for (name, value) in [
        ("core.fsmonitor", program("fsmonitor")),
        ("core.hooksPath", hooks.to_str().unwrap().to_owned()),
        ("core.sshCommand", program("ssh")),
        ("core.pager", program("pager")),
        ("core.alternateRefsCommand", program("alternates")),
        ("diff.planted.textconv", program("textconv")),
        ("diff.external", program("external")),
        ("filter.planted.smudge", program("smudge")),
        ("filter.planted.clean", program("clean")),
        ("filter.planted.required", "true".to_owned()),
        ("credential.helper", program("credential")),
        ("include.path", included.to_str().unwrap().to_owned()),
        ("core.worktree", "/etc".to_owned()),
        ("safe.directory", "*".to_owned()),
    ] {
        git(top, &["config", name, &value]);
    }
    let seen = || -> Vec<String> {
        let names = fs::read_dir(ran.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| !name.contains('.') && name != "hooks" && name != "included").collect()
    };
    assert_eq!(look_at(&policy).unwrap(), clean(&commit));
    fs::write(policy.join("tools.toml"), "changed").unwrap();
    assert_eq!(look_at(&policy).unwrap(), dirty(&commit, &["policy/tools.toml"]));
    assert!(seen().is_empty(), "something was run: {:?}", seen());
    git(top, &["config", "--unset", "core.worktree"]);
    git(top, &["config", "--unset", "include.path"]);
    let _ = git(top, &["status", "--porcelain"]);
    let _ = git(top, &["add", "-A"]);
    let ran = seen();
    for name in ["fsmonitor", "clean", "hook"] {
        assert!(ran.iter().any(|seen| seen == name), "git itself did not run {name}: {ran:?}");
    }
}
