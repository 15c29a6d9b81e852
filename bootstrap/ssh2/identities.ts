/**
 * The keys that a user can show, in the order in which ssh offers them.
 * Source: pubkey_prepare() in sshconnect2.c: keys of the agent that the configuration names, the agent's others,
 * keys that are in files only.
 */
import { fingerprint, keyTypeName } from "./fingerprint.ts";

/** What of a key the order depends on. */
export interface PublicKey {
  /** In SSH wire form; undefined if it takes a passphrase to know. */
  readonly blob: Buffer | undefined;
}

/** Agent keys and file keys in the order in which they are offered, each key once. */
export function orderIdentities<A extends PublicKey, F extends PublicKey>(
  agent: readonly A[],
  files: readonly F[],
  agentKeysOnlyIfNamed: boolean,
): (A | F)[] {
  const same = (one: PublicKey, other: PublicKey): boolean =>
    one.blob !== undefined && other.blob !== undefined && one.blob.equals(other.blob);
  const named = files.flatMap((file) => agent.find((key) => same(key, file)) ?? []);
  const others = agentKeysOnlyIfNamed ? [] : agent.filter((key) => !named.includes(key));
  const onlyFiles = files.filter((file) => !agent.some((key) => same(key, file)));
  const all: (A | F)[] = [...named, ...others, ...onlyFiles];
  return all.filter((key, index) => !all.slice(0, index).some((earlier) => same(earlier, key)));
}

/** "ED25519 SHA256:…", for messages. */
export function describeKey(blob: Buffer | undefined): string {
  return blob === undefined ? "encrypted" : `${keyTypeName(blob)} ${fingerprint(blob)}`;
}
