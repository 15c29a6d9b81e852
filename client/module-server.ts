/** Answers an agent that has come to an import() of what was not sent with it. */
import type { Channel, ChannelHandler } from "../agent-src/wire/channel.ts";
import { ResetCode } from "../agent-src/wire/codes.ts";
import type { LateModules } from "../bootstrap/late-modules.ts";
import { printable } from "../bundler/printable.ts";
import type { Log } from "./log.ts";

/** Nothing is expected from whoever asks. */
const DEAF: ChannelHandler = {
  data: (channel) => channel.reset(ResetCode.Unsupported, "nothing is taken here"),
  end: () => {},
  reset: () => {},
  writable: () => {},
};

/** Serves a channel of kind "module"; any other is left alone, which refuses it. Each module is sent once. */
export function serveModule(channel: Channel, late: LateModules, log: Log): void {
  if (channel.target.kind !== "module") return;
  const { filename } = channel.target;
  const payload = late.payloadFor(filename);
  log(2, `the far side asks for ${printable(filename)}: ${payload?.length ?? "no"} bytes`);
  channel.handler = DEAF;
  if (payload === undefined) {
    channel.reset(ResetCode.NameNotFound, "the bundle has no such module");
    return;
  }
  channel.accept();
  channel.write(payload);
  channel.end();
}
