// The editor of rules: a textarea whose text is coloured by what lies behind it, with faults at their place.

/** Lines up to which text is coloured; more would make typing slow. */
const MAX_COLOURED_LINES = 3_000;
const TOKENS = /(#.*)|("(?:[^"\\]|\\.)*"?|'[^']*'?)|(^\s*\[{1,2}[^\]]*\]{0,2})|([A-Za-z0-9_.-]+)(?=\s*=)|(\btrue\b|\bfalse\b|[+-]?\b\d[\d_.]*\b)/g;
const TOKEN_CLASSES = ['c', 's', 'h', 'k', 'n'];

let marks = [];

/** UTF-16 units of the first characters of a text; places in files are counted in characters. */
function unitsOf(text, characters) {
  let units = 0;
  for (const character of text) {
    if (characters <= 0) break;
    characters -= 1;
    units += character.length;
  }
  return units;
}

/** Where a place of a fault begins and ends in the text. */
function rangeOf(text, { line, column, width }) {
  let start = 0;
  for (let at = 1; at < line; at += 1) {
    const newline = text.indexOf('\n', start);
    if (newline < 0) break;
    start = newline + 1;
  }
  const end = text.indexOf('\n', start);
  const whole = text.slice(start, end < 0 ? text.length : end);
  const from = unitsOf(whole, column - 1);
  return { from: start + from, to: start + from + unitsOf(whole.slice(from), width) };
}

function tokens(text) {
  const found = [];
  let behind = 0;
  for (const match of text.matchAll(TOKENS)) {
    const which = match.slice(1).findIndex((group) => group !== undefined);
    if (match.index > behind) found.push([behind, match.index, '']);
    found.push([match.index, match.index + match[0].length, TOKEN_CLASSES[which]]);
    behind = match.index + match[0].length;
  }
  if (behind < text.length) found.push([behind, text.length, '']);
  return found;
}

/** A line as elements: its tokens, cut where marks begin and end. */
function colouredLine(text, lineMarks) {
  const line = el('div', { class: 'l' });
  for (const [start, end, token] of tokens(text)) {
    const cuts = [start, end];
    for (const mark of lineMarks) cuts.push(mark.from, mark.to);
    const places = [...new Set(cuts.filter((cut) => cut >= start && cut <= end))].sort((a, b) => a - b);
    for (let at = 0; at + 1 < places.length; at += 1) {
      const mark = lineMarks.find((it) => it.from <= places[at] && it.to >= places[at + 1]);
      const classes = [token, mark?.class].filter(Boolean).join(' ');
      const part = text.slice(places[at], places[at + 1]);
      line.append(classes ? el('span', { class: classes }, part) : part);
    }
  }
  // A mark at the end of a line, where there is nothing to underline.
  const atEnd = lineMarks.find((mark) => mark.from >= text.length);
  if (atEnd) line.append(el('span', { class: atEnd.class }, ' '));
  return line;
}

function paintEditor() {
  const area = $('rules');
  const lines = area.value.split('\n');
  const isColoured = lines.length <= MAX_COLOURED_LINES;
  area.classList.toggle('plain', !isColoured);
  const marksOf = new Map();
  for (const mark of marks) marksOf.set(mark.line, [...(marksOf.get(mark.line) ?? []), mark]);
  const within = (text, mark) => {
    const from = unitsOf(text, mark.column - 1);
    return { ...mark, from, to: from + Math.max(1, unitsOf(text.slice(from), mark.width)) };
  };
  const painted = isColoured
    ? lines.map((text, at) => colouredLine(text, (marksOf.get(at + 1) ?? []).map((mark) => within(text, mark))))
    : [];
  $('backdrop').replaceChildren(...painted);
  const numbers = (isColoured ? lines : []).map((_, at) => {
    const found = marksOf.get(at + 1) ?? [];
    const bad = found.some((mark) => mark.class === 'fault-mark');
    return el('i', { class: found.length ? (bad ? 'fault' : 'doubt') : null }, String(at + 1));
  });
  $('gutter').replaceChildren(...numbers);
  $('rules-empty').hidden = area.value !== '';
  scrollEditor();
}

function scrollEditor() {
  const area = $('rules');
  $('backdrop').style.transform = `translate(${-area.scrollLeft}px, ${-area.scrollTop}px)`;
  $('gutter').style.transform = `translateY(${-area.scrollTop}px)`;
}

function setMarks(report) {
  const marked = (list, name) => (list ?? []).map(({ line, column, width }) => ({ line, column, width, class: name }));
  marks = [...marked(report.faults, 'fault-mark'), ...marked(report.warnings, 'doubt-mark')];
  paintEditor();
}

/** Goes to a place in the rules and selects it. */
function goTo(place) {
  const area = $('rules');
  const { from, to } = rangeOf(area.value, place);
  area.focus();
  area.setSelectionRange(from, to);
  const leading = parseFloat(getComputedStyle(area).lineHeight);
  area.scrollTop = Math.max(0, (place.line - 4) * leading);
  area.scrollLeft = 0;
  $('editor').scrollIntoView({ block: 'nearest' });
  scrollEditor();
  showHint();
}

/** What the caret is in: the table above it with the place of its header, and the key of its line. */
function context(text, caret) {
  const lines = text.slice(0, caret).split('\n');
  const lineStart = caret - lines.at(-1).length;
  const lineEnd = text.indexOf('\n', caret) < 0 ? text.length : text.indexOf('\n', caret);
  const line = text.slice(lineStart, lineEnd);
  let header = null;
  let headerLine = -1;
  for (let at = lines.length - 1; at >= 0 && !header; at -= 1) {
    const found = /^\s*(\[\[(?:rule|test)\]\]|\[type\.[^\]]+\])/.exec(at === lines.length - 1 ? line : lines[at]);
    if (found) [header, headerLine] = [found[1], at];
  }
  const table = header === null ? 'file' : header.startsWith('[type') ? (header.endsWith('.columns]') ? 'columns' : 'type') : header.slice(2, -2);
  // Within `when = { field = ...` the key that counts is the one before the caret.
  const keys = [...line.matchAll(/([A-Za-z_][\w-]*)(?:\.([\w.]+))?\s*=/g)];
  const before = keys.filter((key) => lineStart + key.index <= caret);
  const key = before.at(-1) ?? keys[0];
  return { table, header, headerLine, line, lineStart, lineEnd, outer: keys[0]?.[1] ?? null, inner: key ? (key[2] ?? key[1]) : null };
}

/** Lines of a table, from its header to the next one. */
function tableAround(text, headerLine) {
  const lines = text.split('\n');
  let end = headerLine + 1;
  while (end < lines.length && !/^\s*\[/.test(lines[end])) end += 1;
  while (end > headerLine + 1 && /^\s*(#.*)?$/.test(lines[end - 1])) end -= 1;
  return { lines: lines.slice(headerLine, end), end };
}

let knownTypes = BUILT_IN_TYPES;

/** Says what the key at the caret is for, and offers values for it and keys that are not there yet. */
function showHint() {
  const area = $('rules');
  const bar = $('hint');
  const at = context(area.value, area.selectionStart);
  const table = HINTS[at.table];
  const hint = at.outer === 'when' && at.inner !== 'when' ? HINTS.when[at.inner] ?? table[at.outer] : table[at.outer];
  const children = [];
  if (at.header === null) {
    children.push(el('p', {}, HINTS.about.file));
  } else if (hint) {
    const name = at.outer === 'when' && at.inner !== 'when' && HINTS.when[at.inner] ? `when ${at.inner}` : at.outer;
    children.push(el('p', {}, el('code', {}, name), ` ${hint.text}`));
    const values = hint.values === 'types' ? knownTypes : hint.values ?? [];
    const value = /=\s*("[^"]*"|'[^']*')/.exec(at.line.slice(at.line.indexOf(at.outer)));
    if (value && at.outer === at.inner) {
      const from = at.lineStart + at.line.indexOf(at.outer) + value.index + value[0].indexOf(value[1]);
      const now = value[1].slice(1, -1);
      for (const choice of values) {
        children.push(el('button', {
          type: 'button', 'aria-pressed': String(choice === now),
          onclick: () => { replaceText(area, `"${choice}"`, from, from + value[1].length); area.setSelectionRange(from + 1, from + 1 + choice.length); },
        }, choice));
      }
    }
  } else {
    children.push(el('p', {}, el('code', {}, at.header), ` ${HINTS.about[at.table]}`));
  }
  if (at.header !== null && !(hint && hint.values)) {
    const around = tableAround(area.value, at.headerLine);
    const has = (key) => around.lines.some((line) => new RegExp(`^\\s*${key}(?:\\.[\\w.]+)?\\s*=`).test(line));
    const missing = Object.entries(table).filter(([key, { snippet }]) => snippet && !has(key));
    if (missing.length) children.push(el('span', {}, 'Add'));
    for (const [key, { snippet, text }] of missing) {
      children.push(el('button', { type: 'button', title: text, onclick: () => addLine(around.end, snippet) }, key));
    }
  }
  bar.replaceChildren(...children);
}

/** Puts a line in, and selects its first value. */
function addLine(at, snippet) {
  const area = $('rules');
  const lines = area.value.split('\n');
  const before = lines.slice(0, at).join('\n').length;
  replaceText(area, `\n${snippet}`, before, before);
  const value = /["']([^"']*)["']/.exec(snippet) ?? /=\s*()([^\s{]+)/.exec(snippet);
  const inner = value?.[1] || value?.[2] || '';
  const from = before + 1 + snippet.indexOf(inner, value?.index ?? 0);
  area.setSelectionRange(from, from + inner.length);
  showHint();
}

function startEditor(changed) {
  const area = $('rules');
  area.addEventListener('input', () => {
    // Marks of before do not fit any more; they come back with the next report.
    marks = [];
    paintEditor();
    changed();
  });
  area.addEventListener('scroll', scrollEditor);
  document.addEventListener('selectionchange', () => { if (document.activeElement === area) showHint(); });
  area.addEventListener('focus', showHint);
  $('rules-start').addEventListener('click', () => {
    replaceText(area, '[[rule]]\nname = "my-rule"\ntype = "app"\nmatch = "some text of the line"\n', 0, area.value.length);
    area.setSelectionRange(17, 24);
  });
  paintEditor();
  showHint();
}
