// The sorter's own thread: it holds the lines and their numbers, and tells the page what it asks for.
//
// Lines are sorted in slices, and between two of them messages are read, so that whatever is typed meanwhile counts at once.

/** Bytes and lines that are taken; the page says so when there are more. */
const MAX_BYTES = 32 * 1024 * 1024;
const MAX_LINES = 500_000;
const SLICE_MILLISECONDS = 25;
const SLICE_LINES = 256;
const REPORT_MILLISECONDS = 100;
/** Bytes of a line that are shown in the list, and of the chosen line. */
const LISTED_BYTES = 400;
const SHOWN_BYTES = 20_000;
/** Bytes of a record in which its text is looked for, to be shown in the list. */
const SEARCHED_BYTES = 4_000;
const TEXT_OF_RECORD = /"(?:log|message|msg)"\s*:\s*"((?:[^"\\]|\\.)+)/;
const NO_RULE = 0xffff;

let engine = null;
let bytes = new Uint8Array(0);
let ends = new Uint32Array(0);
let numbers = new Uint32Array(0);
let done = 0;
let version = 0;
let wanted = null;
let isCut = false;
let timer = 0;
const decoder = new TextDecoder();

async function start(packed, origin) {
  const binary = atob(packed);
  const compressed = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  const stream = new Blob([compressed]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  wasm_bindgen.initSync({ module: await new Response(stream).arrayBuffer() });
  engine = new wasm_bindgen.Engine();
  engine.setOrigin(origin);
  postMessage({ kind: 'ready' });
}

function takeLines(given) {
  isCut = given.length > MAX_BYTES;
  // Half a line is none.
  bytes = isCut ? given.subarray(0, given.lastIndexOf(10, MAX_BYTES) + 1) : given;
  const found = [];
  for (let at = 0; at < bytes.length;) {
    if (found.length === MAX_LINES) { isCut = true; break; }
    const newline = bytes.indexOf(10, at);
    const end = newline < 0 ? bytes.length : newline;
    found.push(end);
    at = end + 1;
  }
  ends = Uint32Array.from(found);
  numbers = new Uint32Array(ends.length);
}

const begin = (at) => (at === 0 ? 0 : ends[at - 1] + 1);
const line = (at) => bytes.subarray(begin(at), ends[at]);

/** Sorts all lines anew, by what is known now. */
function restart() {
  version += 1;
  done = 0;
  clearTimeout(timer);
  // Of few lines all is told at once, so that nothing flickers while somebody types.
  sortSlice({ version, counts: new Map(), reported: performance.now(), began: performance.now() });
}

function sortSlice(run) {
  if (run.version !== version) return;
  const until = performance.now() + SLICE_MILLISECONDS;
  while (done < ends.length && performance.now() < until) {
    const next = Math.min(done + SLICE_LINES, ends.length);
    // The end of the last line belongs to the block, so that an empty line at its end is one.
    const block = bytes.subarray(begin(done), Math.min(ends[next - 1] + 1, bytes.length));
    const sorted = block.length ? engine.sortBlock(block) : engine.sortBlock(Uint8Array.of(10));
    numbers.set(sorted.subarray(0, next - done), done);
    for (let at = done; at < next; at += 1) {
      const key = numbers[at] >>> 16 & 0x3f | (numbers[at] >>> 26 & 3) << 8;
      const sum = run.counts.get(key) ?? { lines: 0, bytes: 0 };
      sum.lines += 1;
      sum.bytes += ends[at] - begin(at);
      run.counts.set(key, sum);
    }
    done = next;
  }
  const isDone = done === ends.length;
  const now = performance.now();
  if (isDone || now - run.reported > REPORT_MILLISECONDS) {
    run.reported = now;
    postMessage({ kind: 'sorted', version, done, total: ends.length, isDone, isCut, bytes: bytes.length, counts: [...run.counts], milliseconds: now - run.began });
  }
  if (!isDone) timer = setTimeout(sortSlice, 0, run);
}

/** What is shown of a line in the list: of a record its text, which says more than its first fields. */
function listedText(at) {
  const chosen = line(at);
  const text = decoder.decode(chosen.subarray(0, LISTED_BYTES));
  const found = text.startsWith('{') ? TEXT_OF_RECORD.exec(decoder.decode(chosen.subarray(0, SEARCHED_BYTES))) : null;
  return found ? { text: found[1].slice(0, LISTED_BYTES), isPart: true } : { text, isPart: false };
}

/** The lines that are listed: all, or those of what is wanted. */
let listed = { version: -1, done: -1, wanted: null, lines: null };
function listing() {
  if (wanted === null) return null;
  if (listed.version !== version || listed.done !== done || listed.wanted !== wanted) {
    const lines = [];
    for (let at = 0; at < done; at += 1) {
      const fate = numbers[at] >>> 26 & 3;
      if (fate ? wanted === -fate : wanted === (numbers[at] >>> 16 & 0x3f)) lines.push(at);
    }
    listed = { version, done, wanted, lines: Uint32Array.from(lines) };
  }
  return listed.lines;
}

function rows(from, to) {
  const lines = listing();
  const total = lines ? lines.length : ends.length;
  const found = [];
  for (let place = from; place < Math.min(to, total); place += 1) {
    const at = lines ? lines[place] : place;
    found.push({ place, at, number: at < done ? numbers[at] : null, ...listedText(at) });
  }
  return { total, rows: found };
}

/** Where a line is in the list; -1 when it is not. */
function placeOf(at) {
  const lines = listing();
  return lines ? lines.indexOf(at) : at < ends.length ? at : -1;
}

const answers = {
  async start({ packed, origin }) { await start(packed, origin); },
  lines({ text, file }) {
    takeLines(file ?? new TextEncoder().encode(text));
    restart();
  },
  rules({ text }) {
    const report = engine.setRules(text);
    postMessage({ kind: 'rules', report, text });
    restart();
  },
  origin({ json }) {
    engine.setOrigin(json);
    restart();
  },
  list({ from, to, wanted: only }) {
    wanted = only;
    postMessage({ kind: 'rows', version, done, wanted, from, ...rows(from, to) });
  },
  find({ at, wanted: only }) {
    wanted = only;
    postMessage({ kind: 'found', at, place: placeOf(at) });
  },
  'choose-place'({ place, wanted: only }) {
    wanted = only;
    const lines = listing();
    const at = lines ? lines[place] : place;
    if (at !== undefined && at < ends.length) postMessage({ kind: 'chosen', at });
  },
  detail({ at }) {
    const chosen = line(at);
    const shown = decoder.decode(chosen.subarray(0, SHOWN_BYTES));
    postMessage({
      kind: 'detail', at, version, text: shown, hidden: Math.max(0, chosen.length - SHOWN_BYTES),
      report: engine.report(chosen), object: engine.object(chosen),
    });
  },
  suggest({ at, text }) {
    postMessage({ kind: 'suggestion', at, text, suggestion: engine.suggest(line(at), text) });
  },
};

onmessage = async ({ data }) => {
  try {
    await answers[data.kind](data);
  } catch (error) {
    // A module that has trapped is not asked again; the page starts another thread.
    postMessage({ kind: 'failed', reason: String(error), during: data.kind });
  }
};
