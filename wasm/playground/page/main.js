// Brings the parts together: what is typed goes to the sorter's thread, and what it tells is shown.

/** Milliseconds after the last key until lines and rules are read. */
const PAUSE_MILLISECONDS = 90;
/** Characters of the text box; longer text is held as a file, because text boxes get slow. */
const MAX_TYPED_CHARACTERS = 1024 * 1024;
const MAX_PASTED_CHARACTERS = 100_000;
const MAX_PASTED_LINES = 1_000;
/** How often the sorter's thread is started again before it is left stopped. */
const MAX_RESTARTS = 3;

let worker = null;
let restarts = 0;
let isReady = false;
/** The bytes of a file that stands in place of the text box. */
let file = null;
let report = { usable: true, faults: [], warnings: [], tests: [], types: BUILT_IN_TYPES, rules: [], untriedTests: 0 };
let shownVersion = -1;

function send(message, transfer = []) {
  if (isReady || message.kind === 'start') worker.postMessage(message, transfer);
}

function originJson() {
  const origin = {};
  for (const input of document.querySelectorAll('[data-origin]')) if (input.value.trim()) origin[input.dataset.origin] = input.value;
  return JSON.stringify(origin);
}

function startWorker() {
  isReady = false;
  const url = URL.createObjectURL(new Blob([$('worker-text').textContent], { type: 'text/javascript' }));
  const trusted = window.trustedTypes ? workerPolicy().createScriptURL(url) : url;
  worker = new Worker(trusted);
  worker.onmessage = ({ data }) => heard[data.kind](data);
  worker.onerror = (event) => { event.preventDefault(); heard.failed({ reason: event.message ?? 'it cannot be started', during: 'start' }); };
  worker.postMessage({ kind: 'start', packed: $('module-text').textContent, origin: originJson() });
}

let policy = null;
function workerPolicy() {
  policy ??= window.trustedTypes.createPolicy('shiwake-worker', { createScriptURL: (url) => (url.startsWith('blob:') ? url : 'about:blank') });
  return policy;
}

function sendLines() {
  if (file) send({ kind: 'lines', file: file.bytes });
  else send({ kind: 'lines', text: $('lines').value });
}

function sendRules() { send({ kind: 'rules', text: $('rules').value }); }

function pausing(act) {
  let timer = 0;
  return () => { clearTimeout(timer); timer = setTimeout(act, PAUSE_MILLISECONDS); };
}

function banner(text) {
  $('banner').textContent = text;
  $('banner').hidden = !text;
}

const heard = {
  ready() {
    isReady = true;
    sendLines();
    sendRules();
  },
  failed({ reason, during }) {
    isReady = false;
    worker.terminate();
    if (during === 'start' || restarts === MAX_RESTARTS) {
      banner(`The sorter has stopped and cannot go on: ${reason}. Your text is still here; copy it and load the page again.`);
      return;
    }
    restarts += 1;
    banner(`The sorter stopped on this input and was started again (${reason}).`);
    startWorker();
  },
  rules({ report: json, text }) {
    const read = JSON.parse(json);
    report = read;
    list.types = read.types;
    list.rules = read.rules;
    knownTypes = read.types;
    if (text === $('rules').value) {
      setMarks(read);
      showHint();
    }
    showProblems();
    showTests();
  },
  sorted({ version, done, total, isDone, isCut, bytes, counts }) {
    shownVersion = version;
    $('empty').hidden = total > 0;
    $('list').hidden = total === 0;
    $('list-keys').hidden = total === 0;
    $('list').setAttribute('aria-busy', String(!isDone));
    const shares = showShares({ counts, total: done });
    if (list.wanted !== null && isDone && !shares.some((share) => share.id === list.wanted)) {
      list.wanted = null;
      showShares({ counts, total: done });
    }
    const status = isDone ? `${count(total, 'line')}` : `${wholeNumber.format(done)} of ${count(total, 'line')}`;
    const cut = isCut ? ` · the rest is left out: at most ${wholeNumber.format(500_000)} lines, 32 MiB` : '';
    $('results-status').textContent = total ? status + cut : '';
    if (file) $('file-size').textContent = byteText(file.bytes.length);
    if (list.chosen >= total) list.chosen = Math.max(0, total - 1);
    askRows();
    $('make-rule').disabled = total === 0;
    if (total) send({ kind: 'detail', at: list.chosen });
    else $('detail').replaceChildren(el('p', { class: 'empty' }, 'The chosen line is explained here: which rule took it, by which conditions, and which rules missed it by one.'));
    document.body.dataset.sorted = isDone ? `${version} ${done}` : '';
  },
  rows(data) {
    if (data.wanted === list.wanted) showRows(data);
  },
  found({ at, place }) {
    if (at !== list.chosen) return;
    if (place >= 0) scrollToPlace(place);
    // The rows that are shown are not those of this list yet.
    else { list.place = 0; send({ kind: 'choose-place', place: 0, wanted: list.wanted }); }
    askRows();
  },
  chosen({ at }) { choose(at); },
  detail(data) {
    if (data.at === list.chosen) showDetail(data);
  },
  suggestion({ suggestion, text }) {
    const it = JSON.parse(suggestion);
    const area = $('rules');
    $('make-status').classList.toggle('bad', Boolean(it.refused));
    if (it.refused) { $('make-status').textContent = it.refused; return; }
    // The rules were typed in meanwhile: what was tried would stand elsewhere.
    if (text !== area.value) { makeRule(); return; }
    replaceText(area, it.text, it.at, it.at);
    area.setSelectionRange(it.select, it.end);
    const line = area.value.slice(0, it.select).split('\n').length;
    area.scrollTop = Math.max(0, (line - 4) * parseFloat(getComputedStyle(area).lineHeight));
    area.scrollLeft = 0;
    $('editor').scrollIntoView({ block: 'nearest' });
    scrollEditor();
    showHint();
    $('make-status').textContent = `Added rule ${it.name} with a test. Its type is selected: choose another one below the rules, or leave it.`;
  },
};

function choose(at) {
  list.chosen = at;
  $('make-status').textContent = '';
  for (const row of $('rows').children) row.setAttribute('aria-selected', String(Number(row.dataset.at) === at));
  if ($(`row-${at}`)) $('list').setAttribute('aria-activedescendant', `row-${at}`);
  send({ kind: 'detail', at });
}

function makeRule() { send({ kind: 'suggest', at: list.chosen, text: $('rules').value }); }

function showProblems() {
  const text = $('rules').value;
  const item = (found, name) => {
    const where = `${found.line}:${found.column}`;
    const range = rangeOf(text, found);
    const stands = text.slice(range.from, range.to);
    const fix = found.nearest && stands.includes(found.found)
      ? el('button', { type: 'button', class: 'fix', onclick: () => replaceText($('rules'), stands.replace(found.found, () => found.nearest), range.from, range.to) }, `Use “${found.nearest}”`)
      : null;
    const caret = name === 'fault' ? found.caret.split('\n').slice(1).join('\n') : '';
    return el('li', {}, el('button', { type: 'button', class: 'where', 'aria-label': `Go to line ${found.line}, column ${found.column}`, onclick: () => goTo(found) }, where),
      el('span', { class: name }, visible(found.message)), fix, caret ? el('pre', {}, visible(caret)) : null);
  };
  const note = report.faults.length ? [el('li', { class: 'note' }, 'Until this is right, lines are sorted by the last rules that could be used.')] : [];
  $('problems').replaceChildren(...note, ...report.faults.map((found) => item(found, 'fault')), ...(report.warnings ?? []).map((found) => item(found, 'doubt')));
  const tests = report.tests ?? [];
  const failed = tests.filter((test) => !test.passed).length;
  const parts = [];
  if (report.faults.length) parts.push(count(report.faults.length, 'error'));
  else {
    const own = report.rules.filter((rule) => rule.line).length;
    if (own) parts.push(count(own, 'rule'));
    if (tests.length) parts.push(failed ? `${failed} of ${count(tests.length, 'test')} failed` : `${count(tests.length, 'test')} passed`);
    if (report.warnings?.length) parts.push(count(report.warnings.length, 'warning'));
  }
  $('rules-status').textContent = parts.join(' · ');
}

function showTests() {
  const tests = report.tests ?? [];
  const item = (test) => el('li', {},
    el('button', { type: 'button', class: 'where', 'aria-label': `Go to line ${test.line}`, onclick: () => goTo({ line: test.line, column: 1, width: 200 }) }, String(test.line)),
    el('span', { class: test.passed ? 'passed' : 'failed' }, test.passed ? '✓ passed' : '✗ failed'), ` ${visible(test.name)}`,
    test.differences.length ? el('dl', {}, test.differences.map((it) => el('dd', {}, el('code', {}, visible(it.what)), ` expected ${visible(it.expected)}, found ${visible(it.found)}`))) : null);
  $('tests').replaceChildren(...tests.map(item), ...(report.untriedTests ? [el('li', {}, `${count(report.untriedTests, 'more test')} not tried here`)] : []));
}

function showFile(taken) {
  file = taken;
  $('lines').hidden = Boolean(taken);
  $('file-card').hidden = !taken;
  if (taken) {
    $('file-name').textContent = visible(taken.name);
    $('file-size').textContent = byteText(taken.bytes.length);
  }
  list.chosen = 0;
  $('list').scrollTop = 0;
  sendLines();
}

async function takeFile(given) {
  banner('');
  if (/\.toml$/i.test(given.name)) {
    if (given.size > 1024 * 1024) { banner('A rules file has at most 1 MiB.'); return; }
    replaceText($('rules'), await given.text());
    return;
  }
  // Only what is sorted is read.
  const bytes = new Uint8Array(await given.slice(0, 32 * 1024 * 1024 + 1).arrayBuffer());
  showFile({ name: given.name, bytes });
}

function setLines(text) {
  if (file) showFile(null);
  replaceText($('lines'), text);
  list.chosen = 0;
  list.wanted = null;
}

async function restore() {
  let state;
  try {
    state = await unpackState(location.hash);
  } catch (error) {
    banner(`The link cannot be read: ${error.message}.`);
    return;
  }
  if (!state || location.hash === writtenHash) return;
  banner('');
  for (const input of document.querySelectorAll('[data-origin]')) input.value = state.origin[input.dataset.origin] ?? '';
  showOrigin();
  if (file) showFile(null);
  $('lines').value = state.lines;
  $('rules').value = state.rules;
  list.chosen = state.chosen;
  list.wanted = null;
  paintEditor();
  send({ kind: 'origin', json: originJson() });
  sendLines();
  sendRules();
}

let writtenHash = '';
async function share() {
  const note = $('share-note');
  $('share-panel').hidden = false;
  note.classList.remove('bad');
  const refuse = (why) => { note.textContent = why; note.classList.add('bad'); $('share-link').value = ''; };
  if (file) { refuse('A file is too much for a link. Paste the lines that matter instead.'); return; }
  const fragment = await packState({ v: 1, lines: $('lines').value, rules: $('rules').value, origin: JSON.parse(originJson()), chosen: list.chosen });
  if (fragment.length > MAX_SHARE_CHARACTERS) {
    refuse(`The link would be ${wholeNumber.format(fragment.length)} characters long, and at most ${wholeNumber.format(MAX_SHARE_CHARACTERS)} get through chats and mail. Take some lines out.`);
    return;
  }
  writtenHash = fragment;
  location.hash = fragment;
  $('share-link').value = location.href;
  $('share-link').select();
  note.textContent = `The link holds the lines and the rules themselves (${wholeNumber.format(fragment.length)} characters). Whoever has it has them; this page sends nothing.`;
}

function showOrigin() {
  const origin = JSON.parse(originJson());
  $('origin-summary').textContent = Object.entries(origin).map(([name, value]) => `${name}=${visible(value)}`).join(' ');
}

function begin() {
  startTheme();
  startSamples((sample) => {
    setLines(sample.lines);
    if (sample.rules) replaceText($('rules'), sample.rules);
    $('list').focus({ preventScroll: true });
  });
  startEditor(pausing(sendRules));
  startResults((message) => {
    if (message.kind === 'choose-place') {
      const row = [...$('rows').children].find((it) => Number(it.dataset.place) === message.place);
      if (row) choose(Number(row.dataset.at));
      else send({ ...message });
    } else send(message);
  }, () => $('make-rule').focus());

  const typed = pausing(sendLines);
  $('lines').addEventListener('input', () => {
    if ($('lines').value.length > MAX_TYPED_CHARACTERS) {
      const bytes = new TextEncoder().encode($('lines').value);
      $('lines').value = '';
      showFile({ name: 'Pasted text', bytes });
    } else typed();
  });
  $('lines').addEventListener('paste', (event) => {
    const text = event.clipboardData.getData('text/plain');
    if (text.length <= MAX_PASTED_CHARACTERS && text.split('\n', MAX_PASTED_LINES + 1).length <= MAX_PASTED_LINES) return;
    event.preventDefault();
    const whole = $('lines').value;
    const pasted = whole.slice(0, $('lines').selectionStart) + text + whole.slice($('lines').selectionEnd);
    $('lines').value = '';
    showFile({ name: 'Pasted text', bytes: new TextEncoder().encode(pasted) });
  });
  $('lines').addEventListener('click', () => {
    const at = $('lines').value.slice(0, $('lines').selectionStart).split('\n').length - 1;
    if ($('lines').selectionStart === $('lines').selectionEnd && at < list.total && list.wanted === null) choosePlace(at);
  });
  $('lines-clear').addEventListener('click', () => { setLines(''); $('lines').focus(); });
  $('file-remove').addEventListener('click', () => { showFile(null); $('lines').focus(); });
  $('lines-open').addEventListener('click', () => $('file-lines').click());
  $('rules-open').addEventListener('click', () => $('file-rules').click());
  for (const id of ['file-lines', 'file-rules']) {
    $(id).addEventListener('change', async () => {
      const [given] = $(id).files;
      if (given && id === 'file-rules') replaceText($('rules'), given.size > 1024 * 1024 ? '' : await given.text());
      else if (given) await takeFile(given);
      $(id).value = '';
    });
  }
  $('rules-save').addEventListener('click', () => {
    const url = URL.createObjectURL(new Blob([$('rules').value], { type: 'application/toml' }));
    el('a', { href: url, download: 'rules.toml' }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  });
  $('make-rule').addEventListener('click', makeRule);

  const origin = pausing(() => send({ kind: 'origin', json: originJson() }));
  for (const input of document.querySelectorAll('[data-origin]')) input.addEventListener('input', () => { showOrigin(); origin(); });

  $('share').addEventListener('click', share);
  $('share-close').addEventListener('click', () => { $('share-panel').hidden = true; $('share').focus(); });
  $('share-copy').addEventListener('click', async () => {
    $('share-link').select();
    try { await navigator.clipboard.writeText($('share-link').value); } catch { document.execCommand('copy'); }
    $('share-note').textContent = 'Copied.';
  });

  let depth = 0;
  const hasFiles = (event) => event.dataTransfer?.types.includes('Files');
  addEventListener('dragenter', (event) => { if (hasFiles(event)) { event.preventDefault(); depth += 1; $('drop').hidden = false; } });
  addEventListener('dragleave', (event) => { if (hasFiles(event)) { depth = Math.max(0, depth - 1); $('drop').hidden = depth === 0; } });
  addEventListener('dragover', (event) => { if (hasFiles(event)) event.preventDefault(); });
  addEventListener('drop', async (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth = 0;
    $('drop').hidden = true;
    for (const given of event.dataTransfer.files) await takeFile(given);
  });
  addEventListener('hashchange', restore);
  restore().then(startWorker);
}

begin();
