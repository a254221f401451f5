// Bundle script and style into built/, each file named by its content's hash, and a manifest of the names.
import { build } from "esbuild";
import { readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";

const out = process.env.PACKTRAIN_PAGES_OUT ?? "built";
const entries = await topFiles("script/pages", ".ts");
const styles = await topFiles("style/pages", ".css");

await rm(out, { recursive: true, force: true });
const result = await build({
  entryPoints: [...entries, ...styles],
  outdir: out,
  outbase: ".",
  entryNames: "[name]-[hash]",
  chunkNames: "part-[hash]",
  assetNames: "[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  minify: true,
  metafile: true,
  legalComments: "external",
  logLevel: "warning",
});

const manifest = {};
for (const [file, output] of Object.entries(result.metafile.outputs)) {
  if (output.entryPoint === undefined) continue;
  const extension = file.endsWith(".css") ? ".css" : ".js";
  if (path.extname(output.entryPoint) === ".ts" && extension === ".css") continue;
  manifest[path.basename(output.entryPoint).replace(/\.(ts|css)$/, extension)] = path.basename(file);
}
await writeFile(path.join(out, "manifest.json"), JSON.stringify(manifest, null, 1) + "\n");

async function topFiles(folder, extension) {
  const names = await readdir(folder);
  return names.filter((name) => name.endsWith(extension)).sort().map((name) => path.join(folder, name));
}
