/** Method nft: an owned table, made through the socket that this object holds. */
import { constants } from "node:os";
import type { Family } from "../subnet.ts";
import type { Backend } from "./backend.ts";
import { FirewallError } from "./errors.ts";
import { hasIpv6 } from "./families.ts";
import { NftRefusal, NftSocket } from "./nft-socket.ts";
import { nftApply, nftDeleteTable, nftUpdate } from "./nft.ts";
import type { NftTable } from "./nft.ts";
import { activeFamilies } from "./plan.ts";
import type { Endpoint, Plan } from "./plan.ts";

const { EINVAL, ENOENT, EOPNOTSUPP } = constants.errno;

/** Touches every kind of rule that any plan needs, so that its check tells what the kernel lacks. */
const SAMPLE: Plan = {
  listeners: [
    { family: 4, address: "127.0.0.1", port: 1 },
    { family: 6, address: "2001:db8::1", port: 1 },
  ],
  includes: [
    { family: 4, address: "192.0.2.0", prefix: 25 },
    { family: 6, address: "2001:db8::", prefix: 33 },
  ],
  excludes: [],
  ownConnections: [{ family: 4, address: "192.0.2.1", port: 22 }],
  sources: "both",
};

export class NftBackend implements Backend {
  readonly method = "nft";
  readonly families: readonly Family[] = hasIpv6() ? [4, 6] : [4];
  readonly warnings: readonly string[];
  private readonly socket: NftSocket;
  private readonly table: NftTable;
  private applied: readonly Family[] | undefined;

  /** @throws FirewallError "firewall-no-method" if this kernel cannot do it. */
  constructor(instance: string) {
    this.socket = new NftSocket();
    try {
      this.table = { name: instance, owned: this.findOwned(instance) };
    } catch (cause) {
      this.socket.close();
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new FirewallError("firewall-no-method", `nf_tables cannot be used: ${reason}`, { cause });
    }
    this.warnings = this.table.owned
      ? []
      : [
          "this kernel is older than 5.12: after SIGKILL the rules stay until sshuttle cleanup or the next start",
        ];
  }

  apply(plan: Plan): Promise<void> {
    return refusable("apply the rules", () => {
      this.socket.commit(nftApply(plan, this.table));
      this.applied = activeFamilies(plan);
    });
  }

  update(ownConnections: readonly Endpoint[]): Promise<void> {
    return refusable("update the rules", () =>
      this.socket.commit(nftUpdate(this.applied ?? [], ownConnections, this.table.name)),
    );
  }

  undo(): Promise<void> {
    return refusable("remove the rules", () => {
      const { applied } = this;
      this.applied = undefined;
      try {
        if (applied !== undefined) this.socket.commit([nftDeleteTable(this.table.name)]);
      } catch (error) {
        // Someone with other means has removed it already.
        if (!(error instanceof NftRefusal && error.result === -ENOENT)) throw error;
      }
    });
  }

  private findOwned(instance: string): boolean {
    try {
      this.socket.check(nftApply(SAMPLE, { name: instance, owned: true }));
      return true;
    } catch (error) {
      // What kernels before 5.12 say to a table flag that they do not know.
      if (!(error instanceof NftRefusal) || ![-EOPNOTSUPP, -EINVAL].includes(error.result)) throw error;
    }
    this.socket.check(nftApply(SAMPLE, { name: instance, owned: false }));
    return false;
  }
}

async function refusable(deed: string, act: () => void): Promise<void> {
  try {
    await Promise.resolve().then(act);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FirewallError("firewall-refused", `Cannot ${deed} by nf_tables: ${reason}`, { cause });
  }
}
