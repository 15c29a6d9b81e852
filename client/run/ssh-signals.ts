/**
 * A Ctrl-C on our terminal reaches every process of the foreground group, and ssh would end of it, and with it the link by
 * which the program is to hear of it. In a group of its own ssh could not ask for a password. So it is started with
 * these signals ignored, which it respects (client_loop() in OpenSSH's clientloop.c: "don't overwrite SIG_IGN").
 */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** `exec` keeps what is ignored. */
const IGNORING = ["sh", "-c", 'trap "" HUP INT QUIT;exec "$@"', "ssh"];

/** The same options with such an ssh; a program that is not there is left as it is, for the error to name it. */
export function sshThatHearsNoKeys<T extends { readonly sshCommand: readonly string[] }>(options: T): T {
  const [program = ""] = options.sshCommand;
  if (process.platform === "win32" || !isExecutable(program)) return options;
  return { ...options, sshCommand: [...IGNORING, ...options.sshCommand] };
}

function isExecutable(program: string): boolean {
  const folders = program.includes("/") ? [""] : (process.env["PATH"] ?? "").split(delimiter);
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
