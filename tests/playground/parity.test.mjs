// The page says of a line what `shiwake explain --format json` says of it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { open, ROOT, SHIWAKE, sorted, startBrowser, stopBrowser } from './page.mjs';

before(startBrowser);
after(stopBrowser);

const SAMPLES = `${ROOT}wasm/playground/samples`;
const FORMATS = `${ROOT}tests/data/formats`;

async function told(page, lines, rules) {
  // What is typed is read after a pause: lines that came sooner would be sorted by the rules before.
  await page.evaluate((text) => new Promise((resolve, reject) => {
    worker.addEventListener('message', ({ data }) => {
      if (data.kind !== 'rules' || data.text !== text) return;
      const { usable, faults } = JSON.parse(data.report);
      if (usable) resolve();
      else reject(new Error(JSON.stringify(faults)));
    });
    const area = document.getElementById('rules');
    area.value = text;
    area.dispatchEvent(new Event('input'));
  }), rules);
  await page.setInputFiles('#file-lines', { name: 'lines.log', mimeType: 'text/plain', buffer: lines });
  const count = lines.toString('latin1').replace(/\n$/, '').split('\n').length;
  await sorted(page, count);
  await page.waitForFunction(() => list.total > 0);
  const objects = [];
  for (let at = 0; at < count; at += 1) {
    // What the chosen line's JSON is before it is shown, byte for byte.
    objects.push(await page.evaluate((at) => new Promise((resolve) => {
      const hear = ({ data }) => {
        if (data.kind !== 'detail' || data.at !== at) return;
        worker.removeEventListener('message', hear);
        resolve(data.object);
      };
      worker.addEventListener('message', hear);
      choose(at);
    }), at));
  }
  const shown = await page.locator('#object').textContent();
  assert.equal(shown, await page.evaluate((object) => visible(object), objects.at(-1)));
  return objects;
}

function explained(lines, ...options) {
  const text = execFileSync(SHIWAKE, ['explain', '--format', 'json', ...options], { input: lines, encoding: 'utf8', maxBuffer: 64 << 20 });
  return text.replace(/\n$/, '').split('\n');
}

test('of all examples of formats and of all samples', async () => {
  const { page, complaints, close } = await open();
  const files = [SAMPLES, FORMATS].flatMap((folder) => readdirSync(folder).filter((name) => /\.(log|ndjson)$/.test(name)).map((name) => `${folder}/${name}`));
  const lines = Buffer.concat(files.map((file) => readFileSync(file)).map((bytes) => (bytes.at(-1) === 10 ? bytes : Buffer.concat([bytes, Buffer.from('\n')]))));
  const expected = explained(lines);
  assert.ok(expected.length > 120, `${expected.length} lines`);
  assert.deepEqual(await told(page, lines, ''), expected);
  assert.deepEqual(complaints, []);
  await close();
});

test('with rules of one\'s own', async () => {
  const { page, close } = await open();
  const lines = readFileSync(`${SAMPLES}/own_rules.log`);
  const file = `${SAMPLES}/own_rules.toml`;
  assert.deepEqual(await told(page, lines, readFileSync(file, 'utf8')), explained(lines, '--rules', file));
  await close();
});

test('of lines that are no text, empty, long, or numbers that JavaScript cannot hold', async () => {
  const { page, close } = await open();
  const lines = Buffer.concat([
    Buffer.from('\n\r\n{"id": 12345678901234567890, "f": 0.1000000000000000055, "msg": "x"}\n'),
    Buffer.from([0xff, 0x00, 0x80, 0x0a]),
    Buffer.from(`${'long '.repeat(20_000)}\n{"log_type": "audit"}\n{"a": {"b": [1, null, "ü😀\\u0000"]}}\n\n`),
  ]);
  assert.deepEqual(await told(page, lines, ''), explained(lines));
  await close();
});
