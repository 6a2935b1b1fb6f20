// One classifier of the engine, wherever it runs: calls by name, each of which can be cancelled by its number.

import init, * as engine from "./engine.js";
import { gather } from "./files.js";

let started;

/** Loads the engine once. */
function start() {
  started ??= load().catch(error => {
    started = undefined;
    throw error;
  });
  return started;
}

async function load() {
  const address = new URL("./engine_bg.wasm", import.meta.url);
  // Node's fetch knows no files, and wgpu looks for what a page or a worker has of its own.
  if (globalThis.process?.versions?.node && address.protocol === "file:") {
    const { readFile } = await import(/* webpackIgnore: true */ /* @vite-ignore */ "node:fs/promises");
    if (!globalThis.Window && !globalThis.WorkerGlobalScope) globalThis.WorkerGlobalScope = class WorkerGlobalScope {};
    return init({ module_or_path: await readFile(address) });
  }
  return init({ module_or_path: address });
}

/** A promise that is kept in a later turn of the event loop: what came in meanwhile is done before. */
const turn = () => new Promise(resolve => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    resolve();
  };
  port2.postMessage(null);
});

const aborted = () => new DOMException("the call was cancelled", "AbortError");

export class Host {
  #engine;
  #calls = new Map();
  #number = 0;

  /** The number of a call. */
  number() {
    return this.#number++;
  }

  /** Ends a call. */
  cancel(id) {
    const call = this.#calls.get(id);
    call?.controller.abort(aborted());
    call?.cancel?.cancel();
  }

  async call(id, method, values, report) {
    const call = { controller: new AbortController() };
    this.#calls.set(id, call);
    try {
      await start();
      call.controller.signal.throwIfAborted();
      call.cancel = new engine.Cancel();
      const result = await this[method](call, report, ...values);
      return { result, description: this.#engine && JSON.parse(this.#engine.describe()) };
    } finally {
      this.#calls.delete(id);
      call.cancel?.free();
    }
  }

  async load({ controller }, report, source, { hub, revision, token, cache, ...options }, base) {
    const { signal } = controller;
    const found = await gather(source, { engine, hub, revision, token, cache, base, signal, report });
    const opened = await engine.Engine.open(found.place, found.files, JSON.stringify(options), turn);
    if (signal.aborted) {
      opened.free();
      throw signal.reason;
    }
    this.#engine = opened;
  }

  classify({ cancel }, _, texts, options) {
    return this.#engine.classify(texts, JSON.stringify(options), cancel);
  }

  classifyTokens({ cancel }, _, texts, aggregation) {
    return this.#engine.classifyTokens(texts, aggregation, cancel);
  }

  explain({ cancel }, _, texts, attentions) {
    return this.#engine.explain(texts, attentions, cancel);
  }

  async classifyTable({ cancel }, report, name, bytes, options) {
    const table = this.#engine.table(name, new Uint8Array(bytes), JSON.stringify(options));
    try {
      const parts = [];
      for (let part; (part = await this.#engine.answerRows(table, cancel));) {
        parts.push(part);
        report?.(JSON.parse(table.progress()));
      }
      return parts;
    } finally {
      table.free();
    }
  }

  free() {
    for (const id of [...this.#calls.keys()]) this.cancel(id);
    const engine = this.#engine;
    this.#engine = undefined;
    // Calls that are under way hold it until they see that they are cancelled.
    turn().then(turn).then(() => engine?.free()).catch(() => {});
  }
}
