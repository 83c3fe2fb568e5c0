// `npm run lab:build`: the lab as it is published, JavaScript with declarations and the programs of all architectures, in
// lab/dist, and the schemas of its reports. `npm pack ./lab` then packs it.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { attackSchemaText } from "../lab/schema/attack.ts";
import { benchSchemaText } from "../lab/schema/bench.ts";
import { conformSchemaText } from "../lab/schema/conform.ts";
import { fuzzSchemaText } from "../lab/schema/fuzz.ts";
import { overviewSchemaText } from "../lab/schema/overview.ts";
import { reportSchemaText } from "../lab/schema/report.ts";
import { scanSchemaText } from "../lab/schema/scan.ts";
import { verificationSchemaText } from "../lab/schema/verification.ts";
import { jsonSchema } from "../lab/settings.ts";
import { buildArchitectures, ROOT } from "./build.ts";
import { compileLab } from "./release/package.ts";
import { reportErrors } from "./run.ts";

reportErrors();
writeFileSync(join(ROOT, "lab/schema/report.schema.json"), reportSchemaText());
writeFileSync(join(ROOT, "lab/schema/verification.schema.json"), verificationSchemaText());
writeFileSync(join(ROOT, "lab/schema/scan.schema.json"), scanSchemaText());
writeFileSync(join(ROOT, "lab/schema/attack.schema.json"), attackSchemaText());
writeFileSync(join(ROOT, "lab/schema/bench.schema.json"), benchSchemaText());
writeFileSync(join(ROOT, "lab/schema/conform.schema.json"), conformSchemaText());
writeFileSync(join(ROOT, "lab/schema/fuzz.schema.json"), fuzzSchemaText());
writeFileSync(join(ROOT, "lab/schema/overview.schema.json"), overviewSchemaText());
writeFileSync(join(ROOT, "lab/steady-lab.schema.json"), `${JSON.stringify(jsonSchema(), undefined, 2)}\n`);
buildArchitectures("all");
compileLab(ROOT);
