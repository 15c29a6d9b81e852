/**
 * What has been measured over links, kept as it comes: a JSON object a line, so that a run that was cut short has lost
 * nothing but the measurement it was at.
 */
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Figures } from "./link.ts";
import type { Congestion } from "./link-bed.ts";
import type { PartResult } from "./link-parts.ts";
import type { MachineFacts } from "./machine.ts";

export interface Measurement {
  /** Its name, see link-cells.ts. */
  readonly cell: string;
  readonly peer: string;
  /** From 1; in the next one other packets are lost. */
  readonly round: number;
  readonly figures?: Figures;
  /** Instead of figures: why there are none. */
  readonly error?: string;
}

export interface LinkResults {
  readonly congestion: Congestion;
  readonly machine: MachineFacts;
  readonly measurements: readonly Measurement[];
}

export class ResultStore {
  readonly measurements: Measurement[];
  private readonly lines: string;
  private readonly final: string;
  private readonly congestion: Congestion;

  /** With `resume` it goes on from what an earlier run has left; otherwise it begins anew. */
  constructor(directory: string, congestion: Congestion, resume: boolean) {
    mkdirSync(directory, { recursive: true });
    this.congestion = congestion;
    this.lines = join(directory, `link-${congestion}.jsonl`);
    this.final = gridFile(directory, congestion);
    this.measurements = resume ? readLines(this.lines) : [];
    writeFileSync(this.lines, this.measurements.map(toLine).join(""));
  }

  /** Whether there are figures; an error is worth another try. */
  has({ cell, peer, round }: Pick<Measurement, "cell" | "peer" | "round">): boolean {
    return this.measurements.some(
      (each) =>
        each.cell === cell && each.peer === peer && each.round === round && each.figures !== undefined,
    );
  }

  add(measurement: Measurement): void {
    this.measurements.push(measurement);
    appendFileSync(this.lines, toLine(measurement));
  }

  /** Writes all as one JSON text, and says where. */
  finish(machine: MachineFacts): string {
    const results: LinkResults = { congestion: this.congestion, machine, measurements: this.measurements };
    writeFileSync(this.final, `${JSON.stringify(results, undefined, 1)}\n`);
    return this.final;
  }
}

export function gridFile(directory: string, congestion: Congestion): string {
  return join(directory, `link-${congestion}.json`);
}

export function partFile(directory: string, congestion: Congestion, part: string): string {
  return join(directory, `link-${congestion}-${part}.json`);
}

/** What one of the other parts has shown, by itself. */
export interface StoredPart {
  readonly machine: MachineFacts;
  readonly result: PartResult;
}

/** Writes it, and says where. */
export function writePart(
  directory: string,
  congestion: Congestion,
  part: string,
  stored: StoredPart,
): string {
  mkdirSync(directory, { recursive: true });
  const file = partFile(directory, congestion, part);
  writeFileSync(file, `${JSON.stringify(stored, undefined, 1)}\n`);
  return file;
}

function toLine(measurement: Measurement): string {
  return `${JSON.stringify(measurement)}\n`;
}

/** A run that was killed may have left half a line at the end. */
function readLines(file: string): Measurement[] {
  let text;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
  return text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Measurement);
}
