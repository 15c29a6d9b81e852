/**
 * known_hosts: which lines speak of a host, and what they say about the key it shows.
 * Source: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT; hostfile.c of OpenSSH 9.2 for what is decided.
 */
import { createHmac, randomBytes } from "node:crypto";
import { matchesPatternList } from "./patterns.ts";

export interface KnownHostsText {
  readonly file: string;
  readonly text: string;
}

export interface KnownHost {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly marker: "none" | "cert-authority" | "revoked";
  /** Patterns, or one hashed name. */
  readonly names: string;
  readonly keyType: string;
  /** In SSH wire form. */
  readonly key: Buffer;
}

/** What the files say about a key. */
export type HostKeyVerdict =
  | { readonly kind: "known" }
  /** Nothing is known of the host, or only an authority that could have signed for it. */
  | { readonly kind: "unknown"; readonly authority: KnownHost | undefined }
  /** The host is known by other keys, the first of which is given. */
  | { readonly kind: "changed"; readonly known: KnownHost }
  | { readonly kind: "revoked"; readonly entry: KnownHost };

const DEFAULT_PORT = 22;
const HASH_BYTES = 20;
const HASHED = /^\|1\|([A-Za-z0-9+/=]+)\|([A-Za-z0-9+/=]+)$/;

/** The name under which a host stands in the file: with its port in brackets unless that is 22. */
export function knownHostName(host: string, port: number): string {
  const name = host.toLowerCase();
  return port === DEFAULT_PORT ? name : `[${name}]:${port}`;
}

/** Every line that can be read; comments and lines of other formats are passed over, as ssh does. */
export function parseKnownHosts({ file, text }: KnownHostsText): KnownHost[] {
  return text.split("\n").flatMap((line, index) => {
    const [, markerName, names, keyType, base64] =
      /^[ \t]*(?:@(\S+)[ \t]+)?([^\s#@]\S*)[ \t]+(\S+)[ \t]+([A-Za-z0-9+/]+={0,2})(?:\s|$)/.exec(line) ?? [];
    const marker = parseMarker(markerName);
    if (names === undefined || keyType === undefined || base64 === undefined || marker === undefined)
      return [];
    const key = Buffer.from(base64, "base64");
    // The type stands in the key as well, and counts there.
    return keyTypeOf(key) === keyType && isWhole(key)
      ? [{ file, line: index + 1, marker, names, keyType, key }]
      : [];
  });
}

function parseMarker(name: string | undefined): KnownHost["marker"] | undefined {
  switch (name) {
    case undefined:
      return "none";
    case "cert-authority":
    case "revoked":
      return name;
    default:
      return undefined;
  }
}

/** The type that a key in SSH wire form begins with; empty if it is none. */
export function keyTypeOf(key: Uint8Array): string {
  const bytes = Buffer.from(key.buffer, key.byteOffset, key.byteLength);
  const length = bytes.length < 4 ? Number.NaN : bytes.readUInt32BE(0);
  return length <= bytes.length - 4 ? bytes.toString("latin1", 4, 4 + length) : "";
}

/** A key in SSH wire form is strings from end to end (RFC 4253 6.6): a line that was cut ends inside of one. */
function isWhole(key: Buffer): boolean {
  let at = 0;
  while (at + 4 <= key.length) at += 4 + key.readUInt32BE(at);
  return at === key.length;
}

/** Whether an entry speaks of the host with this name (knownHostName()). */
export function entryMatches({ names }: Pick<KnownHost, "names">, name: string): boolean {
  const [, salt, hash] = HASHED.exec(names) ?? [];
  if (salt !== undefined && hash !== undefined)
    return hashHostName(name, Buffer.from(salt, "base64")) === names;
  return matchesPatternList(names.toLowerCase().split(","), name);
}

/** "|1|salt|hash". The salt is as long as the hash. */
export function hashHostName(name: string, salt: Uint8Array = randomBytes(HASH_BYTES)): string {
  const hash = createHmac("sha1", salt).update(name).digest("base64");
  return `|1|${Buffer.from(salt).toString("base64")}|${hash}`;
}

/** The decision about the key that a host shows. A revoked key is refused whatever else is known. */
export function judgeHostKey(entries: readonly KnownHost[], name: string, key: Uint8Array): HostKeyVerdict {
  const ours = entries.filter((entry) => entryMatches(entry, name));
  const revoked = ours.find((entry) => entry.marker === "revoked" && entry.key.equals(key));
  if (revoked !== undefined) return { kind: "revoked", entry: revoked };
  const plain = ours.filter(({ marker }) => marker === "none");
  if (plain.some((entry) => entry.key.equals(key))) return { kind: "known" };
  const [other] = plain;
  if (other === undefined) {
    return { kind: "unknown", authority: ours.find(({ marker }) => marker === "cert-authority") };
  }
  // One of the same type, if there is one, is what people look for.
  const known = plain.find(({ keyType }) => keyType === keyTypeOf(key)) ?? other;
  return { kind: "changed", known };
}

/** Types of the keys that are known of a host, those first that come first. */
export function knownKeyTypes(entries: readonly KnownHost[], name: string): string[] {
  const ours = entries.filter((entry) => entry.marker === "none" && entryMatches(entry, name));
  return [...new Set(ours.map(({ keyType }) => keyType))];
}

/** The line for a new key, with its end. */
export function formatKnownHost(name: string, key: Uint8Array, hashed: boolean): string {
  const base64 = Buffer.from(key).toString("base64");
  return `${hashed ? hashHostName(name) : name} ${keyTypeOf(key)} ${base64}\n`;
}
