/** Address bytes as text for net.connect: "10.0.0.1", or eight groups "fe80:0:0:0:0:0:0:1". */
export function formatAddress(address: Uint8Array): string {
  if (address.length === 4) return address.join(".");
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2)
    groups.push((((address[i] ?? 0) << 8) | (address[i + 1] ?? 0)).toString(16));
  return groups.join(":");
}

/** Four decimal bytes at the end; no leading zeros, which some readers take for octal. */
const QUAD = /(^|:)((?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4})$/;

const MAPPED = "::ffff:";

/**
 * "10.0.0.1", "fe80::1" or "64:ff9b::10.0.0.1" to 4 or 16 bytes. An IPv4 address mapped into IPv6 becomes
 * 4 bytes: that is what a dual-stack socket calls its IPv4 peers. Undefined for anything else, a zone
 * ("%eth0") included.
 */
export function parseAddress(text: string): Uint8Array | undefined {
  const quad = QUAD.exec(text);
  if (!quad || quad[2] === undefined) return parseGroups(text);
  const bytes = Uint8Array.from(quad[2].split("."), Number);
  const before = text.slice(0, -quad[2].length).toLowerCase();
  if (before === "" || before === MAPPED) return bytes;
  const address = parseGroups(before + "0:0");
  if (address) address.set(bytes, 12);
  return address;
}

function parseGroups(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  const [left = [], right = []] = halves.map((half) => (half ? half.split(":") : []));
  const zeros = 8 - left.length - right.length;
  if (halves.length > 2 || (halves.length === 2 ? zeros < 1 : zeros !== 0)) return undefined;
  const groups = left.concat(Array<string>(zeros).fill("0"), right);
  if (!groups.every((group) => /^[\da-f]{1,4}$/i.test(group))) return undefined;
  const address = new Uint8Array(16);
  groups.forEach((group, i) => {
    const word = parseInt(group, 16);
    address[2 * i] = word >> 8;
    address[2 * i + 1] = word;
  });
  return address;
}
