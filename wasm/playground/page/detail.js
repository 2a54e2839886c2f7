// What becomes of the chosen line, and why.

function ruleName(rule) {
  if (!rule.line) return el('span', { class: 'rule-name' }, rule.name);
  return el('button', { type: 'button', class: 'link rule-name', onclick: () => goTo({ line: rule.line, column: 1, width: 200 }) }, rule.name);
}

function findingElement({ condition, found }, isMet) {
  return el('div', { class: isMet ? 'finding' : 'finding missed' },
    el('span', { class: 'mark', 'aria-hidden': 'true' }, isMet ? '✓' : '✗'),
    el('span', {}, el('code', {}, visible(condition)), ' ', el('span', { class: 'found' }, visible(found))));
}

function fieldTable(fields, name) {
  return el('table', { class: name }, el('tbody', {}, fields.map((field) => el('tr', { class: field.added ? null : 'had' },
    el('th', { scope: 'row' }, visible(field.name)), el('td', {}, el('span', { class: 'value' }, visible(field.value)))))));
}

/** Shows the report of a line. `object` is what `shiwake explain --format json` says of it. */
function showDetail({ text, hidden, report, object }) {
  const it = JSON.parse(report);
  const detail = $('detail');
  if (it === null) {
    detail.replaceChildren(el('p', { class: 'empty' }, 'This line is no record.'));
    return;
  }
  const isOpen = detail.querySelector('details')?.open ?? false;
  const children = [el('pre', { class: 'quote', tabindex: '0', 'aria-label': 'The line' }, visible(text), hidden ? `… ${count(hidden, 'more byte')}` : '')];
  const fate = it.fate === 'kept' ? null : el('span', { class: 'doubt' }, it.fate);
  children.push(el('div', { class: 'verdict' },
    el('span', { class: 'type' }, swatch(it.type, list.types), it.type),
    it.like && el('span', { class: 'origin-note' }, `like ${it.like}`),
    el('span', { class: `severity ${it.severity ?? ''}` }, it.severity ?? 'no severity'), fate));
  const place = it.fate !== 'kept' ? el('span', {}, 'goes nowhere: it is counted and thrown away')
    : !it.lake ? el('span', {}, `not to the lake: lake = false in [type.${it.type}]`)
    : it.partition ? `${it.partition}/` : [`type=${it.type}/`, el('span', {}, ' and the hour in which Fluent Bit takes it: the line tells no time with a zone')];
  children.push(el('p', { class: 'path' }, place));

  children.push(el('h3', {}, 'Rule'));
  if (it.namesItself) {
    children.push(el('p', {}, 'The record names its type in ', el('code', {}, 'log_type'), ', so no rule was asked.'));
  } else {
    const deciding = it.held.find((reason) => reason.decides);
    children.push(el('p', {}, ruleName(it.rule), ' ', el('span', { class: 'origin-note' }, it.rule.line ? `line ${it.rule.line} of your rules` : 'built in')));
    children.push(...(deciding?.because ?? []).map((finding) => findingElement(finding, true)));
    if (!deciding?.because.length) children.push(el('p', { class: 'origin-note' }, it.rule.name === 'otherwise' ? 'No rule knew the line. This one takes what is left.' : 'It always holds.'));
    for (const reason of it.held.filter((held) => !held.decides)) {
      children.push(el('h3', {}, 'Applied too'), el('p', {}, ruleName(reason.rule)), ...reason.because.map((finding) => findingElement(finding, true)));
    }
  }
  if (it.misread) {
    children.push(el('p', { class: 'more' }, 'It begins like a line of format ', el('code', {}, it.misread.format), ', but ', el('span', { class: 'doubt' }, it.misread.reason), '.'));
  }
  if (it.nearly.length) {
    children.push(el('h3', {}, 'Nearly'));
    for (const near of it.nearly) children.push(el('p', { class: 'more' }, ruleName(near.rule), el('span', { class: 'origin-note' }, ' misses one condition')), findingElement(near.missing, false));
  }
  if (it.later.length) {
    children.push(el('h3', {}, 'Would hold too, but comes later'), el('p', {}, it.later.flatMap((rule, at) => [at ? ', ' : null, ruleName(rule)])));
  }
  const added = it.fields.filter((field) => field.added && field.name !== 'ddtags');
  const had = it.fields.filter((field) => !field.added);
  if (added.length) children.push(el('h3', {}, 'Fields it gets'), fieldTable(added, 'added'));
  if (it.tags.length) {
    children.push(el('h3', {}, 'Tags (ddtags)'), el('ul', { class: 'tags' }, it.tags.map((tag) => el('li', {}, visible(tag)))));
  } else if (it.fate === 'kept') {
    children.push(el('h3', {}, 'Tags (ddtags)'), el('p', { class: 'origin-note' }, 'None. Tell env, service or dd_tags under “Where the lines come from”.'));
  }
  if (had.length) children.push(el('h3', {}, 'Fields it has'), fieldTable(had, 'had'));
  children.push(el('details', { class: 'as-json', open: isOpen }, el('summary', {}, 'As JSON'),
    el('pre', { class: 'json', id: 'object', tabindex: '0' }, visible(object))));
  const scrolled = detail.dataset.at === String(list.chosen) ? detail.scrollTop : 0;
  detail.dataset.at = String(list.chosen);
  detail.replaceChildren(...children);
  detail.scrollTop = scrolled;
}
