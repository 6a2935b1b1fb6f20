// The package in Node.js and Deno: `node web/tests/runtime.mjs cpu`, `deno run -A --unstable-webgpu web/tests/runtime.mjs webgpu`.

import { readFile } from "node:fs/promises";
import process from "node:process";
import { Classifier } from "../../target/web/package/index.js";

const adapter = process.argv[2] ?? "cpu";
const file = name => readFile(new URL(`../../models/sentiment/${name}`, import.meta.url)).then(bytes => new Uint8Array(bytes));

function check(holds, message) {
  if (!holds) throw new Error(message);
}

const { sentences } = JSON.parse(await readFile(new URL("../../models/sentiment/expected.json", import.meta.url), "utf8"));
const [config, tokenizer, weights] = await Promise.all(["config.json", "tokenizer.json", "model.safetensors"].map(file));
const classifier = await Classifier.load({ config, tokenizer, weights }, { adapter });
check(classifier.adapter.kind === adapter, `${adapter} was asked for, and ${JSON.stringify(classifier.adapter)} answers`);
check(adapter === "cpu" || classifier.adapter.selfCheck === "passed", `the self-check: ${JSON.stringify(classifier.adapter)}`);
const answers = await classifier.classify(sentences.map(({ text }) => text));
let most = 0;
sentences.forEach(({ label, logits }, index) => {
  const answer = answers.text(index);
  check(answer.label === label, `text ${index} is ${answer.label}, not ${label}`);
  logits.forEach((logit, place) => { most = Math.max(most, Math.abs(logit - answer.logits[place])); });
});
check(most < 1e-5, `logits differ by ${most}`);
classifier.free();
if (adapter === "webgpu") {
  const half = await Classifier.load({ config, tokenizer, weights }, { adapter, precision: "f16" });
  check(half.precision === "f16", `numbers are stored as ${half.precision}`);
  const [{ logits }] = await half.classify(sentences[0].text);
  logits.forEach((logit, place) => check(Math.abs(logit - sentences[0].logits[place]) < 2e-2, `logit ${place} in f16 is ${logit}`));
  half.free();
}
if (!globalThis.navigator?.gpu) {
  const error = await Classifier.load({ config, tokenizer, weights }, { adapter: "webgpu" }).catch(error => error);
  check(error.kind === "no-adapter" && error.message.includes("npm package webgpu"), `without WebGPU it says ${error.message}`);
}
console.log(`ok  ${globalThis.Deno ? "Deno" : "Node.js"}, ${adapter}: logits within ${most.toExponential(1)}`);
