// Elements of the page. What stands in lines and rules is anybody's: it becomes text nodes and nothing else.

const $ = (id) => document.getElementById(id);

/** An element with properties and children; children that are text become text nodes. */
function el(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else if (key === 'class') element.className = value;
    else element.setAttribute(key, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Text in which nothing is hidden and nothing turns the direction of what is around it. Its length stays. */
function visible(text) {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g, (character) => {
    const code = character.codePointAt(0);
    return code < 0x20 ? String.fromCodePoint(0x2400 + code) : '\ufffd';
  });
}

const BUILT_IN_TYPES = ['access', 'activity', 'error', 'trace', 'audit', 'app'];
const SEVERITIES = ['', 'trace', 'debug', 'info', 'notice', 'warn', 'error', 'critical', 'alert', 'emergency'];
const OWN_HUES = 4;

/** The colour of a type, as a custom property of the page. */
function hue(type, types) {
  if (BUILT_IN_TYPES.includes(type)) return `var(--${type})`;
  const own = types.indexOf(type) - BUILT_IN_TYPES.length;
  return own >= 0 ? `var(--own-${own % OWN_HUES})` : 'var(--gone)';
}

function swatch(type, types) {
  const element = el('span', { class: 'swatch', 'aria-hidden': 'true' });
  element.style.setProperty('--type', hue(type, types));
  return element;
}

const wholeNumber = new Intl.NumberFormat('en');

function count(number, what) {
  return `${wholeNumber.format(number)} ${what}${number === 1 ? '' : 's'}`;
}

function byteText(bytes) {
  const units = ['B', 'KiB', 'MiB'];
  let at = 0;
  while (bytes >= 1024 && at < units.length - 1) { bytes /= 1024; at += 1; }
  return `${at === 0 || bytes >= 100 ? Math.round(bytes) : bytes.toFixed(1)} ${units[at]}`;
}

function percent(part, whole) {
  if (!whole) return '0%';
  const share = 100 * part / whole;
  return share > 0 && share < 0.1 ? '<0.1%' : `${share >= 10 || Number.isInteger(share) ? Math.round(share) : share.toFixed(1)}%`;
}

/** Replaces text of a textarea, so that the browser's own undo takes it back where it can. */
function replaceText(area, text, from = 0, to = area.value.length) {
  const expected = area.value.slice(0, from) + text + area.value.slice(to);
  area.focus({ preventScroll: true });
  area.setSelectionRange(from, to);
  // Browsers type long texts slowly.
  if (text.length < 20_000) document.execCommand(text ? 'insertText' : 'delete', false, text);
  if (area.value === expected) return;
  area.value = expected;
  area.dispatchEvent(new Event('input', { bubbles: true }));
}
