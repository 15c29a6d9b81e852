/** The client's end of the helper's socket: requests out, replies in, each awaited in turn. */
import type { Socket } from "node:net";
import { FirewallError } from "./errors.ts";
import { ReplyReader } from "./reply.ts";
import type { Reply } from "./reply.ts";

interface Waiter {
  resolve(reply: Reply): void;
  reject(error: FirewallError): void;
}

export class HelperChannel {
  /** Resolves when the helper's end is closed, with why if it was not asked to. */
  readonly closed: Promise<FirewallError | undefined>;
  private readonly socket: Socket;
  private readonly reader = new ReplyReader();
  private readonly replies: Reply[] = [];
  private waiter: Waiter | undefined;
  private failure: FirewallError | undefined;
  private isEnding = false;

  constructor(socket: Socket) {
    this.socket = socket;
    // A connection that breaks is closed as well; that is where it is dealt with.
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => this.handleData(bytes));
    this.closed = new Promise((resolve) => {
      socket.on("close", () => resolve(this.handleClose()));
    });
  }

  send(text: string): void {
    this.socket.write(text);
  }

  /** Asks the helper to undo everything, which the end of the requests does. */
  end(): void {
    this.isEnding = true;
    this.socket.end();
  }

  destroy(): void {
    this.isEnding = true;
    this.socket.destroy();
  }

  /**
   * The next reply, an error that the helper reports among them. One call at a time.
   * @throws FirewallError "firewall-helper-lost" if it ends or is silent for too long.
   */
  async next(timeoutMs: number): Promise<Reply> {
    return this.replies.shift() ?? (await this.wait(timeoutMs));
  }

  private wait(timeoutMs: number): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.failure !== undefined) return reject(this.failure);
      const timer = setTimeout(
        () => this.waiter?.reject(lost(`it has not answered for ${timeoutMs / 1000} s`)),
        timeoutMs,
      );
      const settle = (): void => {
        clearTimeout(timer);
        this.waiter = undefined;
      };
      this.waiter = {
        resolve: (reply) => {
          settle();
          resolve(reply);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
    });
  }

  private handleData(bytes: Uint8Array): void {
    try {
      for (const reply of this.reader.receive(bytes)) {
        if (this.waiter === undefined) this.replies.push(reply);
        else this.waiter.resolve(reply);
      }
    } catch (error) {
      this.failure = error instanceof FirewallError ? error : lost(String(error));
      this.socket.destroy();
    }
  }

  private handleClose(): FirewallError | undefined {
    // The helper's last word says why, if it had one.
    const reported = this.replies.find((reply) => reply.kind === "error");
    this.failure ??= reported?.kind === "error" ? reported.error : lost("it ended");
    this.waiter?.reject(this.failure);
    return this.isEnding ? undefined : this.failure;
  }
}

function lost(reason: string): FirewallError {
  return new FirewallError("firewall-helper-lost", `Cannot rely on the firewall helper: ${reason}`, {
    hint: "its rules are removed when it ends; sudo sshuttle cleanup makes sure",
  });
}
