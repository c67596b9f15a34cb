//! One request, with the raw calls: no library stands between what is asked and what is sent.

use super::{Ask, Came, Header, Moment};
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingBody, Method, OutgoingBody, OutgoingRequest, RequestOptions,
    Scheme, http_error_code,
};
use wasip2::io::streams::{InputStream, OutputStream, StreamError};

/// As much as one blocking write carries.
const CHUNK_BYTES: u64 = 4096;

/// A request on its way, its body not yet written.
pub(super) struct Asked(Result<Way, String>);

struct Way {
    answer: FutureIncomingResponse,
    body: Option<OutgoingBody>,
}

impl Asked {
    pub(super) fn make(args: &Ask) -> Self {
        Self(make(args))
    }

    pub(super) fn finish(self, args: &Ask) -> Came {
        let mut came = Came {
            outcome: String::new(),
            status: None,
            headers: Vec::new(),
            body: String::new(),
            read: 0,
            written: 0,
            trailers: Vec::new(),
        };
        let ended = self.0.and_then(|way| way.go(args, &mut came));
        came.outcome = ended.map_or_else(|failed| failed, str::to_owned);
        came
    }
}

fn make(args: &Ask) -> Result<Way, String> {
    let request = OutgoingRequest::new(fields(args.headers.as_deref())?);
    let method = match args.method.as_deref() {
        None | Some("GET") => Method::Get,
        Some("POST") => Method::Post,
        Some("CONNECT") => Method::Connect,
        Some(other) => Method::Other(other.to_owned()),
    };
    request.set_method(&method).map_err(|()| "method refused")?;
    let scheme = args.scheme.as_deref().map(|scheme| match scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.to_owned()),
    });
    request.set_scheme(scheme.as_ref()).map_err(|()| "scheme refused")?;
    request.set_authority(Some(&args.authority)).map_err(|()| "authority refused")?;
    request.set_path_with_query(Some(args.path.as_deref().unwrap_or("/"))).map_err(|()| "path refused")?;
    let has_body = args.body_bytes.is_some() || args.body_text.is_some() || args.endless == Some(true);
    let body = if has_body { Some(request.body().map_err(|()| "body refused")?) } else { None };
    let options = args.first_byte_ms.map(|wait_ms| {
        let options = RequestOptions::new();
        options.set_first_byte_timeout(Some(wait_ms.saturating_mul(1_000_000))).map(|()| options)
    });
    let options = options.transpose().map_err(|()| "time refused")?;
    let answer = handle(request, options).map_err(|code| failed("asking", &code))?;
    Ok(Way { answer, body })
}

impl Way {
    fn go(self, args: &Ask, came: &mut Came) -> Result<&'static str, String> {
        let Self { answer, body } = self;
        if args.drop == Some(Moment::Asked) {
            return Ok("dropped");
        }
        if let Some(body) = body {
            let stream = body.write().map_err(|()| "no stream")?;
            // Whoever is not wanted any more may have been answered: that is looked at below.
            let whole = write(&stream, args, &mut came.written);
            drop(stream);
            if args.drop == Some(Moment::Body) {
                return Ok("dropped");
            }
            let trailers = args.trailers.as_deref().map(|list| fields(Some(list))).transpose()?;
            if whole {
                OutgoingBody::finish(body, trailers).map_err(|code| failed("finishing", &code))?;
            }
        }
        answer.subscribe().block();
        let answered = answer.get().ok_or("no answer, and yet it was ready")?.map_err(|()| "taken twice")?;
        let answered = answered.map_err(|code| failed("answering", &code))?;
        came.status = Some(answered.status());
        came.headers = told(&answered.headers());
        if args.drop == Some(Moment::Answered) {
            return Ok("dropped");
        }
        let body = answered.consume().map_err(|()| "no body")?;
        let stream = body.stream().map_err(|()| "no stream")?;
        let ended = read(&stream, args, came)?;
        drop(stream);
        if args.drop == Some(Moment::Reading) {
            return Ok("dropped");
        }
        if ended {
            let trailers = IncomingBody::finish(body);
            trailers.subscribe().block();
            let trailers = trailers.get().ok_or("no trailers, and yet they were ready")?.map_err(|()| "taken twice")?;
            came.trailers =
                trailers.map_err(|code| failed("trailers", &code))?.map_or_else(Vec::new, |list| told(&list));
        }
        Ok("answered")
    }
}

/// Whether all of it was written.
fn write(stream: &OutputStream, args: &Ask, written: &mut u64) -> bool {
    let text = args.body_text.as_deref().unwrap_or_default().as_bytes();
    let mut left = if text.is_empty() { args.body_bytes.unwrap_or(0) } else { text.len() as u64 };
    if args.drop == Some(Moment::Body) {
        left /= 2;
    }
    let endless = args.endless == Some(true);
    while endless || left > 0 {
        let part = if endless { CHUNK_BYTES } else { left.min(CHUNK_BYTES) } as usize;
        let from = *written as usize;
        let bytes = text.get(from..from + part).map_or_else(|| vec![b'x'; part], <[u8]>::to_vec);
        if stream.blocking_write_and_flush(&bytes).is_err() {
            return false;
        }
        *written += part as u64;
        left = left.saturating_sub(part as u64);
    }
    true
}

/// Whether it was read to its end.
fn read(stream: &InputStream, args: &Ask, came: &mut Came) -> Result<bool, String> {
    let (most, tell) = (args.read_bytes.unwrap_or(u64::MAX), args.tell_bytes.unwrap_or(4096));
    let mut told = Vec::new();
    while came.read < most {
        match stream.blocking_read((most - came.read).min(64 << 10)) {
            Ok(bytes) => {
                came.read += bytes.len() as u64;
                let room = tell.saturating_sub(told.len()).min(bytes.len());
                told.extend_from_slice(&bytes[..room]);
            }
            Err(StreamError::Closed) => {
                came.body = String::from_utf8_lossy(&told).into_owned();
                return Ok(true);
            }
            Err(StreamError::LastOperationFailed(error)) => {
                let code = http_error_code(&error);
                return Err(code.map_or_else(|| error.to_debug_string(), |code| failed("reading", &code)));
            }
        }
    }
    came.body = String::from_utf8_lossy(&told).into_owned();
    Ok(false)
}

fn fields(list: Option<&[Header]>) -> Result<Fields, String> {
    let fields = Fields::new();
    for Header { name, value } in list.unwrap_or_default() {
        fields.append(name, value.as_bytes()).map_err(|error| format!("header {name}: {error:?}"))?;
    }
    Ok(fields)
}

fn told(fields: &Fields) -> Vec<String> {
    fields.entries().into_iter().map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(&value))).collect()
}

fn failed(place: &str, code: &ErrorCode) -> String {
    format!("{place}: {code:?}")
}
