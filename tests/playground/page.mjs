// The page in headless Chromium, opened as a file by a double click would be, without a network.

import { chromium } from 'playwright-core';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const ADDRESS = new URL('../../dist/playground.html', import.meta.url).href;
export const SHIWAKE = process.env.SHIWAKE ?? `${process.env.CARGO_TARGET_DIR ?? `${ROOT}target`}/debug/shiwake`;

let browser = null;

export async function startBrowser() {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
}

export async function stopBrowser() { await browser?.close(); }

/** A page that is ready, what it asked the network for, and what it complained of. */
export async function open({ hash = '', width = 1280, height = 900, scheme = 'light' } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, acceptDownloads: true });
  await context.setOffline(true);
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const asked = [];
  const complaints = [];
  page.on('request', (request) => asked.push(request.url()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) complaints.push(message.text()); });
  page.on('dialog', (dialog) => { complaints.push(`dialog ${dialog.message()}`); dialog.dismiss(); });
  await page.goto(ADDRESS + hash);
  return { page, asked, complaints, close: () => context.close() };
}

/** Waits until this many lines are sorted, and the list shows them so. */
export async function sorted(page, count) {
  const text = `${count.toLocaleString('en')} line${count === 1 ? '' : 's'}`;
  await page.waitForFunction((expected) => document.getElementById('results-status').textContent.split(' ·')[0] === expected
    && document.body.dataset.sorted !== '' && document.body.dataset.sorted === document.getElementById('rows').dataset.shown, text, { timeout: 60_000 });
}

/** What is told of the row at a place: type, severity, text, rule. */
export async function row(page, place) {
  const cells = page.locator(`.row[data-place="${place}"] > span`);
  const [type, severity, text, rule] = await cells.allTextContents();
  return { type, severity, text, rule };
}

export async function sample(page, title) {
  await page.getByRole('button', { name: title, exact: true }).click();
}
