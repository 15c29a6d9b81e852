/** A sample for people: figures one below the other, a column each way. */
import type { DirectionSample, Sample } from "./sample.ts";

/** What a figure is called, and how it is shown; the order in which they stand. */
const ROWS: readonly [name: string, cell: (direction: DirectionSample) => string][] = [
  ["rate, estimated", ({ bytesPerS }) => orDash(bytesPerS, formatRate)],
  ["least round trip", ({ minRttMs }) => orDash(minRttMs, (ms) => `${ms.toFixed(1)} ms`)],
  ["in flight", ({ flightBytes }) => orDash(flightBytes, formatBytes)],
  ["in flight at most", ({ capBytes }) => orDash(capBytes, formatBytes)],
  ["waiting to be sent", ({ queuedBytes }) => orDash(queuedBytes, formatBytes)],
  ["sent", ({ sentBytes }) => orDash(sentBytes, formatBytes)],
  ["acknowledged", ({ ackedBytes }) => orDash(ackedBytes, formatBytes)],
  ["received", ({ receivedBytes }) => orDash(receivedBytes, formatBytes)],
  ["control", ({ control }) => control ?? "not known"],
];
/** The longest: "statistics after 99 h 59 min". */
const NAME_COLUMNS = 28;
const CELL_COLUMNS = 13;

/** Lines without an end of line at the end. */
export function formatSample(sample: Sample): string {
  const { up, down, connections, elapsedMs } = sample;
  const { open, opened, resets } = connections;
  const reasons = Object.entries(resets).map(([reason, times]) => `${times} ${reason}`);
  const total = Object.values(resets).reduce((sum, times) => sum + times, 0);
  return [
    row(`statistics after ${formatDuration(elapsedMs)}`, "up", "down"),
    ...ROWS.map(([name, cell]) => row(`  ${name}`, cell(up), cell(down))),
    `  connections: ${open} open, ${opened} opened in all, ${total} reset${total === 0 ? "" : ` (${reasons.join(", ")})`}`,
  ].join("\n");
}

function row(name: string, up: string, down: string): string {
  return `${name.padEnd(NAME_COLUMNS)}${up.padStart(CELL_COLUMNS)}${down.padStart(CELL_COLUMNS)}`;
}

function orDash(value: number | null, format: (value: number) => string): string {
  return value === null ? "-" : format(value);
}

/** Three digits are more than the figures are worth. */
function scaled(value: number, base: number, units: readonly string[]): string {
  let unit = 0;
  let rest = value;
  // 999.5 would be shown as 1000.
  while (unit < units.length - 1 && rest >= Math.min(base, 999.5)) {
    rest /= base;
    unit++;
  }
  const digits = unit === 0 || rest >= 99.95 ? 0 : rest >= 9.995 ? 1 : 2;
  return `${rest.toFixed(digits)} ${units[unit] ?? ""}`;
}

export function formatBytes(bytes: number): string {
  return scaled(bytes, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]);
}

export function formatRate(bytesPerS: number): string {
  return scaled(bytesPerS * 8, 1000, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"]);
}

function formatDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}
