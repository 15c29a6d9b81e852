import assert from "node:assert/strict";
import { test } from "node:test";
import { benchBytes } from "../../../bench/bytes.ts";

/** Arguments, the hello frame, and a mark that does not deflate as well as the one in the declaration. */
const OWN_BYTES = 128;

test("what is sent before the tunnel is ready is within the budget, and no more than declared but for one tunnel's own", async () => {
  const { declared, counted, budget } = await benchBytes();
  assert.ok(counted <= budget, `${counted} bytes, budget ${budget}`);
  const own = counted - declared;
  assert.ok(own >= 0 && own < OWN_BYTES, `${counted} counted, ${declared} declared`);
});
