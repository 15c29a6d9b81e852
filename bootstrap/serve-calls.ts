/**
 * The far side's half of typed calls (calls.ts): one line of JSON on stdin is a call, one on stdout its answer.
 *
 *   [id, name, [argument, …]]      →      [id, "value", value]  or  [id, "error", name, message, stack]
 *
 * Answers come as they are ready, in any order. It is uploaded with the program, so Node 8 must be able to run it.
 */
import { createInterface } from "readline";

/** What can be called. Arguments and results pass through JSON. */
export type Api = Readonly<Record<string, (...args: never[]) => unknown>>;

/**
 * Answers calls from stdin on stdout, which is the calls' own from then on: print to stderr. When stdin has
 * ended the program ends as any other, with what it still has to do.
 */
export function serve(api: Api): void {
  const functions = new Map(Object.entries(api));
  createInterface({ input: process.stdin }).on("line", (line) => {
    const [id, name, args]: [number, string, unknown[]] = JSON.parse(line);
    const answer = (...words: unknown[]): void => {
      process.stdout.write(`${JSON.stringify([id, ...words])}\n`);
    };
    Promise.resolve()
      .then((): unknown => {
        const called = functions.get(name);
        if (called === undefined) throw new TypeError(`there is no "${name}"`);
        return Reflect.apply(called, api, args);
      })
      // In a list undefined would become null.
      .then((value) => (value === undefined ? answer("value") : answer("value", value)))
      .catch((error: unknown) => {
        const { name: kind, message, stack } = error instanceof Error ? error : new Error(String(error));
        answer("error", kind, message, stack);
      });
  });
}
