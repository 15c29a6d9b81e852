/**
 * This terminal as a plain pipe, and back. Node's own raw mode still turns a line feed into two characters on output,
 * which is wrong for whoever draws on a screen; so stty does it, where there is one.
 */
import { spawnSync } from "node:child_process";

/** Makes the terminal of process.stdin raw; the result takes that back, and twice is harmless. */
export function makeRaw(): () => void {
  const saved = stty(["-g"]);
  const isRaw = saved !== undefined && stty(["raw", "-echo"]) !== undefined;
  if (!isRaw) process.stdin.setRawMode(true);
  let isUndone = false;
  const undo = (): void => {
    if (isUndone) return;
    isUndone = true;
    process.off("exit", undo);
    if (isRaw) stty([saved]);
    else process.stdin.setRawMode(false);
  };
  process.once("exit", undo);
  return undo;
}

/** What it prints; undefined if it fails. */
function stty(args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync("stty", args, {
    stdio: ["inherit", "pipe", "ignore"],
    encoding: "utf8",
  });
  return status === 0 ? stdout.trim() : undefined;
}
