/** One HTTP GET through a SOCKS5 proxy, as curl --socks5 does it. */
import { once } from "node:events";
import { connect } from "node:net";

/** Returns the body of http://127.0.0.1:PORT/ as the far side of the proxy sees it. */
export async function getThroughSocks(socksPort: number, port: number): Promise<string> {
  const socket = connect(socksPort, "127.0.0.1");
  socket.write(Uint8Array.of(5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 0xff));
  socket.write("GET / HTTP/1.0\r\n\r\n");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(socket, "end");
  socket.destroy();
  // 2 bytes answer the greeting, 10 the request (RFC 1928 sections 3 and 6).
  const answer = Buffer.concat(chunks);
  if (answer[3] !== 0) throw new Error(`the proxy answered ${answer[3] ?? "nothing"}`);
  const [head = "", body = ""] = answer.subarray(12).toString("utf8").split("\r\n\r\n");
  if (!head.startsWith("HTTP/1.1 200 "))
    throw new Error(`the page answered "${head.split("\r\n")[0] ?? ""}"`);
  return body;
}
