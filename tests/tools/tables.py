"""What other people's libraries write, and whether they read what wgbert makes of it: the judge of tests/tables.rs.

    tables.py write FOLDER    writes inputs into FOLDER/in, and FOLDER/inputs.json, which says how each is read
    tables.py check FOLDER    opens FOLDER/out/NAME.FORMAT of every input and every format with each library, and compares
    tables.py goemotions FOLDER MAP    compares FOLDER/train.parquet with the FOLDER/train.tsv that it was made of, and the figures of
                                       FOLDER/figures.json with those that its labels give, the emotions being those of MAP

Needs pandas, pyarrow, polars and duckdb (pip install pandas==3.1.1 pyarrow==26.0.1 polars==2.1.0 duckdb==2.0.1; others will do).
"""

import datetime
import decimal
import io
import json
import math
import pathlib
import sys

import duckdb
import numpy
import pandas
import polars
import pyarrow
from pyarrow import feather, ipc, parquet

FORMATS = ["jsonl", "csv", "tsv", "parquet", "arrow"]
ANSWER = {"label", "score", "truncated", "error"}
TEXTS = [
    "This movie was absolutely fantastic.",
    'He said "no", twice; and left.',
    "two\nlines",
    "tabs\tand, commas",
    '"quoted from end to end"',
    "ünï 東京 👩‍👩‍👧",
    " spaces around ",
    "",
]
NUMBERS = list(range(len(TEXTS)))
UTC = datetime.timezone.utc


def typed():
    """Every type that a table of texts is likely to have."""
    first = datetime.datetime(2024, 2, 29, 12, 30, 15, 123456)
    half = [None if row % 2 else row for row in NUMBERS]
    columns = {
        "id": pyarrow.array(NUMBERS, pyarrow.int64()),
        "text": pyarrow.array(TEXTS),
        "null": pyarrow.nulls(len(TEXTS)),
        "flag": pyarrow.array([None if row is None else row > 2 for row in half]),
        "small": pyarrow.array(half, pyarrow.int8()),
        "large": pyarrow.array([2**64 - 1 - row for row in NUMBERS], pyarrow.uint64()),
        "single": pyarrow.array([None if row is None else row / 3 for row in half], pyarrow.float32()),
        "double": pyarrow.array([0.1, math.nan, math.inf, -0.0, None, 1e300, 5e-324, 2.5]),
        "price": pyarrow.array([decimal.Decimal(row) / 4 for row in NUMBERS], pyarrow.decimal128(10, 2)),
        "day": pyarrow.array([first.date()] * len(TEXTS)),
        "time": pyarrow.array([first.time()] * len(TEXTS), pyarrow.time64("us")),
        "when": pyarrow.array([None if row is None else first for row in half], pyarrow.timestamp("us")),
        "there": pyarrow.array([first.replace(tzinfo=UTC)] * len(TEXTS), pyarrow.timestamp("ms", "Europe/Berlin")),
        "bytes": pyarrow.array([bytes([row, 255]) for row in NUMBERS]),
        "wide": pyarrow.array(TEXTS, pyarrow.large_string()),
        "view": pyarrow.array(TEXTS, pyarrow.string_view()),
        "kind": pyarrow.array(["a", "b", None, "a", "c", "c", "a", "b"]).dictionary_encode(),
        "list": pyarrow.array([[1, None], [], None, [2], [3], [4], [5], [6, 7]], pyarrow.list_(pyarrow.int32())),
        "names": pyarrow.array([["x", None], [], None, ["y"]] * 2),
        "struct": pyarrow.array([{"a": row, "b": {"c": str(row)}} for row in NUMBERS]),
        "structs": pyarrow.array([[{"a": row}] if row else [] for row in NUMBERS]),
        "pairs": pyarrow.array([[row, row + 1] for row in NUMBERS], pyarrow.list_(pyarrow.int16(), 2)),
    }
    return pyarrow.table(columns)


def plain():
    return pyarrow.table({"id": NUMBERS, "text": TEXTS, "more, or \"less\"": [f"{row} \n" for row in NUMBERS]})


def strings(table):
    """A table as CSV has it."""
    return pyarrow.table({name: [str(value) for value in table[name].to_pylist()] for name in table.column_names})


def dictionaries():
    """Batches whose dictionaries differ: the second goes on with the first, the third is another."""
    kinds = [["a", "b"], ["a", "b", "c"], ["z", "y"]]
    schema = pyarrow.schema({"text": pyarrow.string(), "kind": pyarrow.dictionary(pyarrow.int8(), pyarrow.string())})
    batches = []
    for values in kinds:
        indices = pyarrow.array([0, 1, None], pyarrow.int8())
        kind = pyarrow.DictionaryArray.from_arrays(indices, pyarrow.array(values))
        batches.append(pyarrow.record_batch([pyarrow.array(["one", "two", "three"]), kind], schema))
    return schema, batches


def many_kinds():
    """Batches whose dictionaries fill the type of their keys, each with others."""
    batches = []
    for batch in range(3):
        kinds = pyarrow.array([f"kind {batch} {row}" for row in range(120)])
        kind = pyarrow.DictionaryArray.from_arrays(pyarrow.array(range(120), pyarrow.int8()), kinds)
        batches.append(pyarrow.record_batch([pyarrow.array(["good"] * 120), kind], ["text", "kind"]))
    return batches[0].schema, batches


def arrow_stream(schema, batches, **options):
    out = io.BytesIO()
    with ipc.new_stream(out, schema, options=ipc.IpcWriteOptions(**options)) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return out.getvalue()


def arrow_file(schema, batches, **options):
    out = io.BytesIO()
    with ipc.new_file(out, schema, options=ipc.IpcWriteOptions(**options)) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return out.getvalue()


def by_duckdb(table, path, options):
    connection = duckdb.connect()
    connection.register("rows", table)
    connection.sql(f"copy rows to '{path}' ({options})")


def inputs():
    """Name of a file, what writes it, the table that it is, and how it is read."""
    everything, texts = typed(), plain()
    # Parquet has neither of these types; what is read of them is what was written.
    for codec in ["snappy", "zstd", "gzip", "lz4", "none"]:
        yield f"{codec}.parquet", lambda path, codec=codec: parquet.write_table(
            everything, path, compression=codec, row_group_size=3
        ), everything, {}
    yield "version1.parquet", lambda path: parquet.write_table(
        texts, path, version="1.0", data_page_version="2.0", use_dictionary=False, store_schema=False
    ), texts, {}
    frame = texts.to_pandas().assign(text=texts["text"].to_pandas()).set_index("id")
    indexed = pyarrow.Table.from_pandas(frame)
    yield "pandas-index.parquet", lambda path: frame.to_parquet(path), indexed, {}
    yield "polars.parquet", lambda path: polars.from_arrow(texts).write_parquet(path), texts, {}

    yield "duckdb.parquet", lambda path: by_duckdb(texts, path, "format parquet"), texts, {}
    batches = everything.to_batches(max_chunksize=3)
    yield "file.arrow", lambda path: path.write_bytes(arrow_file(everything.schema, batches)), everything, {}
    yield "stream.arrows", lambda path: path.write_bytes(arrow_stream(everything.schema, batches)), everything, {}
    for codec in ["lz4", "zstd"]:
        yield f"{codec}.arrow", lambda path, codec=codec: path.write_bytes(
            arrow_file(everything.schema, batches, compression=codec)
        ), everything, {}
        yield f"{codec}.arrows", lambda path, codec=codec: path.write_bytes(
            arrow_stream(everything.schema, batches, compression=codec)
        ), everything, {}
    yield "pandas.feather", lambda path: feather.write_feather(texts, str(path)), texts, {}
    yield "polars.arrow", lambda path: polars.from_arrow(texts).write_ipc(path), texts, {}
    yield "polars.arrows", lambda path: polars.from_arrow(texts).write_ipc_stream(path, compression="zstd"), texts, {}
    schema, kinds = dictionaries()
    table = pyarrow.Table.from_batches(kinds)
    yield "replaced.arrows", lambda path: path.write_bytes(arrow_stream(schema, kinds)), table, {}
    yield "deltas.arrows", lambda path: path.write_bytes(
        arrow_stream(schema, kinds[:2], emit_dictionary_deltas=True)
    ), table.slice(0, 6), {}
    yield "deltas.arrow", lambda path: path.write_bytes(
        arrow_file(schema, kinds[:2], emit_dictionary_deltas=True)
    ), table.slice(0, 6), {}
    schema_of_many, many = many_kinds()
    yield "many-kinds.arrows", lambda path: path.write_bytes(
        arrow_stream(schema_of_many, many)
    ), pyarrow.Table.from_batches(many), {}
    written = texts.to_pandas()
    rows = strings(texts)
    yield "pandas.csv", lambda path: written.to_csv(path, index=False), rows, {}
    yield "bom-crlf.csv", lambda path: written.to_csv(
        path, index=False, encoding="utf-8-sig", lineterminator="\r\n"
    ), rows, {}
    semicolons = texts.rename_columns(["id", "text", "a, b"])
    yield "semicolons.csv", lambda path: semicolons.to_pandas().to_csv(path, index=False, sep=";"), strings(semicolons), {}
    yield "polars.csv", lambda path: polars.from_arrow(texts).write_csv(path), rows, {}
    yield "pandas.tsv", lambda path: written.to_csv(path, index=False, sep="\t"), rows, {}
    yield "duckdb.csv.gz", lambda path: by_duckdb(texts, path, "format csv, header"), rows, {}
    yield "pandas.jsonl", lambda path: written.to_json(path, orient="records", lines=True), texts, {}
    yield "pandas.json", lambda path: written.to_json(path, orient="records"), texts, {}
    yield "polars.jsonl", lambda path: polars.from_arrow(texts).write_ndjson(path), texts, {}
    yield "duckdb.jsonl.zst", lambda path: by_duckdb(
        texts, path, "format json, compression zstd"
    ), texts, {}
    yield "brotli.parquet", lambda path: parquet.write_table(texts, path, compression="brotli"), texts, {
        "refused": "brotli"
    }


def write(folder):
    (folder / "in").mkdir()
    listed = []
    for name, write_to, _, how in inputs():
        path = folder / "in" / name
        write_to(path)
        listed.append({"name": name, **how})
    (folder / "inputs.json").write_text(json.dumps(listed))


def nothing(value):
    return value is None or value is pandas.NA or value is pandas.NaT or (isinstance(value, float) and math.isnan(value))


def as_text(value):
    """A value as a table without types has it."""
    return "" if nothing(value) else value


def same(found, wanted, typed):
    """Whether a value that a library read is the one that was written; `typed` is whether the format keeps types."""
    if isinstance(found, (numpy.ndarray, polars.Series)):
        found = found.tolist() if isinstance(found, numpy.ndarray) else found.to_list()
    if isinstance(found, numpy.generic):
        found = found.item()
    if not typed and (nothing(wanted) or (isinstance(wanted, float) and not math.isfinite(wanted))):
        # JSON has no such number.
        return nothing(found) or found == ""
    if not typed and wanted == "":
        # Of CSV some libraries make nothing of it.
        return nothing(found) or found == ""
    if nothing(wanted):
        return nothing(found)
    if nothing(found):
        return False
    if isinstance(found, str) and found == "" and wanted != "":
        return False
    if isinstance(wanted, list):
        found = json.loads(found) if isinstance(found, str) else list(found)
        return len(found) == len(wanted) and all(map(lambda one, other: same(one, other, typed), found, wanted))
    if isinstance(wanted, dict):
        found = json.loads(found) if isinstance(found, str) else found
        return set(found) == set(wanted) and all(same(found[name], wanted[name], typed) for name in wanted)
    if isinstance(wanted, str):
        return str(found) == wanted
    if isinstance(wanted, bool):
        return str(found).lower() == str(wanted).lower()
    if isinstance(wanted, int):
        # A library makes floats of whole numbers with gaps, and of those that are too large for it.
        return found == wanted if isinstance(found, int) else float(found) == float(wanted)
    if isinstance(wanted, float):
        return float(found) == wanted or numpy.float32(found) == numpy.float32(wanted)
    if isinstance(wanted, decimal.Decimal):
        return decimal.Decimal(str(found)) == wanted
    if isinstance(wanted, bytes):
        return (bytes.fromhex(found) if isinstance(found, str) else bytes(found)) == wanted
    if isinstance(wanted, datetime.datetime):
        if isinstance(found, str):
            found = datetime.datetime.fromisoformat(found)
        if wanted.tzinfo is None:
            return found.replace(tzinfo=None) == wanted
        return found.astimezone(UTC) == wanted.astimezone(UTC)
    if isinstance(wanted, (datetime.date, datetime.time)):
        if isinstance(found, str):
            return type(wanted).fromisoformat(found) == wanted
        return (found.date() if isinstance(found, datetime.datetime) else found) == wanted
    raise TypeError(type(wanted))


def columns_of(frame):
    return {name: frame[name].tolist() for name in frame.columns}


def of_duckdb(relation):
    rows = relation.fetchall()
    return {name: [row[place] for row in rows] for place, name in enumerate(relation.columns)}


def readers(path, form):
    """What each library reads: the columns by name."""
    if form == "parquet":
        yield "pyarrow", parquet.read_table(path).to_pydict()
        yield "pandas", columns_of(pandas.read_parquet(path, dtype_backend="pyarrow"))
        yield "polars", polars.read_parquet(path).to_dict(as_series=False)
        yield "duckdb", of_duckdb(duckdb.sql(f"set timezone='UTC'; from read_parquet('{path}')"))
    elif form == "arrow":
        table = ipc.open_stream(path.read_bytes()).read_all()
        yield "pyarrow", table.to_pydict()
        yield "pandas", columns_of(table.to_pandas(types_mapper=pandas.ArrowDtype))
        yield "polars", polars.read_ipc_stream(path).to_dict(as_series=False)
        yield "duckdb", of_duckdb(duckdb.from_arrow(table))
    elif form == "jsonl":
        yield "json", columns_of(pandas.DataFrame([json.loads(line) for line in path.open(encoding="utf-8")], dtype=object))
        yield "pandas", columns_of(pandas.read_json(path, lines=True, dtype=False))
        yield "polars", polars.read_ndjson(path, infer_schema_length=None).to_dict(as_series=False)
        yield "duckdb", of_duckdb(duckdb.read_json(str(path), format="newline_delimited"))
    else:
        separator = {"csv": ",", "tsv": "\t"}[form]
        read = pandas.read_csv(path, sep=separator, dtype=str, keep_default_na=False)
        yield "pandas", columns_of(read)
        read = polars.read_csv(path, separator=separator, infer_schema=False).fill_null("")
        # polars leaves the quotes in names as they are escaped.
        yield "polars", read.rename(lambda name: name.replace('""', '"')).to_dict(as_series=False)
        yield "duckdb", of_duckdb(duckdb.read_csv(str(path), sep=separator, all_varchar=True, header=True, quotechar='"'))


def kept(found, wanted):
    """Whether a type is the same, but for the width of a dictionary's keys."""
    if pyarrow.types.is_dictionary(wanted):
        return pyarrow.types.is_dictionary(found) and found.value_type == wanted.value_type
    return found == wanted


def check(folder):
    faults, compared = [], 0
    for name, _, table, how in inputs():
        if "refused" in how:
            continue
        is_table = name.rsplit(".", 1)[-1] in ("parquet", "arrow", "arrows", "feather")
        wanted = table.to_pydict()
        answers = None
        for form in FORMATS:
            path = folder / "out" / f"{name}.{form}"
            typed_output = form in ("parquet", "arrow")
            if typed_output and is_table:
                schema = parquet.read_schema(path) if form == "parquet" else ipc.open_stream(path.read_bytes()).schema
                # What the input's own file has: a library may have written another type than it was given.
                source = folder / "in" / name
                if source.suffix == ".parquet":
                    of_input = parquet.read_schema(source)
                else:
                    opened = source.read_bytes()
                    of_input = (ipc.open_file if opened.startswith(b"ARROW1") else ipc.open_stream)(opened).schema
                for field in of_input:
                    if not kept(schema.field(field.name).type, field.type):
                        faults.append(f"{path.name}: {field.name} is {schema.field(field.name).type}, not {field.type}")
            for library, found in readers(path, form):
                what = f"{path.name}, by {library}"
                if set(found) != set(wanted) | ANSWER:
                    faults.append(f"{what}: the columns are {list(found)}")
                    continue
                for column, values in wanted.items():
                    if len(values) != len(found[column]):
                        faults.append(f"{what}: {len(found[column])} rows, not {len(values)}")
                        continue
                    for row, value in enumerate(values):
                        compared += 1
                        if not same(found[column][row], value, typed_output and is_table):
                            faults.append(f"{what}: {column} of row {row} is {found[column][row]!r}, not {value!r}")
                scores = [numpy.float32(score) for score in found["score"]]
                answered = list(zip(map(str, found["label"]), scores))
                answers = answers or answered
                if answered != answers:
                    faults.append(f"{what}: other answers: {answered}, not {answers}")
                if not all(nothing(error) or error == "" for error in found["error"]):
                    faults.append(f"{what}: errors: {found['error']}")
    if faults:
        sys.exit("\n".join(faults[:200]) + f"\n{len(faults)} faults")
    print(f"{compared} values are those of the input")


def goemotions(folder, mapping):
    """The data set as its users read it, who quote as in CSV what has a quote in it."""
    wanted = pandas.read_csv(
        folder / "train.tsv", sep="\t", header=None, names=["text", "emotions", "id"], dtype=str, keep_default_na=False
    )
    sentiments = json.loads(pathlib.Path(mapping).read_text())
    figures = json.loads((folder / "figures.json").read_text())
    for library, found in readers(folder / "train.parquet", "parquet"):
        for name in wanted:
            if list(found[name]) != wanted[name].tolist():
                differs = [(one, other) for one, other in zip(found[name], wanted[name]) if one != other]
                sys.exit(f"{library}: {len(found[name])} rows, not {len(wanted)}, or others: {differs[:3]}")
        if not all(isinstance(label, str) and 0 < score <= 1 for label, score in zip(found["label"], found["score"])):
            sys.exit(f"{library}: rows without an answer")
        if "pooled_output" in found and not all(len(row) == 128 for row in found["pooled_output"]):
            sys.exit(f"{library}: other pooled outputs")
        right = [{sentiments[label] for label in labels.split(",")} for labels in found["emotions"]]
        scored = [(label, *one) for label, one in zip(found["label"], right) if len(one) == 1 and None not in one]
        accuracy = sum(label == one for label, one in scored) / len(scored)
        if (len(scored), len(right)) != (figures["rows"]["scored"], sum(figures["rows"].values())):
            sys.exit(f"{library}: {len(scored)} of {len(right)} rows can be scored, not {figures['rows']}")
        if abs(accuracy - figures["accuracy"]) > 1e-9:
            sys.exit(f"{library}: {accuracy} of the labels are right, not {figures['accuracy']}")
    print(f"{len(wanted)} rows, {len(scored)} scored, accuracy {accuracy:.4f}")


if __name__ == "__main__":
    command, folder, *more = sys.argv[1:]
    {"write": write, "check": check, "goemotions": goemotions}[command](pathlib.Path(folder), *more)
