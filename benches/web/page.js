// One engine on one model, timed: `?engine=wgbert-cpu`, `wgbert-webgpu`, `transformers-wasm` or `transformers-webgpu`.

const engine = new URLSearchParams(location.search).get("engine");
const median = values => [...values].sort((a, b) => a - b)[values.length >> 1];

/** What classifies a list of texts, and gives their labels. */
const engines = {
  async wgbert(adapter) {
    const { Classifier } = await import("/wgbert/index.js");
    const small = Object.fromEntries(["config.json", "tokenizer.json", "tokenizer_config.json"].map(name => [name, `/model/${name}`]));
    const source = { ...small, weights: "/model/model.safetensors" };
    const classifier = await Classifier.load(source, { adapter });
    return async texts => (await classifier.classify(texts)).texts.map(({ label }) => label);
  },
  async transformers(device) {
    const { env, pipeline } = await import("/peers/node_modules/@huggingface/transformers/dist/transformers.min.js");
    env.allowRemoteModels = false;
    env.allowLocalModels = true;
    env.localModelPath = "/peers/models/";
    env.backends.onnx.wasm.wasmPaths = "/peers/node_modules/onnxruntime-web/dist/";
    const pipe = await pipeline("sentiment-analysis", "sentiment", { device, dtype: "fp32" });
    return async texts => (await pipe(texts)).map(({ label }) => label);
  },
};

async function run() {
  const [name, device] = engine.split("-");
  const { sentences } = await fetch("/expected/expected.json").then(response => response.json());
  const fifty = [...sentences, ...sentences.slice(0, 2)], texts = fifty.map(({ text }) => text), expected = fifty.map(({ label }) => label);
  const start = performance.now();
  const classify = await engines[name](device);
  const loaded = performance.now() - start;
  const [first] = await classify([texts[0]]);
  const answered = performance.now() - start;
  const fetched = performance.getEntriesByType("resource").map(({ name, decodedBodySize }) => [new URL(name).pathname, decodedBodySize]);
  const timed = async (list, turns) => {
    const times = [];
    for (let turn = 0; turn < turns; turn++) {
      const start = performance.now();
      await classify(list);
      times.push(performance.now() - start);
      if (performance.now() - answered > 20000) break;
    }
    return median(times);
  };
  await classify(texts);
  const wrong = (await classify(texts)).filter((label, place) => label !== expected[place]).length;
  const one = await timed([texts[0]], 20), all = await timed(texts, 5);
  return { engine, first, loaded, answered, one, fifty: all, wrong, fetched };
}

const result = await run().catch(error => ({ engine, error: `${error.name}: ${error.message}` }));
await fetch("/results", { method: "POST", body: JSON.stringify(result) });
