/** How a key is told to people. Source: ssh-keygen(1), -l. */
import { createHash } from "node:crypto";
import { keyTypeOf } from "./known-hosts.ts";

/** "SHA256:…", base64 without padding, of a key in SSH wire form. */
export function fingerprint(key: Uint8Array): string {
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}

const NAMES: Readonly<Record<string, string>> = {
  "ssh-rsa": "RSA",
  "ssh-dss": "DSA",
  "ssh-ed25519": "ED25519",
  "sk-ssh-ed25519@openssh.com": "ED25519-SK",
  "sk-ecdsa-sha2-nistp256@openssh.com": "ECDSA-SK",
};

/** "ED25519", "RSA", "ECDSA": the word that ssh-keygen has for the key's type. */
export function keyTypeName(key: Uint8Array): string {
  const type = keyTypeOf(key);
  return NAMES[type] ?? (type.startsWith("ecdsa-sha2-") ? "ECDSA" : type);
}
