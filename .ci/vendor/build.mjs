// Bundles each library into one file and writes their versions, hashes and licences: node build.mjs OUT TEST_OUT
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

const [out, testOut] = process.argv.slice(2);
const LIBRARIES = {
  "preact.js": { from: "preact.js", packages: ["preact", "@preact/signals", "@preact/signals-core", "htm"] },
  "uplot.js": { from: "node_modules/uplot/dist/uPlot.esm.js", packages: ["uplot"] },
  "uplot.css": { from: "node_modules/uplot/dist/uPlot.min.css", packages: ["uplot"] },
  "dagre.js": { from: "node_modules/@dagrejs/dagre/dist/dagre.esm.js", packages: ["@dagrejs/dagre", "@dagrejs/graphlib"] },
  "anser.js": { from: "node_modules/anser/lib/index.js", packages: ["anser"] },
};

const described = (name) => {
  const { version, license } = JSON.parse(readFileSync(join("node_modules", name, "package.json")));
  return { name, version, license };
};
const licence = (name) => {
  const file = readdirSync(join("node_modules", name)).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file ? readFileSync(join("node_modules", name, file), "utf8").trim() : "see its package";
  return `${name} ${described(name).version}\n\n${text}\n`;
};

mkdirSync(out, { recursive: true });
mkdirSync(testOut, { recursive: true });
const manifest = {};
for (const [name, { from, packages }] of Object.entries(LIBRARIES)) {
  await build({
    entryPoints: [from], outfile: join(out, name), bundle: true, minify: true, format: "esm", legalComments: "none",
    banner: { [name.endsWith(".css") ? "css" : "js"]: `/* ${packages.map((each) => `${each} ${described(each).version} (${described(each).license})`).join(", ")}; see LICENCES */` },
  });
  const sha256 = createHash("sha256").update(readFileSync(join(out, name))).digest("hex");
  manifest[name] = { sha256, packages: packages.map(described) };
}
const all = [...new Set(Object.values(LIBRARIES).flatMap((each) => each.packages))];
writeFileSync(join(out, "LICENCES"), all.map(licence).join("\n----\n\n"));
writeFileSync(join(out, "vendor.json"), JSON.stringify(manifest, null, 2) + "\n");
copyFileSync("node_modules/axe-core/axe.min.js", join(testOut, basename("axe.min.js")));
