// Nothing leaves the page, nothing that stands in a line becomes a part of it, and it stays usable whatever it is given.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { ADDRESS, open, row, sample, sorted, startBrowser, stopBrowser } from './page.mjs';

before(startBrowser);
after(stopBrowser);

test('it works from a file without a network, asks for nothing, and could not', async () => {
  const { page, asked, complaints, close } = await open();
  assert.ok(ADDRESS.startsWith('file://'));
  await sample(page, 'Access log');
  await sorted(page, 7);
  await page.locator('#make-rule').click();
  await page.waitForFunction(() => document.querySelector('#tests .passed'));
  await page.locator('#share').click();
  await page.waitForFunction(() => document.getElementById('share-link').value);
  assert.deepEqual(asked.filter((address) => !address.startsWith('blob:')).map((address) => address.split('#')[0]), [ADDRESS]);
  assert.deepEqual(complaints, []);
  const refused = await page.evaluate(async () => {
    const told = new Promise((resolve) => { document.addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective)); });
    await fetch('https://example.com/').catch(() => {});
    return told;
  });
  assert.equal(refused, 'connect-src');
  await close();
});

test('markup in lines, rules and names stays text', async () => {
  const { page, close } = await open();
  const hostile = '<img src=x onerror="document.body.dataset.hit=1"></pre><script>document.body.dataset.hit=1</script>';
  await page.locator('#lines').fill(`${hostile}\n{"${'<b>x</b>'}": "<svg onload=alert(1)>", "msg": "\\u202egnp.exe ${hostile.replaceAll('"', '\\"')}"}\n`);
  await sorted(page, 2);
  await page.locator('#rules').fill(`[[rule]]\nname = '${hostile}'\ntype = '<i>'\n[[test]]\nname = '<u>'\nline = 'a'\nexpect = { type = 'audit' }\n`);
  await page.waitForFunction(() => document.querySelector('#problems .fault'));
  await page.locator('.row[data-place="1"]').click();
  await page.waitForFunction(() => document.getElementById('detail').textContent.includes('gnp.exe'));
  assert.match(await page.locator('table.had').textContent(), /<b>x<\/b><svg onload=alert\(1\)>/);
  const made = await page.evaluate(() => document.querySelectorAll('img, svg, section script, section u, .row b b').length);
  assert.equal(made, 0);
  assert.equal(await page.evaluate(() => document.body.dataset.hit), undefined);
  assert.ok(!(await page.locator('#detail').textContent()).includes('\u202e'), 'nothing turns the direction of text');
  await close();
});

test('a link holds everything, and opens on another page as it was', async () => {
  const first = await open();
  await sample(first.page, 'Own rules');
  await sorted(first.page, 7);
  await first.page.locator('#origin summary').click();
  await first.page.getByLabel('Tag', { exact: true }).fill('pay-ünï-1');
  await first.page.locator('.row[data-place="2"]').click();
  await first.page.locator('#share').click();
  await first.page.waitForFunction(() => document.getElementById('share-link').value);
  const link = await first.page.locator('#share-link').inputValue();
  const hash = link.slice(link.indexOf('#'));
  assert.match(hash, /^#s=[A-Za-z0-9_-]+$/);
  const second = await open({ hash });
  await sorted(second.page, 7);
  for (const id of ['#lines', '#rules', '#origin-tag']) {
    assert.equal(await second.page.locator(id).inputValue(), await first.page.locator(id).inputValue(), id);
  }
  await second.page.waitForFunction(() => document.querySelector('.row[aria-selected="true"]')?.dataset.place === '2');
  assert.equal((await row(second.page, 2)).type, 'billing');
  assert.deepEqual(second.complaints, []);
  await first.close();
  await second.close();
});

test('a link that would be too long is refused with its length', async () => {
  const { page, close } = await open();
  let seed = 1;
  const words = Array.from({ length: 9_000 }, () => { seed = seed * 48271 % 2147483647; return seed.toString(36); });
  // The driver types, which takes a browser long for so many lines.
  await page.locator('#lines').evaluate((area, text) => { area.value = text; area.dispatchEvent(new Event('input')); }, words.join('\n'));
  await sorted(page, 9_000);
  await page.locator('#share').click();
  await page.waitForFunction(() => document.querySelector('#share-note.bad'));
  assert.match(await page.locator('#share-note').textContent(), /would be [\d,]+ characters long, and at most 30,000/);
  assert.equal(await page.locator('#share-link').inputValue(), '');
  assert.equal(await page.evaluate(() => location.hash), '');
  await close();
});

test('links that are damaged, foreign or swollen say so and leave the page usable', async () => {
  const pack = (text) => `#s=${deflateRawSync(Buffer.from(text)).toString('base64url')}`;
  for (const [hash, reason] of [
    ['#s=AAAA*', /cut off or damaged/],
    [pack('{"v":1,"lines":"a"}').slice(0, -6), /cut off or damaged/],
    [pack('{"v":2}'), /another version/],
    [pack('null'), /another version/],
    [pack(JSON.stringify({ v: 1, lines: 'a'.repeat(20_000_000) })), /unpacks to more/],
  ]) {
    const { page, close } = await open({ hash });
    await page.waitForFunction(() => !document.getElementById('banner').hidden);
    assert.match(await page.locator('#banner').textContent(), reason);
    await page.locator('#lines').fill('still here');
    await sorted(page, 1);
    await close();
  }
  const { page, complaints, close } = await open({ hash: pack('{"v":1,"lines":["no text"],"rules":7,"origin":{"tag":{}},"chosen":"x"}') });
  await page.locator('#lines').fill('a');
  await sorted(page, 1);
  assert.deepEqual(complaints, []);
  await close();
});

test('while 400,000 lines are sorted the page answers, and few of them are in it', async () => {
  const { page, complaints, close } = await open();
  const line = '203.0.113.7 - - [21/Nov/2026:10:05:03 +0000] "GET /cart HTTP/1.1" 200 5\n';
  await page.evaluate(([line, times]) => {
    const data = new DataTransfer();
    data.items.add(new File([line.repeat(times)], 'big.log'));
    dispatchEvent(new DragEvent('drop', { dataTransfer: data, cancelable: true }));
  }, [line, 400_000]);
  await page.waitForFunction(() => / of 400,000 lines$/.test(document.getElementById('results-status').textContent));
  const answered = await page.evaluate(() => {
    document.getElementById('theme').click();
    return { theme: document.documentElement.dataset.theme, sorted: document.body.dataset.sorted };
  });
  assert.deepEqual(answered, { theme: 'dark', sorted: '' });
  await page.locator('#rules').fill('[[rule]]\nname = "cart"\ntype = "activity"\nmatch = "GET /cart"\n');
  await sorted(page, 400_000);
  await page.waitForFunction(() => document.querySelector('#legend')?.textContent.startsWith('activity100%'), null, { timeout: 60_000 });
  await page.locator('#list').press('End');
  await page.waitForFunction(() => document.querySelector('.row[data-place="399999"][aria-selected="true"]'));
  assert.ok(await page.locator('.row').count() < 200);
  assert.deepEqual(complaints, []);
  await close();
});

test('many pasted lines are held as a file is', async () => {
  const { page, close } = await open();
  await page.locator('#lines').fill('first\n');
  const paste = (times) => page.evaluate((times) => {
    const data = new DataTransfer();
    data.setData('text/plain', 'ERROR again\n'.repeat(times));
    const area = document.getElementById('lines');
    area.focus();
    return area.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, cancelable: true, bubbles: true }));
  }, times);
  assert.equal(await paste(10), true, 'few are left to the browser');
  assert.equal(await paste(5_000), false);
  await sorted(page, 5_001);
  assert.match(await page.locator('#file-card').textContent(), /Pasted text/);
  await page.locator('#share').click();
  await page.waitForFunction(() => document.querySelector('#share-note.bad'));
  assert.match(await page.locator('#share-note').textContent(), /A file is too much for a link/);
  await close();
});

test('more than the bound is cut at a line, and the page says so', async () => {
  const { page, close } = await open();
  await page.setInputFiles('#file-lines', { name: 'many.log', mimeType: 'text/plain', buffer: Buffer.from('ab\n'.repeat(500_001)) });
  await sorted(page, 500_000);
  assert.match(await page.locator('#results-status').textContent(), /the rest is left out: at most 500,000 lines, 32 MiB/);
  await close();
});

test('a sorter that stops is started again with what is typed, three times', async () => {
  const { page, close } = await open();
  await page.locator('#lines').fill('pay now');
  await page.locator('#rules').fill('[[rule]]\nname = "pays"\ntype = "audit"\nmatch = "^pay "\n');
  await page.waitForFunction(() => document.querySelector('.row .type')?.textContent === 'audit');
  // As a trap in the module would: its thread is told what it cannot read.
  for (let times = 1; times <= 3; times += 1) {
    await page.evaluate(() => { document.body.dataset.sorted = ''; worker.postMessage({ kind: 'nothing' }); });
    await sorted(page, 1);
    assert.equal((await row(page, 0)).rule, 'pays');
    assert.match(await page.locator('#banner').textContent(), /was started again/);
  }
  await page.evaluate(() => worker.postMessage({ kind: 'nothing' }));
  await page.waitForFunction(() => /cannot go on/.test(document.getElementById('banner').textContent));
  assert.equal(await page.locator('#lines').inputValue(), 'pay now');
  await close();
});
