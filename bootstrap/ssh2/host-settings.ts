/**
 * What a configuration says about one host, typed, with defaults and every token in it spelled out.
 *
 * What is not supported and would change who is trusted or how the host is reached becomes an error or a warning;
 * what merely has no meaning here (forwardings, terminals, shared connections) is passed over.
 */
import { createHash } from "node:crypto";
import { algorithmsFor } from "./algorithms.ts";
import type { AlgorithmChoice } from "./algorithms.ts";
import type { ConfigValues } from "./resolve-config.ts";
import { routeOf } from "./route.ts";
import type { Route } from "./route.ts";
import { expandEnvironment, expandPercent, expandTilde } from "./tokens.ts";
import type { Tokens } from "./tokens.ts";
import { ValueReader } from "./value-reader.ts";

export const AUTHENTICATION_METHODS = ["publickey", "keyboard-interactive", "password"] as const;
export type AuthenticationMethod = (typeof AUTHENTICATION_METHODS)[number];

/** StrictHostKeyChecking. */
export type HostKeyPolicy = "yes" | "ask" | "accept-new" | "no";

export interface HostSettings {
  /** As the user wrote it. */
  readonly host: string;
  readonly hostname: string;
  readonly port: number;
  readonly user: string;
  readonly route: Route;
  /** 0: whatever the system allows. */
  readonly addressFamily: 0 | 4 | 6;
  readonly bindAddress: string | undefined;
  readonly connectTimeoutMs: number | undefined;
  readonly serverAliveIntervalMs: number;
  readonly serverAliveCountMax: number;
  readonly algorithms: AlgorithmChoice;
  /** Name for known_hosts in place of host and port. */
  readonly hostKeyAlias: string | undefined;
  readonly hostKeyPolicy: HostKeyPolicy;
  readonly hashKnownHosts: boolean;
  /** The first is the one that new keys are added to. */
  readonly userKnownHostsFiles: readonly string[];
  readonly globalKnownHostsFiles: readonly string[];
  /** In the order in which they are tried. */
  readonly methods: readonly AuthenticationMethod[];
  readonly identityFiles: readonly string[];
  /** Whether the configuration names them; default ones may be absent without a word. */
  readonly identitiesNamed: boolean;
  readonly identitiesOnly: boolean;
  /** Socket of an agent. */
  readonly identityAgent: string | undefined;
  readonly passwordPrompts: number;
  /** Whether nothing may be asked. */
  readonly batchMode: boolean;
  /** Whether the server's banner is shown. */
  readonly showBanner: boolean;
  /** For the user, once each. */
  readonly warnings: readonly string[];
}

/** Facts of this machine and its user. */
export interface LocalFacts {
  readonly home: string;
  readonly user: string;
  readonly uid: number;
  readonly hostname: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

const DEFAULT_PORT = 22;
/** Source: ssh_config(5), PreferredAuthentications; what is not among ours is not supported. */
const DEFAULT_METHODS = AUTHENTICATION_METHODS.join(",");
/** Source: fill_default_options() in readconf.c; of types that no file key can be used of here, none. */
const DEFAULT_IDENTITIES = ["~/.ssh/id_rsa", "~/.ssh/id_ecdsa", "~/.ssh/id_ed25519"];
const DEFAULT_USER_HOSTS = ["~/.ssh/known_hosts", "~/.ssh/known_hosts2"];
const DEFAULT_GLOBAL_HOSTS = ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"];

/** @throws ConfigSyntaxError naming the keyword and its value. */
export function hostSettings(host: string, values: ConfigValues, facts: LocalFacts): HostSettings {
  const read = new ValueReader(values);
  const user = read.word("user") ?? facts.user;
  const port = read.number("port", DEFAULT_PORT, 1, 65_535);
  const hostname = expandPercent(read.word("hostname") ?? "%h", { h: host, n: host });
  const alias = read.word("hostkeyalias");
  const tokens = tokensFor({ host, hostname, port, user, alias }, facts);
  const path = (text: string): string =>
    expandTilde(expandPercent(expandEnvironment(text, facts.environment), tokens), facts.home);
  const paths = (keyword: string, fallback: readonly string[]): string[] =>
    (read.words(keyword) ?? fallback).filter((word) => word.toLowerCase() !== "none").map(path);
  const connectTimeout = read.duration("connecttimeout");
  return {
    host,
    hostname: hostname.toLowerCase(),
    port,
    user,
    route: routeOf(read, tokens),
    addressFamily: read.choice("addressfamily", { any: 0, inet: 4, inet6: 6 } as const, 0),
    bindAddress: read.word("bindaddress"),
    connectTimeoutMs: connectTimeout === 0 ? undefined : connectTimeout,
    serverAliveIntervalMs: read.duration("serveraliveinterval") ?? 0,
    serverAliveCountMax: read.number("serveralivecountmax", 3, 0, 1_000_000),
    algorithms: algorithmsFor({
      ciphers: read.word("ciphers"),
      macs: read.word("macs"),
      kexAlgorithms: read.word("kexalgorithms"),
      hostKeyAlgorithms: read.word("hostkeyalgorithms"),
    }),
    hostKeyAlias: alias,
    hostKeyPolicy: read.choice("stricthostkeychecking", HOST_KEY_POLICIES, "ask"),
    hashKnownHosts: read.flag("hashknownhosts", false),
    userKnownHostsFiles: paths("userknownhostsfile", DEFAULT_USER_HOSTS),
    globalKnownHostsFiles: paths("globalknownhostsfile", DEFAULT_GLOBAL_HOSTS),
    methods: methodsOf(read),
    identityFiles: paths("identityfile", DEFAULT_IDENTITIES),
    identitiesNamed: read.words("identityfile") !== undefined,
    identitiesOnly: read.flag("identitiesonly", false),
    identityAgent: agentOf(read.word("identityagent"), facts, path),
    passwordPrompts: read.number("numberofpasswordprompts", 3, 0, 1000),
    batchMode: read.flag("batchmode", false),
    showBanner: !/^(?:quiet|fatal|error)$/i.test(read.word("loglevel") ?? "info"),
    warnings: warningsFor(read),
  };
}

const HOST_KEY_POLICIES: Readonly<Record<string, HostKeyPolicy>> = {
  yes: "yes",
  true: "yes",
  ask: "ask",
  "accept-new": "accept-new",
  no: "no",
  false: "no",
  off: "no",
};

interface Names {
  readonly host: string;
  readonly hostname: string;
  readonly port: number;
  readonly user: string;
  readonly alias: string | undefined;
}

function tokensFor({ host, hostname, port, user, alias }: Names, facts: LocalFacts): Tokens {
  return {
    h: hostname,
    n: host,
    p: String(port),
    r: user,
    k: alias ?? host,
    d: facts.home,
    u: facts.user,
    i: String(facts.uid),
    l: facts.hostname,
    L: facts.hostname.split(".")[0] ?? "",
    C: createHash("sha1").update(`${facts.hostname}${hostname}${port}${user}`).digest("hex"),
  };
}

function methodsOf(read: ValueReader): AuthenticationMethod[] {
  const enabled: Readonly<Record<AuthenticationMethod, boolean>> = {
    publickey: read.choice("pubkeyauthentication", PUBLIC_KEY_CHOICES, true),
    "keyboard-interactive": read.flag(
      "kbdinteractiveauthentication",
      read.flag("challengeresponseauthentication", true),
    ),
    password: read.flag("passwordauthentication", true),
  };
  const wanted = (read.word("preferredauthentications") ?? DEFAULT_METHODS).split(",");
  return wanted.flatMap((name) => AUTHENTICATION_METHODS.filter((known) => known === name && enabled[known]));
}

/** The two others bind a login to the host key, which ssh2 does not do; they are no reason not to log in. */
const PUBLIC_KEY_CHOICES: Readonly<Record<string, boolean>> = {
  yes: true,
  true: true,
  no: false,
  false: false,
  unbound: true,
  "host-bound": true,
};

/** Source: ssh_config(5), IdentityAgent. */
function agentOf(
  word: string | undefined,
  { environment }: LocalFacts,
  path: (text: string) => string,
): string | undefined {
  if (word === undefined || word === "SSH_AUTH_SOCK") return environment["SSH_AUTH_SOCK"] || undefined;
  if (word.toLowerCase() === "none") return undefined;
  const variable = /^\$(\w+)$/.exec(word)?.[1];
  return variable === undefined ? path(word) : environment[variable] || undefined;
}

/** What would have been done by ssh and is not done here, where someone may count on it. */
function warningsFor(read: ValueReader): string[] {
  const warnings: string[] = [];
  const isSet = (keyword: string): boolean => !/^(?:no|none|false)$/i.test(read.word(keyword) ?? "no");
  for (const keyword of UNSUPPORTED) {
    if (isSet(keyword)) warnings.push(`${keyword} is not supported by --transport ssh2, and left out`);
  }
  return warnings;
}

const UNSUPPORTED = [
  "certificatefile",
  "pkcs11provider",
  "securitykeyprovider",
  "knownhostscommand",
  "canonicalizehostname",
  "verifyhostkeydns",
  "proxyusefdpass",
  "bindinterface",
] as const;
