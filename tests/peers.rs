//! What `benches/peers` must have in common with `wgbert bench`, and its tables; the engines are not run.

#[path = "common/requirements.rs"]
mod requirements;

use requirements::{Need, not_run};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use wgbert::Classifier;
use wgbert::bench::{SIZES, Workload};

/// What Python prints; nothing where there is none.
fn python(arguments: &[&str]) -> Option<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers");
    let output = Command::new("python3").arg("-B").args(arguments).current_dir(folder).output();
    let Ok(output) = output else {
        not_run(Need::Python, "there is no python3");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).expect("it writes UTF-8"))
}

#[test]
fn workloads_and_sizes_are_those_of_wgbert_bench() {
    // worker.py cannot be imported without numpy, but it can be compiled.
    const SCRIPT: &str = "import json, checkpoint, workloads
compile(open('worker.py').read(), 'worker.py', 'exec')
print(json.dumps([checkpoint.SIZES, {name: workloads.ids(name) for name in ('1x128', '8x128', 'ragged32', '64x128')}]))";
    let Some(printed) = python(&["-c", SCRIPT]) else { return };
    let [sizes, workloads]: [Value; 2] = serde_json::from_str(&printed).unwrap();
    for (name, numbers) in sizes.as_object().unwrap() {
        let size = SIZES.iter().find(|size| size.name == name).unwrap_or_else(|| panic!("wgbert has no {name}"));
        assert_eq!(*numbers, json!([size.layers, size.hidden, size.heads]), "{name}");
        assert_eq!((size.model_type, size.intermediate), ("bert", 4 * size.hidden), "{name}");
    }
    for (name, texts) in workloads.as_object().unwrap() {
        let workload: Workload = name.parse().unwrap();
        let ids: Vec<_> = workload.encodings(30522).into_iter().map(|encoding| encoding.ids).collect();
        assert_eq!(*texts, json!(ids), "{name}");
    }
}

/// They were refused, as a tokenizer.json that BERT's class would change, and no peer could be compared.
#[test]
fn checkpoints_are_loaded_and_know_ids_by_their_words() {
    const SCRIPT: &str = "import checkpoint, pathlib, sys
checkpoint.write(pathlib.Path(sys.argv[1]), 'tiny')";
    let folder = tempfile::tempdir().unwrap();
    if python(&["-c", SCRIPT, folder.path().to_str().unwrap()]).is_none() {
        return;
    }
    let classifier = Classifier::load(folder.path()).unwrap();
    let encoding = classifier.encode(0, "w5 w30521 w1000").unwrap();
    assert_eq!(encoding.ids, [5, 30521, 1000]);
    assert_eq!(classifier.classify(["w5 w30521 w1000"]).unwrap().logits.shape, [1, 2]);
}

#[test]
fn tables_are_made_of_rows() {
    let row = |engine: &str, version: &str, workload: &str, median: f64, ratio: f64, difference: f64| {
        json!({
            "engine": engine, "version": version, "adapter": "an adapter", "settings": "vulkan, a driver", "cpus": 4,
            "load_average": median / 100.0, "model": "minilm", "workload": workload, "first_ms": 10.0 * median,
            "latency_ms": {"median": median, "deviation": median / 64.0}, "time_by_wgbert": ratio,
            "largest_difference": difference,
        })
    };
    let rows = [
        row("wgbert", "0.1.0", "1x128", 64.0, 1.0, 0.0),
        row("torch-sdpa", "2.15.0+cu132", "1x128", 32.0, 0.5, 1.25e-6),
        json!({"engine": "torch-cuda-f32", "missing": "no CUDA"}),
        row("wgbert", "0.1.0", "8x128", 512.0, 1.0, 0.0),
        row("burn", "0.22.1", "8x128", 1024.0, 2.015, 3e-5),
        row("torch-sdpa", "2.15.0+cu132", "8x128", 256.0, 0.5, 1.5e-6),
    ];
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, rows.map(|row| format!("{row}\n")).concat()).unwrap();
    let Some(printed) = python(&["run", "--table", file.path().to_str().unwrap()]) else { return };
    assert_eq!(
        printed,
        "\
an adapter, vulkan, a driver; 4 CPUs, load average 0.3 to 10.2

A call, and how many times wgbert's of the same precision it is:

| model | workload | wgbert 0.1.0 | torch-sdpa 2.15.0 | burn 0.22.1 |
|---|---|--:|--:|--:|
| minilm | 1x128 | 64 ± 1 ms | 32 ± 0.5 ms, 0.50 x | - |
| minilm | 8x128 | 512 ± 8 ms | 256 ± 4 ms, 0.50 x | 1024 ± 16 ms, 2.02 x |

The first call of each shape, in seconds:

| model | workload | wgbert 0.1.0 | torch-sdpa 2.15.0 | burn 0.22.1 |
|---|---|--:|--:|--:|
| minilm | 1x128 | 0.64 | 0.32 | - |
| minilm | 8x128 | 5.12 | 2.56 | 10.2 |

Largest difference from wgbert's logits in f32: torch-sdpa 1.5e-06, burn 3.0e-05.
Not run: torch-cuda-f32 (no CUDA).
"
    );
}
