// Builds the console, and what goes with that:
//
//   node build.mjs          makes ../dist, which is in git
//   node build.mjs check    fails when ../dist is not what the source makes
//   node build.mjs test     runs the unit tests, src/**/*.test.ts
//   node build.mjs serve    serves the source with an API that is made up, or with --admin URL that of a server

import { build, context } from 'esbuild';
import { spawn } from 'node:child_process';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const at = (name) => fileURLToPath(new URL(name, import.meta.url));
const dist = '../dist/';

const options = {
  absWorkingDir: at('.'),
  entryPoints: { console: 'src/main.tsx' },
  bundle: true,
  format: 'esm',
  target: ['chrome123', 'firefox120', 'safari17.5'], // those that have light-dark()
  jsx: 'automatic',
  jsxImportSource: 'preact',
  minify: true,
  charset: 'utf8',
  legalComments: 'none', // licences.txt has them whole
  outdir: dist,
  entryNames: 'assets/[name]-[hash]', // kept by browsers for ever
  write: false,
  logLevel: 'warning',
};

/** The files of dist by name. */
async function made() {
  const { outputFiles } = await build(options);
  const files = new Map(outputFiles.map(({ path, contents }) => [`assets/${path.split('/').at(-1)}`, Buffer.from(contents)]));
  let page = await readFile(at('src/index.html'), 'utf8');
  for (const name of files.keys()) page = page.replace(`assets/console.${name.split('.').at(-1)}`, name);
  files.set('index.html', Buffer.from(page));
  files.set('icon.svg', await readFile(at('src/icon.svg')));
  files.set('licences.txt', Buffer.from(await licences()));
  return files;
}

/** The licence of each package that is in the bundle, as it asks for. */
async function licences() {
  const { dependencies } = JSON.parse(await readFile(at('package.json'), 'utf8'));
  const folders = new Set(Object.keys(dependencies));
  for (const name of folders) {
    const { dependencies: more = {} } = JSON.parse(await readFile(at(`node_modules/${name}/package.json`), 'utf8'));
    for (const other of Object.keys(more)) folders.add(other);
  }
  let text = 'The console contains these packages.\n';
  for (const name of [...folders].sort()) {
    const { version } = JSON.parse(await readFile(at(`node_modules/${name}/package.json`), 'utf8'));
    const file = (await readdir(at(`node_modules/${name}`))).find((file) => /^licen[cs]e/i.test(file));
    if (!file) throw new Error(`${name} comes without its licence`);
    text += `\n== ${name} ${version}\n\n${(await readFile(at(`node_modules/${name}/${file}`), 'utf8')).trim().replaceAll('\r', '')}\n`;
  }
  return text;
}

async function write() {
  const files = await made();
  await rm(at(dist), { recursive: true, force: true });
  await mkdir(at(`${dist}assets`), { recursive: true });
  for (const [name, contents] of files) await writeFile(at(dist + name), contents);
  console.log([...files].map(([name, { length }]) => `${name} ${(length / 1024).toFixed(1)} KiB`).join(', '));
}

async function check() {
  const files = await made();
  const there = await readdir(at(dist), { recursive: true, withFileTypes: true }).catch(() => []);
  const names = new Set([...files.keys(), ...there.filter((file) => file.isFile()).map(({ name, parentPath }) => relative(at(dist), join(parentPath, name)))]);
  const differ = [];
  for (const name of names) {
    const have = await readFile(at(dist + name)).catch(() => undefined);
    if (!have || !files.get(name)?.equals(have)) differ.push(name);
  }
  if (differ.length > 0) {
    console.error(`The console's built files are not those of its source: ${differ.join(', ')}. Run: make console`);
    process.exitCode = 1;
  }
}

async function test() {
  const all = await readdir(at('src'), { recursive: true });
  const outdir = at('node_modules/.tests');
  await rm(outdir, { recursive: true, force: true });
  const { metafile } = await build({
    absWorkingDir: at('.'), entryPoints: all.filter((name) => /\.test\.tsx?$/.test(name)).map((name) => `src/${name}`),
    bundle: true, format: 'esm', platform: 'node', target: 'node20', packages: 'external', sourcemap: 'inline',
    jsx: 'automatic', jsxImportSource: 'preact', outdir, outExtension: { '.js': '.mjs' }, metafile: true, logLevel: 'warning',
  });
  const files = Object.keys(metafile.outputs).filter((name) => name.endsWith('.mjs'));
  const node = spawn(process.execPath, ['--enable-source-maps', '--test', ...files], { cwd: at('.'), stdio: 'inherit', env: { ...process.env, TZ: 'UTC' } });
  node.on('exit', (code) => { process.exitCode = code ?? 1; });
}

async function serve() {
  const flag = (name) => process.argv[process.argv.indexOf(name) + 1];
  const { listen } = await import('./mock/server.mjs');
  const out = at('node_modules/.serve');
  await mkdir(out, { recursive: true });
  const watching = await context({ ...options, minify: false, sourcemap: 'linked', entryNames: 'assets/[name]', outdir: out, write: true });
  await watching.watch();
  const port = process.argv.includes('--port') ? Number(flag('--port')) : 5173;
  const { url } = await listen({ folders: [out, at('src')], port, ...(process.argv.includes('--admin') && { admin: flag('--admin') }) });
  console.log(`console: ${url}`);
}

await { build: write, check, test, serve }[process.argv[2] ?? 'build']();
