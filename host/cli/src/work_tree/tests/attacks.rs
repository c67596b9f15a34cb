//! What a hostile tree does to whoever looks where it points: none of it is followed, waited for or run.

use super::*;

fn refused(repo: &Repo) -> String {
    match repo.look() {
        Err(error @ WorkTreeError::Refused { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

fn damaged(repo: &Repo) -> String {
    match repo.look() {
        Err(error @ WorkTreeError::Damaged { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_repository_is_a_directory_and_nothing_that_leads_to_one() {
    let (other, _) = Repo::with(&[TOOLS]);
    let (repo, _) = Repo::with(&[TOOLS]);
    let git = repo.at(".git");
    let replace = |put: &dyn Fn()| {
        let _ = fs::remove_file(&git);
        let _ = fs::remove_dir_all(&git);
        put();
        refused(&repo)
    };
    assert!(replace(&|| symlink(other.at(".git"), &git).unwrap()).contains("a symbolic link"));
    assert!(replace(&|| fifo(&git)).contains("no repository"));
    assert!(replace(&|| fs::create_dir(&git).unwrap()).contains("no repository"));
    assert!(replace(&|| fs::write(&git, "").unwrap()).contains("no repository"));
    assert!(replace(&|| fs::write(&git, "gitdir").unwrap()).contains("no repository"));
}

/// `.git` as a file: of a submodule, of `--separate-git-dir`, or written by an agent to borrow another's commits.
#[test]
fn a_link_leads_only_to_the_work_tree_directory_that_knows_it() {
    let (victim, commit) = Repo::with(&[TOOLS]);
    let tree = tempfile::tempdir().unwrap();
    let top = tree.path().canonicalize().unwrap();
    fs::create_dir(top.join("policy")).unwrap();
    fs::write(top.join("policy/tools.toml"), TOOLS.1).unwrap();
    let link = |to: &Path| fs::write(top.join(".git"), format!("gitdir: {}\n", to.display())).unwrap();
    let looked = || look_at(&top.join("policy"));

    link(&victim.at(".git"));
    assert!(matches!(looked(), Err(WorkTreeError::Refused { .. })));
    // The victim has a linked work tree of its own, elsewhere.
    let known = victim.at(".git/worktrees/its");
    victim.write(".git/worktrees/its/HEAD", "ref: refs/heads/main\n");
    victim.write(".git/worktrees/its/commondir", "../..\n");
    victim.write(".git/worktrees/its/gitdir", "/somewhere/else/.git\n");
    link(&known);
    assert!(matches!(looked(), Err(WorkTreeError::Refused { .. })));
    // … and by a link in the tree, which resolves to the same.
    symlink(&known, top.join("its")).unwrap();
    link(Path::new("its"));
    assert!(matches!(looked(), Err(WorkTreeError::Refused { .. })));
    // What the repository itself says is this work tree, is.
    victim.write(".git/worktrees/its/gitdir", format!("{}/.git\n", top.display()));
    assert_eq!(looked().unwrap(), clean(&commit));
    victim.write(".git/worktrees/its/commondir", "/elsewhere\n");
    assert!(matches!(looked(), Err(WorkTreeError::Refused { .. })));
    link(&top.join("gone"));
    assert!(matches!(looked(), Err(WorkTreeError::Unreadable { .. })));
}

#[test]
fn head_is_a_file_and_leads_to_references_only() {
    let (repo, commit) = Repo::with(&[TOOLS]);
    let head = repo.at(".git/HEAD");
    fs::remove_file(&head).unwrap();
    symlink("/etc/shadow", &head).unwrap();
    assert!(refused(&repo).contains("a symbolic link"));
    fs::remove_file(&head).unwrap();
    symlink("refs/heads/main", &head).unwrap();
    assert!(refused(&repo).contains("a symbolic link"));
    fs::remove_file(&head).unwrap();
    fifo(&head);
    assert!(refused(&repo).contains("not a regular file"));
    fs::remove_file(&head).unwrap();
    assert!(refused(&repo).contains("no repository"));
    // The id is there, where no reference may be.
    repo.write("outside", &commit);
    repo.write(".git/outside", &commit);
    for target in
        ["refs/../../outside", "../outside", "/etc/passwd", "outside", "HEAD", "refs/heads/.invalid", "refs/a\0b", ""]
    {
        repo.write(".git/HEAD", format!("ref: {target}\n"));
        assert!(damaged(&repo).contains("HEAD"), "{target}");
    }
    for id in ["", "x", "0000000000000000000000000000000000000000", &commit[1..], &format!("{commit}{}", &commit[..24])]
    {
        repo.write(".git/HEAD", id);
        assert!(damaged(&repo).contains("no id"), "{id}");
    }
    repo.write(".git/HEAD", vec![b'0'; 5_000]);
    assert!(matches!(repo.look(), Err(WorkTreeError::TooLarge { .. })));
    repo.write(".git/HEAD", format!("  {commit}\n"));
    assert_eq!(repo.look().unwrap(), clean(&commit));
}

#[test]
fn references_lead_nowhere_else_and_come_to_an_end() {
    let (repo, commit) = Repo::with(&[TOOLS]);
    let main = repo.at(".git/refs/heads/main");
    let (other, _) = Repo::with(&[TOOLS]);
    fs::remove_file(&main).unwrap();
    symlink(other.at(".git/refs/heads/main"), &main).unwrap();
    assert!(refused(&repo).contains("a symbolic link"));
    fs::remove_file(&main).unwrap();
    fifo(&main);
    assert!(refused(&repo).contains("not a regular file"));
    fs::remove_file(&main).unwrap();
    repo.write(".git/refs/heads/main", "ref: refs/heads/other\n");
    repo.write(".git/refs/heads/other", "ref: refs/heads/main\n");
    assert!(matches!(repo.look(), Err(WorkTreeError::TooMany { .. })));
    repo.write(".git/refs/heads/other", &commit);
    assert_eq!(repo.look().unwrap(), clean(&commit));
    fs::remove_dir_all(repo.at(".git/refs/heads")).unwrap();
    symlink(other.at(".git/refs/heads"), repo.at(".git/refs/heads")).unwrap();
    assert!(refused(&repo).contains("a symbolic link"));
    fs::remove_file(repo.at(".git/refs/heads")).unwrap();
    fs::File::create(repo.at(".git/packed-refs")).unwrap().set_len(1 << 40).unwrap();
    assert!(matches!(repo.look(), Err(WorkTreeError::TooLarge { .. })));
    fs::remove_file(repo.at(".git/packed-refs")).unwrap();
    fifo(&repo.at(".git/packed-refs"));
    assert!(refused(&repo).contains("not a regular file"));
}

/// Whatever else lies in a repository and steers Git: were any of it opened, this would wait for ever.
#[test]
fn nothing_else_in_a_repository_is_opened() {
    let (repo, commit) = Repo::with(&[TOOLS]);
    for name in [
        "config",
        "config.worktree",
        "commondir",
        "index",
        "shallow",
        "info/grafts",
        "info/attributes",
        "info/exclude",
        "objects/info/alternates",
        "objects/info/http-alternates",
        "objects/info/commit-graph",
        "objects/pack/multi-pack-index",
        "hooks/post-checkout",
    ] {
        fifo(&repo.at(".git").join(name));
    }
    fifo(&repo.at(".gitattributes"));
    fifo(&repo.at(".gitmodules"));
    fifo(&repo.at("policy/.gitattributes"));
    assert_eq!(repo.look().unwrap(), clean(&commit));
}

#[test]
fn another_repository_answers_neither_for_the_references_nor_for_the_objects() {
    let (other, commit) = Repo::with(&[TOOLS]);
    let repo = Repo::new();
    repo.write("policy/tools.toml", TOOLS.1);
    repo.write(".git/commondir", format!("{}\n", other.at(".git").display()));
    assert!(matches!(repo.look(), Err(WorkTreeError::NoCommit { .. })));
    repo.write(".git/HEAD", &commit);
    repo.write(".git/objects/info/alternates", format!("{}\n", other.at(".git/objects").display()));
    let error = repo.look().unwrap_err();
    assert!(matches!(error, WorkTreeError::Missing { .. }) && error.to_string().contains(&commit), "{error}");
    fs::remove_dir_all(repo.at(".git/objects")).unwrap();
    symlink(other.at(".git/objects"), repo.at(".git/objects")).unwrap();
    assert!(refused(&repo).contains("a symbolic link"));
}

/// `refs/replace` gives an object the contents of another, for whoever asks Git; so `HEAD` would seem to have what is
/// in the tree.
#[test]
fn a_replacement_does_not_change_what_head_is() {
    let (repo, commit) = Repo::with(&[("tools.toml", "committed")]);
    repo.write("policy/tools.toml", "planted");
    let planted = repo.commit(&[("tools.toml", "planted")]);
    repo.write(&format!(".git/refs/replace/{commit}"), &planted);
    repo.write(".git/info/grafts", format!("{commit} {planted}\n"));
    assert_eq!(repo.look().unwrap(), dirty(&commit, &["policy/tools.toml"]));
}

#[test]
fn the_manifests_directory_is_judged_where_it_is() {
    let (repo, commit) = Repo::with(&[TOOLS]);
    let (other, other_commit) = Repo::with(&[TOOLS]);
    symlink(other.at("policy"), repo.at("link")).unwrap();
    assert_eq!(look_at(&repo.at("link")).unwrap(), clean(&other_commit));
    let outside = tempfile::tempdir().unwrap();
    symlink(repo.at("policy"), outside.path().join("link")).unwrap();
    assert_eq!(look_at(&outside.path().join("link")).unwrap(), clean(&commit));
    // A file that is a link is not read at all.
    repo.write("elsewhere", "changed");
    fs::remove_file(repo.at("policy/tools.toml")).unwrap();
    symlink("../elsewhere", repo.at("policy/tools.toml")).unwrap();
    assert!(crate::manifests::files(&repo.at("policy")).is_err());
}

/// Another user's repository says what he likes, also that of a directory above: `/tmp/.git` is anybody's to make.
#[test]
fn another_users_repository_is_refused() {
    if !rustix::process::geteuid().is_root() {
        println!("not run: only root can give a directory away");
        return;
    }
    for name in ["", ".git"] {
        let (repo, commit) = Repo::with(&[TOOLS]);
        assert_eq!(repo.look().unwrap(), clean(&commit));
        std::os::unix::fs::chown(repo.at(name), Some(1_000), None).unwrap();
        let error = repo.look().unwrap_err();
        assert!(matches!(error, WorkTreeError::Foreign { owner: 1_000, me: 0, .. }), "{error}");
    }
    // Each part of a link: the file, the directory that it names, the repository above that.
    for part in ["linked/.git", ".git/worktrees/linked", ".git"] {
        let (repo, commit) = Repo::with(&[TOOLS]);
        let top = repo.top().canonicalize().unwrap();
        repo.write("linked/policy/tools.toml", TOOLS.1);
        repo.write("linked/.git", format!("gitdir: {}/.git/worktrees/linked\n", top.display()));
        repo.write(".git/worktrees/linked/HEAD", "ref: refs/heads/main\n");
        repo.write(".git/worktrees/linked/commondir", "../..\n");
        repo.write(".git/worktrees/linked/gitdir", format!("{}/linked/.git\n", top.display()));
        let looked = || look_at(&repo.at("linked/policy"));
        assert_eq!(looked().unwrap(), clean(&commit));
        std::os::unix::fs::chown(repo.at(part), Some(1_000), None).unwrap();
        assert!(matches!(looked(), Err(WorkTreeError::Foreign { owner: 1_000, .. })), "{part}");
    }
}

#[test]
fn there_is_an_end_to_what_is_read_and_to_how_long() {
    let (repo, commit) = Repo::with(&[TOOLS]);
    let dir = repo.at("policy");
    let files = crate::manifests::files(&dir).unwrap();
    let within = |seconds, bytes| look_within(&dir, &files, Duration::from_secs(seconds), bytes);
    assert!(matches!(within(0, MOST_BYTES), Err(WorkTreeError::TimedOut { .. })));
    assert!(matches!(within(20, 100), Err(WorkTreeError::TooLarge { .. })));
    assert_eq!(within(20, 4_096).unwrap(), clean(&commit));
    let deep = (0..200).fold(repo.at("policy"), |dir, _| dir.join("d"));
    fs::create_dir_all(&deep).unwrap();
    assert!(matches!(look(&deep, &files), Err(WorkTreeError::TooMany { what: "parents", .. })));
    // Each directory on the way is an object to find.
    for (levels, found) in [(64, true), (65, false)] {
        let policy = repo.tree(&[("100644", "tools.toml", repo.object(Kind::Blob, TOOLS.1.as_bytes()))]);
        let top = (1..levels).fold(policy, |tree, _| repo.tree(&[("40000", "d", tree)]));
        let commit = repo.commit_of(&[("40000", "d", top)]);
        repo.write(".git/refs/heads/main", &commit);
        let dir = (0..levels).fold(repo.top().to_owned(), |dir, _| dir.join("d"));
        fs::create_dir_all(&dir).unwrap();
        match look(&dir, &files) {
            Ok(tree) => assert!(found && tree == clean(&commit)),
            Err(error) => assert!(!found && matches!(error, WorkTreeError::TooMany { .. }), "{error}"),
        }
    }
}

/// Every error names what it is about, and says what to do; no name steers a terminal.
#[test]
fn errors_are_for_the_operator() {
    let (repo, _) = Repo::with(&[TOOLS]);
    let dir = repo.at("\u{1b}]0;x");
    fs::rename(repo.at("policy"), &dir).unwrap();
    fifo(&dir.join(".git"));
    let error = look_at(&dir).unwrap_err().to_string();
    assert!(error.contains("\\u{1b}]0;x/.git is no repository that can be understood; remove it"), "{error}");
}
