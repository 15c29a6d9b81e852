/** Prints as JSON what findOwnConnections() finds of the process given. */
import { findOwnConnections } from "../../../client/own-connections.ts";

console.log(JSON.stringify(findOwnConnections(Number(process.argv[2]))));
