/**
 * What `sshuttle/bootstrap` offers to programs of others; the transports have exports of their own, so that
 * only those who use one load it. Nothing of ours imports this file.
 */
export { SshuttleError } from "../bundler/error.ts";
export { BootstrapError } from "./errors.ts";
export type { BootstrapErrorCode } from "./errors.ts";
export { launch } from "./launch.ts";
export type { Launched, LaunchOptions, RemoteRuntime } from "./launch.ts";
export type { RuntimeFile, RuntimeProvider, RuntimeTarget, UploadProgress } from "./runtime-provider.ts";
export { runtimesToUpload } from "./runtimes/to-upload.ts";
export { describeStages } from "./stage-texts.ts";
export type { Transport, TransportExit, TransportPeer, TransportProcess } from "./transport.ts";
