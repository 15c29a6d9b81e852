/** A slice of the matrix of docs/login-shells.md: every shell as it is, and every situation under one of them. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createLab } from "../lab/lab.ts";
import { LOGIN_SHELLS, SITUATIONS, canArise, openLogins, surprise } from "../lab/login-situations.ts";

const lab = await createLab();
after(() => lab.close());
const logins = await openLogins(lab);

const [PLAIN, ...OTHERS] = SITUATIONS;
assert.ok(PLAIN !== undefined);

for (const shell of LOGIN_SHELLS) {
  test(`${shell.name} is a login shell like any other`, async () => {
    assert.equal(surprise(await logins.launch(shell, PLAIN), PLAIN), undefined);
  });
}

for (const [index, situation] of OTHERS.entries()) {
  const possible = LOGIN_SHELLS.filter((shell) => canArise(shell, situation));
  const shell = possible[index % possible.length];
  assert.ok(shell !== undefined);
  test(`${situation.title}, under ${shell.name}: ${situation.outcome}`, async () => {
    assert.equal(surprise(await logins.launch(shell, situation), situation), undefined);
  });
}
