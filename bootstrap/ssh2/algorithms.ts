/**
 * Algorithm lists: what the configuration asks for, out of what ssh2 has, and the order of host key algorithms.
 * Source: ssh_config(5), Ciphers and the like; lib/protocol/constants.js of ssh2 1.17.
 */
import { ConfigSyntaxError } from "./config-sections.ts";
import { matchesPatternList } from "./patterns.ts";

/** Lists for ssh2's `algorithms`, best first. Absent: ssh2's own, which hold nothing that OpenSSH has retired. */
export interface AlgorithmChoice {
  readonly cipher: readonly string[] | undefined;
  readonly hmac: readonly string[] | undefined;
  readonly kex: readonly string[] | undefined;
  readonly serverHostKey: readonly string[];
  /** Whether the order of serverHostKey is the user's own, and must stay. */
  readonly serverHostKeyFixed: boolean;
}

export interface AlgorithmWords {
  readonly ciphers: string | undefined;
  readonly macs: string | undefined;
  readonly kexAlgorithms: string | undefined;
  readonly hostKeyAlgorithms: string | undefined;
}

interface Known {
  /** Best first. */
  readonly defaults: readonly string[];
  /** What may be asked for beyond. */
  readonly more: readonly string[];
}

const CIPHERS: Known = {
  defaults: [
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
  ],
  more: ["aes256-cbc", "aes192-cbc", "aes128-cbc", "3des-cbc"],
};

const MACS: Known = {
  defaults: [
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha1-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
    "hmac-sha1",
  ],
  more: ["hmac-md5", "hmac-sha1-96", "hmac-md5-96"],
};

const KEX: Known = {
  defaults: [
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group-exchange-sha256",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
    "diffie-hellman-group14-sha256",
  ],
  more: ["diffie-hellman-group-exchange-sha1", "diffie-hellman-group14-sha1", "diffie-hellman-group1-sha1"],
};

/** ssh2's own list has ssh-rsa, a signature by SHA-1, which OpenSSH retired in 8.8. */
const HOST_KEYS: Known = {
  defaults: [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
  ],
  more: ["ssh-rsa", "ssh-dss"],
};

/** @throws ConfigSyntaxError if nothing that ssh2 has is left of a list. */
export function algorithmsFor(words: AlgorithmWords): AlgorithmChoice {
  const { hostKeyAlgorithms } = words;
  return {
    cipher: choose("Ciphers", words.ciphers, CIPHERS),
    hmac: choose("MACs", words.macs, MACS),
    kex: choose("KexAlgorithms", words.kexAlgorithms, KEX),
    serverHostKey: choose("HostKeyAlgorithms", hostKeyAlgorithms, HOST_KEYS) ?? HOST_KEYS.defaults,
    serverHostKeyFixed: hostKeyAlgorithms !== undefined && !/^[+-]/.test(hostKeyAlgorithms),
  };
}

/** Names that ssh2 does not have are passed over: a file is shared with programs that have them. */
function choose(keyword: string, list: string | undefined, known: Known): readonly string[] | undefined {
  if (list === undefined) return undefined;
  const sign = /^[+^-]/.exec(list)?.[0];
  const patterns = (sign === undefined ? list : list.slice(1)).split(",").map((word) => word.trim());
  const all = [...known.defaults, ...known.more];
  const named = patterns.flatMap((pattern) => all.filter((name) => matchesPatternList([pattern], name)));
  const chosen = new Set(combine(sign, named, known.defaults));
  if (chosen.size === 0) {
    throw new ConfigSyntaxError(`${keyword} is "${list}", of which ssh2 has none; it has ${all.join(",")}`);
  }
  return [...chosen];
}

function combine(sign: string | undefined, named: readonly string[], defaults: readonly string[]): string[] {
  switch (sign) {
    case "+":
      return [...defaults, ...named];
    case "-":
      return defaults.filter((name) => !named.includes(name));
    case "^":
      return [...named, ...defaults];
    default:
      return [...named];
  }
}

/** Key type to the signature algorithms that show it; RSA keys have several. */
const SIGNATURES: Readonly<Record<string, readonly string[]>> = {
  "ssh-rsa": ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"],
};

/**
 * Algorithms of the keys that are known of the host first: a server that has several keys then shows one that can
 * be compared, and not a new one that would look like a change.
 */
export function preferKnownHostKeys(
  algorithms: readonly string[],
  knownKeyTypes: readonly string[],
): readonly string[] {
  const known = new Set(knownKeyTypes.flatMap((type) => SIGNATURES[type] ?? [type]));
  return [...algorithms.filter((name) => known.has(name)), ...algorithms.filter((name) => !known.has(name))];
}
