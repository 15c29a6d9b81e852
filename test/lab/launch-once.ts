/**
 * One launch by OpenSSH, and what came of it as a line of JSON, a LoginOutcome:
 *
 *     node launch-once.js SSH-CONFIG USER@HOST PORT RUNTIME [SSH-OPTION]
 *
 * With an option the program has some kilobytes of modules and no first input, so that most of what is sent is modules.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { BootstrapError } from "../../bootstrap/errors.ts";
import { launch } from "../../bootstrap/launch.ts";
import { opensshTransport } from "../../bootstrap/openssh.ts";
import { bundle } from "../../bundler/bundle.ts";
import type { LoginOutcome } from "./login-situations.ts";

/** Longer than any of the situations takes to answer. */
const SILENCE_MS = 6000;
const INPUT = "\0\r\n\u0003\u0004'\"$`\\!".repeat(1000);

const [config = "", destination = "", port = "", runtime, sshOption] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "launch-once-"));

async function run(): Promise<LoginOutcome> {
  let noiseBytes = 0;
  const ballast = sshOption === undefined ? "" : `exports.x = "${randomBytes(6000).toString("base64")}";`;
  const input = sshOption === undefined ? INPUT : "";
  const option = sshOption === undefined ? [] : ["-o", sshOption];
  writeFileSync(join(folder, "package.json"), "{}");
  writeFileSync(join(folder, "main.js"), `${ballast}process.stdin.pipe(process.stdout);`);
  try {
    const launched = await launch({
      transport: opensshTransport({ destination, sshCommand: ["ssh", "-F", config, "-p", port, ...option] }),
      bundle: await bundle(join(folder, "main.js")),
      input: Buffer.from(input),
      onNoise: ({ length }) => (noiseBytes = length),
      readyTimeoutMs: SILENCE_MS,
      ...(runtime === undefined || runtime === "" ? {} : { runtime }),
    });
    launched.stderr.resume();
    launched.stdin.end();
    const [output, { code }] = await Promise.all([text(launched.stdout), launched.exit]);
    const outcome = output === input && code === 0 ? "ok" : "damaged";
    return { outcome, message: "", noiseBytes };
  } catch (error) {
    if (!(error instanceof BootstrapError)) throw error;
    return { outcome: error.code, message: error.message, noiseBytes };
  }
}

try {
  console.log(JSON.stringify(await run()));
} finally {
  rmSync(folder, { recursive: true });
}
