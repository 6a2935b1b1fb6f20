// What the package promises, in the browser that runs it: each test says its name and what is wrong. `?only=` runs those whose names have
// that word, `?gpu=no` none that needs an adapter.

import { Classifier } from "/wgbert/index.js";

const parameters = new URLSearchParams(location.search);
const SENTIMENT = {
  config: "/model/config.json",
  tokenizer: "/model/tokenizer.json",
  "tokenizer_config.json": "/model/tokenizer_config.json",
  weights: "/model/model.safetensors",
};
const EXACT = 1e-5;

const json = address => fetch(address).then(response => response.json());
const asked = async part => (await json("/asked")).filter(([, path]) => path.includes(part));

function check(holds, message) {
  if (!holds) throw new Error(message);
}
const equal = (a, b, what) => check(JSON.stringify(a) === JSON.stringify(b), `${what}: ${JSON.stringify(a)}, not ${JSON.stringify(b)}`);
const bits = values => Array.from(new Uint32Array(values.buffer, values.byteOffset, values.length));

async function fails(promise, ...words) {
  let error;
  try {
    await promise;
  } catch (caught) {
    error = caught;
  }
  check(error, `it does not fail with ${words.join(", ")}`);
  const said = `${error.name} ${error.kind} ${error.message}`;
  for (const word of words) check(said.includes(word), `it fails with ${said}, without ${JSON.stringify(word)}`);
  return error;
}

/** The largest difference of logits to what transformers answers in float64; every label is the same. */
function difference(answers, expected) {
  let most = 0;
  expected.forEach(({ logits, label }, index) => {
    const answer = answers.text(index);
    equal(answer.label, label, `label of text ${index}`);
    logits.forEach((logit, place) => { most = Math.max(most, Math.abs(logit - answer.logits[place])); });
  });
  return most;
}

async function golden(name) {
  const { texts, logits, predicted_label: labels } = await json(`/golden/${name}/expected.json`);
  return { texts, expected: logits.map((each, index) => ({ logits: each, label: labels[index] })) };
}

/** The files of a folder, as if they had been chosen. */
async function files(name) {
  const fetched = async file => new File([await (await fetch(`/golden/${name}/${file}`)).blob()], file);
  return Promise.all(["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"].map(fetched));
}

async function answersAs(classifier, texts, expected) {
  const all = await classifier.classify(texts);
  const most = difference(all, expected);
  check(most < EXACT, `logits differ by ${most}`);
  return [all, most];
}

async function sameInAnyBatch(classifier, texts, all) {
  const some = texts.slice(0, 6);
  const alone = await Promise.all(some.map(text => classifier.classify([text])));
  alone.forEach((answers, index) => equal(bits(answers.logits), bits(all.text(index).logits), `bits of text ${index} alone`));
  const backwards = await classifier.classify([...texts].reverse());
  texts.forEach((_, index) => {
    equal(bits(backwards.text(texts.length - 1 - index).logits), bits(all.text(index).logits), `bits of text ${index} backwards`);
  });
}

/** Calls something while a property is another. */
async function patched(object, name, value, call) {
  const before = Object.getOwnPropertyDescriptor(object, name);
  Object.defineProperty(object, name, { configurable: true, writable: true, value });
  try {
    return await call();
  } finally {
    before ? Object.defineProperty(object, name, before) : delete object[name];
  }
}

const tests = {
  async "cpu: the sentences are answered as transformers answers them, the same in any batch"() {
    const { sentences } = await json("/expected/expected.json");
    equal(sentences.length, 48, "sentences");
    const classifier = await Classifier.load(SENTIMENT, { adapter: "cpu" });
    const { task, labels, functionToApply, precision } = classifier;
    equal([task, functionToApply, precision], ["text-classification", "softmax", "f32"], "what it is");
    equal(labels, ["negative", "neutral", "positive"], "labels");
    equal(classifier.adapter, { kind: "cpu", name: "CPU", note: null, selfCheck: "none", software: false, used: null }, "adapter");
    const texts = sentences.map(({ text }) => text);
    const [all, most] = await answersAs(classifier, texts, sentences);
    await sameInAnyBatch(classifier, texts, all);
    const start = performance.now();
    for (let turn = 0; turn < 20; turn++) await classifier.classify(texts[0]);
    const each = (performance.now() - start) / 20;
    classifier.free();
    await fails(classifier.classify("a"), "was freed");
    return `logits within ${most.toExponential(1)}, ${each.toFixed(1)} ms a sentence`;
  },

  async "cpu: golden models from files"() {
    const said = [];
    for (const name of ["bert", "roberta"]) {
      const { texts, expected } = await golden(name);
      const classifier = await Classifier.load(await files(name), { adapter: "cpu" });
      const [all, most] = await answersAs(classifier, texts, expected);
      await sameInAnyBatch(classifier, texts, all);
      classifier.free();
      said.push(`${name} ${most.toExponential(1)}`);
    }
    return said.join(", ");
  },

  async "cpu: outputs on request have their shapes"() {
    const classifier = await Classifier.load(await files("bert"), { adapter: "cpu" });
    const wanted = { topK: 2, hiddenStates: true, attentions: true, pooledOutput: true };
    const answers = await classifier.classify(["good", ["was it good?", "not bad"]], wanted);
    const { labels, length, shape, top, hiddenStates, attentions, pooledOutput } = answers;
    equal([length, shape, labels.length], [2, [2, 3], 3], "shape");
    for (const index of [0, 1]) {
      const answer = answers.text(index), tokens = answer.tokens;
      equal(top[index].length, 2, "best labels");
      equal([top[index][0].label, Math.fround(top[index][0].score)], [answer.label, answer.score], "the best of them");
      equal(hiddenStates[index].shape[1], tokens, "tokens of the hidden states");
      equal(attentions[index].shape.slice(2), [tokens, tokens], "tokens of the attentions");
      equal(hiddenStates[index].values.length, hiddenStates[index].shape.reduce((a, b) => a * b), "numbers");
      check(Math.abs(attentions[index].values.subarray(0, tokens).reduce((a, b) => a + b) - 1) < 1e-5, "a row of attention is no distribution");
      check(Math.abs(answer.probabilities.reduce((a, b) => a + b) - 1) < 1e-5, "probabilities are no distribution");
    }
    equal(pooledOutput.length, 2 * hiddenStates[0].shape[2], "pooled outputs");
    equal((await classifier.classify([])).length, 0, "answers to nothing");
    classifier.free();
  },

  async "cpu: what moved an answer"() {
    const classifier = await Classifier.load(SENTIMENT, { adapter: "cpu" });
    const explanation = await classifier.explain("It was wonderful.", { attentions: true });
    const [strongest] = [...explanation.words].sort((a, b) => b.without.effects[2] - a.without.effects[2]);
    equal([strongest.text, explanation.labels[explanation.argmax]], ["wonderful", "positive"], "the word that moves it");
    equal(explanation.item.attention.tokens.length, explanation.tokens.length, "tokens of the page");
    classifier.free();
  },

  async "cpu: a table comes back labelled, and can be cancelled"() {
    const classifier = await Classifier.load(SENTIMENT, { adapter: "cpu" });
    const rows = ["id,review", '1,"It was good, really."', "2,It was terrible.", '3,"Two\nlines."'].join("\n");
    const seen = [];
    const labelled = await (await classifier.classifyTable(rows, { format: "csv", onProgress: progress => seen.push(progress) })).text();
    const [head, first, second] = labelled.split("\n");
    check(head.startsWith("id,review,") && head.includes("label") && head.includes("score"), `the head is ${head}`);
    check(first.startsWith('1,"It was good, really.",') && first.includes("positive"), `rows are ${labelled}`);
    check(second.includes("negative"), `rows are ${labelled}`);
    equal([seen.at(-1).rows, seen.at(-1).failed], [3, 0], "rows that were answered");
    const jsonl = await (await classifier.classifyTable(new File([rows], "reviews.csv"), { output: "jsonl" })).text();
    equal(jsonl.trim().split("\n").map(line => JSON.parse(line).label).slice(0, 2), ["positive", "negative"], "labels in JSONL");
    const packed = new Response(new Blob([rows]).stream().pipeThrough(new CompressionStream("gzip")));
    const unpacked = await classifier.classifyTable(new File([await packed.blob()], "reviews.csv.gz"));
    check((await unpacked.text()).includes("positive"), "gzip is not read");
    const controller = new AbortController();
    const many = `text\n${"It was good.\n".repeat(20000)}`;
    const start = performance.now();
    await fails(classifier.classifyTable(many, { signal: controller.signal, onProgress: () => controller.abort() }), "AbortError");
    check(performance.now() - start < 5000, "it is cancelled late");
    await fails(classifier.classifyTable("a,b\n1,2\n", { format: "csv", text: "c" }), "c");
    check((await classifier.classify("It was good.")).text(0).label === "positive", "it answers no more");
    classifier.free();
  },

  async "cpu: a call is cancelled, and others are answered meanwhile"() {
    const classifier = await Classifier.load(SENTIMENT, { adapter: "cpu" });
    const controller = new AbortController();
    const long = classifier.classify(Array(20000).fill("It was not so bad."), { signal: controller.signal });
    const start = performance.now();
    const short = await classifier.classify("It was wonderful.");
    equal(short.text(0).label, "positive", "label of the other call");
    controller.abort();
    await fails(long, "AbortError");
    check(performance.now() - start < 5000, `it took ${performance.now() - start} ms`);
    await fails(classifier.classify("a", { signal: AbortSignal.abort() }), "AbortError");
    for (const worker of [true, false]) {
      const load = new AbortController();
      const loading = Classifier.load(SENTIMENT, { adapter: "cpu", worker, signal: load.signal, onProgress: () => load.abort() });
      await fails(loading, "AbortError");
    }
    classifier.free();
    const freed = classifier;
    await fails(freed.explain("a"), "was freed");
  },

  async "cpu: errors say what to do"() {
    await fails(Classifier.load([new File(["{}"], "notes.txt")], { adapter: "cpu" }), "config.json");
    const [config, tokenizer] = await files("bert");
    const pickled = [config, tokenizer, new File(["x"], "pytorch_model.bin")];
    await fails(Classifier.load(pickled, { adapter: "cpu" }), "checkpoint", "pytorch_model.bin", "convert it once");
    await fails(Classifier.load(SENTIMENT, { adapter: "gpu" }), "argument", "`gpu`", "`webgpu`");
    await fails(Classifier.load(SENTIMENT, { adaptor: "cpu" }), "argument", "adaptor");
    await fails(Classifier.load(SENTIMENT, { adapter: "cpu", precision: "f16" }), "f32");
    await fails(Classifier.load(7), "OWNER/NAME");
    await fails(Classifier.load("tests/nothing", { hub: `${location.origin}/hub` }), "tests/nothing", "no such model");
    await fails(Classifier.load({ ...SENTIMENT, weights: "/model/nothing" }, { adapter: "cpu" }), "/model/nothing", "no such file");
    const classifier = await Classifier.load(SENTIMENT, { adapter: "cpu", maxLength: 8, truncation: "refuse" });
    const error = await fails(classifier.classify(["a", "b ".repeat(50)]), "text 1", "8");
    equal([error.kind, error.index], ["text", 1], "kind and index");
    await fails(classifier.classify(["a", 7]), "argument", "text 1");
    await fails(classifier.classifyTokens("a"), "wrong-task", "`classify`");
    classifier.free();
  },

  async "downloads are kept, go on where they broke off, and are checked"() {
    await caches.delete("wgbert");
    await asked("");
    const weights = "/golden/roberta/model.safetensors";
    const load = (options = {}) => Classifier.load("/golden/roberta/", { adapter: "cpu", ...options }).then(classifier => classifier.free());
    await load();
    check((await asked(weights)).some(([method]) => method === "GET"), "nothing was fetched");
    const progress = [];
    await load({ onProgress: each => progress.push(each) });
    const again = (await asked(weights)).map(([method]) => method);
    equal(again, ["HEAD"], "requests for what is kept");
    const kept = progress.find(({ file }) => file === "model.safetensors");
    check(kept.cached && kept.received === kept.total, "the progress does not say so");
    await load({ cache: false });
    check((await asked(weights)).every(([method]) => method === "GET"), "what is not to be kept was");
    // Each range breaks off once.
    const { texts, expected } = await golden("roberta");
    const broken = await Classifier.load("/broken/golden/roberta/", { adapter: "cpu" });
    await answersAs(broken, texts, expected);
    broken.free();
    const hub = `${location.origin}/hub`;
    const named = await Classifier.load("tests/bert@main", { adapter: "cpu", hub });
    named.free();
    await asked("");
    await Classifier.load("tests/bert", { adapter: "cpu", hub }).then(classifier => classifier.free());
    equal((await asked("/hub/tests/")).length, 0, "requests for what a commit has");
    await fails(Classifier.load("tests/bert", { adapter: "cpu", hub: `${location.origin}/damaged-hub` }), "is damaged", "SHA-256");
    // Of a page that is not allowed to, or has no network, the hub's copy is what is kept.
    const fetched = globalThis.fetch;
    const away = (address, options) => {
      return String(address).includes("/hub/") ? Promise.reject(new TypeError("no network")) : fetched(address, options);
    };
    const offline = () => Classifier.load("tests/bert", { adapter: "cpu", hub, worker: false });
    await patched(globalThis, "fetch", away, () => offline().then(classifier => classifier.free()));
  },

  async "a page without WebGPU is answered by the CPU, and told why"() {
    await patched(navigator, "gpu", undefined, async () => {
      const classifier = await Classifier.load(SENTIMENT, { worker: false });
      const { kind, note } = classifier.adapter;
      equal(kind, "cpu", "what answers");
      check(note.includes("navigator.gpu is missing") && !note.includes("apt-get"), note);
      equal((await classifier.classify("It was good.")).text(0).label, "positive", "label");
      classifier.free();
      const none = Classifier.load(SENTIMENT, { worker: false, adapter: "webgpu" });
      const error = await fails(none, "no-adapter", "navigator.gpu is missing", "adapter: 'cpu'");
      check(!/apt-get|Vulkan|Adapter::/.test(error.message), error.message);
    });
    const none = { requestAdapter: async () => null, wgslLanguageFeatures: new Set() };
    const load = () => Classifier.load(SENTIMENT, { worker: false, adapter: "webgpu" });
    await patched(navigator, "gpu", none, () => fails(load(), "no-adapter", "offers no adapter"));
  },

  async "a large model is not left to the CPU without being asked"() {
    const config = JSON.stringify({
      architectures: ["BertForSequenceClassification"], model_type: "bert", vocab_size: 200, hidden_size: 1024, num_hidden_layers: 3,
      num_attention_heads: 16, intermediate_size: 4096, max_position_embeddings: 64, type_vocab_size: 2, hidden_act: "gelu",
      id2label: { 0: "a", 1: "b" }, label2id: { a: 0, b: 1 },
    });
    const tensors = { "classifier.weight": [2, 1024], "classifier.bias": [2] };
    Object.assign(tensors, { "bert.pooler.dense.weight": [1024, 1024], "bert.pooler.dense.bias": [1024] });
    const add = (name, rows, columns) => { tensors[`bert.${name}`] = columns ? [rows, columns] : [rows]; };
    for (const [name, rows] of [["word", 200], ["position", 64], ["token_type", 2]]) add(`embeddings.${name}_embeddings.weight`, rows, 1024);
    add("embeddings.LayerNorm.weight", 1024), add("embeddings.LayerNorm.bias", 1024);
    const square = ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"];
    const dense = [...square.map(name => [name, 1024, 1024]), ["intermediate.dense", 4096, 1024], ["output.dense", 1024, 4096]];
    const norms = ["attention.output.LayerNorm", "output.LayerNorm"].map(name => [name, 1024]);
    for (let layer = 0; layer < 3; layer++) {
      for (const [name, rows, columns] of [...dense, ...norms]) {
        add(`encoder.layer.${layer}.${name}.weight`, rows, columns), add(`encoder.layer.${layer}.${name}.bias`, rows);
      }
    }
    let bytes = 0;
    const header = {};
    for (const [name, shape] of Object.entries(tensors)) {
      const size = 2 * shape.reduce((a, b) => a * b);
      header[name] = { dtype: "F16", shape, data_offsets: [bytes, bytes += size] };
    }
    const head = new TextEncoder().encode(JSON.stringify(header));
    const weights = new Uint8Array(8 + head.length + bytes);
    new DataView(weights.buffer).setBigUint64(0, BigInt(head.length), true);
    weights.set(head, 8);
    const [, tokenizer] = await files("bert");
    const source = { config: new Blob([config]), tokenizer, weights };
    await patched(navigator, "gpu", undefined, () => fails(Classifier.load(source, { worker: false }), "request", "38 million", "adapter: 'cpu'"));
  },

  async "gpu: an adapter that computes nothing right is not believed"() {
    const made = GPUDevice.prototype.createShaderModule;
    const wrong = function (descriptor) {
      return made.call(this, { ...descriptor, code: "this is no shader" });
    };
    await patched(GPUDevice.prototype, "createShaderModule", wrong, async () => {
      const error = await fails(Classifier.load(SENTIMENT, { worker: false, adapter: "webgpu" }), "wrong-answers", "adapter: 'cpu'");
      check(!/Adapter::|apt-get/.test(error.message), error.message);
      // Of an adapter that is no software the page gets the CPU's answers in its place.
      await patched(GPUAdapterInfo.prototype, "isFallbackAdapter", false, async () => {
        const classifier = await Classifier.load(SENTIMENT, { worker: false });
        equal(classifier.adapter.kind, "cpu", "what answers");
        check(classifier.adapter.note.includes("computes wrong answers"), classifier.adapter.note);
        equal((await classifier.classify("It was good.")).text(0).label, "positive", "label");
        classifier.free();
      });
    });
    // So it does of one that cannot be opened.
    const refused = async () => { throw new DOMException("no device today", "OperationError"); };
    await patched(GPUAdapter.prototype, "requestDevice", refused, async () => {
      await fails(Classifier.load(SENTIMENT, { worker: false, adapter: "webgpu" }), "adapter", "no device today");
      await patched(GPUAdapterInfo.prototype, "isFallbackAdapter", false, async () => {
        const classifier = await Classifier.load(SENTIMENT, { worker: false, precision: "f16" });
        const { adapter: { kind, note }, precision } = classifier;
        check(kind === "cpu" && precision === "f32" && note.includes("no device today"), `${kind}, ${precision}: ${note}`);
        classifier.free();
      });
    });
    // The one of this browser is software, which nobody is given without asking.
    const classifier = await Classifier.load(SENTIMENT);
    const { kind, note } = classifier.adapter;
    check(kind === "cpu" && note.includes("software"), `${kind}: ${note}`);
    classifier.free();
  },

  async "gpu: the sentences are answered as transformers answers them, the same in any batch"() {
    const { sentences } = await json("/expected/expected.json");
    const start = performance.now();
    const classifier = await Classifier.load(SENTIMENT, { adapter: "webgpu" });
    const opened = performance.now() - start;
    const { name, kind, selfCheck, used } = classifier.adapter;
    equal([kind, selfCheck, used], ["webgpu", "passed", "as it is"], "adapter");
    check(name.length > 0, "the adapter has no name");
    const texts = sentences.map(({ text }) => text);
    const [all, most] = await answersAs(classifier, texts, sentences);
    await sameInAnyBatch(classifier, texts, all);
    const controller = new AbortController();
    const cancelled = classifier.classify(texts, { signal: controller.signal });
    controller.abort();
    await fails(cancelled, "AbortError");
    equal(bits((await classifier.classify(texts[0])).logits), bits(all.text(0).logits), "bits behind a call that was cancelled");
    classifier.free();
    return `${name}: logits within ${most.toExponential(1)}, open and checked in ${(opened / 1000).toFixed(1)} s`;
  },

  async "gpu: a golden model from files, whose device is lost and opened again"() {
    const { texts, expected } = await golden("roberta");
    const devices = [], request = GPUAdapter.prototype.requestDevice;
    const seen = async function (descriptor) {
      devices.push(await request.call(this, descriptor));
      return devices.at(-1);
    };
    return patched(GPUAdapter.prototype, "requestDevice", seen, async () => {
      const classifier = await Classifier.load(await files("roberta"), { adapter: "webgpu", worker: false });
      const [all, most] = await answersAs(classifier, texts, expected);
      const before = devices.length;
      devices.at(-1).destroy();
      const again = await classifier.classify(texts);
      equal(bits(again.logits), bits(all.logits), "bits behind the loss");
      check(devices.length > before, "no device was opened");
      // Also in the middle of a call.
      const lost = classifier.classify(texts);
      devices.at(-1).destroy();
      equal(bits((await lost).logits), bits(all.logits), "bits of a call whose device was lost");
      classifier.free();
      return `logits within ${most.toExponential(1)}`;
    });
  },
};

const results = [];
for (const [name, test] of Object.entries(tests)) {
  if (parameters.get("gpu") === "no" && name.startsWith("gpu")) continue;
  if (parameters.get("only") && !name.includes(parameters.get("only"))) continue;
  const start = performance.now();
  let error = null, said = "";
  try {
    said = await test() ?? "";
  } catch (caught) {
    error = `${caught.name}: ${caught.message}\n${caught.stack}`;
  }
  results.push({ name, error, said, seconds: (performance.now() - start) / 1000 });
  document.querySelector("main").append(`${error ? "FAILED" : "ok"} ${name} ${said} ${error ?? ""}\n`);
}
await fetch("/results", { method: "POST", body: JSON.stringify(results) });
