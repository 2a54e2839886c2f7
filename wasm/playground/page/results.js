// The list of lines. Only rows that can be seen are there; the sorter's thread tells their content.

const MARGIN_ROWS = 12;

const list = {
  types: BUILT_IN_TYPES,
  rules: [],
  wanted: null,
  total: 0,
  chosen: 0,
  place: 0,
  shown: { from: 0, rows: [] },
  ask: () => {},
  choose: () => {},
};

function rowHeight() {
  return parseFloat(getComputedStyle(document.documentElement).getPropertyValue('--row')) || 28;
}

function unpackNumber(number) {
  const rule = number & 0xffff;
  const known = list.rules[rule];
  return {
    rule: rule === 0xffff ? 'own-field' : known?.name ?? '',
    isOwn: Boolean(known?.line),
    type: list.types[number >>> 16 & 0x3f] ?? '',
    severity: SEVERITIES[number >>> 22 & 0xf] ?? '',
    fate: ['kept', 'dropped', 'sampled out'][number >>> 26 & 3],
  };
}

function askRows() {
  const element = $('list');
  const height = rowHeight();
  const from = Math.max(0, Math.floor(element.scrollTop / height) - MARGIN_ROWS);
  const to = Math.ceil((element.scrollTop + element.clientHeight) / height) + MARGIN_ROWS;
  list.ask({ kind: 'list', from, to, wanted: list.wanted });
}

function showRows({ total, rows, version, done }) {
  list.total = total;
  $('rows').dataset.shown = `${version} ${done}`;
  $('rows').style.height = `${total * rowHeight()}px`;
  $('rows').replaceChildren(...rows.map((row) => rowElement(row, total)));
  const isThere = rows.some((row) => row.at === list.chosen);
  if (isThere) $('list').setAttribute('aria-activedescendant', `row-${list.chosen}`);
  else $('list').removeAttribute('aria-activedescendant');
}

function rowElement({ place, at, number, text, isPart }, total) {
  const it = number === null ? null : unpackNumber(number);
  const isGone = it && it.fate !== 'kept';
  const type = isGone ? it.fate : it?.type ?? '';
  const element = el('div', {
    class: isGone ? 'row gone' : 'row', role: 'option', id: `row-${at}`, 'aria-selected': String(at === list.chosen),
    'aria-setsize': total, 'aria-posinset': place + 1, 'data-at': at, 'data-place': place,
  },
  el('span', { class: 'type' }, swatch(isGone ? '' : it?.type, list.types), el('b', {}, type)),
  el('span', { class: `severity ${it?.severity ?? ''}` }, it?.severity ?? ''),
  el('span', { class: isPart ? 'text part' : 'text' }, visible(text).replaceAll('\t', ' ') || ' '),
  el('span', { class: it?.isOwn ? 'rule own' : 'rule' }, it?.rule ?? ''));
  element.style.transform = `translateY(${place * rowHeight()}px)`;
  return element;
}

/** Chooses the line at a place of the list, and brings it into view. */
function choosePlace(place) {
  if (!list.total) return;
  const to = Math.min(Math.max(place, 0), list.total - 1);
  scrollToPlace(to);
  list.ask({ kind: 'choose-place', place: to, wanted: list.wanted });
}

function scrollToPlace(place) {
  const element = $('list');
  const height = rowHeight();
  list.place = place;
  if (place * height < element.scrollTop) element.scrollTop = place * height;
  else if ((place + 1) * height > element.scrollTop + element.clientHeight) {
    element.scrollTop = (place + 1) * height - element.clientHeight;
  }
}

function startResults(ask, enter) {
  list.ask = ask;
  const element = $('list');
  element.addEventListener('scroll', askRows);
  new ResizeObserver(askRows).observe(element);
  element.addEventListener('click', (event) => {
    const row = event.target.closest('.row');
    if (row) choosePlace(Number(row.dataset.place));
  });
  element.addEventListener('keydown', (event) => {
    const page = Math.max(1, Math.floor(element.clientHeight / rowHeight()) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in steps) {
      event.preventDefault();
      choosePlace(list.place + steps[event.key]);
    } else if (event.key === 'Enter') {
      event.preventDefault();
      enter();
    }
  });
}

/** The share bar, and below it each type with its lines; a type is pressed to see only its lines. */
function showShares({ counts, total }) {
  const sums = counts.map(([key, sum]) => {
    const fate = key >> 8;
    const name = fate ? ['', 'dropped', 'sampled out'][fate] : list.types[key & 0x3f];
    return { id: fate ? -fate : key & 0x3f, name, ...sum };
  });
  // What was dropped as one type or another is one share.
  const merged = new Map();
  for (const sum of sums) {
    const known = merged.get(sum.id);
    if (known) { known.lines += sum.lines; known.bytes += sum.bytes; } else merged.set(sum.id, sum);
  }
  const shares = [...merged.values()].sort((a, b) => (a.id < 0) - (b.id < 0) || b.lines - a.lines || a.id - b.id);
  const bar = shares.map((share) => {
    const part = el('i', { title: `${share.name} ${percent(share.lines, total)}` });
    part.style.flexGrow = String(share.lines);
    part.style.setProperty('--type', hue(share.id < 0 ? '' : share.name, list.types));
    return part;
  });
  $('bar').replaceChildren(...bar);
  $('bar').setAttribute('aria-label', shares.map((share) => `${share.name} ${percent(share.lines, total)}`).join(', ') || 'No lines');
  const focused = document.activeElement?.dataset?.share;
  const legend = shares.map((share) => el('button', {
    type: 'button', 'data-share': share.id, 'aria-pressed': String(list.wanted === share.id),
    title: `${count(share.lines, 'line')}, ${byteText(share.bytes)}`,
    onclick: () => {
      list.wanted = list.wanted === share.id ? null : share.id;
      $('list').scrollTop = 0;
      showShares({ counts, total });
      list.ask({ kind: 'find', at: list.chosen, wanted: list.wanted });
      askRows();
    },
  }, swatch(share.id < 0 ? '' : share.name, list.types), el('b', {}, share.name),
  el('span', {}, percent(share.lines, total)), el('small', {}, byteText(share.bytes))));
  $('legend').replaceChildren(...legend);
  if (focused !== undefined) $('legend').querySelector(`[data-share="${CSS.escape(focused)}"]`)?.focus();
  return shares;
}
