/** What agent-src/terminal-main.ts says on a line of its own when the terminal is the program's from here on. */
export const TERMINAL_ANSWER = "sshuttle: the terminal is the program's";
