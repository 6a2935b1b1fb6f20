//! What to say when a request fails, and whether to make it again.

use std::fmt;
use std::thread;
use std::time::Duration;

use ureq::http::HeaderMap;

use super::client::{Client, origin};
use super::name::Name;
use crate::Error;

/// To wait before each further attempt.
const DELAYS: [Duration; 4] =
    [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];
/// The longest that a server may ask for.
const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// Why a request failed.
#[derive(Debug)]
pub(super) struct Problem {
    error: Error,
    /// What to do about it, for the end of the message that ends it all.
    hint: &'static str,
    /// Whether the network or the server has it, so that it may pass.
    pub passing: bool,
    /// How often it is worth trying again.
    repeats: u8,
    /// How long the server asks to wait.
    wait: Option<Duration>,
}

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        Problem { error, hint: "", passing: false, repeats: DELAYS.len() as u8, wait: None }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Error {
        let Problem { mut error, hint, .. } = problem;
        if let Error::Hub { message, .. } = &mut error {
            message.push_str(hint);
        }
        error
    }
}

impl fmt::Display for Problem {
    /// Without what to do about it: something is done.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(formatter)
    }
}

impl Client<'_> {
    /// What the hub did wrong that will not pass.
    pub(super) fn problem(&self, file: Option<&str>, status: Option<u16>, message: String) -> Problem {
        let host = origin(self.endpoint).map_or(self.endpoint.to_string(), |(_, host)| host);
        let file = file.map(|file| format!("{file}: ")).unwrap_or_default();
        let status_text = status.map(|status| format!(" answers {status}:")).unwrap_or_default();
        let message = format!("{file}{host}{status_text} {message}");
        Error::Hub { model: self.name.to_string(), status, message }.into()
    }

    /// There is no answer.
    pub(super) fn unreachable(&self, file: Option<&str>, error: ureq::Error) -> Problem {
        use ureq::Error::{ConnectionFailed, HostNotFound, Io, Protocol, Timeout};
        let mut problem = self.problem(file, None, format!("cannot be reached: {error}"));
        if error.to_string().contains("certificate") {
            problem.hint = "; behind a proxy that reads along, name its certificates (PEM) in SSL_CERT_FILE";
        } else {
            problem.hint = "; check the network, and HTTPS_PROXY if there is a proxy; a model that is in the cache is used \
                            without a network";
            if is_unknown_host(&error) {
                // A resolver that is just starting knows it the next time, and one that does not know it does not learn it.
                problem.repeats = 1;
            }
            problem.passing = matches!(error, ConnectionFailed | HostNotFound | Io(_) | Protocol(_) | Timeout(_));
        }
        problem
    }

    /// The answer ends too early.
    pub(super) fn interrupted(&self, file: Option<&str>, error: impl fmt::Display) -> Problem {
        let mut problem = self.problem(file, None, format!("broke the connection off: {error}"));
        problem.hint = "; check the network, and run again: what has arrived is kept";
        problem.passing = true;
        problem
    }

    /// The answer is an error.
    pub(super) fn refused(&self, file: Option<&str>, status: u16, headers: &HeaderMap) -> Problem {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let page = format!("{}/{}", self.endpoint, self.name.repository);
        let Name { revision, .. } = self.name;
        let known = self.hub.token.is_some();
        let mut message = match (status, header("x-error-code")) {
            (_, Some("GatedRepo")) if known => {
                format!("the account of the token has not been given access; accept the licence on {page} with it")
            }
            (_, Some("GatedRepo")) => format!(
                "the model's licence has to be accepted, on {page}; then put a token of that account, from \
                 {}/settings/tokens, into HF_TOKEN",
                self.endpoint
            ),
            (_, Some("RevisionNotFound")) => {
                format!("there is no revision {revision}; branches, tags and commits are on {page}/tree/main")
            }
            (401, _) if known => format!(
                "the token (HF_TOKEN, or the file that `hf auth login` wrote) is wrong or has expired, or there is no such \
                 model; tokens are made on {}/settings/tokens",
                self.endpoint
            ),
            (401, _) => {
                "there is no such model (is it spelled right, OWNER/NAME?), nor a folder of this name here; or it is \
                         private and needs a token in HF_TOKEN"
                    .into()
            }
            (403, _) => format!(
                "the token may not read this model; give it the permission on {}/settings/tokens",
                self.endpoint
            ),
            (404, Some("EntryNotFound")) => "there is no such file".into(),
            (404, _) if file.is_some() => "there is no such file".into(),
            (404, _) => {
                "there is no such model (is it spelled right, OWNER/NAME?), nor a folder of this name here".into()
            }
            (429, _) if known => "too many requests; try again later".into(),
            (429, _) => "too many requests; try again later, or with a token in HF_TOKEN".into(),
            (500.., _) => "the server has a problem; try again later".into(),
            _ => "the request is refused".into(),
        };
        if let Some(text) = header("x-error-message") {
            let text: String = text.chars().filter(|letter| !letter.is_control()).take(300).collect();
            message += &format!(" (the server says: {text})");
        }
        let mut problem = self.problem(file, Some(status), message);
        problem.passing = matches!(status, 408 | 429 | 500..);
        problem.wait = header("retry-after").and_then(|text| text.parse().ok()).map(Duration::from_secs);
        problem
    }
}

/// Tells of the problem and waits before the next attempt; false if there should be none.
pub(super) fn wait(problem: &Problem, attempt: usize, tell: impl FnOnce(&str)) -> bool {
    let Some(delay) = DELAYS[..problem.repeats.into()].get(attempt).filter(|_| problem.passing) else {
        return false;
    };
    let delay = problem.wait.unwrap_or(*delay).min(LONGEST_DELAY);
    tell(&format!("{problem}; trying again in {} s", delay.as_secs_f32()));
    thread::sleep(delay);
    true
}

/// Whether nobody knows the address of a host. std has no kind for this error of the system.
fn is_unknown_host(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::HostNotFound => true,
        // On Windows the numbers of WSAHOST_NOT_FOUND and of the three that follow it.
        ureq::Error::Io(error) => {
            let windows = cfg!(windows) && matches!(error.raw_os_error(), Some(11001..=11004));
            windows || error.to_string().starts_with("failed to lookup address information")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::ToSocketAddrs;

    #[test]
    fn a_host_that_nobody_knows_is_told_from_one_that_is_away() {
        let unknown = "no-such-host.invalid:443".to_socket_addrs().expect_err("no such host");
        assert!(is_unknown_host(&unknown.into()));
        for kind in [std::io::ErrorKind::ConnectionRefused, std::io::ErrorKind::TimedOut] {
            assert!(!is_unknown_host(&ureq::Error::Io(kind.into())));
        }
    }
}
