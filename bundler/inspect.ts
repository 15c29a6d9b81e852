/** What a bundle consists of and what it costs to upload, for people and for programs. */
import type { Bundle, ModuleImport } from "./format.ts";
import { printable } from "./printable.ts";

/** What the bootstrap adds, given by the caller: the bundler knows nothing of it. */
export interface StageFigures {
  /** Text of the command line and of what finds a runtime. */
  readonly stage0: string;
  readonly stage1: string;
  readonly stage2Bytes: number;
  /** All that is sent before the far side says that it is ready. */
  readonly bytesBeforeReady: number;
}

export interface InspectedModule {
  readonly filename: string;
  readonly group: string;
  readonly sourceBytes: number;
  readonly codeBytes: number;
  readonly chunkBytes: number;
  readonly mapBytes: number;
  readonly sha256: string;
  readonly imports: readonly ModuleImport[];
  /** Filenames of the modules that import it. */
  readonly importedBy: readonly string[];
}

export interface InspectedTotals {
  readonly modules: number;
  readonly sourceBytes: number;
  readonly codeBytes: number;
  readonly chunkBytes: number;
  readonly mapBytes: number;
}

export interface Inspection extends StageFigures {
  readonly hash: string;
  readonly entry: string;
  readonly modules: readonly InspectedModule[];
  readonly totals: InspectedTotals;
  readonly groups: readonly ({ readonly group: string } & InspectedTotals)[];
}

export function inspectBundle(bundle: Bundle, figures: StageFigures): Inspection {
  const importedBy = new Map<string, string[]>();
  for (const { filename, imports } of bundle.modules) {
    for (const target of new Set(imports.flatMap((edge) => edge.filename ?? []))) {
      importedBy.set(target, [...(importedBy.get(target) ?? []), filename]);
    }
  }
  const modules = bundle.modules.map(
    ({ filename, group, sourceBytes, codeBytes, chunk, map, sha256, imports }): InspectedModule => ({
      filename,
      group,
      sourceBytes,
      codeBytes,
      chunkBytes: chunk.length,
      mapBytes: map.length,
      sha256,
      imports,
      importedBy: importedBy.get(filename) ?? [],
    }),
  );
  const groups = [...new Set(modules.map(({ group }) => group))].map((group) => ({
    group,
    ...totalsOf(modules.filter((module) => module.group === group)),
  }));
  const { stage0, stage1, stage2Bytes, bytesBeforeReady } = figures;
  return {
    hash: bundle.hash,
    entry: bundle.entry,
    bytesBeforeReady,
    stage0,
    stage1,
    stage2Bytes,
    totals: totalsOf(modules),
    groups,
    modules,
  };
}

/** A table for the terminal, of at most the width that the longest filename needs. Ends with a newline. */
export function formatInspection(inspection: Inspection): string {
  const { modules, totals, groups } = inspection;
  const rows: Row[] = [["", "source", "code", "chunk", "map", "sha256", "imported by"]];
  for (const { group, ...sums } of groups) {
    if (group !== "") rows.push([], [`loaded by import() with ${printable(group)}:`]);
    for (const module of modules.filter((each) => each.group === group)) rows.push(moduleRow(module));
    if (groups.length > 1) rows.push(totalsRow("", sums));
  }
  rows.push([], totalsRow(`${totals.modules} modules`, totals));
  return [
    `bundle   ${inspection.hash}`,
    `entry    ${printable(inspection.entry)}`,
    `stage 0  ${grouped(Buffer.byteLength(inspection.stage0))} bytes`,
    ...indented(inspection.stage0),
    `stage 1  ${grouped(Buffer.byteLength(inspection.stage1))} bytes`,
    ...indented(inspection.stage1),
    `stage 2  ${grouped(inspection.stage2Bytes)} bytes`,
    `before ready: ${grouped(inspection.bytesBeforeReady)} bytes, without maps`,
    "",
    ...alignColumns(rows),
    "",
  ].join("\n");
}

/** Cells: filename, four numbers, hash, importers. */
type Row = readonly string[];

function moduleRow(module: InspectedModule): Row {
  return [
    printable(module.filename),
    ...[module.sourceBytes, module.codeBytes, module.chunkBytes, module.mapBytes].map(grouped),
    module.sha256.slice(0, 12),
    printable(module.importedBy.join(" ")),
  ];
}

function totalsRow(title: string, totals: InspectedTotals): Row {
  return [title, ...[totals.sourceBytes, totals.codeBytes, totals.chunkBytes, totals.mapBytes].map(grouped)];
}

function totalsOf(modules: readonly InspectedModule[]): InspectedTotals {
  const sum = (field: "sourceBytes" | "codeBytes" | "chunkBytes" | "mapBytes"): number =>
    modules.reduce((total, module) => total + module[field], 0);
  return {
    modules: modules.length,
    sourceBytes: sum("sourceBytes"),
    codeBytes: sum("codeBytes"),
    chunkBytes: sum("chunkBytes"),
    mapBytes: sum("mapBytes"),
  };
}

/** Columns 1 to 4 are numbers, and end on one line. A row of one cell is a heading and sets no width. */
function alignColumns(rows: readonly Row[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    if (row.length < 2) continue;
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, column) =>
        isNumberColumn(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd(),
  );
}

function indented(text: string): string[] {
  return text.split("\n").map((line) => `  ${line}`);
}

function isNumberColumn(column: number): boolean {
  return column >= 1 && column <= 4;
}

/** 12345 as "12,345". */
function grouped(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ",");
}
