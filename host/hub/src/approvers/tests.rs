//! Whatever is no answer of somebody who may give it, as a table.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::testing::*;
use super::*;
use jiff::Timestamp;
use ssh_key::public::{KeyData, RsaPublicKey};
use ssh_key::{Algorithm, HashAlg, LineEnding, Mpint, PublicKey, Signature, SshSig};

const APPROVE: &[u8] = br#"{"decision":"approve"}"#;
const DENY: &[u8] = br#"{"decision":"deny"}"#;

/// `ana` has a plain key, `ben` a key with a passphrase, `eve` a token; `old` was revoked. `ben` is the agents
/// `bot` and `cron`.
fn everybody() -> Approvers {
    let mut ben = one("ben", &line(&plain(2)));
    ben.passphrase = true;
    ben.principals = ["bot".to_owned(), "cron".to_owned()].into();
    let mut old = one("old", &line(&plain(4)));
    old.revoked = Some(Timestamp::UNIX_EPOCH);
    set([one("ana", &line(&plain(1))), ben, one("eve", &Token::new(3, "ssh:").line()), old])
}

fn names(names: &[&str]) -> BTreeSet<ApproverName> {
    names.iter().map(|name| ApproverName::try_from(*name).unwrap()).collect()
}

struct Row {
    what: &'static str,
    signature: String,
    tier: Tier,
    requester: &'static str,
    named: Option<&'static [&'static str]>,
    /// The name and the presence, or how the reason begins.
    answer: Result<(&'static str, Presence), &'static str>,
}

fn row(what: &'static str, signature: String, answer: Result<(&'static str, Presence), &'static str>) -> Row {
    Row { what, signature, tier: Tier::Admin, requester: "somebody", named: None, answer }
}

impl Row {
    fn critical(self) -> Self {
        Self { tier: Tier::Critical, ..self }
    }

    fn asked_by(self, requester: &'static str) -> Self {
        Self { requester, ..self }
    }

    fn of(self, named: &'static [&'static str]) -> Self {
        Self { named: Some(named), ..self }
    }

    fn check(&self, approvers: &Approvers) {
        let named = self.named.map(names);
        let need = Need { tier: self.tier, requester: self.requester, approvers: named.as_ref() };
        let found = approvers.check(APPROVE, &self.signature, need);
        match (&found, self.answer) {
            (Ok(approver), Ok((name, presence))) => {
                assert_eq!((approver.name.as_str(), approver.presence), (name, presence), "{}", self.what);
            }
            (Err(why), Err(says)) => assert!(why.to_string().contains(says), "{}: {why}", self.what),
            _ => panic!("{}: {found:?}", self.what),
        }
    }
}

fn good(seed: u8) -> String {
    sign(&plain(seed), APPROVAL_NAMESPACE, APPROVE)
}

fn touched(flags: u8) -> String {
    Token::new(3, "ssh:").sign(APPROVAL_NAMESPACE, APPROVE, flags)
}

/// A signature whose parts were put together by hand.
fn forged(key: KeyData, algorithm: Algorithm, bytes: &[u8]) -> String {
    pem(key, APPROVAL_NAMESPACE, Signature::new(algorithm, bytes).unwrap())
}

fn rsa() -> KeyData {
    let number = |bytes: &[u8]| Mpint::from_positive_bytes(bytes).unwrap();
    KeyData::Rsa(RsaPublicKey { e: number(&[1, 0, 1]), n: number(&[0xc5; 256]) })
}

#[test]
fn who_answers_is_who_has_signed_and_may() {
    let rows = [
        row("a plain key", good(1), Ok(("ana", Presence::NotShown))),
        row("a plain key with sha256", sha256(1), Ok(("ana", Presence::NotShown))),
        row("a key with a passphrase", good(2), Ok(("ben", Presence::Passphrase))).critical(),
        row("a token that was touched", touched(TOUCHED), Ok(("eve", Presence::Touched))).critical(),
        row("a token that was given its PIN", touched(VERIFIED), Ok(("eve", Presence::Verified))).critical(),
        row("one who is named", good(1), Ok(("ana", Presence::NotShown))).of(&["ana", "nobody"]),
        row("lines that end as on Windows", good(1).replace('\n', "\r\n"), Ok(("ana", Presence::NotShown))),
    ];
    rows.iter().for_each(|row| row.check(&everybody()));
}

fn sha256(seed: u8) -> String {
    let signature = SshSig::sign(&plain(seed), APPROVAL_NAMESPACE, HashAlg::Sha256, APPROVE).unwrap();
    signature.to_pem(LineEnding::LF).unwrap()
}

#[test]
fn nothing_else_is_an_answer() {
    let whole = good(1);
    let other_key = plain(1).public_key().key_data().clone();
    let bytes = SshSig::from_pem(&whole).unwrap().signature_bytes().to_vec();
    let as_token = Token::new(1, "ssh:");
    let half = whole[..whole.len() / 2].to_owned();
    let rows = [
        row("nothing", String::new(), Err("no signature")),
        row("no PEM", "approve".into(), Err("no signature")),
        row("a header that says who it is", r#"{"approver":"ana","approved":true}"#.into(), Err("no signature")),
        row("another purpose: an enrolment", sign(&plain(1), APPROVER_NAMESPACE, APPROVE), Err("made for")),
        row("another purpose: a manifest", sign(&plain(1), MANIFEST_NAMESPACE, APPROVE), Err("made for")),
        row("another purpose: a commit of git's", sign(&plain(1), "git", APPROVE), Err("made for `git`")),
        row("an older version's purpose", sign(&plain(1), "safeclaw-approval@0", APPROVE), Err("made for")),
        row("the answer no, as yes", sign(&plain(1), APPROVAL_NAMESPACE, DENY), Err("not over this")),
        row("nothing signed", sign(&plain(1), APPROVAL_NAMESPACE, b""), Err("not over this")),
        row("a key that nobody has enrolled", good(9), Err("is nobody's")),
        row("a key that was revoked", good(4), Err("was revoked")),
        row("half of it", half, Err("no signature")),
        row("without its end", whole.replace("-----END SSH SIGNATURE-----", ""), Err("no signature")),
        row("twice", whole.repeat(2), Err("no signature")),
        row("somebody's before it", format!("{}{whole}", good(9)), Err("no signature")),
        row("words before it", format!("signed by ana\n{whole}"), Err("no signature")),
        row("words behind it", format!("{whole}signed by ana\n"), Err("no signature")),
        row("other letters in it", whole.replacen("U1NIU0lH", "U1NIU0lI", 1), Err("no signature")),
        row("longer than any is", format!("{whole}{}", "\n".repeat(5000)), Err("no signature")),
        row(
            "the approver's key, and a signature of another kind",
            forged(other_key.clone(), Algorithm::Rsa { hash: Some(HashAlg::Sha512) }, &bytes),
            Err("kind `rsa-sha2-512`"),
        ),
        row(
            "the approver's key, and a signature of a kind that nobody knows",
            forged(other_key.clone(), Algorithm::new("none@example.com").unwrap(), &bytes),
            Err("kind `none@example.com`"),
        ),
        row(
            "an RSA key",
            forged(rsa(), Algorithm::Rsa { hash: Some(HashAlg::Sha512) }, &[1; 256]),
            Err("kind `ssh-rsa`"),
        ),
        row(
            "a plain key that says it is a token's, and was touched",
            as_token.sign(APPROVAL_NAMESPACE, APPROVE, TOUCHED),
            Err("is nobody's"),
        )
        .critical(),
        row(
            "a token's signature under a plain key",
            forged(other_key, Algorithm::SkEd25519, as_token.raw(APPROVAL_NAMESPACE, APPROVE, TOUCHED).as_bytes()),
            Err("kind `sk-ssh-ed25519@openssh.com`"),
        ),
        row(
            "a token's key for another application",
            Token::new(3, "ssh:other").sign(APPROVAL_NAMESPACE, APPROVE, TOUCHED),
            Err("is nobody's"),
        ),
        row("a token that nobody touched", touched(UNTOUCHED), Err("somebody was there")),
        row("a token that nobody touched, for the highest tier", touched(UNTOUCHED), Err("somebody was there"))
            .critical(),
        row("a plain key, for the highest tier", good(1), Err("somebody was there")).critical(),
        row("one whom the tier does not name", good(1), Err("not among those")).of(&["ben", "eve"]),
        row("a tier that names nobody who is there", good(1), Err("not among those")).of(&["nobody"]),
        row("the one who asks, by principal", good(2), Err("the one who asks")).asked_by("bot"),
        row("the one who asks, by another principal", good(2), Err("the one who asks")).asked_by("cron").critical(),
        row("the one who asks, by name", good(1), Err("the one who asks")).asked_by("ana"),
    ];
    rows.iter().for_each(|row| row.check(&everybody()));
}

#[test]
fn a_token_cannot_be_made_to_say_more_than_it_signed() {
    // The flags of an untouched signature, changed afterwards.
    let token = Token::new(3, "ssh:");
    let mut bytes = token.raw(APPROVAL_NAMESPACE, APPROVE, UNTOUCHED).as_bytes().to_vec();
    bytes[64] = TOUCHED;
    let text = pem(token.public(), APPROVAL_NAMESPACE, Signature::new(Algorithm::SkEd25519, bytes).unwrap());
    row("flags changed", text, Err("not over this")).critical().check(&everybody());
}

#[test]
fn where_nobody_is_enrolled_nothing_is_an_answer() {
    let mut revoked = one("ana", &line(&plain(1)));
    revoked.revoked = Some(Timestamp::UNIX_EPOCH);
    for nobody in [set([]), set([revoked])] {
        row("nobody", good(1), Err("no approver is enrolled")).check(&nobody);
        row("nobody", String::new(), Err("no approver is enrolled")).check(&nobody);
        let need = Need { tier: Tier::Admin, requester: "bot", approvers: None };
        assert!(!nobody.any_for(need));
    }
}

#[test]
fn whether_anybody_could_answer_is_known_before_anybody_is_asked() {
    let everybody = everybody();
    let could = |tier, requester, named: Option<&[&str]>| {
        let named = named.map(names);
        everybody.any_for(Need { tier, requester, approvers: named.as_ref() })
    };
    assert!(could(Tier::Critical, "bot", None));
    assert!(could(Tier::Admin, "bot", Some(&["ana"])));
    assert!(!could(Tier::Critical, "bot", Some(&["ana"])), "a plain key");
    assert!(!could(Tier::Critical, "bot", Some(&["ana", "ben"])), "and the one who asks");
    assert!(!could(Tier::Admin, "bot", Some(&["old", "nobody"])), "nobody who is there");
}

#[test]
fn a_tier_names_who_may_answer_for_it() {
    let text = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../manifest/tests/golden/valid/tier_approvers.toml"
    ));
    let file = manifest::SourceFile { name: "m.toml".into(), text: text.unwrap() };
    let manifest = manifest::read(&[file]).unwrap().manifest;
    let need = Need::of(&manifest, Tier::Critical, "somebody");
    assert_eq!(need.approvers, Some(&names(&["ana", "ben"])));
    assert!(everybody().check(APPROVE, &good(2), need).is_ok());
    let refused = everybody().check(APPROVE, &touched(TOUCHED), need);
    assert_eq!(refused, Err(NotApproved::NotNamed(ApproverName::try_from("eve").unwrap())));
    assert_eq!(Need::of(&manifest, Tier::Admin, "somebody").approvers, None);
}

#[test]
fn only_keys_of_two_kinds_are_enrolled() {
    let line = |data: KeyData| PublicKey::from(data).to_openssh().unwrap();
    let weak = |first: u8| {
        let mut point = [0; 32];
        point[0] = first;
        line(KeyData::Ed25519(ssh_key::public::Ed25519PublicKey(point)))
    };
    let ana = testing::line(&plain(1));
    let rows: Vec<(&str, String, &str)> = vec![
        ("nothing", String::new(), "no public key"),
        ("a name", "ana".into(), "no public key"),
        ("a private key", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n".into(), "private key"),
        ("two lines", format!("{ana}\n{}", testing::line(&plain(2))), "no public key"),
        ("options before it", format!("no-touch-required {ana}"), "no public key"),
        ("half a key", ana[..40].to_owned(), "no public key"),
        ("an RSA key", line(rsa()), "kind `ssh-rsa` is not taken"),
        ("the neutral point", weak(1), "small order"),
        ("another point of small order", weak(0), "small order"),
        ("a token's key for a website", Token::new(3, "https://example.com").line(), "application"),
        ("a token's key with an escape", Token::new(3, "ssh:\u{1b}[2J").line(), "application"),
        ("a very long line", format!("{ana} {}", "x".repeat(2000)), "no public key"),
    ];
    for (what, line, says) in rows {
        let why = ApproverKey::parse(&line).unwrap_err().to_string();
        assert!(why.contains(says), "{what}: {why}");
    }
    // A comment is no part of a key: the same key with another one is the same.
    let (one, other) =
        (ApproverKey::parse(&ana).unwrap(), ApproverKey::parse(&format!("  {ana} ana@laptop\n")).unwrap());
    assert_eq!(one, other);
    assert_eq!(one.as_str(), ana);
}

#[test]
fn a_certificate_is_no_key() {
    let text = testing::line(&plain(1)).replacen("ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com", 1);
    assert!(ApproverKey::parse(&text).is_err());
}

/// The strict reading takes what the real program writes, for each kind of file that it signs with.
#[test]
fn what_ssh_keygen_writes_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let (key, statement) = (directory.path().join("id"), directory.path().join("statement"));
    std::fs::write(&key, plain(1).to_openssh(LineEnding::LF).unwrap().as_bytes()).unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&key, private).unwrap();
    std::fs::write(key.with_extension("pub"), line(&plain(1))).unwrap();
    std::fs::write(&statement, APPROVE).unwrap();
    for hash in ["sha256", "sha512"] {
        let _ = std::fs::remove_file(statement.with_extension("sig"));
        let mut keygen = std::process::Command::new("ssh-keygen");
        let option = format!("-Ohashalg={hash}");
        keygen.args(["-q", "-Y", "sign", &option, "-n", APPROVAL_NAMESPACE, "-f"]).arg(&key).arg(&statement);
        let Ok(signed) = keygen.env_remove("SSH_AUTH_SOCK").output() else {
            let _ = std::io::Write::write_all(&mut std::io::stderr(), b"NOT RUN: there is no ssh-keygen here\n");
            return;
        };
        assert!(signed.status.success(), "{signed:?}");
        let signature = std::fs::read_to_string(statement.with_extension("sig")).unwrap();
        row(hash, signature, Ok(("ana", Presence::NotShown))).check(&everybody());
    }
}
