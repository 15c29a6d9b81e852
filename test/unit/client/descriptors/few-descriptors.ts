/** Echoes by DescriptorSocket, and prints its port: to be run where descriptors are few. */
import { listenByDescriptor } from "../../../../client/descriptors/descriptor-listener.ts";
import { Slab } from "../../../../client/descriptors/slab.ts";
import { sharedDescriptors } from "../../../../client/descriptors/take-over.ts";
import { systemCalls } from "../../../../client/ffi.ts";

const context = { calls: systemCalls(), ...sharedDescriptors(), slab: new Slab(() => false) };
const listener = listenByDescriptor({ family: 4, address: "127.0.0.1", port: 0 }, context, (socket) => {
  socket.on("data", (bytes) => void socket.write(bytes));
  socket.on("end", () => socket.end());
  socket.resume();
});
console.log(listener.endpoint.port);
