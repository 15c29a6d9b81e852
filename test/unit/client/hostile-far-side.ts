/**
 * A far side that says it is ready and then does as it is told by its argument: text of a function body with
 * `say(bytes)`, run once the stages have been read as far as the launch's mark.
 */
import { writeSync } from "node:fs";

let seen = "";
process.stdin.on("data", (chunk: Buffer) => {
  if (seen === "done") return;
  seen += chunk.toString("latin1");
  const mark = /;k=([0-9a-f]{32});/.exec(seen)?.[1];
  if (mark === undefined) return;
  seen = "done";
  const ready = { name: "node", version: "v0", platform: "far", arch: "side", pid: 1 };
  writeSync(1, `\n${mark} ${JSON.stringify(ready)}\n`);
  // oxlint-disable-next-line typescript/no-implied-eval -- the test's own text, in a process of its own.
  const act = new Function("say", "complain", process.argv[2] ?? "");
  act(
    (bytes: number[]) => process.stdout.write(Uint8Array.from(bytes)),
    (text: string) => process.stderr.write(text),
  );
});
