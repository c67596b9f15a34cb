//! A DNS server over UDP that answers as a test says, and another thing the next time if it says so.

use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::net::UdpSocket;

#[derive(Debug, Clone)]
pub enum Says {
    /// These addresses, of either family.
    Addresses(Vec<IpAddr>),
    /// It is another name.
    Alias(&'static str),
    Nothing,
    Garbage,
}

#[derive(Default)]
struct Book {
    /// The last one stays.
    names: HashMap<String, VecDeque<Says>>,
    asked: Vec<(String, RecordType)>,
}

pub struct Dns {
    pub address: SocketAddr,
    book: Arc<Mutex<Book>>,
}

impl Dns {
    pub async fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let book = Arc::new(Mutex::new(Book::default()));
        tokio::spawn(serve(socket, book.clone()));
        Self { address, book }
    }

    pub fn says(&self, name: &str, says: impl IntoIterator<Item = Says>) {
        self.book.lock().unwrap().names.insert(name.to_owned(), says.into_iter().collect());
    }

    pub fn here(&self, name: &str) {
        self.addresses(name, &["127.0.0.1"]);
    }

    pub fn addresses(&self, name: &str, addresses: &[&str]) {
        self.says(name, [addresses_of(addresses)]);
    }

    /// How often IPv4 addresses of a name were asked for.
    pub fn asked(&self, name: &str) -> usize {
        let book = self.book.lock().unwrap();
        book.asked.iter().filter(|(asked, kind)| asked == name && *kind == RecordType::A).count()
    }
}

pub fn addresses_of(addresses: &[&str]) -> Says {
    Says::Addresses(addresses.iter().map(|address| address.parse().unwrap()).collect())
}

async fn serve(socket: UdpSocket, book: Arc<Mutex<Book>>) {
    let mut buffer = vec![0; 4096];
    loop {
        let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
        let Ok(query) = Message::from_vec(&buffer[..length]) else { continue };
        let asked = query.queries[0].clone();
        let name = asked.name().to_ascii().trim_end_matches('.').to_ascii_lowercase();
        let says = {
            let mut book = book.lock().unwrap();
            book.asked.push((name.clone(), asked.query_type()));
            match book.names.get_mut(&name) {
                // Answers change with each question for IPv4.
                Some(all) if all.len() > 1 && asked.query_type() == RecordType::A => all.pop_front(),
                Some(all) => all.front().cloned(),
                None => None,
            }
        };
        let mut answer = query.clone();
        answer.metadata.message_type = MessageType::Response;
        answer.metadata.recursion_available = true;
        let mut records = Vec::new();
        match says {
            Some(Says::Nothing) => continue,
            Some(Says::Garbage) => {
                let mut bytes = query.to_vec().unwrap();
                bytes.truncate(2);
                bytes.extend([0xff; 40]);
                socket.send_to(&bytes, from).await.unwrap();
                continue;
            }
            Some(Says::Alias(other)) => {
                let other = Name::from_ascii(format!("{other}.")).unwrap();
                records.push(RData::CNAME(CNAME(other)));
            }
            Some(Says::Addresses(addresses)) => {
                records.extend(addresses.into_iter().filter_map(|address| match (address, asked.query_type()) {
                    (IpAddr::V4(address), RecordType::A) => Some(RData::A(A(address))),
                    (IpAddr::V6(address), RecordType::AAAA) => Some(RData::AAAA(AAAA(address))),
                    _ => None,
                }));
            }
            None => answer.metadata.response_code = ResponseCode::NXDomain,
        }
        for record in records {
            answer.add_answer(Record::from_rdata(asked.name().clone(), 0, record));
        }
        socket.send_to(&answer.to_vec().unwrap(), from).await.unwrap();
    }
}
