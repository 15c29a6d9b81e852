import type { LabHost } from "../../lab/host.ts";

export type IptablesKind = "nft" | "legacy";

/** Makes `iptables` and `ip6tables` of the lab, and the lab's alone, one of the two kinds that Debian ships. */
export async function useIptables(host: LabHost, kind: IptablesKind): Promise<void> {
  const links = ["iptables", "ip6tables"].flatMap((tool) =>
    ["", "-save", "-restore"].map(
      (suffix) => `ln -sf /usr/sbin/${tool}-${kind}${suffix} /etc/alternatives/${tool}${suffix}`,
    ),
  );
  await host.shell(links.join("\n"));
}
