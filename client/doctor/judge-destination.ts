/** What the server's answer to a connect means. */
import { ResetCode } from "../../agent-src/wire/codes.ts";
import { formatDestination, isName } from "./destination.ts";
import type { Destination } from "./destination.ts";
import { formatMs, okay, problem, warning } from "./step.ts";
import type { Step } from "./step.ts";

export type Answer =
  | { readonly type: "opened"; readonly ms: number }
  | { readonly type: "reset"; readonly code: ResetCode; readonly detail: string }
  /** Nothing came in that time. */
  | { readonly type: "silent"; readonly ms: number };

export interface Asked {
  readonly destination: Destination;
  readonly answer: Answer;
}

interface Meaning {
  readonly what: string;
  readonly fix: string;
}

const LOST_ON_THE_WAY: Meaning = {
  what: "no answer",
  fix: "the host is down, or a firewall between the server and it drops the connection",
};

const FAULT_OF_OURS: Meaning = {
  what: "it failed",
  fix: "try again; report it, with this line, if it stays",
};

const MEANINGS: Readonly<Record<ResetCode, Meaning>> = {
  [ResetCode.Aborted]: FAULT_OF_OURS,
  [ResetCode.Refused]: {
    what: "refused",
    fix: "the host is there: check that the service listens on that address and port, and no firewall rejects it",
  },
  [ResetCode.HostUnreachable]: {
    what: "host unreachable",
    fix: "the server's network has no way to that host, or a router forbids it: ip route get on the server shows the route",
  },
  [ResetCode.NetworkUnreachable]: {
    what: "network unreachable",
    fix: "the server has no route there: ip route on the server shows what it has; IPv6 may be missing altogether",
  },
  [ResetCode.TimedOut]: LOST_ON_THE_WAY,
  [ResetCode.NameNotFound]: {
    what: "the server cannot resolve the name",
    fix: "check the spelling, and the name service of the server; an address needs none",
  },
  [ResetCode.ResetByPeer]: {
    what: "reset",
    fix: "something on the way, or the host, ends such connections: see its firewall's log",
  },
  [ResetCode.Resource]: {
    what: "the server has no file descriptor, port or memory left",
    fix: "see ulimit -n of that login, and what else runs there",
  },
  [ResetCode.Forbidden]: {
    what: "the server's system forbids it",
    fix: "an output rule of the server's firewall, or its security module: see its rules",
  },
  [ResetCode.Unsupported]: FAULT_OF_OURS,
  [ResetCode.Internal]: FAULT_OF_OURS,
};

export function judgeDestination({ destination, answer }: Asked): Step {
  const name = formatDestination(destination);
  if (answer.type === "opened") return okay("target", `${name}: connected in ${formatMs(answer.ms)}`);
  if (answer.type === "silent") {
    return problem(
      "target",
      `${name}: ${LOST_ON_THE_WAY.what} within ${answer.ms / 1000} s`,
      LOST_ON_THE_WAY.fix,
    );
  }
  if (answer.code === ResetCode.Refused && !destination.isPortGiven) {
    return okay("target", `${name}: the host answers, and nothing listens at that port`);
  }
  const { what, fix } = MEANINGS[answer.code];
  return problem("target", `${name}: ${what}${answer.detail === "" ? "" : ` (${answer.detail})`}`, fix);
}

/** Whether names are resolved there: by any name that was asked for, however the connect to it ended. */
export function judgeNamesThere(asked: readonly Asked[]): Step | undefined {
  const named = asked.filter(({ destination }) => isName(destination));
  // A connect that hangs may hang for a name service or for a host; another name may tell.
  const resolved = named.find(({ answer }) => answer.type !== "silent" && !isNotFound(answer));
  if (resolved !== undefined) {
    return okay("names-there", `the server resolves ${resolved.destination.host}`);
  }
  const failed = named.find(({ answer }) => isNotFound(answer)) ?? named[0];
  if (failed === undefined) return undefined;
  return warning(
    "names-there",
    isNotFound(failed.answer)
      ? `the server does not resolve ${failed.destination.host}`
      : `cannot tell whether the server resolves ${failed.destination.host}: no answer`,
    "nothing is lost as long as you use addresses, or names that this machine resolves; else see /etc/resolv.conf there",
  );
}

function isNotFound(answer: Answer): boolean {
  return answer.type === "reset" && answer.code === ResetCode.NameNotFound;
}
