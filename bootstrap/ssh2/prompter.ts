/** Who is asked, and one question at a time: connections may be made side by side. */
import { askByProgram, chooseAskWay } from "./askpass.ts";
import { askOnTerminal, hasTerminal } from "./terminal.ts";

export interface Question {
  readonly text: string;
  /** Whether what is typed may be seen. */
  readonly echo: boolean;
}

export interface Prompter {
  /** Whether there is anybody to ask. */
  canAsk(): boolean;
  /** Undefined if there is nobody, or no answer is given. */
  ask(question: Question): Promise<string | undefined>;
}

let last: Promise<unknown> = Promise.resolve();

/** Asks on the terminal, or by SSH_ASKPASS, as ssh would; until `signal` aborts. */
export function createPrompter(signal: AbortSignal): Prompter {
  const way = (): ReturnType<typeof chooseAskWay> => chooseAskWay(process.env, hasTerminal);
  const put = async ({ text, echo }: Question): Promise<string | undefined> => {
    const chosen = way();
    switch (chosen.kind) {
      case "terminal":
        return await askOnTerminal(text, echo, signal);
      case "askpass":
        return await askByProgram(chosen.program, text, signal);
      case "none":
        return undefined;
    }
  };
  return {
    canAsk: () => way().kind !== "none",
    ask: (question) => {
      // A terminal that went away in between answers nothing.
      const answer = last.then(() => put(question)).catch(() => undefined);
      last = answer;
      return answer;
    },
  };
}
