/**
 * A ProxyCommand that forwards to HOST PORT, and after so many bytes from here does as it is told: "reset" cuts the
 * connection hard, "stall" forwards nothing any more in either direction and keeps it. "count" does neither, and appends the
 * number of bytes so far to FILE.
 *
 *     node cutting-proxy.js HOST PORT BYTES reset|stall|count [FILE]
 */
import { appendFileSync } from "node:fs";
import { connect } from "node:net";

const [host = "", port, limitText, mode, file] = process.argv.slice(2);
const limit = mode === "count" ? Infinity : Number(limitText);
const server = connect(Number(port), host);
let bytes = 0;

process.stdin.on("data", (chunk: Buffer) => {
  const rest = limit - bytes;
  bytes += chunk.length;
  // At each piece, since ssh ends its proxies by a signal.
  if (mode === "count" && file !== undefined) appendFileSync(file, `${bytes}\n`);
  if (bytes <= limit) {
    server.write(chunk);
    return;
  }
  if (rest <= 0) return;
  server.write(chunk.subarray(0, rest), () => {
    if (mode !== "reset") return;
    server.resetAndDestroy();
    process.exit();
  });
  if (mode === "stall") server.pause();
});
process.stdin.on("end", () => server.end());
server.on("data", (chunk) => process.stdout.write(chunk));
server.on("close", () => process.exit());
server.on("error", () => process.exit(1));
