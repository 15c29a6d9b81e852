/** Makes rules as kernels before 5.12 must have them, in a table without an owner, and dies over it. */
import { currentInstance, formatInstanceName } from "../../../client/firewall/instance-name.ts";
import { NftSocket } from "../../../client/firewall/nft-socket.ts";
import { nftApply } from "../../../client/firewall/nft.ts";
import type { Plan } from "../../../client/firewall/plan.ts";

const plan = JSON.parse(process.argv[2] ?? "") as Plan;
new NftSocket().commit(nftApply(plan, { name: formatInstanceName(currentInstance()), owned: false }));
process.kill(process.pid, "SIGKILL");
