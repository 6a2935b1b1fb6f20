/** An address, a `Blob` (a `File` is one) or the bytes of a file. */
export type FileSource = string | URL | Blob | ArrayBuffer | Uint8Array;

/**
 * Where a checkpoint comes from, as transformers' `save_pretrained` writes it: the address of its folder (with a scheme, or beginning with
 * `/`, `./` or `../`, or ending with `/`), its name `OWNER/NAME[@REVISION]` on the hub, files that were chosen or dropped, or single files:
 * `config`, `tokenizer` and `weights`, or by their names.
 */
export type Source =
  | string
  | URL
  | FileList
  | File[]
  | { config: FileSource; tokenizer: FileSource; weights: FileSource; [name: string]: FileSource }
  | { [name: string]: FileSource };

/** How far a file is; `cached`: it was there already. */
export interface Progress {
  file: string;
  received: number;
  total: number;
  cached: boolean;
}

export interface LoadOptions {
  /**
   * What answers. "auto", the default: WebGPU, where there is an adapter that is no software and that passes its self-check, else the CPU, for
   * models of up to 25 million parameters without embeddings; `adapter.note` says why. "webgpu": whatever adapter the browser gives.
   */
  adapter?: "auto" | "webgpu" | "cpu";
  /** What weights and activations are stored as; "auto" is f16 where shaders have it. Default: "f32". */
  precision?: "f32" | "f16" | "auto";
  /** When the adapter is checked: before a kernel is first needed ("auto", the default), in every batch too ("always"), "never". */
  selfCheck?: "auto" | "always" | "never";
  /** Most tokens of a text, special tokens included; by default as many as the model takes. */
  maxLength?: number;
  /** What becomes of texts that are longer. Default: "cut". */
  truncation?: "cut" | "cut-left" | "refuse" | "windows";
  /** Tokens that neighbouring windows share. */
  stride?: number;
  /** How the answers to the windows of a text become one. Default: "mean". */
  windows?: "mean" | "max" | "first";
  /** Which text of a pair is cut. Default: "longest-first". */
  pairTruncation?: "longest-first" | "only-first" | "only-second";
  /** What makes scores of logits, in the place of the model's rule. */
  functionToApply?: "softmax" | "sigmoid" | "tanh" | "none";
  /** The seed of an absent classification head, instead of an error. */
  randomHead?: number;
  /** Most tokens of a batch. */
  batchTokens?: number;
  /** Most texts of a batch. */
  batchTexts?: number;
  /** The hub. Default: "https://huggingface.co". */
  hub?: string;
  /** The revision on the hub: a branch, a tag or a commit. Default: "main". */
  revision?: string;
  /** A token for models that are not everybody's. */
  token?: string;
  /** Whether files that were fetched are kept (Cache API). Default: true. */
  cache?: boolean;
  /** Whether the engine runs in a worker. Default: where there are any. */
  worker?: boolean;
  onProgress?: (progress: Progress) => void;
  signal?: AbortSignal;
}

/** What answers. */
export interface Adapter {
  /** Never empty; "CPU" where that answers. */
  name: string;
  kind: "webgpu" | "cpu";
  /** Whether it is a GPU in software. */
  software: boolean;
  /** Whether it was found to compute what it should: "none" is the CPU, which the others are held against. */
  selfCheck: "passed" | "pending" | "off" | "none";
  /** With how much of what it offers: "as it is", or what was left out because it was wrong. */
  used: string | null;
  /** Why no GPU answers, where one was wanted. */
  note: string | null;
}

export interface ClassifyOptions {
  /** How many of the best labels each text has in `top`. Default: none. */
  topK?: number;
  hiddenStates?: boolean;
  attentions?: boolean;
  pooledOutput?: boolean;
  signal?: AbortSignal;
}

/** Numbers with a shape, row-major. */
export interface NumberArray {
  shape: number[];
  values: Float32Array;
}

export interface LabelScore {
  label: string;
  score: number;
}

/** The answer to one text, with the command line's names of fields. */
export interface Classification {
  /** Null where a logit is NaN, as are score and argmax. */
  label: string | null;
  score: number | null;
  argmax: number | null;
  /** Null where the logits are the answer. */
  probabilities: Float32Array | null;
  logits: Float32Array;
  /** Tokens as classified, special tokens included. */
  tokens: number;
  /** Whether tokens had no part in the answer. */
  truncated: boolean;
  windows: number;
  top?: LabelScore[];
  /** [layers + 1, tokens, hidden] */
  hiddenStates?: NumberArray;
  /** [layers, heads, tokens, tokens] */
  attentions?: NumberArray;
}

/** The answers to the texts of one call, in their order. */
export class Answers implements Iterable<Classification> {
  readonly labels: string[];
  /** [texts, labels]: the shape of logits and probabilities. */
  readonly shape: [number, number];
  readonly logits: Float32Array;
  readonly probabilities: Float32Array | null;
  /** -1 where a logit is NaN. */
  readonly argmax: Int32Array;
  readonly tokens: Uint32Array;
  readonly untruncated: Uint32Array;
  readonly windows: Uint32Array;
  readonly truncated: Uint8Array;
  readonly top?: LabelScore[][];
  readonly hiddenStates?: NumberArray[];
  readonly attentions?: NumberArray[];
  /** [texts, hidden] */
  readonly pooledOutput?: Float32Array;
  readonly length: number;
  text(index: number): Classification;
  readonly texts: Classification[];
  [Symbol.iterator](): Iterator<Classification>;
}

/** An entity as transformers' token-classification pipeline answers it; `start` and `end` are characters. */
export interface Entity {
  entity?: string;
  index?: number;
  entity_group?: string;
  score: number;
  word: string;
  start: number | null;
  end: number | null;
}

export interface AnswerWithout {
  logits: number[];
  scores: number[];
  /** How much more each label scores with the part than without it. */
  effects: number[];
}

export interface ExplainedPart {
  text: string;
  index: number;
  /** In characters. */
  place: { start: number; end: number };
  without: AnswerWithout;
}

/** What moved an answer, as `wgbert explain --format json` writes it. */
export interface Explanation {
  labels: string[];
  argmax: number | null;
  logits: number[];
  scores: number[];
  truncated: boolean;
  texts: string[];
  tokens: { token: string; without: AnswerWithout | null }[];
  words: ExplainedPart[];
  sentences: ExplainedPart[];
  passes: number;
  attentions?: { shape: number[]; values: number[] };
}

/** How far a table is. */
export interface TableProgress {
  name: string;
  read: number;
  bytes: number;
  rows: number;
  failed: number;
  /** What was found by itself, such as the format or the column with the texts. */
  notes: string[];
}

export interface TableOptions {
  /** What the table is; by default what its name or its first bytes say, which of CSV is the name. */
  format?: "csv" | "tsv" | "jsonl" | "json" | "lines";
  /** The column with the texts; by default by the names that people give it. */
  text?: string;
  pair?: string;
  id?: string;
  noHeader?: boolean;
  topK?: number;
  /** Default: "csv". */
  output?: "csv" | "tsv" | "jsonl";
  onProgress?: (progress: TableProgress) => void;
  signal?: AbortSignal;
}

/**
 * A fine-tuned BERT-family classifier. Errors are `Error`s that say what to do, with `kind` for programs ("checkpoint", "text",
 * "no-adapter", "wrong-answers", "out-of-memory", "device-lost"...) and the `index` of a text that is to blame; a cancelled call rejects with an
 * `AbortError`.
 */
export class Classifier {
  private constructor();
  static load(source: Source, options?: LoadOptions): Promise<Classifier>;
  readonly task: "text-classification" | "token-classification";
  readonly labels: string[];
  readonly functionToApply: "softmax" | "sigmoid" | "tanh" | "none";
  readonly maxLength: number;
  readonly precision: "f32" | "f16";
  readonly adapter: Adapter;
  classify(texts: string | Iterable<string | [string, string]>, options?: ClassifyOptions): Promise<Answers>;
  classifyTokens(
    texts: string | Iterable<string>,
    options?: { aggregation?: "none" | "simple" | "first" | "average" | "max"; signal?: AbortSignal },
  ): Promise<Entity[][]>;
  explain(text: string | [string, string], options?: { attentions?: boolean; signal?: AbortSignal }): Promise<Explanation>;
  classifyTable(table: File | Blob | ArrayBuffer | Uint8Array | string, options?: TableOptions): Promise<Blob>;
  free(): void;
}
