import type { Channel } from "./channel.ts";
import type { GoAway, ResetCode } from "./codes.ts";
import type { Hello } from "./hello.ts";

/** Why the link is over. */
export interface LinkEnd {
  /** `local`: this end said go-away. `peer`: the other did. `lost`: the pipe ended or broke, or went silent. */
  readonly by: "local" | "peer" | "lost";
  readonly code: GoAway;
  readonly detail: string;
}

/**
 * What a mux has to tell. Nothing follows `reset` on its channel, and nothing follows `closed` but the resets of
 * channels that were opened too late.
 */
export type MuxEvent =
  | { readonly type: "hello"; readonly hello: Hello }
  | { readonly type: "open"; readonly channel: Channel }
  | { readonly type: "opened"; readonly channel: Channel }
  | { readonly type: "data"; readonly channel: Channel; readonly bytes: Uint8Array }
  | { readonly type: "end"; readonly channel: Channel }
  | { readonly type: "reset"; readonly channel: Channel; readonly code: ResetCode; readonly detail: string }
  | { readonly type: "writable"; readonly channel: Channel }
  | { readonly type: "closed"; readonly end: LinkEnd };
