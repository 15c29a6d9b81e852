/**
 * Hears each refusal of the server as it comes in.
 *
 * ssh2 does not hand on what the server says to a key of an agent, a partial success least of all (its
 * USERAUTH_FAILURE goes to the agent's next key): there is no other way than its table of handlers.
 */
import type { Client } from "ssh2";

/** To be called after connect(), which makes the table. @throws Error if this version of ssh2 has none. */
export function listenForRefusals(
  client: Client,
  heard: (methods: readonly string[], partial: boolean) => void,
): void {
  const handlers = member(member(client, "_protocol"), "_handlers");
  const original = member(handlers, "USERAUTH_FAILURE");
  if (typeof handlers !== "object" || handlers === null || typeof original !== "function") {
    throw new Error("this version of ssh2 has no table of handlers to listen to");
  }
  const listener = (protocol: unknown, methods: readonly string[], partial: boolean): void => {
    heard(methods, partial);
    Reflect.apply(original, undefined, [protocol, methods, partial]);
  };
  Reflect.set(handlers, "USERAUTH_FAILURE", listener);
}

function member(of: unknown, name: string): unknown {
  return typeof of === "object" && of !== null ? Reflect.get(of, name) : undefined;
}
