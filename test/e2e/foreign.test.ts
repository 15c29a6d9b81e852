/** Packages of other people, by `sshuttle run` over a real sshd: what they do there is what they do here. */
import assert from "node:assert/strict";
import { relative, resolve } from "node:path";
import { after, test } from "node:test";
import { FOREIGN_PROGRAMS, foreignName, installForeign } from "../lab/foreign.ts";
import { PROJECT_IN_LAB } from "../lab/keeper.ts";
import { createLab } from "../lab/lab.ts";

const home = await installForeign();
const lab = await createLab();
after(() => lab.close());

/** Both have the loopback of a host of the lab: some are servers, and ask themselves. */
const folder = `${PROJECT_IN_LAB}/${relative(resolve(import.meta.dirname, "../../.."), home)}`;
const MAIN = `${PROJECT_IN_LAB}/dist/client/main.js`;

for (const name of FOREIGN_PROGRAMS) {
  test(`${foreignName(name)} does on the server what it does here`, async () => {
    const ssh = `ssh -F ${lab.sshConfig}`;
    const [here, there] = await Promise.all([
      lab.client.run(["node", `${folder}/${foreignName(name)}.mjs`], { cwd: folder }),
      lab.client.run(["node", MAIN, "run", "-r", "server", "-e", ssh, `${folder}/${name}`], { cwd: folder }),
    ]);
    assert.notEqual(here.stdout + here.stderr, "");
    assert.deepEqual([there.code, there.stdout, there.stderr], [here.code, here.stdout, here.stderr]);
  });
}
