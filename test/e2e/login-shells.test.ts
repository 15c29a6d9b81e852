/** Stage 0 under the login shells there are, and in each shell that may be called sh. */
import assert from "node:assert/strict";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import type { TestContext } from "node:test";
import { launch } from "../../bootstrap/launch.ts";
import { bundle } from "../../bundler/bundle.ts";
import type { Bundle } from "../../bundler/format.ts";
import { findCommand } from "../packages.ts";
import { farSide } from "../unit/bootstrap/far-side.ts";
import type { FarSideOptions } from "../unit/bootstrap/far-side.ts";
import { writeFiles } from "../unit/bundler/program.ts";

/** sshd runs `$SHELL -c COMMAND`. */
const LOGIN_SHELLS: readonly (readonly [string, ...string[]])[] = [
  ["dash"],
  ["bash"],
  ["rbash"],
  ["zsh"],
  ["fish"],
  ["tcsh"],
  ["ksh93"],
  ["mksh"],
  ["busybox", "sh"],
  ["yash"],
];

/** What distributions call sh. */
const SHELLS_AS_SH = ["dash", "bash", "zsh", "ksh93", "mksh", "busybox", "yash"] as const;

const STDINS = ["pipe", "socket"] as const;

let folder = "";
let echo: Bundle;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "login-shells-"));
  await writeFiles(folder, { "package.json": "{}", "main.ts": "process.stdin.pipe(process.stdout);\n" });
  echo = await bundle(join(folder, "main.ts"));
});
after(() => rm(folder, { recursive: true }));

async function assertEchoes(context: TestContext, options: FarSideOptions): Promise<void> {
  const input = Buffer.from("\0\r\n\u0003\u0004'\"$`\\!".repeat(1000));
  const launched = await launch({ transport: farSide(context, options), bundle: echo, input });
  launched.stdin.end();
  const [stdout, stderr, exit] = await Promise.all([
    text(launched.stdout),
    text(launched.stderr),
    launched.exit,
  ]);
  assert.deepEqual([stdout, stderr, exit.code], [input.toString(), "", 0]);
}

for (const stdin of STDINS) {
  for (const shell of LOGIN_SHELLS) {
    test(`a program starts under the login shell ${shell.join(" ")}, its stdin a ${stdin}`, (context) =>
      assertEchoes(context, { shell, stdin }));
  }

  for (const shell of SHELLS_AS_SH) {
    test(`a program starts where sh is ${shell}, its stdin a ${stdin}`, async (context) => {
      const bin = await mkdtemp(join(folder, "bin-"));
      await symlink(findCommand(shell) ?? shell, join(bin, "sh"));
      const env = { HOME: folder, PATH: `${bin}:${dirname(process.execPath)}` };
      await assertEchoes(context, { env, stdin, shell: [join(bin, "sh")] });
    });
  }
}
