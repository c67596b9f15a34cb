#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use std::os::fd::OwnedFd;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::sync::mpsc;

/// What an inbox makes of these bytes and the end after them.
async fn heard(bytes: Vec<u8>) -> Vec<Result<Vec<u8>, String>> {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (from, _to) = ours.into_split();
    let sending = tokio::spawn(async move {
        let mut theirs = theirs;
        // Whoever is cut off cannot say everything.
        let _ = theirs.write_all(&bytes).await;
    });
    let mut inbox = Inbox::without_descriptors(from);
    let mut all = Vec::new();
    loop {
        match inbox.next().await {
            Ok(Some(text)) => all.push(Ok(text)),
            Ok(None) => break,
            Err(error) => {
                all.push(Err(error.to_string()));
                break;
            }
        }
    }
    drop(inbox);
    sending.await.unwrap();
    all
}

#[tokio::test]
async fn frames_arrive_whole_and_a_lie_about_their_length_ends_them() {
    let list = frame(&Request { id: 7, ask: Ask::List }).unwrap();
    let long = frame(&"x".repeat(MOST_BYTES / 2)).unwrap();
    let all = heard([list.clone(), long.clone(), list.clone()].concat()).await;
    assert_eq!(
        all.iter().map(|text| text.as_ref().unwrap().len()).collect::<Vec<_>>(),
        [list.len() - 4, long.len() - 4, list.len() - 4]
    );
    // Four bytes must not have anybody take 4 GiB.
    for length in [u32::MAX, u32::try_from(MOST_BYTES + 1).unwrap()] {
        let [only] = heard(length.to_le_bytes().to_vec()).await.try_into().unwrap();
        assert!(only.as_ref().unwrap_err().contains(&length.to_string()), "{only:?}");
    }
    for cut in 1..list.len() {
        let [only] = heard(list.iter().copied().take(cut).collect()).await.try_into().unwrap();
        assert!(only.is_err(), "{cut}");
    }
    assert!(frame(&"x".repeat(MOST_BYTES)).is_err(), "what nobody takes is not sent");
}

#[test]
fn what_is_not_in_the_list_is_no_message() {
    let ask = |text: &str| read::<Request>(text.as_bytes()).map(|request| request.ask);
    assert_eq!(ask(r#"{"id":1,"ask":"list"}"#).unwrap(), Ask::List);
    let digest = Digest::of(b"1");
    let create = format!(r#"{{"id":1,"ask":{{"create":{{"manifest":"{digest}","class":"user"}}}}}}"#);
    assert!(matches!(ask(&create).unwrap(), Ask::Create(_)));
    for attack in [
        "".to_owned(),
        "null".to_owned(),
        r#"{"id":1,"ask":"exec"}"#.to_owned(),
        r#"{"id":1,"ask":"list","more":1}"#.to_owned(),
        r#"{"id":-1,"ask":"list"}"#.to_owned(),
        r#"{"id":1,"ask":"list"} {}"#.to_owned(),
        create.replace(r#""class""#, r#""mounts":[],"class""#),
        create.replace(r#""class""#, r#""image":"x","class""#),
        create.replace(r#""class":"user""#, r#""class":"user","privileged":true"#),
        create.replace(digest.as_str(), "latest"),
    ] {
        assert!(ask(&attack).is_err(), "{attack}");
    }
}

/// A pipe's reading end, to be handed over, and its writing end.
fn pipe() -> (OwnedFd, OwnedFd) {
    rustix::pipe::pipe().unwrap()
}

#[tokio::test]
async fn descriptors_arrive_with_their_answer_and_only_where_they_may() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (outbox, frames) = mpsc::channel(4);
    let (_from, to) = theirs.into_split();
    let writing = tokio::spawn(write(to, frames));
    let (from, _to) = ours.into_split();
    let mut inbox = Inbox::with_descriptors(from);
    for text in ["a".to_owned(), "b".repeat(100_000)] {
        let (reading, writing) = pipe();
        outbox.send(Outgoing { frame: frame(&text).unwrap(), descriptors: vec![reading] }).await.unwrap();
        assert_eq!(read::<String>(&inbox.next().await.unwrap().unwrap()).unwrap(), text);
        let came = inbox.take(1).unwrap().remove(0);
        rustix::io::write(&writing, text.as_bytes().get(..1).unwrap()).unwrap();
        let mut said = [0; 1];
        rustix::io::read(&came, &mut said).unwrap();
        assert_eq!(said.as_slice(), text.as_bytes().get(..1).unwrap());
        assert!(inbox.take(1).is_err(), "an answer's descriptors are its own");
    }
    drop((outbox, inbox));
    let _ = writing.await.unwrap();

    // A hub that hands over descriptors would fill the launcher's table.
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (outbox, frames) = mpsc::channel(4);
    let (_from, to) = theirs.into_split();
    let writing = tokio::spawn(write(to, frames));
    let (from, _to) = ours.into_split();
    let descriptors = vec![pipe().0];
    outbox.send(Outgoing { frame: frame(&"x").unwrap(), descriptors }).await.unwrap();
    let refused = Inbox::without_descriptors(from).next().await.unwrap_err();
    assert!(refused.to_string().contains("nobody asked for"), "{refused}");
    drop(outbox);
    let _ = writing.await.unwrap();
}
