/** The progress of an upload, as one line that is drawn over and over on a terminal, and as one at the end. */
import type { UploadProgress } from "../bootstrap/runtime-provider.ts";
import type { Log } from "./log.ts";

/** Between two drawings; more often is more than can be read. */
const DRAW_MS = 100;
/** The rate is that of about the last so many ms: a queue that fills at once is no rate, an average says nothing. */
const RATE_WINDOW_MS = 3000;
/** Below it an estimate of the rest is worth nothing. */
const SETTLE_MS = 500;
/** With it the line fits the 80 columns of a usual terminal. */
const BAR_COLUMNS = 10;
const ERASE_LINE = "\r\u001B[K";

interface Sample {
  readonly atMs: number;
  readonly bytes: number;
}

/** What is known of an upload that runs. Times are the caller's clock's, which must not go back. */
export class UploadMeter {
  private readonly startMs: number;
  private samples: Sample[];
  private total: number | undefined;

  constructor(startMs: number) {
    this.startMs = startMs;
    this.samples = [{ atMs: startMs, bytes: 0 }];
  }

  update(sentBytes: number, totalBytes: number | undefined, nowMs: number): void {
    this.total = totalBytes;
    this.samples.push({ atMs: nowMs, bytes: sentBytes });
    // One of them is kept from before the window, so that it is always full.
    const inside = this.samples.findIndex(({ atMs }) => atMs > nowMs - RATE_WINDOW_MS);
    this.samples = this.samples.slice(Math.max(0, inside - 1));
  }

  /** Bytes a second; undefined while too little is known. */
  rate(): number | undefined {
    const [first, last] = [this.samples[0], this.samples.at(-1)];
    if (first === undefined || last === undefined || last.atMs - this.startMs < SETTLE_MS) return undefined;
    return ((last.bytes - first.bytes) * 1000) / (last.atMs - first.atMs);
  }

  /** Seconds to the end; undefined while that is unknown, or when nothing moves. */
  remainingSeconds(): number | undefined {
    const rate = this.rate();
    if (this.total === undefined || rate === undefined || rate <= 0) return undefined;
    return (this.total - this.sentBytes) / rate;
  }

  /** Such as "uploading node 20.20.2 [=====>      ]  31%  10.2 of 32.5 MB  2.1 MB/s  11 s", cut to the columns. */
  line(what: string, columns: number): string {
    const total = this.total;
    const rate = this.rate();
    const rest = this.remainingSeconds();
    const parts = [
      ...(total === undefined ? [] : [percent(this.sentBytes, total)]),
      total === undefined
        ? formatBytes(this.sentBytes)
        : `${formatBytes(this.sentBytes)} of ${formatBytes(total)}`,
      ...(rate === undefined ? [] : [`${formatBytes(rate)}/s`]),
      ...(rest === undefined ? [] : [formatSeconds(rest)]),
    ];
    const text = `uploading ${what}`;
    const withBar = [total === undefined ? text : `${text} ${bar(this.sentBytes, total)}`, ...parts].join(
      "  ",
    );
    const fitting = withBar.length <= columns ? withBar : [text, ...parts].join("  ");
    return fitting.slice(0, Math.max(0, columns));
  }

  /** Such as "uploaded node 20.20.2: 32.5 MB in 15 s (2.1 MB/s)". */
  summary(what: string): string {
    const tookMs = (this.samples.at(-1)?.atMs ?? this.startMs) - this.startMs;
    const rate = tookMs === 0 ? "" : ` (${formatBytes((this.sentBytes * 1000) / tookMs)}/s)`;
    return `uploaded ${what}: ${formatBytes(this.sentBytes)} in ${formatSeconds(tookMs / 1000)}${rate}`;
  }

  private get sentBytes(): number {
    return this.samples.at(-1)?.bytes ?? 0;
  }
}

/** Where the line is drawn. */
export interface ProgressScreen {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** Draws on a terminal what it is told; anywhere else, and at the end, one entry of the log, at -v. */
export function uploadProgress(
  screen: ProgressScreen,
  log: Log,
  now: () => number = () => performance.now(),
): (progress: UploadProgress) => void {
  let meter: UploadMeter | undefined;
  let drawnMs = -Infinity;
  return ({ file, sentBytes, totalBytes, done }) => {
    const nowMs = now();
    const what = `${file.name} ${file.version}`;
    meter ??= new UploadMeter(nowMs);
    meter.update(sentBytes, totalBytes, nowMs);
    if (done) {
      if (screen.isTTY === true) screen.write(ERASE_LINE);
      log(1, meter.summary(what));
      meter = undefined;
      drawnMs = -Infinity;
    } else if (screen.isTTY === true && nowMs - drawnMs >= DRAW_MS) {
      drawnMs = nowMs;
      // The last column stays free: a terminal that wraps there would begin a line for each drawing.
      screen.write(`${ERASE_LINE}${meter.line(what, columnsOf(screen) - 1)}`);
    }
  };
}

/** A terminal that nobody has told its size says 0. */
function columnsOf({ columns = 0 }: ProgressScreen): number {
  return columns > 0 ? columns : 80;
}

function bar(sentBytes: number, totalBytes: number): string {
  const full = Math.round(share(sentBytes, totalBytes) * BAR_COLUMNS);
  const head = full > 0 && full < BAR_COLUMNS ? `${"=".repeat(full - 1)}>` : "=".repeat(full);
  return `[${head.padEnd(BAR_COLUMNS)}]`;
}

function percent(sentBytes: number, totalBytes: number): string {
  // Not before it is all: 99.6 % is no 100.
  return `${Math.floor(share(sentBytes, totalBytes) * 100)}%`.padStart(4);
}

function share(sentBytes: number, totalBytes: number): number {
  return totalBytes <= 0 ? 1 : Math.min(1, sentBytes / totalBytes);
}

/** In units of 1000, three digits at least: "999 B", "32.5 MB", "107 MB". */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB"];
  let value = Math.max(0, bytes);
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value.toFixed(unit === 0 || value >= 99.95 ? 0 : 1)} ${units[unit]}`;
}

/** "0.4 s", "12 s", "3 min 05 s", "2 h 10 min". */
export function formatSeconds(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const two = (value: number): string => String(value).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${two(whole % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}
