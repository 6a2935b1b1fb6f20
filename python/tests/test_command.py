"""`python -m wgbert` and the console script: the program, as the binary is it."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import wgbert
from conftest import BERT, ROOT, command_line, skip
from wgbert import _program


def test_it_is_the_same_command_line():
    done = command_line(["--version"])
    assert (done.returncode, done.stdout) == (0, f"wgbert {wgbert.__version__}\n")
    assert "classify" in command_line(["--help"]).stdout
    wrong = command_line(["classify", "--no-such"])
    assert wrong.returncode == 2 and "--no-such" in wrong.stderr
    script = subprocess.run([_program.find(), "--version"], capture_output=True, text=True)
    assert script.stdout == done.stdout


def test_its_answers_are_those_of_the_classifier(bert):
    done = command_line(["classify", "--model", BERT, "--format", "jsonl", "--fields", "label,score", "It was good.", "bad"])
    assert done.returncode == 0, done.stderr
    answers = bert.classify(["It was good.", "bad"])
    for line, row in zip(done.stdout.splitlines(), [answers[0], answers[1]], strict=True):
        said = json.loads(line)
        assert said["label"] == row["label"] and said["score"] == pytest.approx(row["score"], rel=1e-6)


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_a_run_behind_what_is_under_way(tmp_path, sent, code):
    source, target = tmp_path / "texts", tmp_path / "answers.jsonl"
    source.write_text("it was good and not bad\n" * 2_000_000)
    arguments = ["classify", "--model", BERT, "--input", source, "--output", target]
    with subprocess.Popen([sys.executable, "-m", "wgbert", *map(str, arguments)], stderr=subprocess.PIPE, text=True) as process:
        partial = tmp_path / "answers.jsonl.partial"
        started = time.monotonic()
        while not (partial.exists() and partial.stat().st_size > 0) and time.monotonic() - started < 60:
            time.sleep(0.1)
        process.send_signal(sent)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == code, said
    assert "stopped by a signal" in said and "--resume" in said


def test_ctrl_c_ends_what_does_not_listen():
    with subprocess.Popen([sys.executable, "-m", "wgbert", "verify"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == -signal.SIGINT


def test_the_adapter_is_checked_by_the_console_script(tmp_path):
    """In a process of its own, which must be the program and not another Python that does not know the command."""
    if not os.path.isdir("/proc"):
        skip("proc", "there is no /proc to find the process in")
    program = f"""
import subprocess, pathlib, wgbert
wgbert.Classifier({str(BERT)!r}, self_check="always").classify("a")
def lines(path):
    try:
        return path.read_bytes().decode().split("\\0")
    except OSError:
        return []
children = [lines(path) for path in pathlib.Path("/proc").glob("[0-9]*/cmdline")]
print([line for line in children if "self-check" in line])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={**os.environ, "WGBERT_CACHE_DIR": str(tmp_path)}
    )
    assert _program.find() in done.stdout, done.stdout + done.stderr
    assert "the check of" not in done.stderr, done.stderr


def test_versions_agree():
    manifest = (ROOT / "Cargo.toml").read_text()
    assert f'\nversion = "{wgbert.__version__}"\n' in manifest
