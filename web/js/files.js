// Where the files of a checkpoint come from: an address, the hub, files that were chosen, bytes. Which of them are needed says the engine.

import { download, text } from "./download.js";

const HUB = "https://huggingface.co";
const WEIGHTS = ["model.safetensors", "model.safetensors.index.json"];
const NAMES = { config: "config.json", tokenizer: "tokenizer.json", weights: WEIGHTS[0] };

/** The files of a checkpoint as arrays of name and bytes, and what messages call their place. */
export async function gather(source, context) {
  if (typeof source === "string") {
    const name = hubName(source);
    return name ? ofHub(name, context) : ofFolder(new URL(source, context.base), context);
  }
  if (Array.isArray(source)) return ofFiles(source);
  if (source && typeof source === "object") return ofObject(source, context);
  throw new TypeError("a model is an address, a name on the hub (OWNER/NAME), files, or { config, tokenizer, weights }");
}

/** A name of the hub: addresses have a scheme, or begin with a slash or a dot, or end with a slash. */
function hubName(text) {
  const parts = /^([\w-][\w.-]*\/[\w-][\w.-]*)(?:@([\w./-]+))?$/.exec(text);
  return parts && { repository: parts[1], revision: parts[2] };
}

async function ofHub({ repository, revision: named }, context) {
  const { engine, signal, report, cache, token } = context;
  const hub = (context.hub ?? HUB).replace(/\/+$/, "");
  const revision = named ?? context.revision ?? "main";
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const listing = `${hub}/api/models/${repository}/revision/${encodeURIComponent(revision)}?blobs=true`;
  const listed = await text(listing, { signal, headers, cache });
  if (listed === null) {
    throw new Error(`${repository}: ${hub} has no such model at revision ${revision}, or it is private: see its page, and the option token`);
  }
  let answer;
  try {
    answer = JSON.parse(listed);
  } catch {
    throw new Error(`${listing}: is not JSON; is ${hub} a hub?`);
  }
  const { sha, siblings = [] } = answer;
  const known = new Map(siblings.map(file => [file.rfilename, { size: file.lfs?.size ?? file.size, sha256: file.lfs?.sha256 }]));
  const fetched = name => {
    const address = `${hub}/${repository}/resolve/${sha ?? revision}/${name.split("/").map(encodeURIComponent).join("/")}`;
    // What a commit has never changes.
    return download(address, { name, signal, report, headers, cache, immutable: Boolean(sha), ...known.get(name) });
  };
  const all = async names => Promise.all(names.map(async name => {
    const bytes = await fetched(name);
    if (!bytes) throw new Error(`${repository}: ${name} is listed, but cannot be had: ${hub} says that it is not there`);
    return [name, bytes];
  }));
  const files = await all(engine.wantedFiles(repository, [...known.keys()]));
  const more = engine.namedFiles(repository, small(files)).filter(name => !name.includes("/") || known.has(name));
  return { place: repository, files: [...files, ...await all(more)] };
}

async function ofFolder(folder, context) {
  const { engine, signal, report, cache, token } = context;
  const place = folder.href.endsWith("/") ? folder.href : `${folder.href}/`;
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const fetched = async name => [name, await download(new URL(name, place).href, { name, signal, report, headers, cache })];
  const config = await fetched(NAMES.config);
  // What is wrong with a folder without it the engine says.
  if (!config[1]) return { place, files: [] };
  const files = [config, ...await Promise.all([...engine.optionalFiles(), WEIGHTS[0]].map(fetched))];
  if (!files.at(-1)[1]) files.push(await fetched(WEIGHTS[1]));
  const there = files.filter(([, bytes]) => bytes);
  const more = await Promise.all(engine.namedFiles(place, small(there)).map(fetched));
  return { place, files: [...there, ...more.filter(([, bytes]) => bytes)] };
}

/** Files as a page has them of a folder that was chosen or dropped: paths, of which those beside the outermost config.json count. */
async function ofFiles(chosen) {
  const paths = chosen.map(file => (file.webkitRelativePath || file.relativePath || file.name).replace(/^\/+/, ""));
  const depth = path => path.split("/").length;
  const configs = paths.filter(path => /(^|\/)config\.json$/.test(path)).sort((a, b) => depth(a) - depth(b));
  const root = (configs[0] ?? paths[0] ?? "").replace(/[^/]*$/, "");
  const own = chosen.map((file, place) => [paths[place], file]).filter(([path]) => path.startsWith(root));
  const read = ([path, file]) => file.arrayBuffer().then(buffer => [path.slice(root.length), new Uint8Array(buffer)]);
  return { place: root.replace(/\/$/, "") || "the files", files: await Promise.all(own.map(read)) };
}

async function ofObject(source, { signal, report, cache, base, token }) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const read = async ([key, value]) => {
    const name = NAMES[key] ?? key;
    if (!name.includes(".")) throw new TypeError(`${key} is neither config, tokenizer nor weights, nor the name of a file`);
    if (value instanceof ArrayBuffer) return [name, new Uint8Array(value)];
    if (ArrayBuffer.isView(value)) return [name, new Uint8Array(value.buffer, value.byteOffset, value.byteLength)];
    if (value instanceof Blob) return [name, new Uint8Array(await value.arrayBuffer())];
    if (typeof value !== "string") throw new TypeError(`${key} is neither an address, a Blob nor bytes`);
    const address = new URL(value, base).href;
    const bytes = await download(address, { name, signal, report, headers, cache });
    if (!bytes) throw new Error(`${address}: there is no such file`);
    return [name, bytes];
  };
  return { place: "the model", files: await Promise.all(Object.entries(source).map(read)) };
}

/** All but the weights, of which the engine reads nothing to say what else is needed; that they are there counts. */
function small(files) {
  return files.map(([name, bytes]) => [name, name.endsWith(".safetensors") ? new Uint8Array() : bytes]);
}
