// The page of wgbert's package: a text answered as it is typed, a table answered row by row.

import { Classifier } from "./wgbert/index.js";
import { explain } from "./explanation.js";

const by = id => document.getElementById(id);
const SENTIMENT = {
  config: "model/config.json",
  tokenizer: "model/tokenizer.json",
  "tokenizer_config.json": "model/tokenizer_config.json",
  weights: "model/model.safetensors",
};
/** Characters up to which a text is explained as it is typed: each word is a text of its own for the model. */
const LONGEST_EXPLAINED = 600;

const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) key === "class" ? made.className = value : made.setAttribute(key, value);
  made.append(...children);
  return made;
};
const fault = error => element("p", { class: "fault", role: "alert" }, error.message);
const isAbort = error => error?.name === "AbortError";
const count = (number, what) => `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;

let classifier, loading, chosen = { source: SENTIMENT, name: "The sentiment model of this page" };

/** Of the adapter, who answers and whether it may. */
function adapter({ name, kind, software, selfCheck, used, note }) {
  if (kind === "cpu") return note ? `on the CPU, because ${note}` : "on the CPU, as was asked for";
  const check = { passed: "its self-check passed", pending: "its self-check is to come", off: "it is not checked" }[selfCheck];
  const less = used && used !== "as it is" ? `, used ${used}` : "";
  return `on ${name} (WebGPU${software ? ", in software" : ""}); ${check}${less}`;
}

function say() {
  const { task, labels, precision, adapter: on } = classifier;
  by("status").textContent = `${chosen.name}: ${task}, ${count(labels.length, "label")}, ${precision}, ${adapter(on)}.`;
}

async function load(source, name) {
  loading?.abort();
  loading = new AbortController();
  const { signal } = loading;
  const files = new Map();
  chosen = { source, name };
  by("status").className = "";
  by("status").textContent = `${name}: loading…`;
  by("loading").hidden = false;
  by("loading").removeAttribute("value");
  const onProgress = ({ file, received, total }) => {
    files.set(file, [received, total]);
    const [got, all] = [...files.values()].reduce(([a, b], [c, d]) => [a + c, b + d], [0, 0]);
    if (all > 0) by("loading").value = got / all;
    if (all > 0 && got === all) by("status").textContent = `${name}: opening…`;
  };
  try {
    const before = classifier;
    const opened = await Classifier.load(source, { adapter: by("adapter").value, onProgress, signal });
    before?.free();
    classifier = opened;
    say();
    answer();
  } catch (error) {
    if (isAbort(error)) return;
    by("status").className = "fault";
    by("status").textContent = error.message;
  } finally {
    if (!signal.aborted) by("loading").hidden = true;
  }
}

let answering, explaining;

async function answer() {
  answering?.abort();
  clearTimeout(explaining);
  if (!classifier) return;
  answering = new AbortController();
  const { signal } = answering;
  const [first, second] = [by("text").value, by("pair").value];
  if (!first.trim()) {
    by("answer").replaceChildren();
    by("why").replaceChildren();
    return;
  }
  const text = second ? [first, second] : first;
  by("why").classList.add("waits");
  try {
    if (classifier.task === "token-classification") {
      const [entities] = await classifier.classifyTokens([first], { aggregation: "simple", signal });
      const rows = entities.map(({ word, entity_group: group, score }) => element("li", {},
        element("span", { class: "name" }, word.trim()), element("span", {}, group), element("span", { class: "number" }, score.toFixed(4))));
      by("answer").replaceChildren(rows.length ? element("ul", { class: "labels" }, ...rows) : element("p", {}, "There is no entity."));
      by("why").replaceChildren();
      return;
    }
    const answers = await classifier.classify([text], { topK: 10, signal });
    say();
    show(answers);
    explaining = setTimeout(() => why(text, signal), 350);
  } catch (error) {
    if (isAbort(error)) return;
    by("answer").replaceChildren(fault(error));
    by("why").replaceChildren();
  }
}

function show(answers) {
  const { top, truncated, label } = answers.text(0), isShare = answers.probabilities !== null;
  const rows = top.map(({ label: name, score }) => {
    const bar = element("div", { class: "bar" });
    bar.style.width = `${isShare ? Math.max(0, Math.min(1, score)) * 100 : 0}%`;
    const number = isShare ? `${(score * 100).toFixed(1)} %` : score.toFixed(4);
    const track = element("div", { class: "track", "aria-hidden": "true" }, bar);
    return element("li", { class: name === label ? "best" : "" },
      element("span", { class: "name" }, name), track, element("span", { class: "number" }, number));
  });
  by("answer").replaceChildren(element("ul", { class: "labels" }, ...rows));
  if (truncated) by("answer").append(element("p", {}, "The text is longer than the model takes, and was cut."));
}

async function why(text, signal) {
  if (String(text).length > LONGEST_EXPLAINED) {
    by("why").replaceChildren(element("p", { class: "soft" }, "The text is too long to be explained as it is typed."));
    return;
  }
  try {
    const explanation = await classifier.explain(text, { signal });
    if (signal.aborted) return;
    by("why").classList.remove("waits");
    by("why").replaceChildren(explain(explanation.item, 0, "What moved the answer"));
  } catch (error) {
    if (!isAbort(error)) by("why").replaceChildren(fault(error));
  }
}

let job;

async function label(file) {
  job?.abort();
  job = new AbortController();
  const { signal } = job, started = performance.now();
  const status = text => { by("job-status").className = ""; by("job-status").textContent = text; };
  by("job").hidden = false;
  by("cancel").hidden = !classifier;
  if (!classifier) return status(`${file.name}: there is no model yet; choose the file again when it is loaded.`);
  by("result").hidden = by("preview").hidden = true;
  by("job-progress").value = 0;
  status(`${file.name}: reading…`);
  const notes = [];
  let last = { rows: 0, failed: 0 };
  const onProgress = progress => {
    last = progress;
    notes.push(...progress.notes);
    by("job-progress").value = progress.bytes ? progress.read / progress.bytes : 1;
    status(`${file.name}: ${count(progress.rows, "row")}`);
  };
  try {
    const table = await classifier.classifyTable(file, { onProgress, signal });
    const seconds = (performance.now() - started) / 1000;
    const failed = last.failed ? `, ${last.failed} without an answer` : "";
    status(`${file.name}: ${count(last.rows, "row")}${failed}, in ${seconds.toFixed(1)} s. ${notes.join(" ")}`.trim());
    by("job-progress").value = 1;
    URL.revokeObjectURL(by("result").href);
    by("result").href = URL.createObjectURL(table);
    by("result").download = file.name.replace(/(\.\w+)?(\.gz)?$/, "-labelled.csv");
    by("result").hidden = false;
    by("preview").textContent = (await table.slice(0, 4096).text()).split("\n").slice(0, 12).join("\n");
    by("preview").hidden = false;
  } catch (error) {
    if (isAbort(error)) status(`${file.name}: cancelled after ${count(last.rows, "row")}`);
    else {
      by("job-status").className = "fault";
      by("job-status").textContent = error.message;
    }
  } finally {
    by("cancel").hidden = true;
    say();
  }
}

/** The files of what was dropped, those of folders with their paths. */
async function dropped(transfer) {
  const entries = [...transfer.items].map(item => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files];
  const files = [];
  const walk = async entry => {
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
      Object.defineProperty(file, "relativePath", { value: entry.fullPath });
      files.push(file);
      return;
    }
    const reader = entry.createReader();
    // A folder is read in parts.
    for (;;) {
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!some.length) return;
      await Promise.all(some.map(walk));
    }
  };
  await Promise.all(entries.map(walk));
  return files;
}

function takesDrops(zone, take) {
  const over = is => event => {
    event.preventDefault();
    zone.classList.toggle("over", is);
  };
  zone.addEventListener("dragover", over(true));
  zone.addEventListener("dragleave", over(false));
  zone.addEventListener("drop", async event => {
    over(false)(event);
    take(await dropped(event.dataTransfer));
  });
}

/** Files keep their paths on the way to the worker by their names. */
function checkpoint(files) {
  if (!files.length) return;
  const path = file => file.webkitRelativePath || file.relativePath || file.name;
  const named = files.map(file => new File([file], path(file).replace(/^\/+/, "")));
  load(named, path(files[0]).replace(/^\/+/, "").split("/")[0]);
}

let typed;
for (const id of ["text", "pair"]) {
  by(id).addEventListener("input", () => {
    clearTimeout(typed);
    typed = setTimeout(answer, 120);
  });
}
by("adapter").addEventListener("change", () => load(chosen.source, chosen.name));
by("sentiment").addEventListener("click", () => load(SENTIMENT, "The sentiment model of this page"));
by("folder").addEventListener("change", event => checkpoint([...event.target.files]));
by("hub-form").addEventListener("submit", event => {
  event.preventDefault();
  const name = by("hub").value.trim();
  if (name) load(name, name);
});
takesDrops(by("model-drop"), checkpoint);
by("table").addEventListener("change", event => event.target.files.length && label(event.target.files[0]));
takesDrops(by("table-drop"), files => files.length && label(files[0]));
by("cancel").addEventListener("click", () => job?.abort());

// After the first visit the page needs no network. Where it is not served safely there is none of it.
navigator.serviceWorker?.register("sw.js");
load(chosen.source, chosen.name);
