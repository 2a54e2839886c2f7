// Light and dark, narrow and wide, by keyboard alone.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { open, row, sample, sorted, startBrowser, stopBrowser } from './page.mjs';

before(startBrowser);
after(stopBrowser);

/** Texts whose contrast is below 4.5, which WCAG 2.2 asks for (https://www.w3.org/TR/WCAG22/#contrast-minimum). */
const faint = () => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const paint = (colours, opacity = 1) => {
    canvas.clearRect(0, 0, 1, 1);
    colours.forEach((colour, at) => {
      canvas.globalAlpha = at === colours.length - 1 ? opacity : 1;
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
    });
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const light = ([r, g, b]) => [r, g, b].map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    .reduce((sum, value, at) => sum + value * [0.2126, 0.7152, 0.0722][at], 0);
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    const text = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data).join('').trim();
    const style = getComputedStyle(element);
    if (!text || !element.checkVisibility({ visibilityProperty: true }) || element.closest('script, :disabled') || element.id === 'rules') continue;
    const backgrounds = [];
    let opacity = 1;
    for (let at = element; at; at = at.parentElement) {
      backgrounds.unshift(getComputedStyle(at).backgroundColor);
      opacity *= Number(getComputedStyle(at).opacity);
    }
    const ground = light(paint(backgrounds));
    const ink = light(paint([...backgrounds, style.color], opacity));
    const contrast = (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
    if (contrast < 4.5) found.push(`${contrast.toFixed(2)} ${element.className || element.tagName}: ${text.slice(0, 40)}`);
  }
  return [...new Set(found)];
};

async function filled(options) {
  const opened = await open(options);
  await sample(opened.page, 'JSON app');
  await sorted(opened.page, 7);
  await opened.page.locator('.row[data-place="5"]').click();
  await opened.page.locator('#rules').fill('# ours\n[[rule]]\nname = "a"\ntype = "adit"\nsample = 0.5\nset = { x = true }\n');
  await opened.page.waitForFunction(() => document.querySelector('#problems .fault'));
  return opened;
}

for (const scheme of ['light', 'dark']) {
  test(`every text can be read in the ${scheme} theme`, async () => {
    const { page, complaints, close } = await filled({ scheme });
    assert.deepEqual(await page.evaluate(faint), []);
    const paper = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assert.equal(paper, scheme === 'light' ? 'rgb(247, 246, 242)' : 'rgb(20, 20, 18)');
    assert.deepEqual(complaints, []);
    await close();
  });
}

test('a theme that was chosen goes before the system\'s and is kept', async () => {
  const { page, close } = await open({ scheme: 'light' });
  await page.getByRole('button', { name: 'Switch to the dark theme' }).click();
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert.equal(await paper(), 'rgb(20, 20, 18)');
  await page.reload();
  assert.equal(await paper(), 'rgb(20, 20, 18)');
  await page.getByRole('button', { name: 'Switch to the light theme' }).click();
  assert.equal(await paper(), 'rgb(247, 246, 242)');
  await close();
});

for (const width of [360, 560, 860, 1024, 1340, 1600]) {
  test(`nothing is cut off at ${width} pixels`, async () => {
    const { page, close } = await filled({ width, height: 800 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= width, `the page is ${wide} wide`);
    const out = await page.evaluate(() => [...document.querySelectorAll('button, input, select, textarea, h1, h2, section')]
      .filter((element) => element.checkVisibility() && !element.closest('.scroll'))
      .filter((element) => { const box = element.getBoundingClientRect(); return box.left < 0 || box.right > innerWidth + 0.5; })
      .map((element) => element.id || element.textContent));
    assert.deepEqual(out, []);
    const columns = await page.evaluate(() => new Set([...document.querySelectorAll('section')].map((it) => Math.round(it.getBoundingClientRect().left))).size);
    assert.equal(columns, width < 860 ? 1 : width < 1340 ? 2 : 3);
    const high = await page.evaluate(() => document.documentElement.scrollHeight);
    if (width >= 860) assert.ok(high <= 800, `the page is ${high} high and its parts should scroll instead`);
    const list = await page.locator('#list').boundingBox();
    assert.ok(list.height >= 100, `the list is ${list.height} high`);
    await page.locator('#share').click();
    await page.locator('#origin summary').click();
    for (const [inner, outer] of [['#list', '.results'], ['#editor', '.rules'], ['#detail', '.detail']]) {
      const [within, around] = [await page.locator(inner).boundingBox(), await page.locator(outer).boundingBox()];
      assert.ok(within.y + within.height <= around.y + around.height, `${inner} sticks out of ${outer}`);
    }
    await close();
  });
}

test('by keyboard alone: a line is typed, chosen, made a rule of, and its type changed', async () => {
  const { page, close } = await open();
  const tabTo = async (id) => {
    for (let times = 0; times < 40; times += 1) {
      await page.keyboard.press('Tab');
      const now = await page.evaluate(() => {
        const element = document.activeElement;
        const style = getComputedStyle(element.closest('.editor') ?? element);
        return { id: element.id, isSeen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2, what: element.outerHTML.slice(0, 80) };
      });
      assert.ok(now.isSeen, `the focus cannot be seen on ${now.what}`);
      if (now.id === id) return;
    }
    assert.fail(`${id} is not reached`);
  };
  await tabTo('lines');
  await page.keyboard.type('shop is up\nqueue is full of mails');
  // What is sorted may be the lines as they were a few keys before.
  await page.waitForFunction(() => document.querySelector('.row[data-place="1"]')?.textContent.includes('queue is full of mails'));
  await sorted(page, 2);
  await tabTo('list');
  await page.keyboard.press('ArrowDown');
  await page.waitForFunction(() => document.getElementById('list').getAttribute('aria-activedescendant') === 'row-1');
  assert.equal(await page.locator('#row-1').getAttribute('aria-selected'), 'true');
  assert.equal(await page.locator('#row-1').getAttribute('aria-posinset'), '2');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'make-rule');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.activeElement.id === 'rules' && document.activeElement.value);
  await page.keyboard.type('error');
  await page.waitForFunction(() => document.querySelector('#row-1 .type')?.textContent === 'error');
  assert.deepEqual(await row(page, 1), { type: 'error', severity: '', text: 'queue is full of mails', rule: 'queue-full-mails' });
  await page.keyboard.press('Tab');
  assert.notEqual(await page.evaluate(() => document.activeElement.id), 'rules', 'the editor holds nobody');
  await close();
});

test('everything that takes the focus has a name, and news are told', async () => {
  const { page, close } = await filled({});
  const nameless = await page.evaluate(() => [...document.querySelectorAll('button, input, select, textarea, [tabindex="0"], summary')]
    .filter((element) => element.checkVisibility())
    .filter((element) => !(element.textContent.trim() || element.getAttribute('aria-label') || element.labels?.length))
    .map((element) => element.outerHTML.slice(0, 80)));
  assert.deepEqual(nameless, []);
  const live = await page.evaluate(() => ['results-status', 'rules-status', 'make-status', 'share-note'].filter((id) => document.getElementById(id).getAttribute('role') !== 'status'));
  assert.deepEqual(live, []);
  assert.equal(await page.locator('#bar').getAttribute('aria-label'), 'app 43%, access 14%, activity 14%, error 14%, trace 14%');
  await close();
});
