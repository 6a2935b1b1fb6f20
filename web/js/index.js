// wgbert in JavaScript: what a page imports. The engine runs in a worker of the package's own, or here where that is wished or there
// are none.

import { Host } from "./host.js";

/** Options that only this side knows. */
const OWN = ["worker", "onProgress", "signal"];

/** What answers calls: a worker, or a host in this thread. */
class Worked {
  #worker;
  #waiting = new Map();
  #number = 0;

  constructor() {
    this.#worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "wgbert" });
    this.#worker.onmessage = ({ data }) => this.#answer(data);
    this.#worker.onerror = event => {
      event.preventDefault?.();
      this.end(new Error(`wgbert's worker ended: ${event.message || "its script cannot be loaded"}`));
    };
  }

  #answer({ id, result, error, progress }) {
    const call = this.#waiting.get(id);
    if (!call) return;
    if (progress) return call.report(progress);
    this.#waiting.delete(id);
    error ? call.reject(revived(error)) : call.resolve(result);
  }

  call(method, values, report, signal) {
    return new Promise((resolve, reject) => {
      if (!this.#worker) return reject(new Error("the classifier was freed"));
      const id = this.#number++;
      const cancel = () => this.#worker?.postMessage({ cancel: id });
      const done = settle => value => {
        signal?.removeEventListener("abort", cancel);
        settle(value);
      };
      this.#waiting.set(id, { report, resolve: done(resolve), reject: done(reject) });
      signal?.addEventListener("abort", cancel, { once: true });
      this.#worker.postMessage({ id, method, values });
    });
  }

  end(error = new Error("the classifier was freed")) {
    this.#worker?.terminate();
    this.#worker = null;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/** The same in this thread. */
class Here {
  #host = new Host();

  async call(method, values, report, signal) {
    const id = this.#host.number();
    const cancel = () => this.#host.cancel(id);
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      return await this.#host.call(id, method, values, report);
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  end() {
    this.#host.free();
  }
}

function revived({ name, message, kind, index }) {
  const error = name === "AbortError" ? new DOMException(message, "AbortError") : new Error(message);
  if (kind !== undefined) error.kind = kind;
  if (index !== undefined) error.index = index;
  return error;
}

const aborted = signal => signal.reason ?? new DOMException("the call was cancelled", "AbortError");

/** The answers to the texts of one call: the library's output, its numbers in typed arrays of `shape`. */
export class Answers {
  constructor(fields, labels) {
    Object.assign(this, fields, { labels });
    this.top = fields.top === undefined ? undefined : JSON.parse(fields.top);
  }

  get length() {
    return this.shape[0];
  }

  /** The answer to one text, with the command line's names of fields. */
  text(index) {
    if (!(index >= 0 && index < this.length)) throw new RangeError(`there is no text ${index}: the call had ${this.length}`);
    const { labels, probabilities, logits } = this, [, columns] = this.shape;
    const row = values => values?.subarray(index * columns, (index + 1) * columns) ?? null;
    const best = this.argmax[index], scores = row(probabilities) ?? row(logits);
    return {
      label: best < 0 ? null : labels[best],
      score: best < 0 ? null : scores[best],
      argmax: best < 0 ? null : best,
      probabilities: row(probabilities),
      logits: row(logits),
      tokens: this.tokens[index],
      truncated: this.truncated[index] === 1,
      windows: this.windows[index],
      ...(this.top && { top: this.top[index] }),
      ...(this.hiddenStates && { hiddenStates: this.hiddenStates[index] }),
      ...(this.attentions && { attentions: this.attentions[index] }),
    };
  }

  get texts() {
    return Array.from({ length: this.length }, (_, index) => this.text(index));
  }

  [Symbol.iterator]() {
    return this.texts[Symbol.iterator]();
  }
}

/** A fine-tuned BERT-family classifier. */
export class Classifier {
  #engine;
  #description;

  constructor(engine, description) {
    this.#engine = engine;
    this.#description = description;
  }

  /**
   * Loads a checkpoint: the address of a folder, the name OWNER/NAME[@REVISION] of a model on the hub, files that were chosen or dropped,
   * or `{ config, tokenizer, weights }`, each an address, a `Blob` or bytes.
   */
  static async load(source, options = {}) {
    const { worker = typeof Worker === "function", onProgress = () => {}, signal } = options;
    if (signal?.aborted) throw aborted(signal);
    const others = Object.fromEntries(Object.entries(options).filter(([name]) => !OWN.includes(name)));
    if (worker && typeof Worker !== "function") throw new Error("there are no workers here, as in Node.js: load it with worker: false");
    const engine = worker ? new Worked() : new Here();
    // Of a page, or of the module where there is none.
    const base = globalThis.document?.baseURI ?? globalThis.location?.href ?? import.meta.url;
    // Not only when a step of it ends: an adapter may be checked for long.
    let stop;
    const stopped = new Promise((_, reject) => {
      stop = () => reject(aborted(signal));
      signal?.addEventListener("abort", stop, { once: true });
    });
    try {
      const { description } = await Promise.race([engine.call("load", [movable(source), others, base], onProgress, signal), stopped]);
      return new Classifier(engine, description);
    } catch (error) {
      engine.end();
      throw error;
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  async #call(method, values, { signal, report = () => {} } = {}) {
    if (!this.#engine) throw new Error("the classifier was freed");
    if (signal?.aborted) throw aborted(signal);
    const { result, description } = await this.#engine.call(method, values, report, signal);
    if (description) this.#description = description;
    return result;
  }

  /** "text-classification" or "token-classification". */
  get task() { return this.#description.task; }

  /** The name of each label. */
  get labels() { return this.#description.labels; }

  /** What makes scores of logits: "softmax", "sigmoid", "tanh" or "none". */
  get functionToApply() { return this.#description.functionToApply; }

  /** Most tokens of a text, special tokens included. */
  get maxLength() { return this.#description.maxLength; }

  /** What weights and activations are stored as: "f32" or "f16". */
  get precision() { return this.#description.precision; }

  /** What answers, and whether it was found to compute what it should. */
  get adapter() { return this.#description.adapter; }

  /** Classifies a text, texts, or pairs of texts. Calls at a time share batches, which changes no bit of an answer. */
  async classify(texts, { signal, ...options } = {}) {
    const list = typeof texts === "string" ? [texts] : Array.from(texts);
    return new Answers(await this.#call("classify", [list, options], { signal }), this.labels);
  }

  /** The entities of texts, with a model that classifies tokens, for each text as transformers' pipeline answers them. */
  async classifyTokens(texts, { signal, aggregation = "none" } = {}) {
    const list = typeof texts === "string" ? [texts] : Array.from(texts);
    return JSON.parse(await this.#call("classifyTokens", [list, aggregation], { signal }));
  }

  /** What moved the answer to a text or a pair: the answer without each of its tokens, words and sentences. */
  async explain(text, { signal, attentions = false } = {}) {
    const { explanation, item } = JSON.parse(await this.#call("explain", [[text], attentions], { signal }));
    // What the page of explanations draws, for who draws it, too.
    Object.defineProperty(explanation, "item", { value: item });
    return explanation;
  }

  /** Labels the rows of a table (CSV, TSV, JSONL, lines; also by gzip), and gives the table with the answers' columns. */
  async classifyTable(table, { signal, onProgress, ...options } = {}) {
    const name = table.name ?? "table";
    const bytes = table instanceof Blob ? await table.arrayBuffer() : typeof table === "string" ? new TextEncoder().encode(table) : table;
    const parts = await this.#call("classifyTable", [name, bytes, options], { signal, report: onProgress });
    const types = { csv: "text/csv", tsv: "text/tab-separated-values", jsonl: "application/jsonl" };
    return new Blob(parts, { type: types[options.output ?? "csv"] });
  }

  /** Gives back memory and device. Calls that wait are rejected. */
  free() {
    this.#engine?.end();
    this.#engine = null;
  }
}

/** What a worker can be sent: addresses as texts, lists of files as arrays. */
function movable(source) {
  if (source instanceof URL) return source.href;
  if (typeof FileList !== "undefined" && source instanceof FileList) return Array.from(source);
  if (source?.constructor !== Object) return source;
  return Object.fromEntries(Object.entries(source).map(([name, value]) => [name, value instanceof URL ? value.href : value]));
}
