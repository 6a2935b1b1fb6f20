"""A million rows in, a million answers out: speed, memory, and what a kill leaves.

    cargo build --release && python3 benches/tables.py target/release/wgbert [ROWS [KILLS]]

Writes ROWS (1,000,000) short rows as JSONL and as Parquet (the second by wgbert itself), classifies a hundredth, a tenth and all of them by
the embedded model into each format, and prints rows a second, the peak of memory, and the share of the time that the adapter computed. Then
it kills a run into each format KILLS (10) times at random moments, goes on each time, and compares the bytes. Nothing but Python's own library.
"""

import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time

WORDS = "the film was good bad slow funny dull and very not but so fine acting plot music it I we never always".split()


def write_rows(path, count):
    draw = random.Random(1)
    with open(path, "w") as out:
        for row in range(count):
            text = " ".join(draw.choices(WORDS, k=draw.randint(3, 12)))
            out.write(json.dumps({"id": row, "text": text, "stars": row % 5}) + "\n")


def run(command):
    """Seconds, peak bytes, and what was said."""
    started = time.monotonic()
    # Of one child: the maximum over all children would be that of the largest so far.
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"{' '.join(command)}: {said}")
    return time.monotonic() - started, usage.ru_maxrss * 1024, said


def speed(wgbert, folder, rows):
    print("| rows | from | to | seconds | rows a second | peak MiB | adapter computed |")
    print("|---|---|---|---|---|---|---|")
    for count in [rows // 100, rows // 10, rows]:
        source = os.path.join(folder, f"{count}.jsonl")
        write_rows(source, count)
        parquet = os.path.join(folder, f"{count}.parquet")
        cases = [(source, parquet), (source, "jsonl"), (parquet, "parquet"), (parquet, "arrow"), (source, "csv")]
        for place, (given, to) in enumerate(cases):
            # Small runs are mostly starts; the largest takes every format once.
            if count < rows and place > 2:
                continue
            out = to if to == parquet else os.path.join(folder, f"out.{to}")
            command = [wgbert, "classify", "--times", "-i", given, "-o", out, "--overwrite"]
            seconds, peak, said = run(command)
            share = re.search(r"of them, (\d+) %", said)
            names = [os.path.splitext(name)[1][1:] for name in (given, out)]
            line = [count, *names, f"{seconds:.1f}", f"{count / seconds:.0f}", f"{peak / 2**20:.0f}"]
            print("| " + " | ".join(map(str, line + [f"{share[1]} %" if share else "not known"])) + " |", flush=True)


def kills(wgbert, folder, rows, times):
    source = os.path.join(folder, "kills.jsonl")
    write_rows(source, rows)
    draw = random.Random(2)
    for to in ["jsonl", "csv", "tsv", "json", "txt", "parquet", "arrow"]:
        whole, killed = (os.path.join(folder, f"{name}.{to}") for name in ("whole", "killed"))
        command = [wgbert, "classify", "--quiet", "-i", source, "-o"]
        seconds, _, _ = run(command + [whole])
        done = 0
        for _ in range(times):
            process = subprocess.Popen(command + [killed, "--resume"], stdout=subprocess.DEVNULL)
            try:
                process.wait(draw.uniform(0.3, 0.3 + seconds / 4))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                done += 1
        run(command + [killed, "--resume"])
        with open(whole, "rb") as one, open(killed, "rb") as other:
            same = one.read() == other.read()
        print(f"{to}: killed {done} times, {'the same bytes' if same else 'OTHER BYTES'}", flush=True)
        if not same:
            sys.exit(1)


def main():
    wgbert = sys.argv[1]
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    times = int(sys.argv[3]) if len(sys.argv) > 3 else 10
    with tempfile.TemporaryDirectory() as folder:
        speed(wgbert, folder, rows)
        kills(wgbert, folder, max(rows // 20, 2000), times)


if __name__ == "__main__":
    main()
