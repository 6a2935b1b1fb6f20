// Files of the network: in pieces that are kept as they come, so that a download which was stopped goes on, and checked.
//
// The Cache API holds the pieces under the file's address with a query of our own, and a note of what they are pieces of: length, ETag
// and date. A file that is complete is asked for once more by its head, and taken without where nobody answers.

const CACHE = "wgbert";
const PIECE = 8 << 20;
const TRIES = 4;
const KEY = "wgbert-piece";

/** Thrown where the file on the server is not that of the pieces any more. */
class Changed extends Error {}

async function opened(wanted) {
  // Of Node, of private windows, and of pages that are not served safely, there is none.
  if (wanted === false || !globalThis.caches) return null;
  try {
    return await caches.open(CACHE);
  } catch {
    return null;
  }
}

const key = (address, part) => `${address}${address.includes("?") ? "&" : "?"}${KEY}=${part}`;

const wait = (milliseconds, signal) => new Promise((resolve, reject) => {
  const timer = setTimeout(resolve, milliseconds);
  signal?.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
});

/** A request that is made again where the network or the server fails for the moment. */
async function request(address, options, tries = TRIES) {
  for (let attempt = 1; ; attempt++) {
    let trouble;
    try {
      const response = await fetch(address, options);
      if (response.status !== 429 && response.status < 500) return response;
      trouble = new Error(`${address}: the server says ${response.status} ${response.statusText}`);
    } catch (error) {
      if (options.signal?.aborted) throw options.signal.reason;
      trouble = new Error(`${address}: cannot be fetched (${error.message}): is there a network, and does the server allow this page (CORS)?`);
    }
    if (attempt === tries) throw trouble;
    await wait(250 * 2 ** attempt, options.signal);
  }
}

const stamp = response => ({ etag: response.headers.get("ETag"), modified: response.headers.get("Last-Modified") });
const same = (a, b) => (a.etag || b.etag ? a.etag === b.etag : a.modified !== null && a.modified === b.modified);

/** A small file as a text; null where there is none. Without a network, what there was before. */
export async function text(address, { signal, headers, cache: wanted }) {
  const cache = await opened(wanted);
  try {
    const response = await request(address, { signal, headers });
    if ([401, 403, 404].includes(response.status)) return null;
    if (!response.ok) throw new Error(`${address}: the server says ${response.status} ${response.statusText}`);
    await cache?.put(key(address, "all"), response.clone()).catch(() => {});
    return await response.text();
  } catch (error) {
    const before = signal?.aborted ? null : await cache?.match(key(address, "all"));
    if (before) return before.text();
    throw error;
  }
}

/**
 * The bytes of a file; null where there is none. `report` hears of `{ file, received, total, cached }`. `size` and `sha256` are what they
 * have to be, where it is known.
 */
export async function download(address, options) {
  try {
    return await attempt(address, options);
  } catch (error) {
    if (!(error instanceof Changed)) throw error;
    // Its pieces are of another file: from the beginning, once.
    await forget(await opened(options.cache), address);
    return attempt(address, options);
  }
}

async function attempt(address, { name, signal, report, headers, cache: wanted, immutable, size, sha256 }) {
  const cache = await opened(wanted);
  const note = await cache?.match(key(address, "note")).then(found => found?.json());
  const say = (received, total, cached) => report({ file: name, received, total, cached });
  if (note?.complete && (immutable || await current(address, note, { signal, headers }))) {
    const bytes = await together(cache, address, note);
    if (bytes) {
      say(bytes.length, bytes.length, true);
      return bytes;
    }
  }
  const piece = new Fetcher(address, { signal, headers, cache, say, size });
  const bytes = await piece.all(note);
  if (!bytes) return null;
  if (sha256 && globalThis.crypto?.subtle) {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const found = Array.from(digest, byte => byte.toString(16).padStart(2, "0")).join("");
    if (found !== sha256) {
      await forget(cache, address);
      throw new Error(`${address}: is damaged: its SHA-256 is ${found}, and the hub says ${sha256}; load it again`);
    }
  }
  await piece.complete();
  return bytes;
}

/** Whether a file that is kept is still that of the server; it is where nobody can be asked. */
async function current(address, note, { signal, headers }) {
  if (globalThis.navigator?.onLine === false) return true;
  try {
    const response = await request(address, { method: "HEAD", signal, headers, cache: "no-cache" }, 1);
    // Of what says nothing by its head nothing is known.
    return response.ok ? same(note, stamp(response)) : response.status !== 404;
  } catch (error) {
    if (signal?.aborted) throw error;
    return true;
  }
}

async function together(cache, address, { total, piece }) {
  const bytes = new Uint8Array(total);
  for (let start = 0; start < total; start += piece) {
    const found = await cache.match(key(address, start));
    const part = found && new Uint8Array(await found.arrayBuffer());
    if (part?.length !== Math.min(piece, total - start)) return null;
    bytes.set(part, start);
  }
  return bytes;
}

async function forget(cache, address) {
  const note = await cache?.match(key(address, "note")).then(found => found?.json());
  if (!note) return;
  await cache.delete(key(address, "note"));
  for (let start = 0; start < note.total; start += note.piece) await cache.delete(key(address, start));
}

/** A download that is under way. */
class Fetcher {
  constructor(address, { signal, headers, cache, say, size }) {
    Object.assign(this, { address, signal, headers, cache, say, size, note: null });
  }

  /** All bytes: pieces that are kept of the same file, and the others. */
  async all(note) {
    if (note && (note.etag || note.modified) && note.piece === PIECE) {
      this.note = { ...note, complete: false };
      this.bytes = new Uint8Array(note.total);
    }
    for (let start = 0; !this.note || start < this.note.total; start += PIECE) {
      const kept = this.note && await this.cache?.match(key(this.address, start));
      const part = kept && new Uint8Array(await kept.arrayBuffer());
      if (part && part.length === this.length(start)) {
        this.bytes.set(part, start);
      } else if (!await this.piece(start)) {
        return this.bytes;
      }
      this.say(Math.min(start + PIECE, this.note.total), this.note.total, false);
    }
    return this.bytes;
  }

  length(start) {
    return Math.min(PIECE, this.note.total - start);
  }

  /** Fetches a piece. False where there are no more: the server gave the whole file, or there is none (null). */
  async piece(start) {
    const headers = { ...this.headers, Range: `bytes=${start}-${start + PIECE - 1}` };
    for (let attempt = 1; ; attempt++) {
      const response = await request(this.address, { signal: this.signal, headers });
      if (response.status === 404) {
        if (this.note) throw new Changed(`${this.address}: is not there any more`);
        this.bytes = null;
        return false;
      }
      if (response.status === 416 && !this.note) return this.whole(await request(this.address, { signal: this.signal, headers: this.headers }));
      if (response.status === 416) throw new Changed(`${this.address}: is shorter than it was`);
      if (!response.ok) throw new Error(`${this.address}: the server says ${response.status} ${response.statusText}`);
      if (response.status !== 206) return this.whole(response);
      const [, from, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get("Content-Range") ?? "") ?? [];
      // A server of another origin that does not let its ranges be seen.
      if (total === undefined) return this.whole(await request(this.address, { signal: this.signal, headers: this.headers }));
      if (Number(from) !== start) throw new Error(`${this.address}: the server gives another range than was asked for`);
      this.begin(Number(total), response);
      const part = await this.body(response, start);
      if (part?.length === this.length(start)) {
        this.bytes.set(part, start);
        await this.keep(start, part);
        return true;
      }
      if (attempt === TRIES) throw new Error(`${this.address}: breaks off, ${TRIES} times at byte ${start}: load it again, and it goes on there`);
      await wait(250 * 2 ** attempt, this.signal);
    }
  }

  /** What a body has; less than it should where it breaks off. */
  async body(response, start) {
    const parts = [];
    let length = 0;
    try {
      for (const reader = response.body.getReader(); ;) {
        const { done, value } = await reader.read();
        if (done) break;
        parts.push(value);
        length += value.length;
        this.say(start + length, this.note.total, false);
      }
    } catch {
      if (this.signal?.aborted) throw this.signal.reason;
    }
    const all = new Uint8Array(length);
    parts.reduce((place, part) => (all.set(part, place), place + part.length), 0);
    return all;
  }

  /** Notes what the pieces are of, or sees that it is still that. */
  begin(total, response) {
    if (this.size !== undefined && this.size !== total) {
      throw new Error(`${this.address}: has ${total} bytes, and the hub says ${this.size}; load it again`);
    }
    const now = { total, piece: PIECE, ...stamp(response), complete: false };
    if (this.note) {
      if (this.note.total !== total || !same(this.note, now)) {
        // Without a mark of its own nothing says that the first pieces are still its.
        if (this.note.total !== total || this.note.etag || this.note.modified) throw new Changed(`${this.address}: has changed`);
      }
      return;
    }
    this.note = now;
    this.bytes = new Uint8Array(total);
  }

  /** The whole file in one answer. */
  async whole(response) {
    if (!response.ok) throw new Error(`${this.address}: the server says ${response.status} ${response.statusText}`);
    // Of what was packed the length says nothing of the file.
    const packed = response.headers.get("Content-Encoding");
    const said = packed ? null : response.headers.get("Content-Length");
    this.note = { total: said === null ? undefined : Number(said), piece: PIECE, ...stamp(response), complete: false };
    this.bytes = await this.body(response, 0);
    const wanted = this.size ?? this.note.total;
    if (wanted !== undefined && wanted !== this.bytes.length) {
      throw new Error(`${this.address}: ${this.bytes.length} bytes of ${wanted} came: load it again`);
    }
    this.note.total = this.bytes.length;
    for (let start = 0; start < this.bytes.length; start += PIECE) await this.keep(start, this.bytes.subarray(start, start + PIECE));
    return false;
  }

  async keep(start, part) {
    if (!this.cache) return;
    try {
      if (start === 0) await this.write();
      await this.cache.put(key(this.address, start), new Response(part));
    } catch {
      // The user's disk is full, or this site's part of it: it works without.
      this.cache = null;
    }
  }

  async write() {
    await this.cache.put(key(this.address, "note"), new Response(JSON.stringify(this.note)));
  }

  async complete() {
    if (!this.cache || !this.note) return;
    this.note.complete = true;
    await this.write().catch(() => {});
  }
}
