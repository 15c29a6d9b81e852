/**
 * In place of ssh: says a version, and runs the command on this machine, where the far side then is. What the first
 * argument names happens on the way.
 */
import { spawn } from "node:child_process";

const [, , behaviour = "", ...args] = process.argv;

if (args.includes("-V")) {
  process.stderr.write("OpenSSH_0.0 stand-in\n");
} else {
  switch (behaviour) {
    case "silent":
      process.stdin.resume();
      break;
    case "hangs":
      process.stdout.write("starting the menu\n");
      process.stdin.resume();
      break;
    case "babbles":
      process.stdin.resume();
      setInterval(() => process.stdout.write("still starting\n"), 50);
      break;
    default: {
      const command = spawn("sh", ["-c", args.at(-1) ?? ""], { stdio: "inherit" });
      command.on("close", (code) => process.exit(code ?? 255));
    }
  }
}
