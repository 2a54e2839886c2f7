// The link that holds everything: JSON, deflate-raw, base64url, behind the #. A fragment is not sent to servers.

const SHARE_PREFIX = '#s=';
/** Characters of a link's fragment. Chats and mail cut longer links. */
const MAX_SHARE_CHARACTERS = 30_000;
/** Bytes that a link may unpack to, so that a small one cannot fill the memory. */
const MAX_UNPACKED_BYTES = 4 * 1024 * 1024;

async function through(bytes, stream, limit) {
  const reader = new Blob([bytes]).stream().pipeThrough(stream).getReader();
  const parts = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > limit) {
      await reader.cancel();
      throw new Error('it unpacks to more than this page takes');
    }
    parts.push(value);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** The fragment for a state. */
async function packState(state) {
  const packed = await through(new TextEncoder().encode(JSON.stringify(state)), new CompressionStream('deflate-raw'), Infinity);
  let binary = '';
  for (let at = 0; at < packed.length; at += 8192) binary += String.fromCharCode(...packed.subarray(at, at + 8192));
  return SHARE_PREFIX + btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** The state in a fragment; null when it holds none. Throws with the reason when it holds something else. */
async function unpackState(fragment) {
  if (!fragment.startsWith(SHARE_PREFIX)) return null;
  const text = fragment.slice(SHARE_PREFIX.length);
  if (text.length > 4 * MAX_SHARE_CHARACTERS) throw new Error('it is too long');
  let state;
  try {
    const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    const unpacked = await through(bytes, new DecompressionStream('deflate-raw'), MAX_UNPACKED_BYTES);
    state = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(unpacked));
  } catch (error) {
    throw new Error(error instanceof Error && error.message.startsWith('it ') ? error.message : 'it is cut off or damaged');
  }
  if (state === null || typeof state !== 'object' || state.v !== 1) throw new Error('it is of another version of this page');
  const textOf = (value) => (typeof value === 'string' ? value : '');
  const origin = {};
  for (const [name, value] of Object.entries(state.origin ?? {})) if (typeof value === 'string') origin[name] = value;
  return { lines: textOf(state.lines), rules: textOf(state.rules), origin, chosen: Number.isSafeInteger(state.chosen) ? state.chosen : 0 };
}
