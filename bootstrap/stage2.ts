/**
 * Stage 2: the loader, on the far side. It reads the payload (payload.ts), makes real modules of it, and runs
 * the entry; what follows on stdin is the program's. Built-ins only, in the dialect of Node 8; a build step
 * makes one minified expression of it (build-stage2.ts). Its bytes are sent before anything runs.
 *
 * Node's own loader does the loading: names are resolved by the bundle's table of imports, texts come from the
 * bundle, and everything between (the cache, cycles, a module that throws, `require.main`, `module.children`)
 * is Node's. A module's filename there is "/" and its path in the project, since much code demands an absolute
 * one; traces have the path in the project.
 */
import { createHash } from "crypto";
import { writeSync } from "fs";
import { posix } from "path";
import { inspect } from "util";
import { runInThisContext } from "vm";
import { inflateRawSync } from "zlib";
import { Module, builtinModules } from "module";
import type { PayloadIndex } from "./payload-index.ts";
import type { Position } from "./trace-maps.ts";

// Parameters of the expression, see stage-texts.ts.
declare const MARK: string;
declare const PAYLOAD_BYTES: number;

/** No byte for so long, and the far side gives up: a stopped client is no end of stdin, ms. */
const STALL_MS = 60000;
const FATAL_STATUS = 99;
/** At the start of a payload. */
const SHA256_BYTES = 32;

interface Loaded {
  readonly text: Buffer;
  /** See ImportTables. */
  readonly imports: { readonly [specifier: string]: number } | undefined;
  readonly names: readonly string[];
}

interface CallSite {
  getFileName(): string | null;
  getLineNumber(): number | null;
  getColumnNumber(): number | null;
  toString(): string;
}

/** What Node's types leave out of its loader. */
interface Loader {
  _cache: { [filename: string]: NodeModule };
  _load(request: string, parent: NodeModule | null, isMain: boolean): unknown;
  _nodeModulePaths(folder: string): string[];
  _resolveFilename(request: string, parent: NodeModule | null | undefined, ...rest: unknown[]): string;
  new (id: string): NodeModule;
  prototype: { load?(this: LoadingModule, filename: string): void };
  _extensions: { [extension: string]: ((module: LoadingModule, filename: string) => void) | undefined };
}

/** What Node's types leave out of process.stdin. */
interface Stdin extends NodeJS.ReadableStream {
  readonly _readableState: {
    readonly length: number;
    reading: boolean;
    readableListening: boolean;
    flowing: boolean | null;
  };
  /** None at the end of input, nor for a file. */
  readonly _handle: { reading: boolean; readStop?(): void; ref(): void; unref(): void } | null | undefined;
  ref(): void;
  unref(): void;
}

interface LoadingModule extends NodeModule {
  _compile(text: string, filename: string): void;
}

const loader: Loader = Module as unknown as Loader;
const stdin: Stdin = process.stdin as unknown as Stdin;
const modules: { [filename: string]: Loaded } = Object.create(null);
let heard = 0;
let taken = 0;

const readState = stdin._readableState;

/** Node 8 has no readableLength. */
function waiting(): number {
  return readState.length;
}

/** Until all is there, however the process ends, it says why; the status has been set by stage 1. */
function confess(): void {
  const bytes = taken || waiting();
  writeSync(2, "\n" + MARK + " 98 received " + bytes + " of " + PAYLOAD_BYTES + " bytes\n");
}

const stall = setInterval(() => {
  if (waiting() === heard) process.exit();
  heard = waiting();
}, STALL_MS);
// Without it the process ends by itself at an end of stdin that leaves nothing to read.
stall.unref();

function readPayload(): void {
  const payload: Buffer | null = stdin.read(PAYLOAD_BYTES) as Buffer | null;
  if (!payload) {
    stdin.once("readable", readPayload);
    return;
  }
  taken = payload.length;
  // At the end of stdin it may be a part.
  if (!isWhole(payload)) process.exit();
  process.removeListener("exit", confess);
  process.exitCode = undefined as unknown as number;
  // Bun does not know it.
  if (process.exitCode) process.exitCode = 0;
  clearInterval(stall);
  // First what the stream puts off until the next tick, or else it would begin to read again. Node 8 puts it off
  // only after this.
  process.nextTick(process.nextTick, run, payload);
}

/** As if nobody had ever read it, but for what it holds: a program that does not read it must be able to end. */
function untouchStdin(): void {
  const handle = stdin._handle;
  readState.readableListening = false;
  readState.flowing = null;
  if (handle && handle.readStop) {
    readState.reading = handle.reading = false;
    handle.readStop();
  } else {
    // Deno and Bun cannot take back the read that has begun. It keeps no process until somebody reads on, who gets it.
    const idle = handle || stdin;
    if (idle.unref) {
      idle.unref();
      stdin.on("newListener", (event) => {
        if (/^data|rea/.test(event)) idle.ref();
      });
    }
  }
}

function isWhole(payload: Buffer): boolean {
  const sha256 = createHash("sha256").update(payload.slice(SHA256_BYTES)).digest();
  return sha256.equals(payload.slice(0, SHA256_BYTES));
}

function addModules(payload: Buffer): PayloadIndex {
  const content = inflateRawSync(payload.slice(SHA256_BYTES));
  let offset = content.indexOf("\n");
  const index: PayloadIndex = JSON.parse(content.toString("utf8", 0, offset++));
  const { names, imports } = index;
  index.bytes.forEach((bytes, at) => {
    const text = content.slice(offset, (offset += bytes));
    modules["/" + names[at]] = { text, imports: imports[at], names };
    if (!load) serveInBun(posix.extname(String(names[at])));
  });
  if (offset < content.length) readMaps(content.slice(offset));
  return index;
}

function run(payload: Buffer): void {
  untouchStdin();
  const index = addModules(payload);
  const entry = "/" + index.names[0];
  process.argv = [process.execPath, entry].concat(index.args as string[]);
  Object.assign(process.env, index.env);
  // -e makes globals of these, which no module expects to find, and of all built-in modules.
  for (const name of ["require", "module", "exports", "__filename", "__dirname", "p", "s", "b"]) {
    Reflect.deleteProperty(global, name);
  }
  for (const name of builtinModules) {
    const isGlobal = /^(process|console)$/.test(name) || global.propertyIsEnumerable(name);
    if (!isGlobal) Reflect.deleteProperty(global, name);
  }
  const { platform, arch, pid, versions } = process as NodeJS.Process & {
    versions: { [name: string]: string };
  };
  const name = versions.bun ? "bun" : versions.deno ? "deno" : "node";
  process.stdout.write(
    "\n" + MARK + " " + JSON.stringify({ name, version: versions[name], platform, arch, pid }) + "\n",
  );
  if (load) loader._load(entry, null, true);
  else runInBun(entry);
}

/** Bun's modules are loaded by their extension, and have no `load`. */
function serveInBun(extension: string): void {
  const before = loader._extensions[extension] || loader._extensions[".js"];
  loader._extensions[extension] = (module, filename) => {
    if (modules[filename]) evaluate.call(module, filename);
    else if (before) before(module, filename);
  };
}

/** Bun's own _load does nothing. The main module is the one that -e made; it becomes the entry's. */
function runInBun(entry: string): void {
  const main = process.mainModule as LoadingModule;
  delete loader._cache[main.filename];
  loader._cache[entry] = main;
  main.children = [];
  (global as unknown as { Bun: { main: string } }).Bun.main = entry;
  evaluate.call(main, entry);
}

/** The name of the bundle's module that is meant, if it is one of ours that asks. */
function find(request: string, parent: NodeModule | null | undefined): string | undefined {
  const from = parent ? modules[parent.filename] : undefined;
  if (parent && !from) return undefined;
  const listed = from && from.imports && from.names[from.imports[request] as number];
  const isRelative = parent && /^\.\.?\//.test(request);
  const name = listed
    ? "/" + listed
    : isRelative
      ? posix.join(posix.dirname(parent.filename), request)
      : request;
  return modules[name] && name;
}

/**
 * Node remembers what a request led to for a whole folder. Here each module has a table of its own: of a package
 * with a file for `import` and another for `require`, two neighbours may mean different ones.
 */
const loadModule = loader._load;
loader._load = function (request, parent, isMain) {
  return loadModule.call(this, find(request, parent) || request, parent, isMain);
};

const resolve = loader._resolveFilename;
loader._resolveFilename = function (request, parent) {
  if (request === "sshuttle:loader" && parent && modules[parent.filename]) {
    const virtual = new loader(request);
    virtual.exports = { addMaps, arrive, fetchBy };
    virtual.loaded = true;
    loader._cache[request] = virtual;
    return request;
  }
  return find(request, parent) || resolve.apply(this, arguments as unknown as Parameters<typeof resolve>);
};

const load = loader.prototype.load;
if (load) {
  loader.prototype.load = function (filename) {
    (modules[filename] ? evaluate : load).call(this, filename);
  };
}

function evaluate(this: LoadingModule, filename: string): void {
  const own = modules[filename] as Loaded;
  this.filename = filename;
  this.paths = loader._nodeModulePaths(posix.dirname(filename));
  // JSON, too, has been compiled to a module.
  this._compile(String(own.text), filename);
  this.loaded = true;
}

/** Without a map: "~" says that the column is one of the compiled text, for the near side to look up (near-traces.ts). */
let position: Position = (_filename, line, column) => line + ":~" + column;

/** A function's text, which knows the sources' positions. */
function readMaps(text: Buffer): void {
  position = runInThisContext(String(text))(position);
}

/** Takes what encodeMaps() of payload.ts made. */
function addMaps(payload: Buffer): void {
  readMaps(inflateRawSync(payload));
}

let fetchPayload: (filename: string) => Promise<Uint8Array> = () => {
  throw Error("nobody fetches it");
};

function fetchBy(fetch: typeof fetchPayload): void {
  fetchPayload = fetch;
}

const arrivals: { [filename: string]: Promise<unknown> | undefined } = Object.create(null);
let lastArrival: Promise<unknown> = Promise.resolve();

/**
 * What import() of a module in another group waits for; one that has failed may be tried again. One payload at a time:
 * the next leaves out what has come with this.
 */
function arrive(filename: string): Promise<unknown> {
  const name = "/" + filename;
  if (modules[name]) return Promise.resolve();
  if (!arrivals[name]) {
    const arrival = lastArrival
      .then(() => (modules[name] ? undefined : fetchPayload(filename).then(addLate)))
      .then(() => {
        if (!modules[name]) throw Error("it did not come");
      })
      .catch((error) => {
        arrivals[name] = undefined;
        throw Object.assign(Error("Cannot find module '" + filename + "': " + error), {
          code: "MODULE_NOT_FOUND",
        });
      });
    arrivals[name] = arrival;
    lastArrival = arrival.catch(() => undefined);
  }
  return arrivals[name];
}

function addLate(bytes: Uint8Array): void {
  const payload = Buffer.from(bytes as Buffer);
  if (!isWhole(payload)) throw Error("it came damaged");
  addModules(payload);
}

/** Node 8 counts its wrapper's text in a module's first line: "(function (exports, require, …) { ". */
const firstLineShift = /^v[89]\./.test(process.version) ? 62 : 0;

function describeFrame(frame: CallSite): string {
  const text = String(frame);
  const filename = frame.getFileName();
  const line = frame.getLineNumber();
  const column = frame.getColumnNumber();
  if (!filename || !modules[filename] || !line || !column) return text;
  const name = filename.slice(1);
  const source = position(name, line, line === 1 ? column - firstLineShift : column);
  return text.replace(filename + ":" + line + ":" + column, () => name + ":" + source);
}

Error.prepareStackTrace = (error: Error, frames: CallSite[]) => {
  let head;
  try {
    head = Error.prototype.toString.call(error);
  } catch (_unprintable) {
    head = "Error";
  }
  return [head].concat(frames.map(describeFrame)).join("\n    at ");
};

/** Node's own report would quote the compiled line first; ours is the trace, and ends with our status. */
process.on("uncaughtException", (error: unknown) => {
  if (process.listenerCount("uncaughtException") > 1) return;
  let report = "Uncaught error that cannot be shown";
  try {
    report = (error instanceof Error ? "" : "Uncaught ") + inspect(error);
  } catch (_unprintable) {
    // Its own getters, traps or Error.prepareStackTrace threw.
  }
  try {
    writeSync(2, report + "\n");
  } catch (_unheard) {
    // Nobody reads it.
  }
  try {
    process.exit(FATAL_STATUS);
  } finally {
    // A listener of "exit" threw; they are not asked twice.
    process.exit(FATAL_STATUS);
  }
});
// As Node does since version 15; before, it only warned.
process.on("unhandledRejection", (error: unknown) => {
  if (process.listenerCount("unhandledRejection") < 2) throw error;
});

process.once("exit", confess);
readPayload();
