/** Undo steps in the order in which their deeds were done; run in reverse, each once. */
export class Undo {
  private readonly steps: (() => Promise<void>)[] = [];
  private ran = false;

  /** A step that comes after run(), from a start that a signal overtook, is run at once. */
  push(step: () => Promise<void>): void {
    if (this.ran) void step().catch(() => undefined);
    else this.steps.push(step);
  }

  /** Runs what is left. Resolves with the first failure, after every step has been tried. */
  async run(): Promise<unknown> {
    this.ran = true;
    let failure: unknown;
    for (let step = this.steps.pop(); step !== undefined; step = this.steps.pop()) {
      await step().catch((error: unknown) => (failure ??= error));
    }
    return failure;
  }
}
