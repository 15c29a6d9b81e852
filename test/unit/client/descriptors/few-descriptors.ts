/** Echoes by DescriptorSocket, and prints its port: to be run where descriptors are few. */
import { listenByDescriptor } from "../../../../client/descriptors/descriptor-listener.ts";
import { descriptorContext } from "../../../../client/descriptors/take-over.ts";

const context = descriptorContext(() => false);
const listener = listenByDescriptor({ family: 4, address: "127.0.0.1", port: 0 }, context, (socket) => {
  socket.on("data", (bytes) => void socket.write(bytes));
  socket.on("end", () => socket.end());
  socket.resume();
});
console.log(listener.endpoint.port);
