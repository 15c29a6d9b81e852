/** A question by the user's SSH_ASKPASS program. Source: ssh(1), ENVIRONMENT. */
import { execFile } from "node:child_process";

/** Where OpenSSH looks when SSH_ASKPASS is not set. */
const DEFAULT_PROGRAM = "/usr/bin/ssh-askpass";
/** Longest answer that is taken. */
const MAX_BYTES = 65_536;

export type AskWay =
  | { readonly kind: "terminal" | "none" }
  | { readonly kind: "askpass"; readonly program: string };

/** How a question is put. Source: read_passphrase() in readpass.c of OpenSSH 9.2. */
export function chooseAskWay(
  environment: Readonly<Record<string, string | undefined>>,
  terminal: () => boolean,
): AskWay {
  const required = environment["SSH_ASKPASS_REQUIRE"]?.toLowerCase();
  const hasDisplay = Boolean(environment["DISPLAY"]) || Boolean(environment["WAYLAND_DISPLAY"]);
  const allowed = required === "force" || (required !== "never" && hasDisplay);
  const preferred = allowed && (required === "force" || required === "prefer");
  if (!preferred && terminal()) return { kind: "terminal" };
  return allowed
    ? { kind: "askpass", program: environment["SSH_ASKPASS"] || DEFAULT_PROGRAM }
    : { kind: "none" };
}

/** The first line that the program prints; undefined if it cannot be run, or ends with another status than 0. */
export async function askByProgram(
  program: string,
  text: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  return await new Promise((resolve) => {
    execFile(program, [text], { signal, encoding: "utf8", maxBuffer: MAX_BYTES }, (error, stdout) =>
      resolve(error === null ? stdout.split(/\r?\n/)[0] : undefined),
    );
  });
}
