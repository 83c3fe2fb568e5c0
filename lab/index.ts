// What `import ... from "steady-lab"` gives.

export type * from "./report.ts";
