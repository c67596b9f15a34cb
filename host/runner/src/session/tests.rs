//! The session as data: messages in, steps out. Tickets are really signed.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use super::*;
use manifest::{Digest, Limits, ToolName};
use protocol::HubKey;
use std::collections::{BTreeMap, BTreeSet};

const NOW: u64 = 1_000;
const NONCE: [u8; 32] = [7; 32];

fn digest(digit: char) -> Digest {
    Digest::try_from(digit.to_string().repeat(64)).unwrap()
}

fn key() -> HubKey {
    HubKey::from_seed(&[1; 32])
}

fn session() -> Session {
    Session::new(TicketCheck::new(key().public(), "box".to_owned(), &NONCE, digest('0')), 4)
}

fn tool(name: &str) -> TicketTool {
    TicketTool {
        name: ToolName::try_from(name).unwrap(),
        component: digest('c'),
        limits: Limits {
            memory_bytes: 1 << 20,
            cpu_ms: 100,
            deadline_ms: 1_000,
            arguments_bytes: 10,
            result_bytes: 1_000,
            log_bytes: 1_000,
            handles: 10,
        },
        preopens: Vec::new(),
        env: BTreeMap::new(),
        clocks: BTreeSet::new(),
        http: false,
        input_schema: r#"{"type":"object"}"#.to_owned(),
        output_schema: None,
    }
}

fn ticket(serial: u64) -> Ticket {
    Ticket {
        hub: "hub".to_owned(),
        container: "box".to_owned(),
        nonce: "07".repeat(32),
        session: "s".to_owned(),
        manifest: digest('a'),
        epoch: 5,
        expires: NOW + 60,
        serial,
        posture: digest('0'),
        concurrent_calls: 2,
        components: vec![TicketComponent {
            component: digest('c'),
            artefact: digest('d'),
            trap_imports: BTreeSet::new(),
            http: false,
        }],
        tools: vec![tool("one"), tool("two")],
    }
}

fn send(session: &mut Session, ticket: &Ticket) -> Step {
    session.on(ToRunner::Ticket(key().sign(ticket).unwrap()), NOW).unwrap()
}

fn call(id: CallId, tool: &str, arguments: &str) -> ToRunner {
    ToRunner::Call(Call { id, tool: ToolName::try_from(tool).unwrap(), arguments: arguments.to_owned() })
}

fn serving() -> Session {
    let mut session = session();
    assert_eq!(send(&mut session, &ticket(1)), Step::Install(Box::new(ticket(1))));
    session
}

fn ended_in(step: Step) -> Outcome {
    match step {
        Step::Answer(message) => match *message {
            FromRunner::Done(done) => done.outcome,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_is_done_without_a_ticket() {
    assert_eq!(session().on(call(1, "one", "{}"), NOW), Err(Violation::NoTicket));
    assert_eq!(session().on(ToRunner::Describe(1, digest('c')), NOW), Err(Violation::NoTicket));
    assert_eq!(session().on(ToRunner::Cancel(1), NOW), Ok(Step::Nothing));
}

#[test]
fn a_ticket_for_someone_else_is_refused() {
    let wrong: [(fn(&mut Ticket), &str); 4] = [
        (|t| t.nonce = "08".repeat(32), "another hello"),
        (|t| t.container = "other".to_owned(), "another container"),
        (|t| t.posture = digest('1'), "another posture"),
        (|t| t.expires = NOW, "expired"),
    ];
    for (change, part) in wrong {
        let mut ticket = ticket(1);
        change(&mut ticket);
        let Step::Refuse(why) = send(&mut session(), &ticket) else { panic!("{part}") };
        assert!(why.contains(part), "{why}");
    }
    let forged = HubKey::from_seed(&[2; 32]).sign(&ticket(1)).unwrap();
    assert!(matches!(session().on(ToRunner::Ticket(forged), NOW), Ok(Step::Refuse(_))));
}

#[test]
fn an_incoherent_ticket_is_refused() {
    let wrong: [(fn(&mut Ticket), &str); 5] = [
        (|t| t.concurrent_calls = 0, "calls at once"),
        (|t| t.concurrent_calls = 5, "calls at once"),
        (|t| t.components.extend(t.components.clone()), "component twice"),
        (|t| t.tools.push(tool("one")), "tool twice"),
        (|t| t.components.clear(), "component of `one`"),
    ];
    for (change, part) in wrong {
        let mut ticket = ticket(1);
        change(&mut ticket);
        let Step::Refuse(why) = send(&mut session(), &ticket) else { panic!("{part}") };
        assert!(why.contains(part), "{why}");
    }
}

#[test]
fn a_renewed_ticket_takes_away_and_never_adds() {
    let renewed: [fn(&mut Ticket); 4] = [
        |t| t.epoch = 6,
        |t| t.expires += 100,
        |t| t.tools.truncate(1),
        |t| t.tools.iter_mut().for_each(|tool| tool.limits.cpu_ms = 1),
    ];
    for change in renewed {
        let mut next = ticket(2);
        change(&mut next);
        assert_eq!(send(&mut serving(), &next), Step::Renew(Box::new(next)));
    }
    let refused: [(fn(&mut Ticket), &str); 8] = [
        (|t| t.serial = 1, "serial"),
        (|t| t.epoch = 4, "older epoch"),
        (|t| t.session = "t".to_owned(), "another session"),
        (|t| t.hub = "other".to_owned(), "another hub"),
        (|t| t.tools.push(tool("three")), "`three`"),
        (|t| t.tools.iter_mut().for_each(|tool| tool.clocks.extend([manifest::Clock::Wall])), "`one`"),
        (|t| t.components.iter_mut().for_each(|c| c.artefact = digest('e')), "adds a component"),
        (|t| t.components.iter_mut().for_each(|c| c.trap_imports.extend(["wasi:x".to_owned()])), "adds a component"),
    ];
    for (change, part) in refused {
        let mut next = ticket(2);
        change(&mut next);
        let Step::Refuse(why) = send(&mut serving(), &next) else { panic!("{part}") };
        assert!(why.contains(part), "{why}");
    }
}

#[test]
fn a_call_is_bounded_before_anything_runs() {
    let mut session = serving();
    assert!(matches!(ended_in(session.on(call(1, "three", "{}"), NOW).unwrap()), Outcome::Denied(_)));
    let long = format!("{{{}}}", " ".repeat(9));
    assert_eq!(ended_in(session.on(call(1, "one", &long), NOW).unwrap()), Outcome::Limit(Limit::Arguments, 10));
    assert!(matches!(ended_in(session.on(call(1, "one", "{}"), NOW + 60).unwrap()), Outcome::Denied(_)));
    assert!(matches!(session.on(call(1, "one", "{}"), NOW), Ok(Step::Start(_))));
    assert_eq!(session.on(call(1, "one", "{}"), NOW), Err(Violation::CallId));
    assert!(matches!(session.on(call(2, "two", "{}"), NOW), Ok(Step::Start(_))));
    assert_eq!(ended_in(session.on(call(3, "one", "{}"), NOW).unwrap()), Outcome::Limit(Limit::Concurrency, 2));
    assert_eq!(session.on(ToRunner::Cancel(3), NOW), Ok(Step::Nothing));
    assert_eq!(session.on(ToRunner::Cancel(2), NOW), Ok(Step::Stop(2)));
    session.ended(2);
    assert_eq!(session.on(ToRunner::Cancel(2), NOW), Ok(Step::Nothing));
    assert!(matches!(session.on(call(3, "one", "{}"), NOW), Ok(Step::Start(_))));
}

#[test]
fn only_a_ticket_without_tools_describes() {
    assert_eq!(serving().on(ToRunner::Describe(1, digest('c')), NOW), Err(Violation::NotRegistration));
    let mut session = session();
    let registration = Ticket { tools: Vec::new(), concurrent_calls: 1, ..ticket(1) };
    assert!(matches!(send(&mut session, &registration), Step::Install(_)));
    let refused =
        |step| matches!(step, Ok(Step::Answer(message)) if matches!(*message, FromRunner::Described(1, Err(_))));
    assert!(refused(session.on(ToRunner::Describe(1, digest('e')), NOW)));
    assert!(refused(session.on(ToRunner::Describe(1, digest('c')), NOW + 60)));
    assert!(matches!(session.on(ToRunner::Describe(1, digest('c')), NOW), Ok(Step::Describe(1, _))));
    assert_eq!(session.on(ToRunner::Describe(1, digest('c')), NOW), Err(Violation::CallId));
    assert!(matches!(session.on(ToRunner::Describe(2, digest('c')), NOW), Ok(Step::Answer(_))));
}

#[test]
fn a_ping_is_answered_at_any_moment() {
    let pong = |number| Ok(Step::Answer(Box::new(FromRunner::Pong(number))));
    assert_eq!(session().on(ToRunner::Ping(1), NOW), pong(1));
    let mut session = serving();
    assert!(matches!(session.on(call(1, "one", "{}"), NOW), Ok(Step::Start(_))));
    assert_eq!(session.on(ToRunner::Ping(u64::MAX), NOW), pong(u64::MAX));
    // Past the ticket's end as well: it is still there.
    assert_eq!(session.on(ToRunner::Ping(3), u64::MAX), pong(3));
}

#[test]
fn who_may_ask_has_a_component_that_can_and_a_renewal_changes_neither() {
    let with = |component: bool, tool: bool, serial| {
        let mut ticket = ticket(serial);
        ticket.components[0].http = component;
        ticket.tools[0].http = tool;
        ticket
    };
    let Step::Refuse(why) = send(&mut session(), &with(false, true, 1)) else { panic!("taken") };
    assert!(why.contains("`one` ask for HTTP"), "{why}");
    // The other tool of the same component links it and may not ask.
    let mut serving = session();
    assert!(matches!(send(&mut serving, &with(true, true, 1)), Step::Install(_)));
    let Step::Refuse(why) = send(&mut serving, &with(true, false, 2)) else { panic!("taken") };
    assert!(why.contains("`one`"), "{why}");
    assert!(matches!(send(&mut serving, &with(true, true, 3)), Step::Renew(_)));
}
