/** SVG as text: elements, and a logarithmic scale. */

export type Attributes = Readonly<Record<string, string | number>>;

/** Numbers to a tenth: finer is finer than a pixel. */
export function element(name: string, attributes: Attributes, ...children: readonly string[]): string {
  const words = Object.entries(attributes).map(
    ([key, value]) => ` ${key}="${typeof value === "number" ? Number(value.toFixed(1)) : escapeText(value)}"`,
  );
  const open = `<${name}${words.join("")}`;
  return children.length === 0 ? `${open}/>` : `${open}>${children.join("")}</${name}>`;
}

export function escapeText(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

export interface LogScale {
  readonly min: number;
  readonly max: number;
  readonly from: number;
  readonly to: number;
}

/** Where a value stands; one that is off the scale stands at its end. */
export function place({ min, max, from, to }: LogScale, value: number): number {
  const share = Math.log(Math.min(max, Math.max(min, value)) / min) / Math.log(max / min);
  return from + share * (to - from);
}
