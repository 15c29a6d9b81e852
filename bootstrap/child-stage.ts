/**
 * The stage of a program that an agent starts as a child: it takes the place of stage 1, and reads everything
 * from descriptor 3, so that the program's stdin and stdout are as nobody had ever touched them: a program may
 * read descriptor 0 itself, and write descriptor 1.
 *
 * Stage 2 runs as it is. It is given a stdin and a stdout that stand for descriptor 3, and the process gets its
 * own back when stage 2 says ready. Reads are synchronous: nothing else runs yet, and nothing is left behind.
 */
import { readSync, writeSync } from "fs";
import { Socket } from "net";
import { homedir } from "os";
import { runInThisContext } from "vm";
import { inflateSync } from "zlib";

// Parameters of the expression, see child-texts.ts.
declare const STAGE2_BYTES: number;
/** "" for the home folder. */
declare const DIRECTORY: string;

const LOADER_FD = 3;

/** Fewer at the end of input only. */
function read(bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  let used = 0;
  while (used < bytes) {
    const count = readSync(LOADER_FD, buffer, used, bytes - used, null);
    if (count === 0) break;
    used += count;
  }
  return buffer.slice(0, used);
}

function enter(directory: string): void {
  try {
    process.chdir(directory || homedir());
  } catch (_absent) {
    // No home, or none that may be entered: "/", as of a login without one.
  }
  // The shell that we came through has left its own there.
  if (process.env.PWD) process.env.PWD = process.cwd();
}

/**
 * The agent lives longer than its program, unless it was killed; then nobody is left to hang up. Only Node has a way to
 * hear of it that does not keep the program running.
 */
function watch(): void {
  const socket = new Socket({ fd: LOADER_FD });
  socket.on("error", () => undefined);
  socket.on("close", () => process.kill(process.pid, "SIGHUP"));
  socket.resume();
  socket.unref();
}

const own: PropertyDescriptorMap = {};
const standIns: { readonly [name: string]: object } = {
  stdin: { read, once: () => undefined, _readableState: { length: 0 } },
  stdout: {
    write(ready: string): void {
      Object.defineProperties(process, own);
      writeSync(LOADER_FD, ready);
      if (!("bun" in process.versions || "deno" in process.versions)) watch();
    },
  },
};
for (const name of Object.keys(standIns)) {
  own[name] = Object.getOwnPropertyDescriptor(process, name) || {};
  Object.defineProperty(process, name, { configurable: true, enumerable: true, value: standIns[name] });
}
// A program that starts another one like itself must not start this stage.
process.execArgv = process.execArgv.slice(0, Math.max(0, process.execArgv.indexOf("-e")));
delete process.env.OLDPWD;
enter(DIRECTORY);
const stage2: string = String(inflateSync(read(STAGE2_BYTES)));
runInThisContext(`(function(require){${stage2}\n})`)(require);
