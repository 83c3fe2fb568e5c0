// The bundled applications once more, each asked about everything: what is not expected is not found, either.

import { describe } from "node:test";
import { RULES } from "../../lab/index.ts";
import { eachApplication } from "../lab/lib.ts";

describe("applications, all rules", { concurrency: 2 }, () => {
  const all = RULES.map(({ id }) => id);
  eachApplication((application, expect) => expect(all, { grace: "5s", ...application.settings }));
});
