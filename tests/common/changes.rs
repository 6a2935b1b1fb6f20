//! Checkpoints that are changed in a file or more: the cases of cross_encoders.json and pairs.json.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

pub fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("the file is there")).expect("it is JSON")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("it has a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("it can be copied");
        }
    }
}

/// A case's folder of checkpoints with the case's changes.
pub fn changed(case: &Value) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    copy(&tests().join(case["folder"].as_str().expect("a name")), folder.path());
    for (name, fields) in case["changes"].as_object().expect("changes") {
        let path = folder.path().join(name);
        let new = match fields {
            Value::Null => {
                fs::remove_file(&path).expect("it was there");
                continue;
            }
            Value::Object(fields) => {
                let mut value = read(&path);
                let object = value.as_object_mut().expect("an object");
                for (field, new) in fields {
                    if new == "absent" {
                        object.remove(field);
                    } else {
                        object.insert(field.clone(), new.clone());
                    }
                }
                value
            }
            whole => whole.clone(),
        };
        fs::write(&path, new.to_string()).expect("it can be written");
    }
    folder
}
