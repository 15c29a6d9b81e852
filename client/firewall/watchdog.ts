/**
 * Undoes iptables rules when the helper is gone without having done so (SIGKILL, a crash).
 *
 * A shell in a session of its own waits on a pipe. The helper's last word there is "done"; the end of the pipe
 * without it means that nobody else will clean up. Commands that change rules hold the pipe open too, so that
 * the end comes only when none of them is still under way.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Writable } from "node:stream";
import { TOOL_ENVIRONMENT } from "./run-command.ts";

/**
 * $1 and $2: texts for iptables-restore and ip6tables-restore, empty if the family has no rules; the rest: a
 * command that removes what these did not. The texts come first because they take a tenth of its time, and
 * until then connections are led to a listener that is no more.
 */
const SCRIPT = `trap "" HUP INT TERM QUIT
IFS= read -r word && [ "$word" = done ] && exit 0
[ -z "$1" ] || printf '%s' "$1" | iptables-restore --noflush -w
[ -z "$2" ] || printf '%s' "$2" | ip6tables-restore --noflush -w
shift 2
exec "$@"
`;

export interface Watchdog {
  /** To be held by commands that change rules. */
  readonly pipe: Writable;
  /** Tells it that nothing is left to do, and waits for its end. */
  dismiss(): Promise<void>;
  /** Leaves everything to it: it does its work now, or when the last command that holds the pipe ends. */
  release(): void;
}

/** Starts a watchdog, before the rules that it is for. */
export async function startWatchdog(
  undo: { readonly 4: string; readonly 6: string },
  command: readonly string[],
): Promise<Watchdog> {
  const child = spawn("/bin/sh", ["-c", SCRIPT, "sshuttle-watchdog", undo[4], undo[6], ...command], {
    cwd: "/",
    detached: true,
    env: TOOL_ENVIRONMENT,
    stdio: ["pipe", "ignore", "ignore"],
  });
  const ended = once(child, "exit");
  await once(child, "spawn");
  child.stdin.on("error", () => undefined);
  return {
    pipe: child.stdin,
    dismiss: async () => {
      child.stdin.end("done\n");
      await ended;
    },
    release: () => {
      child.stdin.destroy();
      child.unref();
    },
  };
}
