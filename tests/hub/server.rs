//! A server on this machine that speaks as much of the hub's protocol as a download needs, and misbehaves on request.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use serde_json::json;
use sha2::{Digest, Sha256};

pub const COMMIT: &str = "2439f60ef33a0d46d85da5001d52aeda5b00ce9f";
/// A body is sent in so many bytes at a time.
const CHUNK: usize = 4096;

/// What goes wrong.
#[derive(Clone, Debug)]
pub enum Fault {
    /// An answer without contents: status and `X-Error-Code`.
    Status(u16, &'static str),
    /// The connection ends after so many bytes of the body.
    Cut(usize),
    /// One bit of the body is another.
    Flip,
    /// The whole file is sent, whatever part was asked for.
    WholeFile,
    /// A pause after every chunk of the body.
    Slow(Duration),
    /// The answer says this instead of what is true.
    Header(&'static str, String),
    /// The list of the model's files is this.
    List(serde_json::Value),
}

/// A fault of requests whose method and path contain `request`, so many times.
struct Rule {
    request: String,
    times: usize,
    fault: Fault,
}

#[derive(Clone, Debug)]
pub struct Request {
    /// `GET /path`.
    pub line: String,
    pub range: Option<String>,
    pub token: Option<String>,
}

/// A hub with one model, `owner/name`, which is there until dropped.
pub struct Server {
    shared: Arc<Shared>,
}

struct Shared {
    /// Of the hub, and of the other host that has the large files.
    addresses: [SocketAddr; 2],
    files: Vec<(String, Vec<u8>)>,
    rules: Mutex<Vec<Rule>>,
    requests: Mutex<Vec<Request>>,
    stopped: AtomicBool,
}

impl Server {
    pub fn start(files: Vec<(String, Vec<u8>)>) -> Server {
        let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port of this machine"));
        let addresses = [0, 1].map(|index| listeners[index].local_addr().expect("its number"));
        let (rules, requests, stopped) = Default::default();
        let shared = Arc::new(Shared { addresses, files, rules, requests, stopped });
        for listener in listeners {
            let shared = shared.clone();
            thread::spawn(move || {
                for stream in listener.incoming() {
                    if shared.stopped.load(Ordering::Relaxed) {
                        return;
                    }
                    let shared = shared.clone();
                    // A client that goes away, or is cut off, is no problem of the server.
                    thread::spawn(move || stream.and_then(|stream| shared.serve(stream)).ok());
                }
            });
        }
        Server { shared }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.shared.addresses[0])
    }

    /// Its host and port.
    pub fn host(&self) -> String {
        self.shared.addresses[0].to_string()
    }

    /// From now on. The first rule that fits a request counts.
    pub fn fail(&self, request: &str, times: usize, fault: Fault) {
        lock(&self.shared.rules).push(Rule { request: request.into(), times, fault });
    }

    /// The requests since the last call.
    pub fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut *lock(&self.shared.requests))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        for address in self.shared.addresses {
            // Wakes the thread that waits for connections.
            let _ = TcpStream::connect(address);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no thread of the server panics")
}

pub fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Shared {
    /// Answers one request and closes.
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut lines = BufReader::new(&stream).lines();
        let first = lines.next().transpose()?.unwrap_or_default();
        let line = first.trim_end_matches(" HTTP/1.1").to_string();
        let mut request = Request { line, range: None, token: None };
        for header in lines {
            let header = header?;
            let Some((name, value)) = header.split_once(": ") else { break };
            match name.to_ascii_lowercase().as_str() {
                "range" => request.range = Some(value.into()),
                "authorization" => request.token = Some(value.into()),
                _ => {}
            }
        }
        if request.line.is_empty() {
            return Ok(());
        }
        lock(&self.requests).push(request.clone());
        self.answer(&stream, &request, self.fault(&request))
    }

    fn fault(&self, request: &Request) -> Option<Fault> {
        let mut rules = lock(&self.rules);
        let rule = rules.iter_mut().find(|rule| rule.times > 0 && request.line.contains(&rule.request))?;
        rule.times -= 1;
        Some(rule.fault.clone())
    }

    fn answer(&self, stream: &TcpStream, request: &Request, fault: Option<Fault>) -> io::Result<()> {
        let refuse = |status: u16, code: &str| {
            let head = format!("HTTP/1.1 {status} No\r\nX-Error-Code: {code}\r\nX-Error-Message: because\r\n");
            respond(stream, request, &format!("{head}Retry-After: 0\r\n"), b"", None)
        };
        if let Some(Fault::Status(status, code)) = fault {
            return refuse(status, code);
        }
        let path = request.line.split_once(' ').map_or("", |(_, path)| path);
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match parts[..] {
            ["api", "models", "owner", "name", "revision", revision] => {
                if !["main", "refs%2Fpr%2F1", COMMIT].contains(&revision) {
                    return refuse(404, "RevisionNotFound");
                }
                let names = self.files.iter().map(|(name, _)| json!({ "rfilename": name }));
                let list = json!({ "id": "owner/name", "sha": COMMIT, "siblings": names.collect::<Vec<_>>() });
                let list = if let Some(Fault::List(list)) = fault { list } else { list };
                respond(stream, request, "HTTP/1.1 200 OK\r\n", list.to_string().as_bytes(), None)
            }
            ["api", "models", "old-name", "revision", revision] => {
                // As for names from before there were owners.
                let head = format!("HTTP/1.1 307 There\r\nLocation: /api/models/owner/name/revision/{revision}\r\n");
                respond(stream, request, &head, b"", None)
            }
            ["api", ..] if request.token.is_some() => refuse(404, "RepoNotFound"),
            // The hub does not tell strangers which private models there are.
            ["api", ..] => refuse(401, "RepoNotFound"),
            ["owner", "name", "resolve", COMMIT, ref file @ ..] => {
                self.resolve(stream, request, &file.join("/"), fault)
            }
            ["old-name", "resolve", COMMIT, file] => {
                let head = format!("HTTP/1.1 307 There\r\nLocation: /owner/name/resolve/{COMMIT}/{file}\r\n");
                respond(stream, request, &head, b"", None)
            }
            ["storage", digest] => {
                let digest = digest.trim_end_matches("?signature=s");
                let file = self.files.iter().find(|(_, contents)| hash(contents) == digest);
                send(stream, request, "", file.map_or(b"", |(_, contents)| contents), fault)
            }
            _ => refuse(404, "EntryNotFound"),
        }
    }

    fn resolve(&self, stream: &TcpStream, request: &Request, file: &str, fault: Option<Fault>) -> io::Result<()> {
        let Some((name, contents)) = self.files.iter().find(|(name, _)| name == file) else {
            return respond(stream, request, "HTTP/1.1 404 No\r\nX-Error-Code: EntryNotFound\r\n", b"", None);
        };
        let digest = hash(contents);
        let (mut etag, size) = (digest.clone(), contents.len());
        if let Some(Fault::Header("etag", value)) = &fault {
            etag = value.clone();
        }
        if !name.ends_with(".safetensors") {
            // Git's hash has 40 digits, of whatever.
            let etag = if etag == digest { &etag[..40] } else { &etag };
            let head = format!("ETag: \"{etag}\"\r\nX-Repo-Commit: {COMMIT}\r\n");
            return send(stream, request, &head, contents, fault);
        }
        let head = format!(
            "HTTP/1.1 302 There\r\nLocation: http://{}/storage/{digest}?signature=s\r\nETag: \"other\"\r\n\
             X-Linked-Etag: \"{etag}\"\r\nX-Linked-Size: {size}\r\nX-Repo-Commit: {COMMIT}\r\n",
            self.addresses[1]
        );
        respond(stream, request, &head, b"elsewhere", None)
    }
}

/// A file, or the part of it that was asked for.
fn send(stream: &TcpStream, request: &Request, head: &str, contents: &[u8], fault: Option<Fault>) -> io::Result<()> {
    let from = request.range.as_ref().filter(|_| !matches!(fault, Some(Fault::WholeFile)));
    let from = from.and_then(|range| range.trim_start_matches("bytes=").trim_end_matches('-').parse::<usize>().ok());
    let (status, range) = match from {
        Some(from) => {
            ("206 Part", format!("Content-Range: bytes {from}-{}/{}\r\n", contents.len() - 1, contents.len()))
        }
        None => ("200 OK", String::new()),
    };
    let mut body = contents[from.unwrap_or(0)..].to_vec();
    if let (Some(Fault::Flip), Some(byte)) = (&fault, body.last_mut()) {
        *byte ^= 1;
    }
    respond(stream, request, &format!("HTTP/1.1 {status}\r\n{head}{range}"), &body, fault)
}

fn respond(mut stream: &TcpStream, request: &Request, head: &str, body: &[u8], fault: Option<Fault>) -> io::Result<()> {
    write!(stream, "{head}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    if request.line.starts_with("HEAD ") {
        return Ok(());
    }
    let (length, pause) = match fault {
        Some(Fault::Cut(length)) => (length, Duration::ZERO),
        Some(Fault::Slow(pause)) => (body.len(), pause),
        _ => (body.len(), Duration::ZERO),
    };
    for chunk in body[..length.min(body.len())].chunks(CHUNK) {
        stream.write_all(chunk)?;
        thread::sleep(pause);
    }
    Ok(())
}
