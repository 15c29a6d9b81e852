/** What stands for something else in values of ssh_config. Source: ssh_config(5), TOKENS and ENVIRONMENT VARIABLES. */
import { ConfigSyntaxError } from "./config-sections.ts";

/** One letter to what %LETTER stands for. */
export type Tokens = Readonly<Record<string, string>>;

/** @throws ConfigSyntaxError for a token that is not among them. */
export function expandPercent(text: string, tokens: Tokens): string {
  return text.replace(/%(.?)/gs, (token: string, letter: string) => {
    if (letter === "%") return "%";
    const value = tokens[letter];
    if (value === undefined) throw new ConfigSyntaxError(`"${text}": ${token} is not known here`);
    return value;
  });
}

/** ${NAME}; @throws ConfigSyntaxError for one that is not set. */
export function expandEnvironment(
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  return text.replace(/\$\{([^}]*)\}/g, (_variable, name: string) => {
    const value = environment[name];
    if (value === undefined) throw new ConfigSyntaxError(`"${text}": the environment has no ${name}`);
    return value;
  });
}

/** "~" and "~/…"; another user's home is left as it stands. */
export function expandTilde(path: string, home: string): string {
  return path === "~" || path.startsWith("~/") ? home + path.slice(1) : path;
}
