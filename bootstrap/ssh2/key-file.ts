/** Private keys in files: what is public about them without a passphrase, and the key with one. */
import { readFileSync, statSync } from "node:fs";
import ssh2 from "ssh2";
import type { ParsedKey } from "ssh2";

/** Group and others may not even read. Source: sshkey_perm_ok() in authfile.c. */
const OTHERS = 0o077;
const MAGIC = "openssh-key-v1\0";

export type KeyFile =
  | { readonly kind: "absent" }
  /** `reason` completes "the key FILE …". */
  | { readonly kind: "unusable"; readonly reason: string }
  | {
      readonly kind: "key";
      readonly file: string;
      readonly text: string;
      readonly encrypted: boolean;
      /** Not known of old formats that are encrypted and have no .pub beside them. */
      readonly publicKey: ParsedKey | undefined;
    };

/** Reads a key file as far as it goes without a passphrase. */
export function readKeyFile(file: string): KeyFile {
  let text: string;
  try {
    const { mode, uid } = statSync(file);
    // As ssh has it: a key of someone else's is not ours to complain about.
    if (uid === process.getuid?.() && (mode & OTHERS) !== 0) {
      return {
        kind: "unusable",
        reason: `may be read by others (mode ${(mode & 0o777).toString(8)}), and is left out`,
      };
    }
    text = readFileSync(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return { kind: "absent" };
    return {
      kind: "unusable",
      reason: `cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
  const key = parseKey(text);
  if (!(key instanceof Error)) {
    if (!key.isPrivateKey()) return { kind: "unusable", reason: "is a public key: name the private one" };
    return { kind: "key", file, text, encrypted: false, publicKey: key };
  }
  if (!/no passphrase given/.test(key.message)) {
    return { kind: "unusable", reason: `cannot be used: ${key.message}` };
  }
  return { kind: "key", file, text, encrypted: true, publicKey: publicPart(text) ?? publicFile(file) };
}

/** The key; undefined if the passphrase is wrong. */
export function unlockKey(text: string, passphrase: string): ParsedKey | undefined {
  const key = parseKey(text, passphrase);
  return key instanceof Error ? undefined : key;
}

export function parseKey(data: string | Buffer, passphrase?: string): ParsedKey | Error {
  const parsed: ParsedKey | ParsedKey[] | Error = ssh2.utils.parseKey(data, passphrase);
  if (!Array.isArray(parsed)) return parsed;
  return parsed[0] ?? new Error("the file holds no key");
}

/**
 * The public key that OpenSSH's own format holds in clear. Source: PROTOCOL.key of OpenSSH:
 * magic, string cipher, string kdf, string kdf options, uint32 keys, string public key, …
 */
function publicPart(text: string): ParsedKey | undefined {
  const base64 = /^-----BEGIN OPENSSH PRIVATE KEY-----\s+([A-Za-z0-9+/=\s]+)-----END/.exec(text.trim())?.[1];
  if (base64 === undefined) return undefined;
  const bytes = Buffer.from(base64, "base64");
  if (bytes.toString("latin1", 0, MAGIC.length) !== MAGIC) return undefined;
  let at = MAGIC.length;
  const field = (): Buffer => {
    const length = at + 4 <= bytes.length ? bytes.readUInt32BE(at) : bytes.length;
    const start = at + 4;
    at = start + length;
    return bytes.subarray(start, at);
  };
  for (let count = 0; count < 3; count++) field();
  at += 4;
  return usable(parseKey(field()));
}

function publicFile(file: string): ParsedKey | undefined {
  try {
    return usable(parseKey(readFileSync(`${file}.pub`, "utf8")));
  } catch {
    return undefined;
  }
}

function usable(key: ParsedKey | Error): ParsedKey | undefined {
  return key instanceof Error ? undefined : key;
}
