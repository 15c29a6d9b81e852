/** The example of docs/library.md, from the packed package, over a real sshd. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { createLab } from "../lab/lab.ts";
import { LAB_PATH } from "../lab/host.ts";
import { compileThere, examplesOf, installPackage } from "../packed-package.ts";

const installed = await installPackage();
after(() => installed.remove());
const lab = await createLab();
after(() => lab.close());
await compileThere(installed.folder, await examplesOf("docs/library.md"));

/** The lab's ssh configuration is a file of its own; the example runs plain `ssh`. */
const bin = join(lab.directory, "bin");
mkdirSync(bin);
writeFileSync(join(bin, "ssh"), `#!/bin/sh\nexec /usr/bin/ssh -F ${lab.sshConfig} "$@"\n`, { mode: 0o755 });

test("the example of docs/library.md calls its agent on the server", async () => {
  const { code, stdout, stderr } = await lab.client.run(["node", "main.js", "server"], {
    cwd: installed.folder,
    env: { PATH: `${bin}:${LAB_PATH}` },
  });
  assert.equal(stderr, "");
  assert.match(stdout, new RegExp(`runtime: '${process.version}'[^]*'usr'`));
  assert.equal(code, 0);
  assert.deepEqual(
    lab.server.processes().filter(({ command }) => /\bnode\b/.test(command)),
    [],
  );
});
