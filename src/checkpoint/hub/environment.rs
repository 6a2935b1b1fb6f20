//! The environment variables of the Hugging Face tools -> where to look for models, and as whom.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::Hub;
use crate::{Error, Result};

impl Hub {
    /// The hub as huggingface_hub would find it: the cache is `HF_HUB_CACHE`, else `hub` in `HF_HOME`, which is
    /// `huggingface` in `XDG_CACHE_HOME` or `~/.cache` unless set; the token is `HF_TOKEN`, else in the file
    /// `HF_TOKEN_PATH` or `token` in `HF_HOME`; `HF_ENDPOINT` is another server; `HF_HUB_OFFLINE=1` forbids requests.
    ///
    /// # Errors
    /// [`Error::Hub`] if nothing says where the cache is, or a variable cannot be what it is meant to be.
    pub fn from_env() -> Result<Hub> {
        Hub::from_variables(&|name| env::var_os(name), env::home_dir())
    }

    fn from_variables(variable: &dyn Fn(&str) -> Option<OsString>, user: Option<PathBuf>) -> Result<Hub> {
        // A variable that is set to nothing is as good as unset.
        let value = |name: &str| variable(name).filter(|value| !value.is_empty());
        let path = |name: &str| value(name).map(|value| expand(value.into(), user.as_deref()));
        let text = |name: &str| value(name).map(|value| value.to_string_lossy().trim().to_string());
        let flag = |name: &str| {
            let value = text(name).unwrap_or_default().to_ascii_uppercase();
            ["1", "ON", "YES", "TRUE"].contains(&value.as_str())
        };
        let home = path("HF_HOME").or_else(|| {
            let cache = path("XDG_CACHE_HOME").or_else(|| Some(user.as_ref()?.join(".cache")));
            Some(cache?.join("huggingface"))
        });
        let cache = path("HF_HUB_CACHE").or_else(|| path("HUGGINGFACE_HUB_CACHE"));
        let cache = cache.or_else(|| Some(home.as_ref()?.join("hub")));
        let cache = cache.ok_or_else(|| problem("there is no home folder for the cache of models; set HF_HOME"))?;

        let mut token = text("HF_TOKEN").or_else(|| text("HUGGING_FACE_HUB_TOKEN"));
        if token.is_none() {
            let file = path("HF_TOKEN_PATH").or_else(|| Some(home?.join("token")));
            token = file.and_then(|file| fs::read_to_string(file).ok()).map(|token| token.trim().to_string());
        }
        let token = token.filter(|token| !token.is_empty() && !flag("HF_HUB_DISABLE_IMPLICIT_TOKEN"));
        if token.as_ref().is_some_and(|token| !token.bytes().all(|byte| byte.is_ascii_graphic())) {
            return Err(problem(
                "the token (HF_TOKEN, or the file that `hf auth login` wrote) is not one word of ASCII",
            ));
        }

        let endpoint = text("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".into());
        if !endpoint.starts_with("https://") && !endpoint.starts_with("http://") {
            return Err(problem(&format!(
                "HF_ENDPOINT is {endpoint:?}, which does not begin with https:// or http://"
            )));
        }
        Ok(Hub {
            endpoint,
            cache,
            token,
            offline: flag("HF_HUB_OFFLINE") || flag("TRANSFORMERS_OFFLINE"),
            symlinks: !flag("HF_HUB_DISABLE_SYMLINKS"),
            certificates: path("SSL_CERT_FILE"),
        })
    }
}

fn problem(message: &str) -> Error {
    Error::Hub { model: "Hugging Face hub".into(), status: None, message: message.into() }
}

/// A path whose first component may be `~`, which no shell has replaced in a file of variables.
fn expand(path: PathBuf, user: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), user) {
        (Ok(rest), Some(user)) => user.join(rest),
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub(variables: &[(&str, &str)]) -> Result<Hub> {
        let variable = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
        Hub::from_variables(&variable, Some("/home/user".into()))
    }

    fn cache(variables: &[(&str, &str)]) -> PathBuf {
        hub(variables).expect("the variables are good").cache
    }

    #[test]
    fn the_cache_is_where_huggingface_hub_has_it() {
        assert_eq!(cache(&[]), Path::new("/home/user/.cache/huggingface/hub"));
        assert_eq!(cache(&[("HF_HOME", "")]), Path::new("/home/user/.cache/huggingface/hub"));
        assert_eq!(cache(&[("XDG_CACHE_HOME", "/x")]), Path::new("/x/huggingface/hub"));
        assert_eq!(cache(&[("XDG_CACHE_HOME", "/x"), ("HF_HOME", "/h")]), Path::new("/h/hub"));
        assert_eq!(cache(&[("HF_HOME", "~/h")]), Path::new("/home/user/h/hub"));
        assert_eq!(cache(&[("HF_HOME", "/h"), ("HUGGINGFACE_HUB_CACHE", "/old")]), Path::new("/old"));
        assert_eq!(cache(&[("HUGGINGFACE_HUB_CACHE", "/old"), ("HF_HUB_CACHE", "/new")]), Path::new("/new"));
        assert!(Hub::from_variables(&|_| None, None).is_err());
    }

    #[test]
    fn flags_are_the_words_that_huggingface_hub_takes() {
        for (value, offline) in [("1", true), ("true", true), ("Yes", true), ("ON", true), ("0", false), ("", false)] {
            assert_eq!(hub(&[("HF_HUB_OFFLINE", value)]).expect("good").offline, offline, "{value}");
        }
    }

    #[test]
    fn the_token_is_the_variable_or_the_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("token"), "from-file\n").expect("a token");
        let home = ("HF_HOME", folder.path().to_str().expect("ASCII"));
        let token = |variables: &[(&str, &str)]| hub(variables).map(|hub| hub.token);
        assert_eq!(token(&[home]).expect("good").as_deref(), Some("from-file"));
        assert_eq!(token(&[home, ("HF_TOKEN", " from-variable\n")]).expect("good").as_deref(), Some("from-variable"));
        assert_eq!(token(&[home, ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]).expect("good"), None);
        assert!(token(&[("HF_TOKEN", "two words")]).is_err());
        let shown = format!("{:?}", hub(&[("HF_TOKEN", "secret")]).expect("good"));
        assert!(!shown.contains("secret"), "{shown}");
    }

    #[test]
    fn an_endpoint_is_a_url() {
        assert_eq!(hub(&[]).expect("good").endpoint, "https://huggingface.co");
        let error = hub(&[("HF_ENDPOINT", "mirror.example")]).expect_err("no URL").to_string();
        assert!(error.contains("HF_ENDPOINT") && error.contains("mirror.example"), "{error}");
    }
}
