// The worker of the package: it holds the engine, and answers the messages of index.js.

import { Host } from "./host.js";

const host = new Host();

self.onmessage = async ({ data: { id, method, values, cancel } }) => {
  if (cancel !== undefined) return host.cancel(cancel);
  try {
    const result = await host.call(id, method, values, progress => self.postMessage({ id, progress }));
    self.postMessage({ id, result }, buffers(result.result));
  } catch ({ name, message, kind, index }) {
    self.postMessage({ id, error: { name, message: message ?? "it failed without a word", kind, index } });
  }
};

/** What is handed over and not copied. */
function buffers(value, found = []) {
  if (ArrayBuffer.isView(value)) found.push(value.buffer);
  else if (Array.isArray(value)) value.forEach(each => buffers(each, found));
  else if (value?.constructor === Object) Object.values(value).forEach(each => buffers(each, found));
  return found;
}
