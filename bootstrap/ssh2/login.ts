/** One host: a byte pipe to it in, a connection that is logged in out. */
import type { Duplex } from "node:stream";
import ssh2 from "ssh2";
import type {
  AnyAuthMethod,
  CipherAlgorithm,
  Client,
  KexAlgorithm,
  MacAlgorithm,
  NextAuthHandler,
  ServerHostKeyAlgorithm,
} from "ssh2";
import { BootstrapError } from "../errors.ts";
import { printable } from "../../bundler/printable.ts";
import { Authenticator } from "./authenticator.ts";
import { HostKeyCheck } from "./host-key-check.ts";
import type { HostSettings } from "./host-settings.ts";
import type { Prompter } from "./prompter.ts";
import { listenForRefusals } from "./refusals.ts";
import { unreachable } from "./route-errors.ts";

export interface LoginContext {
  readonly prompter: Prompter;
  readonly signal: AbortSignal;
  /** A line for the user. */
  say(line: string): void;
}

/** How far it has come: what an error means depends on it. */
type Phase = "key-exchange" | "authentication" | "ready";

const MAX_BANNER_CHARS = 16_384;

/** Resolves with a client that can open channels. @throws BootstrapError with the codes that OpenSSH's failures have. */
export async function logIn(
  settings: HostSettings,
  stream: Duplex,
  where: string,
  context: LoginContext,
): Promise<Client> {
  const client = new ssh2.Client();
  const attempt = new Login(settings, where, context, client);
  try {
    await attempt.run(stream);
    return client;
  } catch (error) {
    client.destroy();
    stream.destroy();
    throw error;
  }
}

class Login {
  private phase: Phase = "key-exchange";
  private readonly settings: HostSettings;
  private readonly where: string;
  private readonly context: LoginContext;
  private readonly client: Client;
  private readonly hostKey: HostKeyCheck;
  private authenticator: Authenticator | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(settings: HostSettings, where: string, context: LoginContext, client: Client) {
    this.settings = settings;
    this.where = where;
    this.context = context;
    this.client = client;
    this.hostKey = new HostKeyCheck(settings, where, context);
  }

  async run(stream: Duplex): Promise<void> {
    const { connectTimeoutMs, showBanner } = this.settings;
    const { client, context } = this;
    await new Promise<void>((resolve, reject) => {
      const fail = (error: Error): void => {
        if (this.phase !== "ready") reject(this.explain(error));
      };
      const stop = (): void => fail(new Error("stopped"));
      context.signal.addEventListener("abort", stop, { once: true });
      if (connectTimeoutMs !== undefined) {
        const late = (): void =>
          reject(unreachable(this.where, `no answer within ${connectTimeoutMs / 1000} s`, TIMEOUT_HINT));
        this.timer = setTimeout(late, connectTimeoutMs);
      }
      client.on("banner", (text) => {
        if (showBanner)
          for (const line of text.slice(0, MAX_BANNER_CHARS).trimEnd().split(/\r?\n/))
            context.say(printable(line));
      });
      client.on("handshake", () => {
        this.endTimer();
        if (this.phase !== "ready") this.phase = "authentication";
        this.hostKey.remember();
      });
      client.on("change password", () => fail(new PasswordExpired()));
      client.on("error", (error) => {
        // A key that could not sign; the next one is tried.
        if (error.level !== "agent") fail(error);
      });
      client.once("close", () => fail(new Error("the connection was closed")));
      client.once("ready", () => {
        this.phase = "ready";
        this.endTimer();
        context.signal.removeEventListener("abort", stop);
        resolve();
      });
      try {
        this.connect(stream, fail);
      } catch (error) {
        fail(error instanceof Error ? error : new Error(String(error)));
      }
    });
  }

  private connect(stream: Duplex, fail: (error: Error) => void): void {
    const { algorithms, serverAliveIntervalMs, serverAliveCountMax, user } = this.settings;
    const { cipher, hmac, kex } = algorithms;
    this.client.connect({
      sock: stream,
      username: user,
      // Questions to the user count as well in ssh2's own time-out.
      readyTimeout: 0,
      keepaliveInterval: serverAliveIntervalMs,
      keepaliveCountMax: serverAliveCountMax,
      algorithms: {
        serverHostKey: list<ServerHostKeyAlgorithm>(this.hostKey.algorithms()),
        ...(cipher === undefined ? {} : { cipher: list<CipherAlgorithm>(cipher) }),
        ...(hmac === undefined ? {} : { hmac: list<MacAlgorithm>(hmac) }),
        ...(kex === undefined ? {} : { kex: list<KexAlgorithm>(kex) }),
      },
      hostVerifier: (key: Buffer, verify: (permitted: boolean) => void) => {
        this.endTimer();
        const accepted = this.hostKey.accept(key);
        if (typeof accepted === "boolean") return accepted;
        accepted.then(verify, (error: unknown) => {
          fail(error instanceof Error ? error : new Error(String(error)));
          verify(false);
        });
        return undefined;
      },
      authHandler: (_methods, _partial, next) => {
        this.authenticator ??= new Authenticator(this.settings, this.context, this.hostKey.mayShowSecrets);
        void this.answer(this.authenticator, next, fail);
      },
    });
    listenForRefusals(this.client, (methods, partial) => this.authenticator?.onRefusal(methods, partial));
  }

  private async answer(
    authenticator: Authenticator,
    next: NextAuthHandler,
    fail: (error: Error) => void,
  ): Promise<void> {
    let method: AnyAuthMethod | false;
    try {
      method = await authenticator.next();
    } catch (error) {
      fail(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    // @ts-expect-error -- false, "nothing left", is missing in the types of ssh2.
    next(method);
  }

  private endTimer(): void {
    clearTimeout(this.timer);
  }

  private explain(error: Error): BootstrapError {
    this.endTimer();
    if (error instanceof BootstrapError) return error;
    if (this.hostKey.refusal !== undefined) return this.hostKey.refusal;
    const reason = printable(error.message);
    switch (this.phase) {
      case "key-exchange":
        return this.explainKeyExchange(reason, error);
      case "authentication":
      case "ready":
        return this.explainAuthentication(reason, error);
    }
  }

  private explainKeyExchange(reason: string, cause: Error): BootstrapError {
    const mismatch = /no matching (.*)$/.exec(reason)?.[1];
    if (mismatch !== undefined) {
      return new BootstrapError(
        "ssh-failed",
        `Cannot agree on algorithms with ${this.where}: no common ${mismatch}`,
        {
          cause,
          hint: "one end is too old for the other: ssh_config(5) has the lists to add to",
        },
      );
    }
    return new BootstrapError("ssh-failed", `Cannot talk to ${this.where}: ${reason}`, {
      cause,
      hint: "no sshd answers at that port, a ProxyCommand failed, or the server turns this address away",
    });
  }

  private explainAuthentication(reason: string, cause: Error): BootstrapError {
    const { offered = [], account = "nothing was tried" } = this.authenticator ?? {};
    const isRefusal = /^All configured authentication methods failed$/.test(cause.message);
    const verdict = isRefusal ? `permission denied (${offered.map(printable).join(",")})` : reason;
    return new BootstrapError(
      "ssh-authentication",
      `Cannot log in by ${this.where}: ${verdict}; ${account}`,
      {
        cause,
        hint:
          cause instanceof PasswordExpired
            ? "log in by another program once, and change it"
            : "check user name and keys; the server's log says why it refused",
      },
    );
  }
}

const TIMEOUT_HINT =
  "check address, port, and the networks and firewalls on the way, or set a longer ConnectTimeout";

class PasswordExpired extends Error {
  constructor() {
    super("the password has expired");
  }
}

/** The names are checked against ssh2's own in algorithms.ts; its types want them as literals. */
function list<T extends string>(names: readonly string[]): T[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  return [...names] as T[];
}
