"""The tables of README.md and docs/speed.md, of results and of what compilers said."""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "peers"))

from report import number

# What the project wants of an H100: what is measured, how much, and where it is among the rows.
GOAL_ADAPTER = "H100"


def rows(day, part, **fields):
    """Those of a part that have these values; a command that did not get to its end has some too."""
    found = (row for step in day.parts.get(part, []) for row in step["rows"] if "missing" not in row)
    return [row for row in found if all(row.get(name) == value for name, value in fields.items())]


def grid(titles, lines, numbers=()):
    """A table; the columns of `numbers` stand to the right."""
    rule = "|".join("--:" if title in numbers else "---" for title in titles)
    return "\n".join([f"| {' | '.join(titles)} |", f"|{rule}|", *(f"| {' | '.join(line)} |" for line in lines)])


def thousands(value):
    return "-" if value is None else f"{value:,.0f}"


def best(found, field, least=False):
    values = [row[field] for row in found if row.get(field) is not None]
    return None if not values else min(values) if least else max(values)


def ragged(row):
    return row["workload"].startswith("ragged")


def one_text(row):
    return row["texts"] == 1


# Blocks


def cards(days):
    """An adapter a line, for those who want to know what theirs would do."""
    titles = ["adapter", "f32, even", "f32, ragged", "f16, even", "f16, ragged", "a text of 128, ms", "start, s", "wgbert, date"]
    lines = []
    for day in days:
        found = rows(day, "model", model="bert-base", architecture="bert")
        line = [f"[{day.about['adapter']}](benches/results/{day.path.name})"]
        for precision in "f32", "f16":
            stored = [row for row in found if row["precision"] == precision]
            line.append(thousands(best([row for row in stored if not ragged(row) and not one_text(row)], "tokens_per_second")))
            line.append(thousands(best(filter(ragged, stored), "tokens_per_second")))
        alone = [row["latency_ms"]["median"] for row in found if row["workload"] == "1x128"]
        line.append(number(min(alone)) if alone else "-")
        warm = best(rows(day, "start", start="warm", texts=1, model="embedded"), "first_answer_s")
        line.append(f"{warm:.2f}" if warm is not None else "-")
        line.append(f"{day.about['wgbert']}, {day.about['date']}")
        lines.append(line)
    text = grid(titles, lines, titles[1:-1])
    if not any(gpu(day) for day in days):
        text = "No GPU has been measured yet.\n\n" + text
    return text


def goals(days):
    """What was wanted of an H100, and what it does; nothing as long as there is none."""
    blocks = []
    for day in days:
        if GOAL_ADAPTER not in day.about["adapter"]:
            continue
        lines = []
        for what, wanted, measured in goals_of(day):
            said = "not measured" if measured is None else f"{measured[0]:.3g} {measured[1]}"
            met = "" if measured is None else "yes" if measured[2] else "no"
            lines.append([what, wanted, said, met])
        blocks.append(f"{day.about['adapter']}:\n\n" + grid(["goal", "wanted", "measured", "met"], lines))
    return "\n\n".join(blocks) or "No H100 has been measured yet."


def goals_of(day):
    def at_least(value, wanted, unit):
        return value is not None and (value, unit, value >= wanted) or None

    shape = {"kernel": "matmul", "rows": 8192, "inner": 3072, "columns": 768, "precision": "f16"}
    product = best(rows(day, "kernels", **shape), "gflops")
    yield "f16 product, 8192 x 3072 x 768", "250 TFLOP/s", at_least(product and product / 1e3, 250, "TFLOP/s")

    half = rows(day, "model", model="bert-base", architecture="bert", precision="f16")
    speed = best(filter(ragged, half), "tokens_per_second")
    yield "bert-base, f16, ragged", "1 M tokens/s", at_least(speed and speed / 1e6, 1, "M tokens/s")

    # Of the largest batches, which are what a card is bought for.
    for engine, name, workload, wanted in (
        ("torch-cuda-f16", "PyTorch f16 SDPA, even", "64x128", 0.7),
        ("torch-cuda-f16", "PyTorch f16 SDPA, ragged", "ragged512", 1.2),
        ("torch-cuda-f32", "PyTorch f32, even", "64x128", 2),
    ):
        ratio = best(rows(day, "peers", engine=engine, model="bert-base", workload=workload), "time_by_wgbert")
        yield f"bert-base by {name} ({workload})", f"{wanted} x", at_least(ratio, wanted, "x")

    alone = [row["latency_ms"]["median"] for row in half if row["workload"] == "1x128"]
    yield "bert-base, f16, one text of 128", "below 1.5 ms", (min(alone), "ms", min(alone) < 1.5) if alone else None


def results(days):
    return "\n\n".join(section(day) for day in days)


def compiled(files):
    """Who compiled which kernels without running one, from benches/results/compilers."""
    lines = []
    for file in files:
        text = file.read_text(encoding="utf-8")
        title = re.match(r"# (.*) \((.*), (.*)\): compiled, not run", text)
        count = re.search(r"(\d+) shaders, of which\s+(\d+) do not compile", text)
        if not title or not count:
            raise ValueError(f"{file} does not begin as those of `wgbert bench compile` do")
        table = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| ")]
        there = {(line[1], line[2]) for line in table}
        words = [
            "yes" if ("adapter", "f16") in there else "f32 alone",
            "yes" if ("adapter", "f16 weights") in there else "no",
            "yes" if any(variant == "tensor-cores" for variant, _ in there) else "none there",
        ]
        lines.append([f"[{title[1]}](benches/results/compilers/{file.name})", f"{title[3]}, {title[2]}", count[1], count[2], *words])
    titles = ["GPU", "driver", "shaders", "fail", "f32 and f16", "f16 weights", "tensor cores"]
    return grid(titles, lines, ["shaders", "fail"])


# A card


def gpu(day):
    return day.about["kind"] not in ("Cpu", "Reference")


def section(day):
    about = day.about
    name = day.path.stem
    where = f"[the rows](../benches/results/{name}.json)"
    plots = sorted(day.path.parent.glob(f"{name}-*.svg"))
    pictures = "".join(f", [{plot.stem[len(name) + 1 :]}](../benches/results/{plot.name})" for plot in plots)
    head = f"{about['driver']}, {about['backend']}; {about['cpu']}, {about['cpus']} CPUs, {about['os']}; wgbert {about['wgbert']}"
    head += f", commit {about['commit']}, {about['date']}; {where}{pictures}."
    if note := about.get("note"):
        head += f"\n{note[0].upper()}{note[1:]}."
    blocks = [f"### {about['adapter']}", head]
    for block in verified, models, architectures, kernels, starts, peers, not_run:
        if text := block(day):
            blocks.append(text)
    return "\n\n".join(blocks)


def commands(day, part, of=lambda row: True):
    """Those that gave rows like these."""
    found = [step["command"] for step in day.parts.get(part, []) if any("missing" not in row and of(row) for row in step["rows"])]
    return "; ".join(f"`{command.replace(' -o jsonl', '')}`" for command in dict.fromkeys(found))


def verified(day):
    steps = day.parts.get("verify", [])
    if not steps:
        return None
    found = [row for step in steps for row in step["rows"]]
    cases, failed = sum(row["cases"] for row in found), sum(row["failed"] for row in found)
    kinds = f"{sum(row['verify'] == 'kernel' for row in found)} rows of kernels and {sum(row['verify'] == 'model' for row in found)} of models"
    text = f"`wgbert verify`: {cases:,} cases in {kinds}, of which {failed:,} are wrong"
    late = any(step["state"] == "out of time" for step in steps)
    return text + (", when its time was over." if late else ".")


def compared(row):
    """Whether it is of a comparison of architectures."""
    return row.get("relative_to_bert") is not None


def models(day):
    found = [row for row in rows(day, "model") if not compared(row)]
    if not found:
        return None
    titles = ["model", "stored", "workload", "tokens", "texts/s", "tokens/s", "ms a call", "time on the device"]
    lines = []
    for row in found:
        shares = sorted((row["kernels"] or {}).items(), key=lambda share: -share[1])
        latency = row["latency_ms"]
        digits = 1 if latency["median"] >= 10 else 3
        lines.append(
            [
                row["model"],
                row["precision"] + (", tensor cores" if row["tensor_cores"] else ""),
                row["workload"],
                str(row["tokens"]),
                f"{row['texts_per_second']:.1f}",
                f"{row['tokens_per_second']:.0f}",
                f"{latency['median']:.{digits}f} ± {latency['deviation']:.{digits}f}",
                ", ".join(f"{kernel} {share:.0%}" for kernel, share in shares if share >= 0.025) or "-",
            ]
        )
    command = commands(day, "model", lambda row: not compared(row))
    return f"Models, from tokens to answers, by {command}:\n\n" + grid(titles, lines, titles[3:7])


def architectures(day):
    found = [row for row in rows(day, "model") if compared(row)]
    if not found:
        return None
    first = found[0]
    others = sorted((row for row in found if row["architecture"] != "bert"), key=lambda row: -row["relative_to_bert"])
    text = f"Other architectures at {first['model']}'s size, {first['workload']}, {first['precision']}, by the speed of BERT "
    text += f"({commands(day, 'model', compared)}): "
    text += ", ".join(f"{row['architecture']} {row['relative_to_bert']:.2f}" for row in others) + "."
    if control := [row for row in found if row["architecture"] == "bert"]:
        text += f" BERT against itself reads {control[0]['relative_to_bert']:.2f}, which is how far the figures can be trusted."
    return text


def kernels(day):
    found = rows(day, "kernels")
    if not found:
        return None
    roofs = dict.fromkeys((row["roof_gflops"], row["roof_gbytes_per_second"]) for row in found)
    roofs = "; ".join(f"{number(flops)} GFLOP/s and {number(bandwidth)} GB/s" for flops, bandwidth in roofs)
    # Of each kernel the most work: the others are in the file.
    most = {}
    for row in found:
        key = row["kernel"], row["variant"], row["precision"]
        if key not in most or (row["operations"], row["bytes"]) > (most[key]["operations"], most[key]["bytes"]):
            most[key] = row
    lines = []
    for row in most.values():
        shape = [row["rows"], row["inner"], row["columns"]]
        time = row["time_ms"]
        lines.append(
            [
                row["kernel"],
                row["variant"],
                row["precision"],
                " x ".join(str(size) for size in shape if size is not None) + (f", texts of {row['length']}" if row["length"] else ""),
                f"{time['median']:.3f} ± {time['deviation']:.3f}",
                number(row["gflops"]),
                number(row["gbytes_per_second"]),
                f"{row['share_of_roof']:.0%}",
                row["bound"],
            ]
        )
    titles = ["kernel", "variant", "stored", "shape", "ms", "GFLOP/s", "GB/s", "of roof", "bound by"]
    text = f"Kernels, each at the largest of its sizes, by {commands(day, 'kernels')}; roofs {roofs}:"
    return f"{text}\n\n" + grid(titles, lines, titles[4:8])


def starts(day):
    found = rows(day, "start") + rows(day, "memory")
    if not found:
        return None
    lines = []
    for row in found:
        device = row.get("device_bytes")
        lines.append(
            [
                Path(row["model"]).name,
                row.get("precision", "f32"),
                row["start"],
                f"{row['texts']:,}",
                f"{row['first_answer_s']:.2f}",
                f"{row['total_s']:.2f}",
                f"{row['texts'] / row['total_s']:.0f}" if row["texts"] > 1 else "",
                f"{row['peak_bytes'] / 2**20:.0f}" if row["peak_bytes"] else "-",
                f"{device / 2**20:.0f}" if device else "-",
            ]
        )
    titles = ["model", "stored", "start", "texts", "s to the first answer", "s in all", "texts/s", "peak MiB", "of the card"]
    by = "; ".join(filter(None, (commands(day, "start"), commands(day, "memory"))))
    return f"The program as a process, by {by}:\n\n" + grid(titles, lines, titles[3:])


def peers(day):
    found = rows(day, "peers")
    if not found:
        return None
    engines = list(dict.fromkeys(row["engine"] for row in found))
    versions = {row["engine"]: row["version"].partition("+")[0] for row in found}
    cells = {(row["model"], row["workload"], row["engine"]): row for row in found}

    def cell(row):
        if row is None:
            return "-"
        ratio = "" if row["engine"].startswith("wgbert") or row["time_by_wgbert"] is None else f", {row['time_by_wgbert']:.2f} x"
        return f"{number(row['latency_ms']['median'])} ± {number(row['latency_ms']['deviation'])} ms{ratio}"

    works = dict.fromkeys((row["model"], row["workload"]) for row in found)
    lines = [[*work, *(cell(cells.get((*work, engine))) for engine in engines)] for work in works]
    names = [f"{engine} {versions[engine]}" for engine in engines]
    text = f"Peers: a call, and how many times wgbert's of the same precision it takes, by {commands(day, 'peers')}:"
    return f"{text}\n\n" + grid(["model", "workload", *names], lines, names)


def not_run(day):
    """What is not there, with the reason."""
    said = []
    for part, steps in day.parts.items():
        for step in steps:
            if step["state"] != "done":
                why = (step["why"] or "").strip().splitlines() or [""]
                said.append(f"{part}, `{step['command'].replace(' -o jsonl', '')}`: {step['state']}, {why[-1]}")
            else:
                said += [f"{row['engine']}: {row['missing']}" for row in step["rows"] if "missing" in row]
    return "Not there: " + "; ".join(said) + "." if said else None
