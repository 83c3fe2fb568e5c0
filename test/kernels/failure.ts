// What the harness itself may fail at. A script that fails is no failure of the harness: it has an outcome.

type GuestErrorCode =
  | "install" // qemu could not be installed
  | "download" // a Debian package could not be had
  | "timeout" // the guest had to be killed
  | "crash" // the guest ended before its last script did
  | "output"; // a script wrote more than is kept

export class GuestError extends Error {
  readonly code: GuestErrorCode;

  constructor(code: GuestErrorCode, message: string) {
    super(message);
    this.name = "GuestError";
    this.code = code;
  }
}
