/**
 * The command line of `sshuttle run`: ours up to the script, the program's from there on. Nothing is resolved, read
 * or started here.
 */
import { readArguments, splitAtOperand } from "../arguments.ts";
import { CONNECTION_SPECIFICATION, parseConnection } from "../connection.ts";
import type { ConnectionOptions } from "../connection.ts";
import { UsageError } from "../errors.ts";

export interface RunOptions extends ConnectionOptions {
  /** A source to be bundled, or an archive: its name ends in ".tar". */
  readonly script: string;
  /** The program's, untouched. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Whether it gets a terminal there, which is ours. */
  readonly terminal: boolean;
  /** 0 to 3. */
  readonly verbosity: number;
}

const SPECIFICATION = {
  ...CONNECTION_SPECIFICATION,
  terminal: { type: "boolean", short: "t" },
  env: { type: "string", multiple: true },
  verbose: { type: "boolean", short: "v", multiple: true },
  help: { type: "boolean", short: "h" },
} as const;

const MAX_VERBOSITY = 3;

/**
 * Parses the arguments after `sshuttle run`.
 * @param environment where `--env NAME` without a value has it from.
 * @throws UsageError for an unknown option, a bad value, a script that is not named.
 */
export function parseRunOptions(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): RunOptions | "help" {
  const { own, operands } = splitAtOperand(argv, SPECIFICATION);
  const { values } = readArguments(own, SPECIFICATION);
  if (values.help === true) return "help";
  const [script, ...args] = operands;
  if (script === undefined || script === "") {
    throw new UsageError(
      "Cannot run a program: no script is named",
      "example: sshuttle run -r user@host script.ts --option-of-the-script",
    );
  }
  return {
    ...parseConnection(values),
    script,
    args,
    env: parseEnvironment(values.env ?? [], environment),
    terminal: values.terminal ?? false,
    verbosity: Math.min(MAX_VERBOSITY, values.verbose?.length ?? 0),
  };
}

/** The last of a name counts. What has no value here has none there, as with ssh's SendEnv. */
function parseEnvironment(
  texts: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const values: [string, string][] = [];
  for (const text of texts) {
    const [, name = "", value] = /^([^=]*)(?:=(.*))?$/s.exec(text) ?? [];
    if (name === "" || text.includes("\0")) {
      throw new UsageError(
        `Cannot set the environment variable ${JSON.stringify(text)}: it has ${name === "" ? "no name" : "a NUL byte"}`,
        "example: --env NAME=VALUE, or --env NAME for the value that it has here",
      );
    }
    const actual = value ?? environment[name];
    if (actual !== undefined) values.push([name, actual]);
  }
  return Object.fromEntries(values);
}
