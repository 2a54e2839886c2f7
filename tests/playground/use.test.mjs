// What somebody does who sees the page for the first time.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after, before, test } from 'node:test';
import { open, row, sample, SHIWAKE, sorted, startBrowser, stopBrowser } from './page.mjs';

before(startBrowser);
after(stopBrowser);

const settled = (page, text) => page.waitForFunction((expected) => document.getElementById('rules-status').textContent === expected, text);

test('from a pasted line to a rule that takes it, with a button and one word', async () => {
  const { page, complaints, close } = await open();
  await page.locator('#lines').fill('invoice paid 17 9.50 by maria\ninvoice paid 18 120.00 by maria\nshop is up\n');
  await sorted(page, 3);
  assert.deepEqual(await row(page, 0), { type: 'app', severity: '', text: 'invoice paid 17 9.50 by maria', rule: 'otherwise' });
  await page.getByRole('button', { name: 'Make a rule from this line' }).click();
  await settled(page, '1 rule · 1 test passed');
  await page.keyboard.type('audit');
  await page.waitForFunction(() => document.querySelector('.row[data-place="0"] .type')?.textContent === 'audit');
  assert.deepEqual(await row(page, 0), { type: 'audit', severity: '', text: 'invoice paid 17 9.50 by maria', rule: 'invoice-paid-maria' });
  assert.equal((await row(page, 1)).type, 'audit', 'lines like it are taken too');
  assert.equal((await row(page, 2)).rule, 'otherwise');
  const fields = await page.locator('table.added tr').allTextContents();
  assert.ok(fields.includes('paid17') && fields.includes('value9.5'), fields.join());
  await settled(page, '1 rule · 1 test passed');
  assert.deepEqual(complaints, []);
  await close();
});

test('of a line that was cut off it is told what it begins like', async () => {
  const { page, close } = await open();
  await page.locator('#lines').fill('{"level":"info","msg":"cut\n');
  await sorted(page, 1);
  await page.getByText('It begins like a line of format json, but it ends too early.').waitFor();
  await page.locator('#lines').fill('{"level":"info","msg":"whole"}\n');
  await page.getByText('It begins like a line').waitFor({ state: 'detached' });
  await close();
});

test('a type is chosen by a button, and keys are offered that the rule has not', async () => {
  const { page, close } = await open();
  await page.locator('#lines').fill('queue is full of mails');
  await sorted(page, 1);
  await page.locator('#make-rule').click();
  await page.locator('#hint').getByRole('button', { name: 'error', exact: true }).click();
  await page.waitForFunction(() => document.querySelector('.row .type')?.textContent === 'error');
  await page.locator('#rules').evaluate((area) => { const at = area.value.indexOf('match'); area.setSelectionRange(at, at); });
  await page.locator('#hint').getByRole('button', { name: 'severity', exact: true }).click();
  await page.keyboard.type('critical');
  await page.waitForFunction(() => document.querySelector('.row .severity')?.textContent === 'critical');
  assert.match(await page.locator('#rules').inputValue(), /match = "\^queue is full of mails"\nseverity = "critical"\n/);
  await close();
});

test('a rule is put before the one that took the line, and a second one for the same line is refused with the reason', async () => {
  const { page, close } = await open();
  await page.locator('#rules').fill('[[rule]]\nname = "mails"\ntype = "trace"\nmatch = "^queue "\n');
  await page.locator('#lines').fill('queue is full of mails');
  await sorted(page, 1);
  await page.waitForFunction(() => document.querySelector('.row .rule')?.textContent === 'mails');
  await page.locator('#make-rule').click();
  await page.waitForFunction(() => document.querySelector('.row .rule')?.textContent === 'queue-full-mails');
  for (let times = 0; times < 3; times += 1) {
    const before = await page.locator('#rules').inputValue();
    await page.locator('#make-rule').click();
    await page.waitForFunction((text) => document.getElementById('rules').value !== text || document.querySelector('#make-status.bad'), before);
    if (await page.locator('#make-status.bad').count()) break;
    await page.waitForFunction(() => !document.querySelector('#problems .fault'));
  }
  assert.match(await page.locator('#make-status.bad').textContent(), /never reached/);
  await close();
});

test('what is wrong is told as the command tells it, marked at its place, and put right by a button', async () => {
  const { page, close } = await open();
  const text = '# ünïcode 😀\n[[rule]]\nname = "a"\ntype = "audit"\nseverity = "wran"\nmatch = "("\n';
  await page.locator('#rules').fill(text);
  await settled(page, '2 errors');
  const file = `${mkdtempSync(`${tmpdir()}/shiwake-`)}/rules.toml`;
  writeFileSync(file, text);
  let told = '';
  try { execFileSync(SHIWAKE, ['lint', file], { encoding: 'utf8' }); } catch (error) { told = error.stdout; }
  const shown = await page.locator('#problems li:not(.note)').evaluateAll((items) => items.map((item) => ({
    place: item.querySelector('.where').textContent, message: item.querySelector('.fault').textContent, caret: item.querySelector('pre').textContent,
  })));
  const expected = shown.map(({ place, message, caret }) => `error: ${file}:${place}: ${message}\n${caret}\n`).join('');
  assert.equal(expected, told.slice(0, expected.length));
  assert.deepEqual(shown.map(({ place }) => place), ['5:12', '6:9']);
  const marked = await page.locator('.fault-mark').evaluateAll((marks) => marks.map((mark) => mark.textContent));
  assert.deepEqual([marked[0], marked.length], ['"wran"', 2], marked.join());
  assert.deepEqual(await page.locator('#gutter .fault').allTextContents(), ['5', '6']);
  await page.getByRole('button', { name: 'Use “warn”' }).click();
  await settled(page, '1 error');
  assert.match(await page.locator('#rules').inputValue(), /severity = "warn"/);
  await page.getByRole('button', { name: 'Go to line 6, column 9' }).click();
  await page.keyboard.type('"^pay now"');
  await settled(page, '1 rule · 1 warning');
  assert.match(await page.locator('#problems').textContent(), /holds for the record of no test/);
  await close();
});

test('rules that cannot be used leave the lines sorted as they were', async () => {
  const { page, close } = await open();
  await page.locator('#lines').fill('pay now');
  await page.locator('#rules').fill('[[rule]]\nname = "pays"\ntype = "audit"\nmatch = "^pay "\n');
  await page.waitForFunction(() => document.querySelector('.row .type')?.textContent === 'audit');
  await page.locator('#rules').fill('[[rule]\n');
  await settled(page, '1 error');
  assert.equal((await row(page, 0)).type, 'audit');
  assert.match(await page.locator('#problems .note').textContent(), /last rules that could be used/);
  await close();
});

test('tests of the rules run and tell what they found', async () => {
  const { page, close } = await open();
  await sample(page, 'Own rules');
  await settled(page, '2 rules · 2 tests passed');
  const text = await page.locator('#rules').inputValue();
  await page.locator('#rules').fill(text.replace('amount = 9.5', 'amount = 10'));
  await settled(page, '2 rules · 1 of 2 tests failed');
  assert.match(await page.locator('#tests').textContent(), /✗ failed test 1\s*amount expected 10, found 9.5/);
  await close();
});

test('shares add up, and a type that is pressed shows its lines only', async () => {
  const { page, close } = await open();
  await sample(page, 'Own rules');
  await sorted(page, 7);
  await page.waitForFunction(() => document.querySelectorAll('#legend button').length === 3);
  assert.deepEqual(await page.locator('#legend button').allTextContents(), ['billing43%92 B', 'app29%47 B', 'dropped29%200 B']);
  const widths = await page.locator('#bar i').evaluateAll((parts) => parts.map((part) => part.style.flexGrow));
  assert.deepEqual(widths, ['3', '2', '2']);
  await page.locator('#legend button', { hasText: 'dropped' }).click();
  await page.waitForFunction(() => document.querySelectorAll('.row').length === 2);
  assert.equal((await row(page, 0)).text, '192.0.2.40 - - [21/Nov/2026:10:05:14 +0000] "GET /health HTTP/1.1" 200 2 "-" "ELB-HealthChecker/2.0"');
  await page.waitForFunction(() => document.getElementById('detail').textContent.includes('goes nowhere: it is counted and thrown away'));
  await close();
});

test('where lines come from is asked by rules and told in tags', async () => {
  const { page, close } = await open();
  await page.locator('#rules').fill('[[rule]]\nname = "side"\ntype = "trace"\nwhen = { tag = "pay-*", container = "envoy", source = "stdout" }\n');
  await page.locator('#lines').fill('cds: add 3 clusters');
  await page.locator('#origin summary').click();
  await page.getByLabel('Tag', { exact: true }).fill('pay-1');
  await page.getByLabel('Container').fill('envoy');
  await page.getByLabel('Source').selectOption('stdout');
  await page.getByLabel('env', { exact: true }).fill('Prod');
  await page.getByLabel('dd_tags').fill('team:mesh');
  await page.waitForFunction(() => document.querySelector('.row .rule')?.textContent === 'side' && document.querySelectorAll('.tags li').length > 2);
  const tags = await page.locator('.tags li').allTextContents();
  assert.ok(tags.includes('env:prod') && tags.includes('team:mesh') && tags.includes('container_name:envoy'), tags.join());
  await close();
});

test('files are dropped or opened: lines, also such as are no text, and rules, which can be saved again', async () => {
  const { page, complaints, close } = await open();
  const drop = (name, bytes) => page.evaluate(([name, bytes]) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(bytes)], name));
    dispatchEvent(new DragEvent('dragenter', { dataTransfer: data }));
    dispatchEvent(new DragEvent('drop', { dataTransfer: data, cancelable: true }));
  }, [name, [...bytes]]);
  await drop('app.log', Buffer.concat([Buffer.from('ERROR caf\u00e9\n'), Buffer.from([0xff, 0xfe, 0x00, 0x0a]), Buffer.from('last')]));
  await sorted(page, 3);
  assert.equal((await row(page, 0)).type, 'error');
  assert.equal((await row(page, 2)).text, 'last');
  assert.match(await page.locator('#file-card').textContent(), /app\.log 20 B/);
  const rules = '[[rule]]\nname = "last"\ntype = "audit"\nmatch = "^last"\n';
  await drop('rules.toml', Buffer.from(rules));
  await page.waitForFunction(() => document.querySelector('.row[data-place="2"] .type')?.textContent === 'audit');
  const download = page.waitForEvent('download');
  await page.locator('#rules-save').click();
  assert.equal(readFileSync(await (await download).path(), 'utf8'), rules);
  await page.locator('#file-remove').click();
  await page.setInputFiles('#file-lines', { name: 'b.log', mimeType: 'text/plain', buffer: Buffer.from('x\n\ny\n') });
  await sorted(page, 3);
  assert.deepEqual(complaints, []);
  await close();
});
